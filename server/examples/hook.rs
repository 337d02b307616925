//! The smallest program that can be a server's hooks: it looks at the name it was called by. Tests use it; the real one
//! is `configbus`.

use configbus_hooks::entry;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let called = std::env::args().next().unwrap_or_default();
    match Path::new(&called).file_name().and_then(|name| name.to_str()) {
        Some("pre-receive") => entry::pre_receive(),
        Some("proc-receive") => entry::proc_receive(),
        Some("post-receive") => entry::post_receive(),
        _ => ExitCode::from(2),
    }
}
