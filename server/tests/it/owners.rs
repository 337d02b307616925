//! Owners, through the door and down to the queue.

use crate::harness::{TestServer, put, request};
use configbus_model::{ErrorKind, Grant, PrincipalName};
use configbus_proto::status::{details_of, kind_of};
use configbus_proto::v1;
use configbus_server::{Auth, NewToken, OfflineTokens};
use futures_util::future::join;
use std::collections::BTreeSet;

const OWNERS: &str = "/pay/ ada\n";

/// A server where everybody has to say who they are, with owners in force.
struct Guarded {
    server: TestServer,
    admin: String,
}

impl Guarded {
    async fn start() -> Self {
        let server = TestServer::start_with(|settings| settings.auth = Some(Auth::Tokens)).await;
        let admin = token(&server, "amy", "admin");
        let guarded = Self { server, admin };
        guarded.put(&guarded.admin, ".configbus/owners", OWNERS).await.unwrap();
        guarded
    }

    async fn put(&self, token: &str, path: &str, content: &str) -> Result<v1::CompareAndSetResponse, tonic::Status> {
        let request = asked(token, request([put(path, content)]));
        Ok(self.server.config().await.compare_and_set(request).await?.into_inner())
    }

    async fn get(&self, path: &str, revision: u64) -> String {
        let request = asked(&self.admin, v1::GetRequest { path: path.into(), revision, at: None });
        let answer = self.server.config().await.get(request).await.unwrap().into_inner();
        String::from_utf8(answer.content.to_vec()).unwrap()
    }
}

fn token(server: &TestServer, name: &str, role: &str) -> String {
    let roles = [role.parse::<Grant>().unwrap()].into_iter().collect();
    let principal = PrincipalName::parse(name).unwrap();
    let new = NewToken { principal, roles, groups: BTreeSet::new(), note: String::new(), expires_ms: None };
    let file = OfflineTokens::open(&server.folder.path().join("data")).unwrap();
    file.create(new, 1).unwrap().0.expose().to_owned()
}

fn asked<T>(token: &str, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_changed_by_its_owner_and_visibly_by_an_admin() {
    let guarded = Guarded::start().await;
    let server = &guarded.server;
    let (ada, eve) = (token(server, "ada", "writer"), token(server, "eve", "writer"));
    let refused = guarded.put(&eve, "pay/limits.json", "1").await.unwrap_err();
    assert_eq!(kind_of(&refused), ErrorKind::Denied);
    let finding = details_of(&refused).findings.into_iter().next().unwrap();
    assert_eq!(finding.place, "pay/limits.json");
    assert!(finding.message.ends_with("found eve, expected ada"), "{}", finding.message);
    guarded.put(&ada, "pay/limits.json", "1").await.unwrap();
    guarded.put(&eve, "free.json", "1").await.unwrap();
    let clone = server.clone_main_as("eve", &eve);
    clone.commit("pay/limits.json", "2");
    clone.push_main().expect_refused("eve may not change this file, line 1 of .configbus/owners says whose it is");
    clone.git(&["reset", "-q", "--hard", "origin/main"]).expect_ok();
    clone.commit(".configbus/owners", "/pay/ eve\n");
    clone.commit("pay/limits.json", "2");
    clone.push_main().expect_refused(".configbus/owners: eve may not change policy");
    let clone = server.clone_main_as("amy", &guarded.admin);
    clone.commit("pay/limits.json", "3");
    let pushed = clone.push_main().expect_ok();
    assert!(
        pushed.stderr.contains("changed by the right of an admin, others own it: pay/limits.json"),
        "{}",
        pushed.stderr
    );
    let audit = std::fs::read_to_string(server.folder.path().join("data/audit.jsonl")).unwrap();
    let overridden = audit.lines().filter(|line| line.contains(r#""overridden":["pay/limits.json"]"#)).count();
    assert_eq!(overridden, 1, "{audit}");
    guarded.server.stop().await;
}

/// Eve writes what is hers every other revision. Whatever the two writers' interleaving, no revision of hers follows one in
/// which it was not.
#[tokio::test(flavor = "multi_thread")]
async fn owners_that_change_between_check_and_landing_are_honoured() {
    let guarded = Guarded::start().await;
    let eve = token(&guarded.server, "eve", "writer");
    let turns = async {
        for turn in 0..30 {
            let owner = if turn % 2 == 0 { "eve" } else { "ada" };
            guarded.put(&guarded.admin, ".configbus/owners", &format!("/pay/ {owner}\n")).await.unwrap();
        }
    };
    let tries = async {
        let mut landed = Vec::new();
        for n in 0..90 {
            match guarded.put(&eve, "pay/limits.json", &n.to_string()).await {
                Ok(answer) => landed.push(answer.head.unwrap().revision),
                Err(refused) => assert_eq!(kind_of(&refused), ErrorKind::Denied, "{refused:?}"),
            }
        }
        landed
    };
    let ((), landed) = join(turns, tries).await;
    for revision in &landed {
        assert_eq!(guarded.get(".configbus/owners", revision - 1).await, "/pay/ eve\n", "at r{revision}");
    }
    guarded.server.stop().await;
}
