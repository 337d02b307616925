//! An honest client that goes on while somebody else is not honest.

use crate::{git::WorkingCopy, rest::Rest};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

/// Does something while a client of the same server puts, gets, clones and pushes all the time, and returns how often it
/// came round.
///
/// # Panics
/// Panics when the client is not served.
pub fn while_serving<T>(server: &str, work: impl FnOnce() -> T) -> (T, usize) {
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let client = scope.spawn(|| {
            let (rest, git) = (Rest::new(server), format!("{server}/git/main.git"));
            let mut rounds = 0;
            while !is_done.load(Ordering::Relaxed) {
                round(&rest, &git, rounds);
                rounds += 1;
            }
            rounds
        });
        // A panic of this must end the client as well.
        let value = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        is_done.store(true, Ordering::Relaxed);
        let rounds = client.join().expect("the honest client is served");
        (value.unwrap_or_else(|panic| std::panic::resume_unwind(panic)), rounds)
    })
}

fn round(rest: &Rest, git: &str, round: usize) {
    let text = format!("{{\"round\": {round}}}");
    let put = rest.put("/v1/files/steady/put.json", &[], &text);
    assert!(matches!(put.status, 200 | 201), "{put:?}");
    let got = rest.get("/v1/files/steady/put.json", &[]);
    assert_eq!((got.status, &got.body), (200, &text));
    let clone = WorkingCopy::clone(git, &["--single-branch", "--depth=1"]);
    let _ = clone.change("steady/push.json", &text).expect_ok();
    let got = rest.get("/v1/files/steady/push.json", &[]);
    assert_eq!((got.status, &got.body), (200, &text));
}
