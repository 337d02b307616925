//! The smallest program that can be a server's hooks and the children of its gate: it looks at the name it was called by. Tests use it; the real one
//! is `configbus`.

use configbus_hooks::{entry, evaluator, validators};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let called = std::env::args().next().unwrap_or_default();
    match Path::new(&called).file_name().and_then(|name| name.to_str()) {
        Some("pre-receive") => entry::pre_receive(),
        Some("proc-receive") => entry::proc_receive(),
        Some("post-receive") => entry::post_receive(),
        Some(evaluator::PROGRAM_NAME) => entry::rules(),
        Some(validators::PROGRAM_NAME) => entry::validator(),
        _ => ExitCode::from(2),
    }
}
