//! `configbus status`: heads, stores and how many hosts run which revision.

use super::client;
use crate::{
    args::StatusArgs,
    output::{Output, Render},
    paint::Paint,
    report::Failure,
    table::Table,
    time::{age, span, utc},
};
use configbus_api::{FleetStatus, Head, Member, Namespace, NamespaceStorage};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    io::{self, Write},
    time::Duration,
};

#[derive(Debug, Serialize)]
struct Shown {
    /// The one whose heads stores are shown with.
    #[serde(skip)]
    namespace: Namespace,
    heads: BTreeMap<Namespace, Head>,
    stores: Vec<Member>,
    hosts: HostCounts,
    coordination: Coordination,
    version: String,
    started_ms: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    storage: BTreeMap<Namespace, StorageShape>,
}

#[derive(Debug, Serialize)]
struct StorageShape {
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

impl From<NamespaceStorage> for StorageShape {
    fn from(storage: NamespaceStorage) -> Self {
        let ms = |age: Option<Duration>| age.and_then(|age| u64::try_from(age.as_millis()).ok());
        Self {
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
        }
    }
}

#[derive(Debug, Serialize)]
struct HostCounts {
    total: u64,
    connected: u64,
    current: u64,
    refusing: u64,
}

#[derive(Debug, Serialize)]
struct Coordination {
    kind: String,
    connected: bool,
    unannounced: BTreeMap<Namespace, Head>,
}

impl From<FleetStatus> for Shown {
    fn from(status: FleetStatus) -> Self {
        let FleetStatus { coordination: kind, coordination_connected: connected, unannounced, .. } = status;
        Self {
            namespace: Namespace::main(),
            heads: status.heads,
            stores: status.stores,
            hosts: HostCounts {
                total: status.hosts_total,
                connected: status.hosts_connected,
                current: status.hosts_current,
                refusing: status.hosts_refusing,
            },
            coordination: Coordination { kind, connected, unannounced },
            version: status.version,
            started_ms: status.started_ms,
            storage: status.storage.into_iter().map(|(namespace, storage)| (namespace, storage.into())).collect(),
        }
    }
}

impl Render for Shown {
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        writeln!(to, "{}  {}, up for {}", paint.dim("server       "), self.version, age(self.started_ms))?;
        writeln!(to, "{}  {}", paint.dim("coordination "), self.coordination.text(paint))?;
        writeln!(to, "{}  {}", paint.dim("hosts        "), self.hosts.text(paint))?;
        writeln!(to)?;
        self.write_heads(to, paint)?;
        writeln!(to)?;
        self.write_stores(to, paint)?;
        self.write_storage(to, paint)
    }
}

impl Shown {
    fn write_heads(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        if self.heads.is_empty() {
            return writeln!(to, "nothing has landed yet");
        }
        let mut table = Table::new(["namespace", ">head", "commit", "landed"]);
        for (namespace, head) in &self.heads {
            let commit = format!("{:.8}", head.commit);
            table.row([namespace.to_string(), head.position().to_string(), commit, utc(head.time_ms)]);
        }
        table.write(to, paint)
    }

    fn write_stores(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        if self.stores.is_empty() {
            return writeln!(to, "{}", paint.yellow("no store is alive: hosts keep what they have"));
        }
        let mut table = Table::new(["store", ">head", ">hosts", "url"]);
        for store in &self.stores {
            let head = store.heads.get(&self.namespace).map_or_else(|| "-".into(), |head| head.position().to_string());
            table.row([store.id.clone(), head, store.subscribers.to_string(), store.url.clone()]);
        }
        table.write(to, paint)
    }

    fn write_storage(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        if self.storage.is_empty() {
            return Ok(());
        }
        let age = |ms: Option<u64>| ms.map_or_else(|| "-".to_owned(), |ms| span(Duration::from_millis(ms)));
        let columns = [
            "on disk",
            ">packs",
            ">KiB",
            ">objects",
            ">loose",
            ">journal KiB",
            ">packed",
            ">indexed",
            ">graph",
            ">expiry",
            ">quarantines",
            ">oldest",
        ];
        let mut table = Table::new(columns);
        for (namespace, storage) in &self.storage {
            let [kib, journal] =
                [storage.pack_bytes, storage.journal_bytes].map(|bytes| bytes.div_ceil(1_024).to_string());
            table.row([
                namespace.to_string(),
                storage.packs.to_string(),
                kib,
                storage.objects.to_string(),
                storage.loose_objects.to_string(),
                journal,
                age(storage.last_packed_age_ms),
                age(storage.last_indexed_age_ms),
                age(storage.last_graph_age_ms),
                age(storage.last_expiry_age_ms),
                storage.quarantines.to_string(),
                age(storage.oldest_quarantine_age_ms),
            ]);
        }
        writeln!(to)?;
        table.write(to, paint)
    }
}

impl Coordination {
    fn text(&self, paint: Paint) -> String {
        let state = if self.connected { paint.green("connected") } else { paint.red("not connected") };
        let waiting = match self.unannounced.len() {
            0 => String::new(),
            count => format!(", {}", paint.yellow(&format!("{count} heads wait to be announced"))),
        };
        format!("{}, {state}{waiting}", self.kind)
    }
}

impl HostCounts {
    fn text(&self, paint: Paint) -> String {
        let Self { total, connected, current, refusing } = *self;
        let on_head = format!("{current} of {total} have the head");
        let on_head = if current == total { paint.green(&on_head) } else { paint.yellow(&on_head) };
        let gone = total - connected.min(total);
        let gone = if gone == 0 { String::new() } else { format!(", {gone} not connected") };
        let refusing = if refusing == 0 { String::new() } else { paint.red(&format!(", {refusing} refuse it")) };
        format!("{on_head}{gone}{refusing}")
    }
}

pub(crate) async fn run(args: StatusArgs, output: Output) -> Result<(), Failure> {
    let client = client(&args.address)?;
    let status = if args.verbose { client.status_with_storage().await? } else { client.status().await? };
    let mut shown = Shown::from(status);
    if let Some(only) = args.namespace {
        shown.heads.retain(|namespace, _| *namespace == only);
        shown.storage.retain(|namespace, _| *namespace == only);
        shown.namespace = only;
    }
    output.show(&shown)
}
