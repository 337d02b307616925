//! Size of one file.

use crate::{Finding, Rule};
use configbus_model::at_most;

/// Returns a finding if a file is too large.
pub(crate) fn check_size(path: &str, size_bytes: u64, size_bytes_max: u64) -> Option<Finding> {
    let message = "file is too large for the bus, which copies every file to every host; split it, or keep the \
                   content in object storage and commit its address and checksum";
    (size_bytes > size_bytes_max).then(|| {
        Finding::new(Rule::FileSize, path, message).found(format!("{size_bytes} bytes")).expected(at_most(
            size_bytes_max,
            "bytes",
            "gate.file_size_bytes_max",
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_itself_passes() {
        assert_eq!(check_size("a", 10, 10), None);
        let finding = check_size("a", 11, 10).unwrap();
        let told = "found 11 bytes, expected at most 10 bytes (setting gate.file_size_bytes_max)";
        assert!(finding.sentence().ends_with(told), "{}", finding.sentence());
    }
}
