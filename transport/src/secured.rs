//! The connecting end of a TLS connection that stands.
//!
//! Since TLS 1.3 a client learns after its handshake whether its certificate was accepted, and often only by the end of
//! the connection, because the server's word for it is lost in the reset. So what was asked for is remembered until the
//! first byte arrives.

use crate::ClientTls;
use rustls::{SignatureScheme, client::ResolvesClientCert, pki_types::ServerName, sign::CertifiedKey};
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// The server turned this process away after the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TurnedAway {
    /// It wants to know who we are.
    #[error("the server asks for a certificate and none was presented")]
    NoCertificate,
    /// It does not believe who we are.
    #[error("the server does not accept the certificate that was presented")]
    Certificate,
}

/// Encrypted bytes to and from a server.
pub(crate) struct Secured {
    stream: TlsStream<TcpStream>,
    /// Until the first byte arrives.
    request: Option<Arc<CertificateRequest>>,
    tls: ClientTls,
}

/// Whether the server asked for a certificate, and whether it got one.
#[derive(Debug)]
struct CertificateRequest {
    inner: Arc<dyn ResolvesClientCert>,
    state: AtomicU8,
}

const NOT_ASKED: u8 = 0;
const ASKED: u8 = 1;
const ANSWERED: u8 = 2;

impl ResolvesClientCert for CertificateRequest {
    fn resolve(&self, issuers: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let found = self.inner.resolve(issuers, schemes);
        self.state.store(if found.is_some() { ANSWERED } else { ASKED }, Ordering::Relaxed);
        found
    }

    fn has_certs(&self) -> bool {
        self.inner.has_certs()
    }
}

impl CertificateRequest {
    /// Returns what the end of a connection means on which nothing has been heard.
    fn reason(&self) -> Option<TurnedAway> {
        match self.state.load(Ordering::Relaxed) {
            ASKED => Some(TurnedAway::NoCertificate),
            ANSWERED => Some(TurnedAway::Certificate),
            _ => None,
        }
    }
}

impl Secured {
    /// Makes the handshake.
    pub(crate) async fn connect(stream: TcpStream, name: ServerName<'static>, tls: &ClientTls) -> io::Result<Self> {
        let mut config = (*tls.config().map_err(io::Error::other)?).clone();
        let inner = Arc::clone(&config.client_auth_cert_resolver);
        let request = Arc::new(CertificateRequest { inner, state: AtomicU8::new(NOT_ASKED) });
        config.client_auth_cert_resolver = Arc::clone(&request) as Arc<dyn ResolvesClientCert>;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        Ok(Self { stream, request: Some(request), tls: tls.clone() })
    }

    /// Notes how the connection begins: with a byte from the server, or with its end.
    fn begin(&mut self, is_over: bool) {
        let Some(request) = self.request.take() else { return };
        self.tls.note(request.reason().filter(|_| is_over));
    }
}

impl AsyncRead for Secured {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        self.begin(read.is_err() || buffer.filled().len() == before);
        Poll::Ready(read)
    }
}

impl AsyncWrite for Secured {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes));
        if written.is_err() {
            self.begin(true);
        }
        Poll::Ready(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
