//! An agent that keeps everything in memory and believes nothing that its hashes do not prove.

use bytes::Bytes;
use configbus_model::{BlobId, Head, Namespace, ObjectId, Tree, TreeId, blob_id, tree_id};
use configbus_proto::{
    MESSAGE_BYTES_MAX, PROTOCOL_VERSION,
    convert::{head_from_wire, head_to_wire},
    v1::{
        self, acknowledgement::State, distribution_client::DistributionClient, subscribe_request, subscribe_response,
    },
};
use prost::Message as _;
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming, transport::Channel};

/// Longest wait for anything that must happen.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// One complete update.
#[derive(Debug)]
pub(crate) struct Update {
    pub(crate) namespace: Namespace,
    pub(crate) from: Option<Head>,
    pub(crate) to: Head,
    pub(crate) parts: u32,
    pub(crate) total_bytes: u64,
    pub(crate) largest_part: usize,
    pub(crate) trees: Vec<Bytes>,
    pub(crate) blobs: Vec<Bytes>,
}

/// What the host holds, over streams and stores.
#[derive(Default)]
pub(crate) struct Disk {
    objects: HashMap<ObjectId, Bytes>,
    pub(crate) held: Option<Head>,
}

pub(crate) struct Agent {
    requests: mpsc::Sender<v1::SubscribeRequest>,
    responses: Streaming<v1::SubscribeResponse>,
    pub(crate) heartbeats: Vec<v1::Heartbeat>,
    pub(crate) scopes: Vec<v1::Scope>,
    pub(crate) disk: Disk,
}

pub(crate) fn hello(host: &str, held: Option<&Head>) -> v1::Hello {
    v1::Hello {
        protocol_version: PROTOCOL_VERSION,
        host: host.into(),
        incarnation: "1".into(),
        labels: [("zone".to_owned(), "a".to_owned())].into(),
        holding: held.map(|head| head_to_wire(&Namespace::main(), head)).into_iter().collect(),
        version: "test".into(),
        namespaces: vec![],
    }
}

impl Agent {
    /// Subscribes as `host` with what `disk` holds.
    pub(crate) async fn subscribe(url: &str, host: &str, disk: Disk) -> Self {
        let hello = hello(host, disk.held.as_ref());
        Self::greet(url, hello, disk).await
    }

    pub(crate) async fn greet(url: &str, hello: v1::Hello, disk: Disk) -> Self {
        let channel = Channel::from_shared(url.to_owned()).unwrap().connect().await.unwrap();
        Self::open(channel, subscribe_request::Message::Hello(hello), disk).await
    }

    pub(crate) async fn open(channel: Channel, first: subscribe_request::Message, disk: Disk) -> Self {
        let mut client = DistributionClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        let (requests, outgoing) = mpsc::channel(16);
        requests.send(v1::SubscribeRequest { message: Some(first) }).await.unwrap();
        let responses = client.subscribe(ReceiverStream::new(outgoing)).await.unwrap().into_inner();
        Self { requests, responses, heartbeats: Vec::new(), scopes: Vec::new(), disk }
    }

    /// Waits for the next complete update; heartbeats are put aside.
    pub(crate) async fn update(&mut self) -> Update {
        self.try_update().await.expect("the stream goes on")
    }

    /// The same, or how the stream ended.
    pub(crate) async fn try_update(&mut self) -> Result<Update, Status> {
        let parts = async {
            let mut parts = Vec::new();
            while !parts.last().is_some_and(|part: &v1::Update| part.last) {
                let message = self.responses.message().await?.ok_or_else(|| Status::ok("the stream just ended"))?;
                match message.message.unwrap() {
                    subscribe_response::Message::Update(part) => parts.push(part),
                    subscribe_response::Message::Heartbeat(heartbeat) => self.heartbeats.push(heartbeat),
                    subscribe_response::Message::Scope(scope) => self.scopes.push(scope),
                }
            }
            Ok(parts)
        };
        tokio::time::timeout(DEADLINE, parts).await.expect("an update arrives").map(|parts| decode(&parts))
    }

    /// Waits for the next heartbeat; no update may come before it.
    pub(crate) async fn heartbeat(&mut self) -> v1::Heartbeat {
        let message = tokio::time::timeout(DEADLINE, self.responses.message()).await.expect("a heartbeat arrives");
        match message.unwrap().expect("the stream goes on").message.unwrap() {
            subscribe_response::Message::Heartbeat(heartbeat) => heartbeat,
            other => panic!("unexpected {other:?}"),
        }
    }

    /// Waits for a heartbeat that says something; updates are not expected.
    pub(crate) async fn heartbeat_with(&mut self, says: impl Fn(&v1::Heartbeat) -> bool) -> v1::Heartbeat {
        let search = async {
            loop {
                let heartbeat = self.heartbeat().await;
                if says(&heartbeat) {
                    return heartbeat;
                }
            }
        };
        tokio::time::timeout(DEADLINE, search).await.expect("such a heartbeat arrives")
    }

    /// Waits until the stream is ended by the store.
    pub(crate) async fn end(&mut self) -> Status {
        let end = async {
            loop {
                match self.responses.message().await {
                    Ok(Some(_)) => {}
                    Ok(None) => return Status::ok("the stream just ended"),
                    Err(status) => return status,
                }
            }
        };
        tokio::time::timeout(DEADLINE, end).await.expect("the stream ends")
    }

    /// Stores an update, proves that it is complete, and says so.
    pub(crate) async fn apply(&mut self, update: &Update) -> BTreeMap<String, Bytes> {
        let files = self.disk.take(update);
        self.answer(State::Applied, &update.to, "").await;
        files
    }

    /// Waits for updates and applies them until a head is reached.
    pub(crate) async fn reach(&mut self, head: &Head) -> BTreeMap<String, Bytes> {
        loop {
            let update = self.update().await;
            let files = self.apply(&update).await;
            if update.to.commit == head.commit {
                return files;
            }
        }
    }

    /// Waits until the store has said what it will not send.
    pub(crate) async fn scope(&mut self) -> v1::Scope {
        let search = async {
            loop {
                match self.responses.message().await.unwrap().expect("the stream goes on").message.unwrap() {
                    subscribe_response::Message::Scope(scope) => return scope,
                    subscribe_response::Message::Heartbeat(_) => {}
                    subscribe_response::Message::Update(update) => panic!("unexpected update to {:?}", update.to),
                }
            }
        };
        tokio::time::timeout(DEADLINE, search).await.expect("it is said")
    }

    pub(crate) async fn answer(&self, state: State, head: &Head, reason: &str) {
        self.answer_of(&Namespace::main(), state, head, reason).await;
    }

    pub(crate) async fn answer_of(&self, namespace: &Namespace, state: State, head: &Head, reason: &str) {
        let acknowledgement = v1::Acknowledgement {
            state: state.into(),
            head: Some(head_to_wire(namespace, head)),
            effective_tree: head.tree.to_string(),
            reason: reason.into(),
        };
        self.send(subscribe_request::Message::Acknowledgement(acknowledgement)).await;
    }

    pub(crate) async fn send(&self, message: subscribe_request::Message) {
        self.requests.send(v1::SubscribeRequest { message: Some(message) }).await.unwrap();
    }

    /// Leaves and keeps the disk.
    pub(crate) fn leave(self) -> Disk {
        self.disk
    }
}

impl Disk {
    /// Returns the disk of a host that says it holds a head.
    pub(crate) fn holding(head: Head) -> Self {
        Self { held: Some(head), ..Self::default() }
    }

    /// Takes an update and returns all files of its head.
    pub(crate) fn take(&mut self, update: &Update) -> BTreeMap<String, Bytes> {
        if update.from.is_some() {
            assert_eq!(update.from, self.held, "a delta starts from what the host holds");
        }
        for tree in &update.trees {
            self.objects.insert(tree_id(tree).unwrap().object_id(), tree.clone());
        }
        for blob in &update.blobs {
            self.objects.insert(blob_id(blob).unwrap().object_id(), blob.clone());
        }
        self.held = Some(update.to.clone());
        let mut files = BTreeMap::new();
        self.walk(update.to.tree, "", &mut files);
        files
    }

    fn walk(&self, id: TreeId, prefix: &str, files: &mut BTreeMap<String, Bytes>) {
        if id == TreeId::EMPTY {
            return;
        }
        let tree = Tree::parse(self.object(id.object_id()).clone()).unwrap();
        for entry in tree.entries() {
            let path = format!("{prefix}{}", entry.name);
            match entry.mode {
                configbus_model::EntryMode::Directory => self.walk(entry.id.into(), &format!("{path}/"), files),
                _ => drop(files.insert(path, self.object(BlobId::from(entry.id).object_id()).clone())),
            }
        }
    }

    fn object(&self, id: ObjectId) -> &Bytes {
        self.objects.get(&id).unwrap_or_else(|| panic!("object {id} was not sent"))
    }
}

fn decode(parts: &[v1::Update]) -> Update {
    let (namespace, to) = head_from_wire(parts[0].to.as_ref().unwrap()).unwrap();
    let mut update = Update {
        namespace,
        from: parts[0].from.as_ref().map(|from| head_from_wire(from).unwrap().1),
        to,
        parts: u32::try_from(parts.len()).unwrap(),
        total_bytes: parts[0].total_bytes,
        largest_part: 0,
        trees: Vec::new(),
        blobs: Vec::new(),
    };
    for (index, part) in parts.iter().enumerate() {
        assert_eq!((part.part as usize, &part.to), (index, &parts[0].to), "parts follow each other");
        let set = v1::ObjectSet::decode(&zstd::decode_all(&part.objects[..]).unwrap()[..]).unwrap();
        update.largest_part = update.largest_part.max(set.encoded_len());
        update.trees.extend(set.trees);
        update.blobs.extend(set.blobs);
    }
    let bytes: usize = update.trees.iter().chain(&update.blobs).map(Bytes::len).sum();
    assert_eq!(bytes as u64, update.total_bytes, "the total is known from the first part on");
    update
}
