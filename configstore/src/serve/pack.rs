//! Packs for stores that follow this one.

use configbus_gitstore::{PackError, Store};
use configbus_model::{CommitId, ErrorKind};
use configbus_proto::{status, v1};
use configbus_runtime::{BlockingPool, Tasks};
use std::{
    convert::Infallible,
    io::{self, Write},
    time::Duration,
};
use tokio::{runtime::Handle, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

/// Bytes of a pack per message.
const PIECE_BYTES: usize = 64 * 1024;

/// Pieces on their way to one receiver.
const PIECES_MAX: usize = 4;

/// Longest time a piece may wait for its receiver; a stalled one would hold a thread.
const PIECE_MAX: Duration = Duration::from_secs(10);

/// The pieces of a pack.
pub(crate) type Pieces = ReceiverStream<Result<v1::PackResponse, Status>>;

/// Makes packs, a bounded number at a time.
pub(crate) struct PackSource {
    pool: BlockingPool,
    tasks: Tasks,
}

impl PackSource {
    /// Makes as many packs at a time as the pool has permits.
    pub(crate) fn new(pool: BlockingPool, tasks: Tasks) -> Self {
        Self { pool, tasks }
    }

    /// Starts a pack.
    pub(crate) fn open(&self, store: Store, from: CommitId, to: CommitId) -> Pieces {
        let (pieces, outgoing) = mpsc::channel(PIECES_MAX);
        let (pool, handle) = (self.pool.clone(), Handle::current());
        self.tasks.spawn_connection("pack", async move {
            let mut writer = PieceWriter { pieces: pieces.clone(), handle, open: Vec::new() };
            let made = pool.run(move || {
                store.pack_between(from, to, &mut writer)?;
                writer.flush().map_err(PackError::Write)
            });
            let failed = match made.await {
                Ok(()) => return Ok(()),
                Err(error) => failed(error.kind(), &configbus_runtime::report::chain(&error)),
            };
            let _ = tokio::time::timeout(PIECE_MAX, pieces.send(Err(failed))).await;
            Ok::<_, Infallible>(())
        });
        ReceiverStream::new(outgoing)
    }
}

fn failed(kind: ErrorKind, text: &str) -> Status {
    status::to_status(kind, text, &status::Details::default())
}

/// Cuts what is written into pieces. Used on a thread of the pool, where waiting is allowed.
struct PieceWriter {
    pieces: mpsc::Sender<Result<v1::PackResponse, Status>>,
    handle: Handle,
    open: Vec<u8>,
}

impl Write for PieceWriter {
    fn write(&mut self, content: &[u8]) -> io::Result<usize> {
        let count = content.len().min(PIECE_BYTES - self.open.len());
        self.open.extend_from_slice(&content[..count]);
        if self.open.len() == PIECE_BYTES {
            self.flush()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.open.is_empty() {
            return Ok(());
        }
        let data = std::mem::take(&mut self.open).into();
        let sent = self.pieces.send(Ok(v1::PackResponse { data }));
        match self.handle.block_on(async { tokio::time::timeout(PIECE_MAX, sent).await }) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}
