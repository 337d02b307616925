//! Compiles `proto/` and `published/` with a pure-Rust compiler, so that building needs no `protoc`.

use prost::Message;
use std::{env, fs, path::PathBuf};

const OWN: [&str; 6] = ["types", "config", "distribution", "coordination", "fleet", "admin"];

const FLAGD: [&str; 3] = ["sync/v1/sync", "evaluation/v1/evaluation", "evaluation/v2/evaluation"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    compile("proto", OWN.map(|name| format!("configbus/v1/{name}.proto")), "descriptors.bin")?;
    compile("published", FLAGD.map(|name| format!("flagd/{name}.proto")), "flagd-descriptors.bin")
}

/// Generates code, and descriptors for reflection: each service tells only what it is.
fn compile<const N: usize>(
    folder: &str,
    files: [String; N],
    descriptors_name: &str,
) -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed={folder}");
    let descriptors = protox::compile(files, [folder])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join(descriptors_name), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    Ok(())
}
