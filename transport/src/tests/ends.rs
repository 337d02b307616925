//! A listener and a client against each other, over a real socket.

use crate::{
    CertificateName, ClientTls, ClientTlsSettings, Connection, Incoming, ListenerTls, Reloaded, TlsSettings,
    outgoing::Connector,
    testing::{Authority, Validity},
};
use std::{error::Error, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tonic::transport::Endpoint;

const DEADLINE: Duration = Duration::from_secs(30);

const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

async fn listen(settings: &TlsSettings) -> (Incoming, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    (Incoming::new(listener, ListenerTls::open(settings).unwrap(), 8), addr)
}

/// Reads what the client says first, which takes the handshake along.
async fn hear(connection: &mut Connection) -> std::io::Result<Vec<u8>> {
    let mut said = vec![0; 3];
    connection.read_exact(&mut said).await?;
    Ok(said)
}

/// Connects and returns how that failed.
async fn dial(url: String, settings: ClientTlsSettings) -> String {
    let endpoint = Endpoint::from_shared(url).unwrap().connect_timeout(DEADLINE);
    let connector = Connector::new(&ClientTls::open(&settings).unwrap());
    match endpoint.connect_with_connector(connector).await {
        Ok(_) => "connected".to_owned(),
        Err(error) => chain(&error),
    }
}

fn chain(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", chain(cause)),
        None => error.to_string(),
    }
}

/// Awaits both ends, which never takes long unless something is broken.
async fn both<A, B>(server: impl Future<Output = A>, client: impl Future<Output = B>) -> (A, B) {
    timeout(DEADLINE, async { tokio::join!(server, client) }).await.expect("both ends answer")
}

/// Lets both ends meet once; returns what the listener saw and what the client says.
async fn meet(served: &TlsSettings, url: &str, client: &ClientTlsSettings) -> (std::io::Result<Connection>, String) {
    let (mut incoming, addr) = listen(served).await;
    let url = url.replace("PORT", &addr.port().to_string());
    let server = async {
        let mut connection = incoming.accept().await;
        let said = hear(&mut connection).await;
        said.map(|said| assert_eq!(said, b"PRI")).map(|()| connection)
    };
    both(server, dial(url, client.clone())).await
}

#[tokio::test]
async fn both_ends_meet_and_know_each_other() {
    let authority = Authority::new("ca");
    let mut served = authority.issue("bus", &NAMES).served();
    served.client_ca = Some(authority.file());
    for url in ["https://localhost:PORT", "https://127.0.0.1:PORT"] {
        let (server, client) = meet(&served, url, &authority.believed()).await;
        assert_eq!((client.as_str(), server.unwrap().peer().certificate()), ("connected", None), "{url}");
    }
    let host = authority.issue("host", &["spiffe://prod/agent/1"]);
    let mut known = authority.believed();
    (known.certificate, known.key) = (Some(host.certificate), Some(host.key));
    served.require_client_certificate = true;
    let (server, _) = meet(&served, "https://localhost:PORT", &known).await;
    let server = server.unwrap();
    let names = &server.peer().certificate().unwrap().names;
    assert_eq!(*names, [CertificateName::Uri("spiffe://prod/agent/1".into())]);
}

#[tokio::test]
async fn who_cannot_be_trusted_is_refused_with_the_reason() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let served = ours.issue("bus", &["bus.example"]).served();
    let (server, client) = meet(&served, "https://localhost:PORT", &ours.believed()).await;
    assert!(server.is_err());
    assert!(client.contains("localhost cannot be trusted") && client.contains("bus.example"), "{client}");
    let served = ours.issue("bus", &NAMES).served();
    let (_, client) = meet(&served, "https://localhost:PORT", &theirs.believed()).await;
    assert!(client.contains("localhost cannot be trusted: UnknownIssuer"), "{client}");
    let (_, client) = meet(&TlsSettings::default(), "http://localhost:PORT", &ours.believed()).await;
    assert_eq!(client, "connected");
}

#[tokio::test]
async fn a_client_without_the_right_certificate_gets_nowhere() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let mut served = ours.issue("bus", &NAMES).served();
    (served.client_ca, served.require_client_certificate) = (Some(ours.file()), true);
    let (server, _) = meet(&served, "https://localhost:PORT", &ours.believed()).await;
    assert!(server.err().unwrap().to_string().contains("no certificates"));
    for (issuer, validity, reason) in [(&theirs, Validity::Now, "UnknownIssuer"), (&ours, Validity::Expired, "expired")]
    {
        let host = issuer.issue_for("host", &["spiffe://prod/agent/1"], validity);
        let mut known = ours.believed();
        (known.certificate, known.key) = (Some(host.certificate), Some(host.key));
        let (server, _) = meet(&served, "https://localhost:PORT", &known).await;
        let error = server.err().unwrap().to_string();
        assert!(error.contains(reason), "{error:?} lacks {reason:?}");
    }
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_and_ends_where_it_was_accepted() {
    let authority = Authority::new("ours");
    let mut served = authority.issue("bus", &NAMES).served();
    (served.client_ca, served.client_crl) = (Some(authority.file()), vec![authority.revoke(&[])]);
    let [good, bad] = ["good", "bad"].map(|name| authority.issue(name, &["spiffe://prod/agent/1"]));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (tls, addr) = (ListenerTls::open(&served).unwrap().unwrap(), listener.local_addr().unwrap());
    let mut incoming = Incoming::new(listener, Some(Arc::clone(&tls)), 8);
    let url = format!("https://localhost:{}", addr.port());
    let mut connect = async |client| {
        let server = async {
            let mut connection = incoming.accept().await;
            hear(&mut connection).await.map(|_| connection.peer().clone())
        };
        both(server, dial(url.clone(), authority.believed_by(client))).await.0
    };
    let (spared, revoked) = (connect(&good).await.unwrap(), connect(&bad).await.unwrap());
    assert!(spared.certificate().is_some() && revoked.certificate().is_some());
    authority.revoke(&[&bad]);
    assert!(matches!(tls.reload(), Reloaded::Changed));
    timeout(DEADLINE, revoked.certificate_ended()).await.expect("a revoked certificate ends");
    assert!(spared.certificate().is_some() && revoked.certificate().is_none());
    let error = connect(&bad).await.unwrap_err().to_string();
    assert!(error.contains("Revoked"), "{error}");
    connect(&good).await.unwrap();
    // An authority that is not believed any more takes everybody along.
    std::fs::copy(Authority::new("theirs").file(), authority.file()).unwrap();
    assert!(matches!(tls.reload(), Reloaded::Changed));
    timeout(DEADLINE, spared.certificate_ended()).await.expect("so does one of an authority that was taken back");
}

#[tokio::test]
async fn with_lists_a_certificate_of_an_authority_without_one_is_refused() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let mut served = ours.issue("bus", &NAMES).served();
    let both_authorities = [ours.file(), theirs.file()].map(|file| std::fs::read_to_string(file).unwrap()).concat();
    let file = ours.folder().join("both.pem");
    std::fs::write(&file, both_authorities).unwrap();
    (served.client_ca, served.client_crl) = (Some(file), vec![theirs.revoke(&[])]);
    let mut known = ours.believed_by(&ours.issue("host", &["spiffe://prod/agent/1"]));
    let (server, _) = meet(&served, "https://localhost:PORT", &known).await;
    let error = server.err().unwrap().to_string();
    assert!(error.contains("UnknownRevocationStatus"), "{error}");
    known = ours.believed();
    let host = theirs.issue("host", &["spiffe://prod/agent/1"]);
    (known.certificate, known.key) = (Some(host.certificate), Some(host.key));
    meet(&served, "https://localhost:PORT", &known).await.0.unwrap();
}

#[tokio::test]
async fn plain_http_on_a_tls_port_is_told_so() {
    let authority = Authority::new("ca");
    let (mut incoming, addr) = listen(&authority.issue("bus", &NAMES).served()).await;
    let server = async { hear(&mut incoming.accept().await).await.unwrap_err().to_string() };
    let client = async {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let (server, client) = both(server, client).await;
    assert_eq!(server, "the caller speaks plain HTTP, this port speaks TLS");
    assert!(client.starts_with("HTTP/1.1 400 ") && client.ends_with("use https:// instead of http://\n"), "{client}");
}

#[tokio::test]
async fn tls_to_a_plain_port_is_told_so() {
    let authority = Authority::new("ca");
    let (mut incoming, addr) = listen(&TlsSettings::default()).await;
    let server = async {
        let mut connection = incoming.accept().await;
        assert_eq!(hear(&mut connection).await.unwrap()[0], 0x16);
        connection.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    };
    let client = dial(format!("https://localhost:{}", addr.port()), authority.believed());
    let ((), client) = both(server, client).await;
    assert!(client.contains("localhost does not speak TLS there, is it http:// instead of https://?"), "{client}");
}

#[tokio::test]
async fn a_silent_caller_keeps_nobody_waiting() {
    let authority = Authority::new("ca");
    let (mut incoming, addr) = listen(&authority.issue("bus", &NAMES).served()).await;
    let _silent = TcpStream::connect(addr).await.unwrap();
    let _first = incoming.accept().await;
    let server = async { hear(&mut incoming.accept().await).await.unwrap() };
    let client = dial(format!("https://localhost:{}", addr.port()), authority.believed());
    assert_eq!(both(server, client).await, (b"PRI".to_vec(), "connected".to_owned()));
}
