//! Ends requests whose token or certificate stops to hold while they last: a watch or a report lives for days.

use super::refusal::{self, Manner, Refused};
use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyStream, StreamBody};

/// A request outlived what let it in.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("{0}")]
pub(super) struct Ended(pub(super) &'static str);

/// Why it did, if that was a token.
pub(super) const TOKEN_ENDED: &str = "the token was revoked or has expired";

/// Runs a request for as long as what let it in holds.
pub(super) async fn run(mut ended: BoxFuture<'static, Ended>, request: Request, next: Next) -> Response {
    let manner = Manner::of(&request);
    // A handler that is dropped is one whose client has gone; a change that was queued is decided all the same.
    let response = tokio::select! {
        biased;
        response = next.run(request) => response,
        reason = &mut ended => return refusal::answer(manner, Refused::Wrong { reason: reason.to_string() }),
    };
    // Answers that are there already need no watching.
    if response.body().size_hint().exact().is_some() { response } else { response.map(|body| cut_off(body, ended)) }
}

/// Breaks a body off once `ended` is ready.
fn cut_off(body: Body, ended: BoxFuture<'static, Ended>) -> Body {
    let frames = stream::unfold((BodyStream::new(body), ended), |(mut frames, mut ended)| async move {
        tokio::select! {
            biased;
            frame = frames.next() => frame.map(|frame| (frame, (frames, ended))),
            reason = &mut ended => Some((Err(axum::Error::new(reason)), (frames, ended))),
        }
    });
    Body::new(StreamBody::new(frames))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Bytes;
    use futures_util::FutureExt as _;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn a_body_that_lasts_breaks_off_with_its_token() {
        let (revoke, revoked) = oneshot::channel::<()>();
        let endless = stream::iter([Ok::<_, axum::Error>(Bytes::from_static(b"a"))]).chain(stream::pending());
        let mut body =
            cut_off(Body::from_stream(endless), revoked.map(|_| Ended(TOKEN_ENDED)).boxed()).into_data_stream();
        assert_eq!(body.next().await.unwrap().unwrap(), "a");
        revoke.send(()).unwrap();
        assert!(body.next().await.unwrap().is_err());
    }
}
