use super::support::{Server, finish, started};
use async_trait::async_trait;
use configbus_coordination::{
    Embedded, HeadRegistry, Unreliable,
    contract::{Fixture, check_becomes, check_registry, check_yields, head},
};
use configbus_model::Namespace;
use configbus_runtime::{SystemClock, Tasks};
use std::sync::Arc;

struct InProcess(Arc<dyn HeadRegistry>);

#[async_trait]
impl Fixture for InProcess {
    async fn server(&self) -> Arc<dyn HeadRegistry> {
        Arc::clone(&self.0)
    }

    async fn observer(&self) -> Arc<dyn HeadRegistry> {
        Arc::clone(&self.0)
    }
}

#[tokio::test]
async fn embedded_keeps_the_contract() {
    let tasks = Tasks::new("test");
    check_registry(async || InProcess(started(Embedded::new(), &tasks))).await;
    finish(tasks).await;
}

#[tokio::test]
async fn a_wrapped_registry_keeps_the_contract() {
    let tasks = Tasks::new("test");
    let wrapped = || Unreliable::new(Embedded::new(), Arc::new(SystemClock));
    check_registry(async || InProcess(started(wrapped(), &tasks))).await;
    finish(tasks).await;
}

#[tokio::test]
async fn what_lands_while_the_registry_is_away_is_announced_afterwards() {
    let (tasks, main) = (Tasks::new("test"), Namespace::main());
    let unreliable = Unreliable::new(Embedded::new(), Arc::new(SystemClock));
    let server = Server::start(started(Arc::clone(&unreliable), &tasks), "1", &tasks).await;
    server.accept(&head(1, 1));
    check_yields(unreliable.as_ref(), &main, &head(1, 1)).await;
    unreliable.cut();
    server.accept(&head(2, 1));
    server.accept(&head(3, 1));
    check_becomes("unannounced", server.announcer.unannounced(), |unannounced| {
        unannounced.get(&main).is_some_and(|main| main.head == head(3, 1) && main.reason.is_some())
    })
    .await;
    assert_eq!(unreliable.heads().borrow().get(&main), Some(&head(1, 1)));
    unreliable.mend();
    server.check_announced().await;
    check_yields(unreliable.as_ref(), &main, &head(3, 1)).await;
    finish(tasks).await;
}

#[tokio::test]
async fn what_git_holds_is_announced_at_start_and_what_lands_after_it() {
    let tasks = Tasks::new("test");
    let registry = started(Embedded::new(), &tasks);
    let server = Server::start(Arc::clone(&registry), "1", &tasks).await;
    for revision in [41, 42] {
        server.accept(&head(revision, 1));
        server.check_announced().await;
        check_yields(registry.as_ref(), &Namespace::main(), &head(revision, 1)).await;
    }
    finish(tasks).await;
}
