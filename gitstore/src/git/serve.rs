//! The two programs behind `git push` and `git fetch` over HTTP.

use super::GitCommand;
use std::path::Path;

/// Most memory that Git may ask for at once while it unpacks a push, unless the largest file needs more. A list of two
/// million objects fits.
const UNPACK_BYTES_MIN: u64 = 128 << 20;

/// Git needs a little more than a file for a file.
const FILE_BYTES_SPARE: u64 = 1 << 20;

/// What a client wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// `git push`.
    ReceivePack,
    /// `git fetch`, `git clone`, `git ls-remote`.
    UploadPack,
}

impl Service {
    /// Reads the name used in URLs.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::ReceivePack, Self::UploadPack].into_iter().find(|service| service.name() == name)
    }

    /// Returns the name used in URLs and content types.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReceivePack => "git-receive-pack",
            Self::UploadPack => "git-upload-pack",
        }
    }

    const fn program(self) -> &'static str {
        match self {
            Self::ReceivePack => "receive-pack",
            Self::UploadPack => "upload-pack",
        }
    }
}

/// What differs from request to request.
#[derive(Debug, Clone, Default)]
pub struct ServeOptions<'a> {
    /// Folder of the hooks; none run without it.
    pub hooks_dir: Option<&'a Path>,
    /// The `Git-Protocol` header of the client; anything that is not of its form is left out.
    pub protocol: Option<&'a str>,
    /// Largest file a push may bring. Of larger ones no more than their size is looked at.
    pub file_bytes_max: u64,
}

/// Prepares what answers `GET info/refs`. The caller puts `# service=…` and a flush in front, except for fetches of
/// protocol version 2, and rewrites the answer for pushes (see [`crate::advertisement`]).
pub fn advertise(repository: &Path, service: Service, options: &ServeOptions<'_>) -> GitCommand {
    serve(repository, service, "--http-backend-info-refs", options)
}

/// Prepares what answers `POST git-receive-pack`.
///
/// Git bounds what comes in and not what that becomes: 300 bytes of delta stand for a gigabyte. So its memory is bounded by
/// the one means it has, a bound on each allocation; whole files that are too large pass through a small buffer, and one
/// thread resolves deltas, because each would hold two objects.
pub fn receive_pack(repository: &Path, options: &ServeOptions<'_>) -> GitCommand {
    let allocation_bytes_max = UNPACK_BYTES_MIN.max(options.file_bytes_max + FILE_BYTES_SPARE);
    serve(repository, Service::ReceivePack, "--stateless-rpc", options)
        .env("GIT_ALLOC_LIMIT", allocation_bytes_max.to_string())
        .config("core.bigFileThreshold", options.file_bytes_max.max(FILE_BYTES_SPARE).to_string())
        .config("core.deltaBaseCacheLimit", "16m")
        .config("pack.threads", "1")
}

/// Prepares what answers `POST git-upload-pack`.
pub fn upload_pack(repository: &Path, options: &ServeOptions<'_>) -> GitCommand {
    serve(repository, Service::UploadPack, "--stateless-rpc", options)
}

fn serve(repository: &Path, service: Service, mode: &str, options: &ServeOptions<'_>) -> GitCommand {
    let repository = std::path::absolute(repository).unwrap_or_else(|_| repository.to_owned());
    let args = [service.program().as_ref(), mode.as_ref(), repository.as_os_str()];
    let mut command = GitCommand::new(&repository, false, args);
    if let Some(dir) = options.hooks_dir {
        command = command.hooks_dir(dir);
    }
    match options.protocol {
        Some(protocol) if is_protocol(protocol) => command.env("GIT_PROTOCOL", protocol),
        _ => command,
    }
}

fn is_protocol(header: &str) -> bool {
    header.len() <= 256 && header.bytes().all(|b| b.is_ascii_alphanumeric() || b"=:-_.".contains(&b))
}
