//! Callers that speak plain HTTP to a TLS port get an answer in their own protocol. Without it they see a broken
//! connection and look for the fault elsewhere.

use std::io;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Bytes that tell HTTP/2 from HTTP/1.1.
pub(super) const SAMPLE_BYTES: usize = 3;

/// Most bytes of a request that are read away: what is left unread makes the kernel reset the connection, and the
/// answer would be lost with it.
const DRAINED_BYTES_MAX: u64 = 64 * 1024;

const TEXT: &str = "this port speaks TLS: use https:// instead of http://\n";

/// Says so and returns the reason for closing the connection.
pub(super) async fn refuse_plain(mut stream: TcpStream, sample: &[u8]) -> io::Error {
    let answer = if sample == b"PRI" { in_http2() } else { in_http1() };
    // Who is gone before the answer needs none.
    if stream.write_all(&answer).await.is_ok() && stream.shutdown().await.is_ok() {
        let _ = tokio::io::copy(&mut stream.take(DRAINED_BYTES_MAX), &mut tokio::io::sink()).await;
    }
    io::Error::new(io::ErrorKind::Unsupported, "the caller speaks plain HTTP, this port speaks TLS")
}

fn in_http1() -> Vec<u8> {
    let length = TEXT.len();
    let head = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n";
    format!("{head}Content-Length: {length}\r\n\r\n{TEXT}").into_bytes()
}

/// Empty settings, then a GOAWAY whose debug data is the text.
fn in_http2() -> Vec<u8> {
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    const GOAWAY: u8 = 7;
    const INADEQUATE_SECURITY: u32 = 0xc;
    let text = TEXT.trim_end().as_bytes();
    let length = u8::try_from(8 + text.len()).expect("the text is short");
    let mut frames = SETTINGS.to_vec();
    frames.extend([0, 0, length, GOAWAY, 0, 0, 0, 0, 0]);
    frames.extend(0_u32.to_be_bytes());
    frames.extend(INADEQUATE_SECURITY.to_be_bytes());
    frames.extend(text);
    frames
}
