//! The one thread that forks, because a child's parent-death signal follows the thread that forked it.

use std::{
    io,
    os::unix::process::CommandExt as _,
    process::{Child, Command},
    sync::{OnceLock, mpsc},
    thread,
};

type Job = (Command, mpsc::SyncSender<io::Result<Child>>);

/// Starts `command` so that it dies with this process.
pub(super) fn spawn(command: Command) -> io::Result<Child> {
    let (reply, answer) = mpsc::sync_channel(1);
    let ended = || io::Error::other("the thread that starts Git children has ended");
    spawner()?.send((command, reply)).map_err(|_| ended())?;
    answer.recv().map_err(|_| ended())?
}

fn spawner() -> io::Result<mpsc::Sender<Job>> {
    static SPAWNER: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    if let Some(sender) = SPAWNER.get() {
        return Ok(sender.clone());
    }
    let (sender, jobs) = mpsc::channel::<Job>();
    // Two threads may come here at once; the loser's channel closes and its thread ends at once.
    thread::Builder::new().name("git-spawner".into()).spawn(move || fork_all(&jobs))?;
    Ok(SPAWNER.get_or_init(|| sender).clone())
}

fn fork_all(jobs: &mpsc::Receiver<Job>) {
    while let Ok((mut command, reply)) = jobs.recv() {
        die_with_parent(&mut command);
        // Whoever asked may have gone; the child then ends on its closed standard input.
        let _ = reply.send(command.spawn());
    }
}

#[allow(unsafe_code, reason = "only between fork and exec can a process ask for its parent's death signal")]
fn die_with_parent(command: &mut Command) {
    let parent = rustix::process::getpid();
    let ask = move || {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        // The parent may have died before the signal was asked for.
        if rustix::process::getppid() == Some(parent) { Ok(()) } else { Err(io::ErrorKind::NotConnected.into()) }
    };
    // SAFETY: the closure makes two system calls and allocates nothing, which is all that is allowed after fork.
    unsafe { command.pre_exec(ask) };
}
