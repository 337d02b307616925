//! What somebody probably meant.

/// Least similarity, from 0 to 1, at which a guess helps more than it misleads.
const SIMILARITY_MIN: f64 = 0.7;

/// Returns the known name that is most like what was written, if any is like it.
pub(crate) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.into_iter().map(|name| (strsim::jaro_winkler(written, name), name));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(similarity, _)| *similarity >= SIMILARITY_MIN).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        assert_eq!(nearest("team.yaml", ["owners", "teams.yaml"]), Some("teams.yaml"));
        assert_eq!(nearest("schema", ["files", "schema", "compatibility"]), Some("schema"));
        assert_eq!(nearest("xyz", ["owners", "teams.yaml"]), None);
        assert_eq!(nearest("x", []), None);
    }
}
