//! W3C trace context: one trace spans a push, its landing, its announcement and the flip on every host.

/// Returns `given` when it is a valid `traceparent`, otherwise a new one: the specification wants a malformed one
/// replaced, not refused.
pub(crate) fn adopt_or_create(given: Option<&str>) -> String {
    given.filter(|text| is_valid(text)).map_or_else(create, str::to_owned)
}

fn create() -> String {
    let trace = fastrand::u128(1..);
    let span = fastrand::u64(1..);
    format!("00-{trace:032x}-{span:016x}-01")
}

fn is_valid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, span, flags] = parts.as_slice() else { return false };
    let hex = |part: &str, digits| part.len() == digits && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let not_zero = |part: &str| part.bytes().any(|b| b != b'0');
    *version == "00" && hex(trace, 32) && not_zero(trace) && hex(span, 16) && not_zero(span) && hex(flags, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_valid_context_is_kept() {
        assert_eq!(adopt_or_create(Some(GIVEN)), GIVEN);
    }

    #[test]
    fn anything_else_is_replaced_by_a_valid_one() {
        let zero = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        for given in [None, Some(""), Some("00-x-y-z"), Some(zero), Some("ff-a"), Some(&*GIVEN.to_uppercase())] {
            let made = adopt_or_create(given);
            assert!(is_valid(&made), "{made}");
            assert_ne!(Some(&*made), given);
        }
    }
}
