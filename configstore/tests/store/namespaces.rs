//! Namespaces besides `main`: mirrored as they appear, sent to whoever wants them.

use crate::{
    agent::{Agent, Disk, hello},
    bench::Bench,
};
use configbus_model::Namespace;
use configbus_proto::v1::{self, acknowledgement::State, subscribe_request::Message};

fn traffic() -> Namespace {
    Namespace::parse("traffic").unwrap()
}

fn wanting(names: &[&str]) -> v1::Hello {
    v1::Hello { namespaces: names.iter().map(|name| (*name).to_owned()).collect(), ..hello("h", None) }
}

#[tokio::test]
async fn a_namespace_is_mirrored_when_it_appears_and_sent_to_hosts_that_want_it() {
    let mut bench = Bench::start().await;
    let main = bench.land(&[("a.json", "1")]).await;
    let mut agent = bench.subscribe("h").await;
    agent.reach(&main).await;
    let first = bench.server.land_in(&traffic(), &[("limits.json", "1")]);
    bench.store_serves_in(&traffic(), Some(&first)).await;
    agent.heartbeat_with(|beat| beat.heads.len() == 2).await;

    // What it wants is sent from now on; what it does not want is not.
    agent.send(Message::Want(v1::Want { namespaces: vec!["traffic".into(), "empty".into()] })).await;
    let update = agent.update().await;
    assert_eq!((&update.namespace, &update.from, &update.to), (&traffic(), &None, &first));
    let said = v1::Scope { denied: vec![], empty: vec!["empty".into()] };
    let heard = if agent.scopes.is_empty() { agent.scope().await } else { agent.scopes.remove(0) };
    assert_eq!(heard, said);
    agent.answer_of(&traffic(), State::Applied, &first, "").await;

    let second = bench.server.land_in(&traffic(), &[("limits.json", "2")]);
    let update = agent.update().await;
    assert_eq!((&update.from, &update.to), (&Some(first), &second));
    // One that it does not answer holds up no other.
    let main_next = bench.land(&[("a.json", "2")]).await;
    let update = agent.update().await;
    assert_eq!((&update.namespace, &update.to), (&Namespace::main(), &main_next));

    // With the server away, a store that starts serves what it had.
    bench.stop_store().await;
    bench.server.pause().await;
    bench.start_store().await;
    bench.store_serves_in(&traffic(), Some(&second)).await;
    let mut agent = Agent::greet(bench.url(), wanting(&["traffic"]), Disk::default()).await;
    let mut names = vec![agent.update().await.namespace, agent.update().await.namespace];
    names.sort();
    assert_eq!(names, [Namespace::main(), traffic()]);
    bench.stop().await;
}
