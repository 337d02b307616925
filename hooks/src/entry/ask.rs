//! The way to the server: one connection, one question, one answer, each under a time-out.

use super::error::HookError;
use crate::wire::{self, PUSH_ID_VARIABLE, Request, Response, SOCKET_VARIABLE, WireError};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with, sockopt};
use std::{
    env, io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

/// Longest wait for the connection and for sending the question.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait for the answer. The server bounds its own work far below this; only one that hangs is caught here.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(600);

/// How a hook finds its server, called only after Git's input was read.
pub(super) type FindServer<'a> = &'a dyn Fn() -> Result<Server, HookError>;

/// The server that runs this repository, and the push it belongs to.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) socket: PathBuf,
    pub(super) push_id: String,
    pub(super) answer_timeout: Duration,
}

impl Server {
    /// Finds the server by the environment it gives its Git children.
    pub(super) fn from_env() -> Result<Self, HookError> {
        let variable = |name| env::var_os(name).ok_or(HookError::NotOnServer { variable: name });
        let socket = PathBuf::from(variable(SOCKET_VARIABLE)?);
        let push_id = variable(PUSH_ID_VARIABLE)?.to_string_lossy().into_owned();
        Ok(Self { socket, push_id, answer_timeout: ANSWER_TIMEOUT })
    }

    /// Asks one question.
    pub(super) fn ask(&self, request: &Request) -> Result<Response, HookError> {
        let away = |source| HookError::ServerAway { socket: self.socket.clone(), source };
        let mut stream = connect_within(&self.socket, SEND_TIMEOUT).map_err(away)?;
        stream.set_read_timeout(Some(self.answer_timeout)).map_err(away)?;
        let exchanged = wire::write_frame(&mut stream, request).and_then(|()| wire::read_frame(&mut stream));
        match exchanged {
            Ok(Response::Failed(reason)) => Err(HookError::ServerFailed { reason }),
            Ok(response) => Ok(response),
            Err(WireError::Io(error)) if is_timeout(&error) => {
                Err(HookError::ServerSilent { socket: self.socket.clone() })
            }
            Err(source) => Err(HookError::ServerLost { socket: self.socket.clone(), source }),
        }
    }
}

/// Connects under a time-out, which the standard library has not for Unix sockets: a full queue of a hung server
/// would block for ever.
fn connect_within(path: &Path, timeout: Duration) -> io::Result<UnixStream> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(timeout))?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(UnixStream::from(socket))
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::wire::PostReceive;
    use std::{os::unix::net::UnixListener, thread};

    /// A server that gives one answer and returns the question.
    pub(in super::super) fn answering(answer: Response) -> (Server, thread::JoinHandle<Request>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("hook.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let thread = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let question = wire::read_frame(&mut stream).unwrap();
            wire::write_frame(&mut stream, &answer).unwrap();
            question
        });
        (Server { socket, push_id: "p1".into(), answer_timeout: ANSWER_TIMEOUT }, thread, folder)
    }

    fn question() -> Request {
        Request::PostReceive(PostReceive { push_id: "p1".into() })
    }

    fn server(socket: PathBuf, answer_timeout: Duration) -> Server {
        Server { socket, push_id: "p1".into(), answer_timeout }
    }

    #[test]
    fn a_server_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("hook.sock");
        let error = server(socket, ANSWER_TIMEOUT).ask(&question()).unwrap_err();
        assert!(error.chain().starts_with("the configbus server is not running; nothing was accepted"), "{error}");
    }

    #[test]
    fn a_server_that_hangs_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("hook.sock");
        let _listener = UnixListener::bind(&socket).unwrap();
        let error = server(socket, Duration::from_millis(20)).ask(&question()).unwrap_err();
        assert!(matches!(error, HookError::ServerSilent { .. }), "{error}");
    }

    #[test]
    fn a_server_that_goes_away_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("hook.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let closing = thread::spawn(move || drop(listener.accept().unwrap()));
        let error = server(socket, ANSWER_TIMEOUT).ask(&question()).unwrap_err();
        closing.join().unwrap();
        assert!(matches!(error, HookError::ServerLost { .. }), "{error}");
    }

    #[test]
    fn a_failure_of_the_server_reaches_the_pusher() {
        let (server, thread, _folder) = answering(Response::Failed("disk full".into()));
        let error = server.ask(&question()).unwrap_err();
        assert_eq!(error.chain(), "the configbus server could not answer: disk full");
        assert_eq!(thread.join().unwrap(), question());
    }
}
