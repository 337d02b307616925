//! The socket: who may speak, and one question per connection.

use super::push::{Push, PushRefusal, PushRegistry};
use super::{pre_receive, proc_receive};
use crate::audit::{AuditEvent, AuditOutcome, AuditRecord, change};
use crate::bus::Bus;
use crate::git_http::ref_rules::is_kept_only;
use crate::namespace::LiveNamespace;
use configbus_hooks::wire::{self, PreReceive, Request, Response, Verdict, WireError};
use configbus_runtime::Tasks;
use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Hooks served at a time. Git children are bounded per namespace and each has one hook at a time.
const HOOKS_MAX: usize = 256;

/// How long a hook may take to ask: it has read everything from Git before it connects.
const QUESTION_WITHIN: Duration = Duration::from_secs(10);

/// Listens for hooks of pushes to this server.
pub(crate) struct HookListener {
    listener: UnixListener,
    bus: Arc<Bus>,
    pushes: PushRegistry,
}

impl HookListener {
    /// Binds the socket. Its folder is private already.
    pub(crate) fn bind(socket: &Path, bus: Arc<Bus>, pushes: PushRegistry) -> io::Result<Self> {
        Ok(Self { listener: UnixListener::bind(socket)?, bus, pushes })
    }

    /// Answers until the server stops.
    pub(crate) async fn run(self, tasks: Tasks) -> Result<(), io::Error> {
        let permits = Arc::new(Semaphore::new(HOOKS_MAX));
        let shutdown = tasks.shutdown_token();
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                accepted = self.listener.accept() => accepted,
            };
            let (stream, _) = accepted?;
            if let Err(reason) = is_own(&stream) {
                tracing::warn!("refused a connection to the hook socket: {reason}");
                continue;
            }
            let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else {
                tracing::warn!("refused a hook: {HOOKS_MAX} are being answered");
                continue;
            };
            let (bus, pushes) = (Arc::clone(&self.bus), self.pushes.clone());
            tasks.spawn_connection("hook", async move {
                if let Err(error) = answer(stream, &bus, &pushes).await {
                    tracing::warn!("cannot answer a hook: {}", configbus_runtime::report::chain(&error));
                }
                drop(permit);
                Ok::<(), Infallible>(())
            });
        }
    }
}

/// The folder keeps other users out already; this holds even if somebody opens it.
fn is_own(stream: &UnixStream) -> Result<(), String> {
    let peer = stream.peer_cred().map_err(|error| error.to_string())?;
    let own = rustix::process::geteuid().as_raw();
    if peer.uid() == own { Ok(()) } else { Err(format!("its user is {}, expected {own}", peer.uid())) }
}

async fn answer(mut stream: UnixStream, bus: &Bus, pushes: &PushRegistry) -> Result<(), WireError> {
    let request = match timeout(QUESTION_WITHIN, read_request(&mut stream)).await {
        Ok(request) => request?,
        Err(_) => return Err(WireError::Io(io::ErrorKind::TimedOut.into())),
    };
    let response = respond(request, bus, pushes).await;
    stream.write_all(&wire::encode_frame(&response)?).await?;
    Ok(stream.shutdown().await?)
}

async fn read_request(stream: &mut UnixStream) -> Result<Request, WireError> {
    let mut prefix = [0; 4];
    stream.read_exact(&mut prefix).await?;
    let mut body = vec![0; wire::frame_length(prefix)?];
    stream.read_exact(&mut body).await?;
    wire::decode_body(&body)
}

async fn respond(request: Request, bus: &Bus, pushes: &PushRegistry) -> Response {
    let id = match &request {
        Request::PreReceive(request) => &request.push_id,
        Request::ProcReceive(request) => &request.push_id,
        Request::PostReceive(request) => &request.push_id,
    };
    let Some(push) = pushes.find(id) else {
        return Response::Failed("this push is not known to the server, it may have been restarted: push again".into());
    };
    let live = match bus.namespace(&push.caller, &push.namespace) {
        Ok(live) => live,
        Err(failure) => return Response::Failed(failure.message),
    };
    match request {
        Request::PreReceive(request) => Response::Verdict(judge(bus, &live, &push, request).await),
        Request::ProcReceive(request) => Response::Outcomes(proc_receive::land(bus, &live, &push, request).await),
        Request::PostReceive(_) => {
            live.committer.look_at_ref();
            Response::Noted
        }
    }
}

/// Judges a push, and writes down what is decided here: refusals, and references that nobody lands.
async fn judge(bus: &Bus, live: &Arc<LiveNamespace>, push: &Arc<Push>, request: PreReceive) -> Verdict {
    if let Err(error) = bus.audit.ready().await {
        return Verdict { is_accepted: false, text: format!("{error}; nothing is changed meanwhile") };
    }
    let references: Vec<String> = request.updates.iter().map(|update| update.reference.clone()).collect();
    let verdict = pre_receive::judge(live, push, bus.clock.now_ms(), request).await;
    let mut records = Vec::new();
    if verdict.is_accepted {
        for reference in references.iter().filter(|reference| is_kept_only(reference)) {
            let record = push.caller.record(AuditEvent::Write, AuditOutcome::Accepted);
            let (action, namespace) = (Some(format!("push {reference}")), Some(live.name.clone()));
            records.push(AuditRecord { action, namespace, ..record });
        }
    } else {
        let action = Some(format!("push {}", references.join(" ")));
        let PushRefusal { reason, paths } = push.refusal().cloned().unwrap_or_default();
        records.push(AuditRecord { action, ..change::refused(&push.caller, &live.name, &reason, paths) });
    }
    for record in records {
        let _ = bus.audit.write(&record).await;
    }
    verdict
}
