//! One running Git child: the request body flows into it, its output flows out as response body.
//!
//! Both directions are driven by whoever reads the output. Nothing is spawned, so that dropping the exchange, which
//! happens when the client goes away, ends everything at once: the input, the child and the child's children.

use super::gunzip::BodyDecoder;
use super::pack_meter::{PackMeter, PackNote};
use axum::body::BodyDataStream;
use bytes::{Bytes, BytesMut};
use configbus_gitstore::git::{ChildError, GitChild, GitCommand};
use futures_util::{Stream, StreamExt as _};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::time::timeout;
use tokio_util::io::ReaderStream;

/// Output read at once: fewer, larger chunks halve the cost of a clone.
const CHUNK_BYTES: usize = 64 * 1024;

/// Bytes of a child's complaints that are kept for the log.
const COMPLAINT_BYTES_MAX: u64 = 8 * 1024;

/// How much of a body is still read after the child has stopped reading. A client that is cut off while it sends does
/// not look at the answer, and the answer says why.
const DRAINED_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// How long a client may pause while it sends; a stalled one would hold a permit of its namespace for ever.
const BODY_PAUSE_MAX: Duration = Duration::from_secs(60);

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What is held for as long as the child lives.
pub(super) type Companion = Box<dyn Send>;

/// A child with its input and output.
pub(super) struct Exchange {
    input: Option<Work<()>>,
    output: Option<ReaderStream<ChildStdout>>,
    complaint: Option<Work<String>>,
    note: Option<PackNote>,
    child: Option<GitChild>,
    _companions: Vec<Companion>,
}

/// The child or its pipes fail.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExchangeError {
    #[error(transparent)]
    Child(#[from] ChildError),
    #[error("failed to talk to git")]
    Pipe(#[from] io::Error),
}

/// A request body on its way to a child, of which some may have been looked at before.
pub(super) struct Input {
    body: BodyDataStream,
    decoder: BodyDecoder,
    beginning: BytesMut,
    /// What was received and not decoded.
    pending: Bytes,
}

impl Input {
    pub(super) fn new(body: BodyDataStream, decoder: BodyDecoder) -> Self {
        Self { body, decoder, beginning: BytesMut::new(), pending: Bytes::new() }
    }

    /// Returns what was read so far.
    pub(super) fn beginning(&self) -> &[u8] {
        &self.beginning
    }

    /// Reads some more of it, one piece at most; `false` at the end.
    pub(super) async fn read_more(&mut self) -> io::Result<bool> {
        if self.pending.is_empty() {
            let next = timeout(BODY_PAUSE_MAX, self.body.next()).await;
            let next = next.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the request stalled"))?;
            let Some(chunk) = next.transpose().map_err(io::Error::other)? else { return Ok(false) };
            self.pending = chunk;
        }
        let piece = self.decoder.split(&mut self.pending);
        self.beginning.extend_from_slice(&self.decoder.decode(piece)?);
        Ok(true)
    }
}

impl Exchange {
    /// Starts a child.
    pub(super) fn start(
        command: GitCommand,
        input: Input,
        watch: Option<(PackMeter, PackNote)>,
        companions: Vec<Companion>,
    ) -> Result<Self, ExchangeError> {
        let mut child = command.spawn()?;
        let missing = || io::Error::other("a pipe of the child is missing");
        let stdin = ChildStdin::from_std(child.take_stdin().ok_or_else(missing)?)?;
        let stdout = ChildStdout::from_std(child.take_stdout().ok_or_else(missing)?)?;
        let stderr = ChildStderr::from_std(child.take_stderr().ok_or_else(missing)?)?;
        let (meter, note) = watch.unzip();
        Ok(Self {
            input: Some(Box::pin(feed(input, meter, stdin))),
            note,
            output: Some(ReaderStream::with_capacity(stdout, CHUNK_BYTES)),
            complaint: Some(Box::pin(listen(stderr))),
            child: Some(child),
            _companions: companions,
        })
    }

    /// The child has closed its output and its complaints: it is as good as gone, so waiting does not block.
    fn end(&mut self, complaint: &str) {
        let Some(mut child) = self.child.take() else { return };
        match child.wait() {
            Ok(status) if status.success() => {}
            Ok(status) => tracing::info!(%status, complaint = complaint.trim(), "git did not succeed"),
            Err(error) => tracing::warn!("cannot wait for git: {}", configbus_runtime::report::chain(&error)),
        }
    }
}

impl Stream for Exchange {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.input.as_mut().is_some_and(|input| input.as_mut().poll(cx).is_ready()) {
            self.input = None;
        }
        if let Some(output) = &mut self.output {
            match ready!(output.poll_next_unpin(cx)) {
                Some(chunk) => {
                    let chunk = match &mut self.note {
                        Some(note) => chunk.map(|chunk| note.put_into(chunk)),
                        None => chunk,
                    };
                    return Poll::Ready(Some(chunk));
                }
                None => self.output = None,
            }
        }
        if let Some(complaint) = &mut self.complaint {
            let complaint = ready!(complaint.as_mut().poll(cx));
            self.complaint = None;
            self.end(&complaint);
        }
        if self.input.is_some() { Poll::Pending } else { Poll::Ready(None) }
    }
}

/// Reads to the end, so that the child never blocks, and keeps the beginning.
async fn listen(stderr: ChildStderr) -> String {
    let mut complaint = Vec::new();
    let mut beginning = stderr.take(COMPLAINT_BYTES_MAX);
    let _ = beginning.read_to_end(&mut complaint).await;
    let _ = tokio::io::copy(&mut beginning.into_inner(), &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&complaint).into_owned()
}

/// The way into the child.
struct Inlet {
    decoder: BodyDecoder,
    meter: Option<PackMeter>,
    stdin: ChildStdin,
}

impl Inlet {
    async fn pass_on(&mut self, chunk: &mut Bytes) -> io::Result<()> {
        while !chunk.is_empty() {
            let piece = self.decoder.split(chunk);
            let content = self.decoder.decode(piece)?;
            self.write(&content).await?;
        }
        Ok(())
    }

    async fn write(&mut self, content: &[u8]) -> io::Result<()> {
        // Before the child can have an opinion on it.
        if let Some(meter) = &mut self.meter {
            meter.look(content);
        }
        self.stdin.write_all(content).await
    }
}

/// Copies the body into the child. A broken body closes the child's input, which the child notices by itself; a child
/// that has stopped reading leaves the rest to be drained.
async fn feed(input: Input, meter: Option<PackMeter>, stdin: ChildStdin) {
    let Input { mut body, decoder, beginning, mut pending } = input;
    let mut inlet = Inlet { decoder, meter, stdin };
    let mut written = inlet.write(&beginning).await;
    drop(beginning);
    if written.is_ok() {
        written = inlet.pass_on(&mut pending).await;
    }
    let mut inlet = written.is_ok().then_some(inlet);
    let mut drained_bytes: u64 = 0;
    while let Ok(Some(Ok(mut chunk))) = timeout(BODY_PAUSE_MAX, body.next()).await {
        let Some(open) = &mut inlet else {
            drained_bytes += chunk.len() as u64;
            if drained_bytes > DRAINED_BYTES_MAX {
                return;
            }
            continue;
        };
        if open.pass_on(&mut chunk).await.is_err() {
            inlet = None;
        }
    }
    if let Some(mut inlet) = inlet
        && let Ok(rest) = inlet.decoder.finish()
    {
        let _ = inlet.write(&rest).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use configbus_gitstore::git::command;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::process::{Pid, PidfdFlags, pidfd_open};

    fn start(folder: &tempfile::TempDir, script: &str, body: Body) -> Exchange {
        let command = command(folder.path(), ["run"]).config("alias.run", format!("!{script}"));
        let input = Input::new(body.into_data_stream(), BodyDecoder::Plain);
        Exchange::start(command, input, None, Vec::new()).unwrap()
    }

    async fn collect(mut exchange: Exchange) -> Vec<u8> {
        let mut output = Vec::new();
        while let Some(chunk) = exchange.next().await {
            output.extend_from_slice(&chunk.unwrap());
        }
        output
    }

    #[tokio::test]
    async fn the_body_goes_in_and_the_output_comes_out() {
        let folder = tempfile::tempdir().unwrap();
        let body = vec![7_u8; 1_000_000];
        assert!(collect(start(&folder, "cat", Body::from(body.clone()))).await == body);
    }

    #[tokio::test]
    async fn a_child_that_stops_reading_is_heard_and_the_rest_is_drained() {
        let folder = tempfile::tempdir().unwrap();
        let output = collect(start(&folder, "echo refused; exit 1", Body::from(vec![0_u8; 5_000_000]))).await;
        assert_eq!(output, b"refused\n");
    }

    #[tokio::test]
    async fn dropping_the_exchange_ends_the_child_and_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let endless = Body::from_stream(futures_util::stream::pending::<io::Result<Bytes>>());
        let mut exchange = start(&folder, "sleep 600 & echo $!; wait", endless);
        let line = exchange.next().await.unwrap().unwrap();
        let grandchild = Pid::from_raw(std::str::from_utf8(&line).unwrap().trim().parse().unwrap()).unwrap();
        let handle = pidfd_open(grandchild, PidfdFlags::empty()).unwrap();
        drop(exchange);
        let ten_seconds = Timespec { tv_sec: 10, tv_nsec: 0 };
        let ended = poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&ten_seconds)).unwrap();
        assert_eq!(ended, 1);
    }
}
