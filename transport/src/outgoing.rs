//! Connections to servers and stores.

use crate::{ClientTls, TlsError, secured::Secured};
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use rustls::pki_types::ServerName;
use std::{
    error::Error,
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tonic::{
    codegen::http::Uri,
    transport::{Channel, Endpoint},
};
use tower_service::Service;

/// A peer cannot be connected to.
#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error(transparent)]
    Address(Box<dyn Error + Send + Sync>),
    #[error("{host:?} is no name that a certificate could have")]
    Name { host: String },
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("{host} does not speak TLS there, is it http:// instead of https://?")]
    Plain { host: String },
    #[error("{host} cannot be trusted: {reason}")]
    Untrusted { host: String, reason: String },
    #[error("no TLS with {host}: {source}")]
    Handshake { host: String, source: io::Error },
}

/// Prepares a channel to an `http` or `https` endpoint. It connects when it is needed, and each time with what `tls`
/// holds then. Must be called within a tokio runtime.
pub fn channel(endpoint: &Endpoint, tls: &ClientTls) -> Channel {
    endpoint.connect_with_connector_lazy(Connector::new(tls))
}

/// Makes connections. Tonic's own TLS was the alternative: it cannot take new files into use.
#[derive(Clone)]
pub(crate) struct Connector {
    http: HttpConnector,
    tls: ClientTls,
}

impl Connector {
    pub(crate) fn new(tls: &ClientTls) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        Self { http, tls: tls.clone() }
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Outgoing>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.http.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let secure = (uri.scheme_str() == Some("https")).then(|| uri.host().unwrap_or_default().to_owned());
        let (connecting, tls) = (self.http.call(uri), self.tls.clone());
        Box::pin(async move {
            let stream = connecting.await.map_err(|error| ConnectError::Address(error.into()))?.into_inner();
            let outgoing = match secure {
                Some(host) => Outgoing::Tls(Box::new(secured(stream, host, &tls).await?)),
                None => Outgoing::Plain(stream),
            };
            Ok(TokioIo::new(outgoing))
        })
    }
}

async fn secured(stream: TcpStream, host: String, tls: &ClientTls) -> Result<Secured, ConnectError> {
    let bare = host.trim_matches(['[', ']']);
    let name = ServerName::try_from(bare.to_owned()).map_err(|_| ConnectError::Name { host: host.clone() })?;
    // What is wrong with our files is told apart from what is wrong with the peer.
    tls.config()?;
    Secured::connect(stream, name, tls).await.map_err(|error| failure(host, error))
}

/// Finds out what a failed handshake means.
fn failure(host: String, source: io::Error) -> ConnectError {
    match source.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidMessage(_)) => ConnectError::Plain { host },
        Some(rustls::Error::InvalidCertificate(reason)) => ConnectError::Untrusted { host, reason: reason.to_string() },
        _ => ConnectError::Handshake { host, source },
    }
}

/// A connection to a peer.
pub(crate) enum Outgoing {
    Plain(TcpStream),
    Tls(Box<Secured>),
}

impl AsyncRead for Outgoing {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Outgoing {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, buffers),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, buffers),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
