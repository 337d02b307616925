use super::support::{Server, finish, started};
use async_trait::async_trait;
use configbus_coordination::{
    Embedded, HeadRegistry,
    contract::{Fixture, check_registry, check_yields, head},
};
use configbus_model::Namespace;
use configbus_runtime::Tasks;
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
