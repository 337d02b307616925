//! The gate over real configuration files: a thousand that are right, and some that are not.
//!
//! The files come from the archive `schemastore.tar.xz`, in the folder that `CONFIGBUS_TEST_DATA` names, else in
//! `../shared/data` beside the workspace.

use configbus_hooks::{Gate, GateSettings, Report};
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

fn archive() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in a workspace");
    let folder = env::var_os("CONFIGBUS_TEST_DATA").map_or_else(|| workspace.join("../shared/data"), PathBuf::from);
    let archive = folder.join("schemastore.tar.xz");
    assert!(archive.is_file(), "{} is missing; name its folder with CONFIGBUS_TEST_DATA", archive.display());
    archive
}

fn unpacked() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let status = Command::new("tar").arg("xJf").arg(archive()).arg("-C").arg(folder.path()).status();
    assert!(status.expect("tar is installed").success(), "tar failed");
    folder
}

fn check(folder: &Path) -> Report {
    let gate = Gate::new(GateSettings::default()).expect("the defaults hold");
    gate.check_working_copy(folder, &mut |_| {}).expect("the files can be read")
}

#[test]
fn every_valid_file_and_schema_is_accepted() {
    let folder = unpacked();
    for (name, files) in [("schemas", 249), ("valid", 811)] {
        let report = check(&folder.path().join("schemastore").join(name));
        assert!(report.is_accepted(), "{name}:\n{}", report.render_plain());
        assert_eq!(report.files_checked, files, "{name}");
    }
}

/// These violate their schemas and nothing else: the syntax gate lets every one of them through.
#[test]
fn files_that_only_violate_their_schema_pass() {
    let folder = unpacked();
    let report = check(&folder.path().join("schemastore/invalid"));
    assert!(report.is_accepted(), "{}", report.render_plain());
    assert_eq!(report.files_checked, 434);
}
