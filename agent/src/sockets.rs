//! Unix sockets in the root, which may have a longer path than a socket's address holds.

use rustix::fs::{CWD, Mode, OFlags, openat};
use std::{
    fs, io,
    os::{fd::AsRawFd as _, unix::fs::PermissionsExt as _},
    path::Path,
};
use tokio::net::{UnixDatagram, UnixListener};

/// Longest path that fits into the address of a Unix socket.
const ADDRESS_BYTES_MAX: usize = 107;

/// Programs of every user on the host may use the sockets.
const SOCKET_MODE: u32 = 0o666;

/// Binds the socket for reports. One that an earlier agent left is replaced: the caller holds the root's lock.
pub(crate) fn bind_datagram(path: &Path) -> io::Result<UnixDatagram> {
    bind(path, |address| UnixDatagram::bind(address))
}

/// Binds the socket of the local HTTP; see [`bind_datagram`].
pub(crate) fn bind_listener(path: &Path) -> io::Result<UnixListener> {
    bind(path, |address| UnixListener::bind(address))
}

fn bind<T>(path: &Path, bind: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let socket = if path.as_os_str().len() <= ADDRESS_BYTES_MAX {
        bind(path)?
    } else {
        let folder = openat(CWD, folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        bind(&Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name))?
    };
    fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_long_root_and_a_socket_left_behind_are_fine() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["short".to_owned(), "long".repeat(40)] {
            let root = folder.path().join(name);
            fs::create_dir(&root).unwrap();
            let path = root.join("agent.sock");
            drop(bind_datagram(&path).unwrap());
            let socket = bind_datagram(&path).unwrap();
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, SOCKET_MODE);
            let short = folder.path().join(format!("to-{}", root.as_os_str().len()));
            std::os::unix::fs::symlink(&root, &short).unwrap();
            let sender = std::os::unix::net::UnixDatagram::unbound().unwrap();
            sender.send_to(b"hello", short.join("agent.sock")).unwrap();
            let mut datagram = [0; 16];
            assert_eq!(socket.recv(&mut datagram).await.unwrap(), 5);
        }
    }
}
