//! `/v1/storage`: what namespaces take on the server's disk.

use crate::auth::Caller;
use crate::bus::Bus;
use crate::failure::Failure;
use crate::ops::storage;
use axum::Json;
use axum::extract::State;
use configbus_model::Namespace;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Serialize)]
pub(super) struct Storages {
    namespaces: Vec<StorageShape>,
}

#[derive(Debug, Serialize)]
struct StorageShape {
    namespace: Namespace,
    packs: u64,
    pack_bytes: u64,
    objects: u64,
    loose_objects: u64,
    journal_bytes: u64,
    quarantines: u64,
    oldest_quarantine_age_ms: Option<u64>,
    last_packed_age_ms: Option<u64>,
    last_indexed_age_ms: Option<u64>,
    has_bitmaps: bool,
    last_graph_age_ms: Option<u64>,
    last_expiry_age_ms: Option<u64>,
}

pub(super) async fn show(State(bus): State<Arc<Bus>>, caller: Caller) -> Result<Json<Storages>, Failure> {
    let ms = |age: Option<Duration>| age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
    let measured = storage::measure(&bus, &caller).await?.into_iter();
    let shapes = measured.map(|(namespace, storage)| StorageShape {
        namespace,
        packs: storage.packs,
        pack_bytes: storage.pack_bytes,
        objects: storage.objects,
        loose_objects: storage.loose_objects,
        journal_bytes: storage.journal_bytes,
        quarantines: storage.quarantines,
        oldest_quarantine_age_ms: ms(storage.oldest_quarantine),
        last_packed_age_ms: ms(storage.last_packed),
        last_indexed_age_ms: ms(storage.last_indexed),
        has_bitmaps: storage.has_bitmaps,
        last_graph_age_ms: ms(storage.last_graph),
        last_expiry_age_ms: ms(storage.last_expiry),
    });
    Ok(Json(Storages { namespaces: shapes.collect() }))
}
