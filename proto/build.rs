//! Compiles `proto/` with a pure-Rust compiler, so that building needs no `protoc`.

use prost::Message;
use std::{env, fs, path::PathBuf};

const FILES: [&str; 6] = ["types", "config", "distribution", "coordination", "fleet", "admin"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let files = FILES.map(|name| format!("configbus/v1/{name}.proto"));
    let descriptors = protox::compile(files, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    Ok(())
}
