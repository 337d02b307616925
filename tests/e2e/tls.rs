//! Everything over TLS, with the programs people have.

use configbus_tests::{
    bus::{Bus, Run},
    child::Child,
    cluster::{Cluster, Plan},
    eventually::eventually,
    git::{GitRun, WorkingCopy},
    pki::{Authority, Validity},
};
use rustix::process::Signal;
use std::{path::Path, process::Command, sync::Arc};
use tempfile::TempDir;

fn plan(authority: &Arc<Authority>) -> Plan {
    Plan { authority: Some(Arc::clone(authority)), ..Plan::default() }
}

fn push(copy: &WorkingCopy, variables: &[(&str, &Path)]) -> GitRun {
    copy.git_with(variables, &["push", "origin", "HEAD:main"])
}

fn change(path: &str) -> WorkingCopy {
    let copy = WorkingCopy::init(path);
    copy.write("ads/limits.json", "{\"max\": 1}\n");
    copy.commit("a limit");
    copy
}

#[test]
fn a_change_travels_from_push_to_host() {
    let (authority, other) = (Arc::new(Authority::new("ours")), Authority::new("theirs"));
    let cluster = Cluster::start(&plan(&authority));
    let copy = change(&cluster.git());
    let refused = push(&copy, &[]).expect_refused();
    assert!(refused.stderr.contains("certificate"), "{}", refused.stderr);
    let _ = push(&copy, &[("GIT_SSL_CAINFO", &other.file())]).expect_refused();
    let _ = push(&copy, &[("GIT_SSL_CAINFO", &authority.file())]).expect_ok();
    cluster.shows("ads/limits.json", "{\"max\": 1}\n");
    let _ = cluster.run_with(&["put", "ads/limits.json"], b"{\"max\": 2}").expect_ok();
    cluster.shows("ads/limits.json", "{\"max\": 2}");
    eventually("the server knows the host", || {
        let hosts = cluster.run(&["hosts", "--output", "json"]).expect_ok();
        hosts.stdout.contains("host-1").then_some(())
    });
}

#[test]
fn who_cannot_be_trusted_is_refused_with_the_reason() {
    let (ours, theirs) = (Arc::new(Authority::new("ours")), Authority::new("theirs"));
    let mut cluster = Cluster::plan(&plan(&ours));
    cluster.server.start();
    cluster.server.ready();
    let url = cluster.server.url();
    let said = |arguments: &[&str]| {
        let run = Run::of(&[&["status"], arguments].concat(), b"");
        assert_eq!(run.code, 7, "{}{}", run.stdout, run.stderr);
        run.stderr
    };
    let theirs = theirs.file();
    let error = said(&["--server", url, "--ca", theirs.to_str().unwrap()]);
    assert!(error.contains("127.0.0.1 cannot be trusted: UnknownIssuer"), "{error}");
    let error = said(&["--server", &url.replace("https", "http")]);
    assert!(error.contains("this port speaks TLS: use https://"), "{error}");
    let plain = Bus::start();
    let error = said(&["--server", &plain.server().replace("http", "https")]);
    assert!(error.contains("does not speak TLS there, is it http://"), "{error}");
}

#[test]
fn who_lacks_a_certificate_is_turned_away() {
    let authority = Arc::new(Authority::new("ours"));
    let settings = Some("[tls]\nrequire_client_certificate = true\n".to_owned());
    let mut cluster = Cluster::plan(&Plan { server_settings: settings, ..plan(&authority) });
    cluster.server.start();
    let ada = authority.issue("ada", &["spiffe://test/people/ada"]);
    let (ca, certificate, key) = (authority.file(), ada.certificate.as_path(), ada.key.as_path());
    let known = ["--certificate", certificate.to_str().unwrap(), "--key", key.to_str().unwrap()];
    eventually("the server answers who has a certificate", || {
        let run = cluster.run(&[&["status"], &known[..]].concat());
        (run.code == 0).then_some(())
    });
    let run = cluster.run(&["status"]);
    assert_eq!(run.code, 6, "{}", run.stderr);
    assert!(run.stderr.contains("asks for a certificate"), "{}", run.stderr);
    let copy = change(&cluster.git());
    let _ = push(&copy, &[("GIT_SSL_CAINFO", &ca)]).expect_refused();
    let _ = push(&copy, &[("GIT_SSL_CAINFO", &ca), ("GIT_SSL_CERT", certificate), ("GIT_SSL_KEY", key)]).expect_ok();
}

/// Who is who: people, and the bus's own processes.
const KNOWN: &str = r#"
auth = "tokens"
[[certificates]]
san = "spiffe://test/store/*"
roles = ["store"]
[[certificates]]
san = "spiffe://test/people/ada"
principal = "ada@example.com"
roles = ["writer"]
"#;

const KNOWN_AGENTS: &str = r#"
[[certificates]]
san = "spiffe://test/agent/*"
roles = ["agent"]
"#;

#[test]
fn a_store_serves_only_whom_it_knows_as_an_agent() {
    let authority = Arc::new(Authority::new("ours"));
    let others = "[[certificates]]\nsan = \"spiffe://elsewhere/*\"\nroles = [\"agent\"]\n";
    let cluster = Cluster::start(&Plan { store_settings: Some(others.into()), ..plan(&authority) });
    eventually("the agent says why it gets nothing", || {
        let known = cluster.agent.output().contains("a certificate that this store knows");
        known.then_some(())
    });
    let _ = cluster.run_with(&["put", "a.json"], b"1").expect_ok();
    assert_eq!(cluster.read("a.json"), None);
}

#[test]
fn certificates_say_who_comes_and_components_know_each_other() {
    let authority = Arc::new(Authority::new("ours"));
    let settings = |known: &str| Some(known.to_owned());
    let (server_settings, store_settings) = (settings(KNOWN), settings(KNOWN_AGENTS));
    let cluster = Cluster::start(&Plan { server_settings, store_settings, ..plan(&authority) });
    let flags = |name: &str| {
        let issued = authority.issue(name, &[&format!("spiffe://test/people/{name}")]);
        [
            "--certificate".into(),
            issued.certificate.display().to_string(),
            "--key".into(),
            issued.key.display().to_string(),
        ]
    };
    let put = |who: &[String], path: &str| {
        let who: Vec<_> = who.iter().map(String::as_str).collect();
        cluster.run_with(&[&["put", path], &who[..]].concat(), b"1")
    };
    let ada = flags("ada");
    let _ = put(&ada, "ada.json").expect_ok();
    cluster.shows("ada.json", "1");
    for (who, why) in [(&[][..], "without a certificate"), (&flags("eve")[..], "nobody knows eve")] {
        assert_eq!(put(who, "eve.json").code, 6, "{why}");
    }
    let agent = authority.file().with_file_name("agent-client.pem");
    let key = agent.with_extension("key");
    let stolen = ["--certificate", agent.to_str().unwrap(), "--key", key.to_str().unwrap()].map(str::to_owned);
    assert_eq!(put(&stolen, "stolen.json").code, 6, "an agent writes nothing");
    let ada: Vec<_> = ada.iter().map(String::as_str).collect();
    let log = cluster.run(&[&["log", "--output", "json"], &ada[..]].concat()).expect_ok();
    assert!(log.stdout.contains("ada@example.com"), "{}", log.stdout);
}

#[test]
fn certificates_are_exchanged_while_clients_are_connected() {
    let (old, new) = (Arc::new(Authority::new("old")), Authority::new("new"));
    let mut cluster = Cluster::plan(&plan(&old));
    cluster.server.start();
    cluster.server.ready();
    let _ = cluster.run_with(&["put", "a.json"], b"1").expect_ok();
    let folder = TempDir::new().unwrap();
    let mut watch = Command::new(configbus_tests::binary::configbus());
    watch.args(["watch", "/", "--from", "r1", "--server", cluster.server.url()]).arg("--ca").arg(old.file());
    let watch = Child::spawn("watch", &mut watch, &folder.path().join("watch.log")).unwrap();
    let _ = cluster.run_with(&["put", "seen.json"], b"1").expect_ok();
    eventually("the watch is connected", || watch.output().contains("seen.json").then_some(()));

    let issued = new.issue("server", &["127.0.0.1"]);
    let [certificate, key] = ["server.pem", "server.key"].map(|name| old.file().with_file_name(name));
    std::fs::copy(&issued.key, &key).unwrap();
    cluster.server.process().signal(Signal::HUP);
    eventually("half of a pair is refused", || cluster.server.output().contains("NOT in use").then_some(()));
    let _ = cluster.run_with(&["put", "half.json"], b"1").expect_ok();
    std::fs::copy(&issued.certificate, &certificate).unwrap();
    cluster.server.process().signal(Signal::HUP);
    let put = |path: &str| {
        let ca = new.file();
        let server = ["--server", cluster.server.url(), "--ca", ca.to_str().unwrap()];
        Run::of(&[&["put", path], &server[..]].concat(), b"1").code == 0
    };
    eventually("the new certificate is shown", || put("new.json").then_some(()));
    eventually("the watch goes on", || watch.output().contains("new.json").then_some(()));
}

#[test]
fn a_revoked_certificate_ends_watches_and_subscriptions() {
    let authority = Arc::new(Authority::new("ours"));
    let list = authority.revoke(&[]);
    let known = |settings: &str| Some(format!("{settings}\n[tls]\nclient_crl = [\"{}\"]\n", list.display()));
    let (server_settings, store_settings) = (known(KNOWN), known(KNOWN_AGENTS));
    let mut cluster = Cluster::start(&Plan { server_settings, store_settings, ..plan(&authority) });
    let ada = authority.issue("ada", &["spiffe://test/people/ada"]);
    let (certificate, key) = (ada.certificate.to_str().unwrap(), ada.key.to_str().unwrap());
    let known = ["--certificate", certificate, "--key", key];
    let put = |cluster: &Cluster, path: &str| cluster.run_with(&[&["put", path], &known[..]].concat(), b"1");
    let _ = put(&cluster, "a.json").expect_ok();
    cluster.shows("a.json", "1");
    let folder = TempDir::new().unwrap();
    let mut watch = Command::new(configbus_tests::binary::configbus());
    watch.args(["watch", "/", "--from", "r1", "--server", cluster.server.url()]).arg("--ca").arg(authority.file());
    let mut watch = Child::spawn("watch", watch.args(known), &folder.path().join("watch.log")).unwrap();
    let _ = put(&cluster, "seen.json").expect_ok();
    eventually("the watch is connected", || watch.output().contains("seen.json").then_some(()));

    authority.revoke(&[&ada]);
    cluster.server.process().signal(Signal::HUP);
    eventually("the watch ends", || watch.ended());
    assert!(watch.output().contains("certificate"), "{}", watch.output());
    eventually("nothing is let in any more", || (put(&cluster, "late.json").code != 0).then_some(()));
    cluster.shows("seen.json", "1");
}

#[test]
fn a_server_does_not_start_with_a_certificate_that_nobody_accepts() {
    let authority = Authority::new("ours");
    let expired = authority.issue_for("server", &["localhost"], Validity::Expired);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("server.toml");
    let (certificate, key) = (expired.certificate.display(), expired.key.display());
    std::fs::write(&file, format!("[tls]\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n")).unwrap();
    let run = Run::of(&["server", "--check", "--config", file.to_str().unwrap()], b"");
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("expired at 2020-02-01T00:00:00Z"), "{}", run.stderr);
}
