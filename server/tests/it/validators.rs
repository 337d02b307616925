//! Validators of the installation, in front of pushes and of the API.

use crate::harness::{TestServer, put, request};
use configbus_hooks::ValidatorSettings;
use configbus_model::ErrorKind;
use configbus_proto::status::kind_of;
use std::fs;

#[tokio::test(flavor = "multi_thread")]
async fn a_validator_refuses_pushes_and_api_changes_alike() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("validator");
    fs::write(&script, "grep -rn bad . | sed 's/bad/1: says bad/' | grep . || exit 0; exit 1").unwrap();
    let settings = serde_json::json!({"name": "words", "command": ["/bin/sh", script], "files": ["*.txt"]});
    let validator: ValidatorSettings = serde_json::from_value(settings).unwrap();
    let server = TestServer::start_with(|settings| settings.validators = vec![validator]).await;
    let clone = server.clone_main("a");
    clone.commit("a.txt", "good");
    clone.push_main().expect_ok();
    clone.commit("b.txt", "bad");
    let refused = clone.push_main();
    assert!(!refused.ok && refused.stderr.contains("b.txt:1:1"), "{}", refused.stderr);
    assert!(refused.stderr.contains("words: says bad"), "{}", refused.stderr);
    let refused = server.config().await.compare_and_set(request([put("c.txt", "bad")])).await.unwrap_err();
    assert_eq!(kind_of(&refused), ErrorKind::Rejected);
    server.put("unconcerned.json", "\"bad\"").await;
    server.stop().await;
}
