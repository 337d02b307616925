//! A long history, made through the API.

use crate::{progress::Progress, stats::ms};
use configbus_api::{ChangeSet, Client, Edit, Expected};
use std::{path::Path, time::Instant};
use tokio::runtime::Runtime;

/// The file whose history is asked for.
pub(super) const PATH: &str = "d07/watched.conf";

/// Its lines; each change is of one of them.
pub(super) const LINES: usize = 50;

/// How often it changes.
pub(super) const CHANGES: usize = 20;

/// Other files.
const FILES: usize = 1_000;

/// Commits counted at once.
const STEP: usize = 1_000;

/// Lands so many commits and says what they cost.
pub(super) fn make(repository: &Path, runtime: &Runtime, client: &Client, commits: usize) -> anyhow::Result<()> {
    let progress = Progress::counting("landing, in thousands", u64::try_from(commits / STEP)?);
    let started = Instant::now();
    runtime.block_on(async {
        let mut bulk = client.land_all((0..commits).map(|number| change(number, commits)));
        for number in 1..=commits {
            let landed = bulk.next().await.ok_or_else(|| anyhow::anyhow!("the stream ended"))??;
            anyhow::ensure!(landed.committed, "change {number} made no commit");
            if number.is_multiple_of(STEP) {
                progress.step();
            }
        }
        Ok(())
    })?;
    drop(progress);
    let elapsed = started.elapsed();
    let commits = u64::try_from(commits)?;
    let rate = u128::from(commits) * 1_000 / elapsed.as_millis().max(1);
    let bytes = super::size(repository)? / commits.max(1);
    println!("  landed in {} ms: {rate} commits/s through one stream; {bytes} bytes on disk per commit", ms(elapsed));
    Ok(())
}

fn change(number: usize, commits: usize) -> ChangeSet {
    let every = (commits / CHANGES).max(1);
    let (path, content) = if number.is_multiple_of(every) && number / every < CHANGES {
        (PATH.to_owned(), watched(number / every))
    } else {
        let file = number % FILES;
        (format!("d{:02}/f{file:03}.json", file % 20), format!("{{\"n\": {number}}}\n"))
    };
    let path = path.parse().expect("the paths are fixed and valid");
    ChangeSet::new(format!("change {number}")).with(Edit::put(path, content, Expected::Any))
}

/// The file after so many changes: one other line has changed with each.
fn watched(version: usize) -> String {
    let line = |line: usize| {
        let changed = (0..=version).rev().find(|change| change * 7 % LINES == line);
        format!("key{line} = {}\n", changed.unwrap_or(0))
    };
    (0..LINES).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_changes_one_line() {
        for version in 1..CHANGES {
            let (before, after) = (watched(version - 1), watched(version));
            assert_eq!(before.lines().zip(after.lines()).filter(|(before, after)| before != after).count(), 1);
        }
        let paths = (0..1_000).map(|number| change(number, 1_000).edits[0].path.to_string());
        assert_eq!(paths.filter(|path| path == PATH).count(), CHANGES);
    }
}
