//! What nobody honest would push, by stock Git and by packs made by hand, at a real server that goes on serving others.

use configbus_tests::{
    cluster::{Cluster, Plan},
    git::{WorkingCopy, git},
    hostile::{self, Hostile, packs},
    memory::{self, Peak},
    rest::Rest,
    steady::while_serving,
};

/// Memory that no candidate may take of the server, in bytes.
const SERVER_BYTES_MAX: u64 = 300 << 20;

/// Memory that no candidate may take of one of the server's children.
const CHILD_BYTES_MAX: u64 = 150 << 20;

/// A server with one revision, and a clone of it.
fn bench() -> (Cluster, WorkingCopy, String) {
    let mut cluster = Cluster::plan(&Plan::default());
    cluster.server.start();
    cluster.server.ready();
    assert_eq!(Rest::new(cluster.server.url()).put("/v1/files/seed.json", &[], "1").status, 201);
    let copy = WorkingCopy::clone(&cluster.git(), &[]);
    let head = copy.id("HEAD");
    (cluster, copy, head)
}

/// What is wrong with how one candidate was treated.
#[derive(Default)]
struct Complaints(Vec<String>);

impl Complaints {
    fn unless(&mut self, is_right: bool, complaint: impl FnOnce() -> String) {
        if !is_right {
            self.0.push(complaint());
        }
    }

    fn of_refusal(&mut self, what: &str, told: &[&str], said: &str) {
        let unbroken = said.lines().map(|line| line.trim_start_matches("remote:").trim()).collect::<Vec<_>>().join(" ");
        self.unless(told.iter().any(|word| unbroken.contains(word)), || {
            format!("{what}: none of {told:?} in {}", unbroken.chars().take(1_000).collect::<String>())
        });
    }

    fn of_memory(&mut self, what: &str, peak: &Peak) {
        let (child, bytes) = peak.largest_child();
        println!("{what}: {} ms, server {} MiB, {child} {} MiB", peak.elapsed.as_millis(), peak.own >> 20, bytes >> 20);
        self.unless(peak.own < SERVER_BYTES_MAX, || format!("{what}: {} MiB of the server", peak.own >> 20));
        self.unless(bytes < CHILD_BYTES_MAX, || format!("{what}: {} MiB of {child}", bytes >> 20));
    }

    /// What was refused is not in the repository, and nobody can fetch it by its id.
    fn of_remains(&mut self, what: &str, cluster: &Cluster, id: &str) {
        let repository = cluster.server_data().join("namespaces/main.git");
        let found = git(&repository).args(["cat-file", "-e", id]).output().unwrap();
        self.unless(!found.status.success(), || format!("{what} is in the repository"));
        let fetched = WorkingCopy::init(&cluster.git()).git(&["fetch", "origin", id]);
        self.unless(!fetched.ok, || format!("{what} can be fetched"));
    }
}

fn check_family(family: &str) {
    let (mut cluster, copy, head) = bench();
    let (server, url) = (cluster.server.process().pid(), cluster.git());
    let (_, make) = hostile::FAMILIES.into_iter().find(|(name, _)| *name == family).unwrap();
    let (candidates, mut complaints) = (make(&copy, &head), Complaints::default());
    let (_, rounds) = while_serving(cluster.server.url(), || {
        for Hostile { name, commit, reference, told } in &candidates {
            let refspec = format!("{commit}:{reference}");
            // Where either verdict is right nothing shall land, lest it stands in the way of the next.
            let option: &[&str] = if told.is_empty() { &["-o", "dry-run"] } else { &[] };
            let push = || copy.git(&[&["push"], option, &[&url, &refspec]].concat());
            let (pushed, peak) = memory::watch(server, push);
            if !told.is_empty() {
                complaints.unless(!pushed.ok, || format!("{name} was accepted"));
                complaints.of_refusal(name, told, &pushed.stderr);
            }
            complaints.of_memory(name, &peak);
            complaints.of_remains(name, &cluster, commit);
        }
    });
    println!("{} candidates, {rounds} rounds of an honest client meanwhile", candidates.len());
    assert!(rounds > 0, "nobody else was served");
    assert!(complaints.0.is_empty(), "{:#?}", complaints.0);
}

#[test]
fn names_and_modes_that_no_host_could_take_are_refused() {
    check_family("entries");
}

#[test]
fn trees_that_no_host_could_take_are_refused() {
    check_family("shapes");
}

#[test]
fn documents_that_readers_would_choke_on_are_refused() {
    check_family("documents");
}

#[test]
fn policies_that_cost_more_than_they_weigh_are_refused() {
    check_family("policies");
}

#[test]
fn what_a_push_holds_beside_its_tip_is_refused() {
    check_family("history");
}

/// Whatever the account that runs the server says in its settings of Git, and whatever is left in its environment.
#[test]
fn an_operators_git_does_not_switch_the_gate_off() {
    let folder = tempfile::TempDir::new().unwrap();
    let (settings, none) = (folder.path().join(".gitconfig"), folder.path().join("none"));
    std::fs::create_dir(&none).unwrap();
    let text = format!("[core]\n\thooksPath = {0}\n[receive]\n\tprocReceiveRefs = refs/none\n", none.display());
    std::fs::write(&settings, text).unwrap();
    let variable = |name: &str, value: &std::path::Path| (name.to_owned(), value.display().to_string());
    let mut variables = vec![
        variable("HOME", folder.path()),
        variable("XDG_CONFIG_HOME", folder.path()),
        variable("GIT_CONFIG_GLOBAL", &settings),
        variable("GIT_CONFIG_SYSTEM", &settings),
        variable("GIT_CONFIG_VALUE_0", &none),
        variable("GIT_OBJECT_DIRECTORY", &none),
        variable("GIT_DIR", &none),
    ];
    variables.extend(
        [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "core.hooksPath")]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let mut cluster = Cluster::plan(&Plan { server_variables: variables, ..Plan::default() });
    cluster.server.start();
    cluster.server.ready();
    let copy = WorkingCopy::init(&cluster.git());
    let _ = copy.change("good.json", "1").expect_ok();
    let refused = copy.change("bad.json", "{").expect_refused();
    assert!(refused.remote_lines().contains("[json/syntax]"), "{}", refused.stderr);
    assert_eq!(cluster.run(&["log", "--output", "json"]).expect_ok().json()["head"], 1);
}

#[test]
fn packs_that_no_git_makes_are_refused_within_bounded_memory() {
    let (mut cluster, copy, head) = bench();
    let (server, url) = (cluster.server.process().pid(), cluster.server.url().to_owned());
    let mut complaints = Complaints::default();
    let (_, rounds) = while_serving(&url, || {
        for pack in packs::all(&copy, &head) {
            let (said, peak) = memory::watch(server, || pack.push(&url));
            complaints.of_refusal(pack.name, &pack.told, &said);
            complaints.of_memory(pack.name, &peak);
            pack.strays.iter().chain([&pack.commit]).for_each(|id| complaints.of_remains(pack.name, &cluster, id));
        }
    });
    assert!(rounds > 0, "nobody else was served");
    assert!(complaints.0.is_empty(), "{:#?}", complaints.0);
}
