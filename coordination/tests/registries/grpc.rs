use super::support::{Store, finish, started};
use async_trait::async_trait;
use configbus_coordination::{
    Announcement, Connection, Embedded, EmbeddedClient, EmbeddedService, HeadRegistry, RegistrationState,
    contract::{Fixture, check_becomes, check_members, check_registry, check_state, check_yields, head},
};
use configbus_model::{ErrorKind, Member, MemberRole, Namespace};
use configbus_proto::v1::coordination_server::CoordinationServer;
use configbus_runtime::{SystemClock, Tasks};
use configbus_transport::ClientTls;
use std::{net::SocketAddr, sync::Arc};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;

/// A server's embedded registry with its port.
struct Remote {
    server: Arc<dyn HeadRegistry>,
    address: SocketAddr,
    tasks: Tasks,
}

impl Remote {
    async fn start(address: &str, tasks: &Tasks) -> Self {
        let embedded = Embedded::new();
        let service = EmbeddedService::new(Arc::clone(&embedded), tasks.clone());
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = tasks.shutdown_token();
        tasks.spawn("grpc", async move {
            tonic::transport::Server::builder()
                .add_service(CoordinationServer::new(service))
                .serve_with_incoming_shutdown(TcpListenerStream::new(listener), shutdown.cancelled())
                .await
        });
        Self { server: started(embedded, tasks), address, tasks: tasks.clone() }
    }

    fn client(&self, tasks: &Tasks) -> Arc<dyn HeadRegistry> {
        client(&format!("http://{}", self.address), tasks)
    }
}

fn client(url: &str, tasks: &Tasks) -> Arc<dyn HeadRegistry> {
    let (tls, bearer) = (ClientTls::default(), configbus_proto::Bearer::default());
    started(EmbeddedClient::new(url, &tls, &bearer, Arc::new(SystemClock)).unwrap(), tasks)
}

#[async_trait]
impl Fixture for Remote {
    async fn server(&self) -> Arc<dyn HeadRegistry> {
        Arc::clone(&self.server)
    }

    async fn observer(&self) -> Arc<dyn HeadRegistry> {
        self.client(&self.tasks)
    }
}

#[tokio::test]
async fn embedded_keeps_the_contract_over_grpc() {
    let tasks = Tasks::new("test");
    check_registry(async || Remote::start("127.0.0.1:0", &tasks).await).await;
    finish(tasks).await;
}

#[tokio::test]
async fn a_client_survives_its_server() {
    let (tasks, first, second) = (Tasks::new("test"), Tasks::new("first"), Tasks::new("second"));
    let main = Namespace::main();
    let server = Remote::start("127.0.0.1:0", &first).await;
    server.server.announce(&main, &head(7, 7)).await.unwrap();
    let store = Store::start(server.client(&tasks), "a").await;
    check_yields(store.registry.as_ref(), &main, &head(7, 7)).await;
    check_state(&store.registration, |state| *state == RegistrationState::Held).await;

    finish(first).await;
    check_becomes("connection", store.registry.connection(), |connection| !connection.is_connected()).await;
    check_state(&store.registration, |state| *state == RegistrationState::Pending).await;
    assert_eq!(store.registry.heads().borrow().get(&main), Some(&head(7, 7)), "what was known stays known");

    // The next life of the server knows less at first: its announcer has not spoken yet.
    let next = Remote::start(&server.address.to_string(), &second).await;
    next.server.announce(&main, &head(6, 6)).await.unwrap();
    check_state(&store.registration, |state| *state == RegistrationState::Held).await;
    check_members(next.server.as_ref(), &["a-1"]).await;
    assert_eq!(store.registry.heads().borrow().get(&main), Some(&head(7, 7)), "a head does not move back");
    next.server.announce(&main, &head(8, 8)).await.unwrap();
    check_yields(store.registry.as_ref(), &main, &head(8, 8)).await;
    finish(second).await;
    finish(tasks).await;
}

#[tokio::test]
async fn a_client_without_server_says_why() {
    let tasks = Tasks::new("test");
    let client = client("http://127.0.0.1:9", &tasks);
    let has_reason = |connection: &Connection| connection.reason().is_some_and(|reason| reason.contains("127.0.0.1:9"));
    check_becomes("connection", client.connection(), has_reason).await;
    let refusal = client.announce(&Namespace::main(), &head(1, 1)).await.unwrap_err();
    assert_eq!(refusal.kind(), ErrorKind::Unavailable);
    finish(tasks).await;
}

#[tokio::test]
async fn heads_of_namespaces_that_the_server_does_not_serve_are_announced_from_elsewhere() {
    let tasks = Tasks::new("test");
    let server = Remote::start("127.0.0.1:0", &tasks).await;
    let (client, hosted) = (server.client(&tasks), Namespace::parse("hosted").unwrap());
    let member = tokio::sync::watch::Sender::new(member("server-1"));
    let _claim = server.server.claim(&Namespace::main(), member.subscribe()).await.unwrap();
    assert_eq!(client.announce(&hosted, &head(3, 3)).await.unwrap(), Announcement::Written);
    check_becomes("heads", server.server.heads(), |heads| heads.get(&hosted) == Some(&head(3, 3))).await;
    assert_eq!(client.announce(&hosted, &head(3, 3)).await.unwrap(), Announcement::Same);
    assert_eq!(client.announce(&hosted, &head(2, 2)).await.unwrap(), Announcement::AlreadyNewer(head(3, 3)));
    assert_eq!(client.announce(&hosted, &head(3, 4)).await.unwrap(), Announcement::Diverged(head(3, 3)));
    let refusal = client.announce(&Namespace::main(), &head(9, 9)).await.unwrap_err();
    assert_eq!(refusal.kind(), ErrorKind::Denied);
    assert!(refusal.to_string().contains("main is served here"), "{refusal}");
    finish(tasks).await;
}

fn member(id: &str) -> Member {
    Member {
        role: MemberRole::Server,
        id: id.into(),
        incarnation: "1".into(),
        url: "http://127.0.0.1:1".into(),
        heads: Default::default(),
        subscribers: 0,
    }
}
