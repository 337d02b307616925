//! Longest message of a call that writes, told in our words before the library tells it in its own.

use crate::failure::Failure;
use crate::limits::over;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt as _;
use tonic::Status;

/// Calls of the service that takes content; those of components have messages of their own.
const PATHS: &str = "/configbus.v1.Config/";

/// A flag and four bytes of length stand before each message.
const HEADER_BYTES: usize = 5;

/// Ends the body of a call where a message begins that is too long.
pub(super) async fn bound(State(bytes_max): State<usize>, request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with(PATHS) {
        return next.run(request).await;
    }
    let request = request.map(|body| {
        let mut messages = Messages::new(bytes_max);
        Body::from_stream(body.into_data_stream().map(move |chunk| match chunk {
            Ok(chunk) => messages.admit(&chunk).map(|()| chunk),
            // The client went away.
            Err(_) => Err(Status::cancelled("the body broke off")),
        }))
    });
    next.run(request).await
}

/// Where in a body the next byte stands.
struct Messages {
    bytes_max: usize,
    header: [u8; HEADER_BYTES],
    header_bytes: usize,
    message_bytes_left: usize,
}

impl Messages {
    fn new(bytes_max: usize) -> Self {
        Self { bytes_max, header: [0; HEADER_BYTES], header_bytes: 0, message_bytes_left: 0 }
    }

    /// Goes over a piece of the body.
    fn admit(&mut self, piece: &Bytes) -> Result<(), Status> {
        let mut rest = &piece[..];
        while !rest.is_empty() {
            if self.message_bytes_left > 0 {
                let skipped = self.message_bytes_left.min(rest.len());
                self.message_bytes_left -= skipped;
                rest = &rest[skipped..];
                continue;
            }
            self.header[self.header_bytes] = rest[0];
            (self.header_bytes, rest) = (self.header_bytes + 1, &rest[1..]);
            if self.header_bytes == HEADER_BYTES {
                self.begin()?;
            }
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), Status> {
        let [_, length @ ..] = self.header;
        (self.header_bytes, self.message_bytes_left) = (0, u32::from_be_bytes(length) as usize);
        let found = self.message_bytes_left;
        if found <= self.bytes_max { Ok(()) } else { Err(Failure::invalid(too_large(found, self.bytes_max)).into()) }
    }
}

/// Says that a request is too large, over either protocol.
pub(crate) fn too_large(found: impl std::fmt::Display, bytes_max: usize) -> String {
    let what = "the body is too large; send fewer or smaller edits at once, or push with git";
    over(what, found, bytes_max, "bytes", "limits.body_bytes_max")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(lengths: &[u32]) -> Bytes {
        let message = |length: &u32| [&[0][..], &length.to_be_bytes(), &vec![7; *length as usize]].concat();
        lengths.iter().flat_map(message).collect::<Vec<u8>>().into()
    }

    #[test]
    fn each_message_is_bounded_however_it_is_cut() {
        for (lengths, fits) in [(&[10, 0, 10][..], true), (&[10, 11], false), (&[11], false), (&[], true)] {
            let body = framed(lengths);
            for piece_bytes in [1, 3, 7, 100] {
                let mut messages = Messages::new(10);
                let admitted =
                    body.chunks(piece_bytes).try_for_each(|piece| messages.admit(&Bytes::copy_from_slice(piece)));
                assert_eq!(admitted.is_ok(), fits, "{lengths:?} in pieces of {piece_bytes}");
            }
        }
    }

    #[test]
    fn what_is_too_long_is_told_with_its_setting() {
        let status = Messages::new(10).admit(&framed(&[11])).unwrap_err();
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        let told = "the body is too large; send fewer or smaller edits at once, or push with git: found 11 bytes, expected at \
                    most 10 bytes (setting limits.body_bytes_max)";
        assert_eq!(status.message(), told);
    }
}
