//! Events that tell callers when to ask again.

use crate::{flag_state::FlagState, flag_streams, local_http::LocalHttp};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use std::{convert::Infallible, sync::Arc, time::Duration};

/// How often something is sent, so that both ends see that the other is gone.
const BEAT: Duration = Duration::from_secs(15);

/// Sends an event for each new state. Whoever comes back and names an event that is not of the present state is told at once;
/// whoever comes without one is given the name of the present state alone, so that it can say later what it missed.
pub(super) async fn stream(State(http): State<LocalHttp>, headers: HeaderMap) -> Response {
    let Some(place) = flag_streams::place() else {
        let told = Json(json!({ "errorDetails": flag_streams::refusal() }));
        return (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "10")], told).into_response();
    };
    let last = headers.get("last-event-id").and_then(|last| last.to_str().ok()).map(str::to_owned);
    let mut states = http.flags.states();
    let now = states.borrow_and_update().clone();
    let first = now.and_then(|now| match last {
        Some(last) if last == now.id => None,
        Some(_) => Some(event(&now)),
        None => Some(Ok(Event::default().id(&now.id))),
    });
    let later = stream::unfold((states, place), |(mut states, place)| async move {
        states.changed().await.ok()?;
        let state = states.borrow_and_update().clone();
        Some((state, (states, place)))
    });
    let events = stream::iter(first).chain(later.filter_map(|state| async move { state.map(|state| event(&state)) }));
    let events = events.take_until(http.stop.cancelled_owned());
    Sse::new(events.boxed()).keep_alive(KeepAlive::new().interval(BEAT)).into_response()
}

fn event(state: &Arc<FlagState>) -> Result<Event, Infallible> {
    let told = json!({ "type": "refetchEvaluation", "etag": state.id, "lastModified": state.modified_s });
    Ok(Event::default().event("message").id(&state.id).data(told.to_string()))
}
