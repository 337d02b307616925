//! One accepted connection.

use super::handshake::TLS_FIRST;
use crate::Peer;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

type Opening = Pin<Box<dyn Future<Output = io::Result<Box<TlsStream<TcpStream>>>> + Send>>;

/// A connection that gives its place back when it ends.
pub struct Connection {
    stage: Stage,
    peer: Peer,
    _place: OwnedSemaphorePermit,
}

enum Stage {
    /// Plain, before its first byte.
    Greeting(TcpStream),
    /// Plain.
    Plain(TcpStream),
    /// Transient: the handshake is under way.
    Opening(Opening),
    /// Over TLS.
    Tls(Box<TlsStream<TcpStream>>),
    /// Terminal: there was no handshake.
    Closed,
}

impl Connection {
    pub(super) fn plain(stream: TcpStream, peer: Peer, place: OwnedSemaphorePermit) -> Self {
        Self { stage: Stage::Greeting(stream), peer, _place: place }
    }

    pub(super) fn over_tls(
        handshake: impl Future<Output = io::Result<Box<TlsStream<TcpStream>>>> + Send + 'static,
        peer: Peer,
        place: OwnedSemaphorePermit,
    ) -> Self {
        Self { stage: Stage::Opening(Box::pin(handshake)), peer, _place: place }
    }

    /// Returns who is at the other end.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Goes on with the handshake, if there is one, and returns what stands.
    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Pin<&mut (dyn Duplex + Unpin)>>> {
        if let Stage::Opening(handshake) = &mut self.stage {
            match ready!(handshake.as_mut().poll(cx)) {
                Ok(stream) => self.stage = Stage::Tls(stream),
                Err(error) => {
                    self.stage = Stage::Closed;
                    return Poll::Ready(Err(error));
                }
            }
        }
        Poll::Ready(match &mut self.stage {
            Stage::Greeting(stream) | Stage::Plain(stream) => Ok(Pin::new(stream)),
            Stage::Tls(stream) => Ok(Pin::new(&mut **stream)),
            Stage::Opening(_) | Stage::Closed => Err(io::ErrorKind::NotConnected.into()),
        })
    }

    /// Notes what a plain connection begins with: a caller that speaks TLS gets no answer it understands, so at least
    /// our log says what is wrong.
    fn hear(&mut self, first: Option<u8>) {
        if !matches!(self.stage, Stage::Greeting(_)) || first.is_none() {
            return;
        }
        if let Stage::Greeting(stream) = std::mem::replace(&mut self.stage, Stage::Closed) {
            self.stage = Stage::Plain(stream);
        }
        if first == Some(TLS_FIRST) {
            let peer = self.peer.address();
            tracing::warn!(%peer, "{peer} speaks TLS to a plain port: use http:// there or set tls.certificate here");
        }
    }
}

trait Duplex: AsyncRead + AsyncWrite {}
impl<T: AsyncRead + AsyncWrite> Duplex for T {}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(ready!(self.poll_stream(cx))?.poll_read(cx, buffer))?;
        self.hear(buffer.filled().get(before).copied());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_stream(cx))?.poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_stream(cx))?.poll_write_vectored(cx, buffers)
    }

    /// Both kinds of stream do, and callers ask before the handshake.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_stream(cx))?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.stage, Stage::Opening(_) | Stage::Closed) {
            // There is nobody to say goodbye to.
            self.stage = Stage::Closed;
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_stream(cx))?.poll_shutdown(cx)
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}
