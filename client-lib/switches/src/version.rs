//! Versions by Semantic Versioning, in the generous form of flagd: a leading `v`, missing parts, numbers, build metadata.

use std::cmp::Ordering;

/// How two versions are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VersionTest {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    SameMajor,
    SameMinor,
}

impl VersionTest {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "=" => Self::Equal,
            "!=" => Self::Unequal,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            "^" => Self::SameMajor,
            "~" => Self::SameMinor,
            _ => return None,
        })
    }

    pub(crate) fn holds(self, left: &Version<'_>, right: &Version<'_>) -> bool {
        let order = left.compare(right);
        match self {
            Self::Equal => order.is_eq(),
            Self::Unequal => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
            Self::SameMajor => left.core[0] == right.core[0],
            Self::SameMinor => left.core[..2] == right.core[..2],
        }
    }
}

/// A version, borrowed from its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version<'t> {
    core: [u64; 3],
    /// Empty for a release.
    pre: &'t str,
}

impl<'t> Version<'t> {
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        if let Some(core) = plain(text) {
            return Some(Self { core, pre: "" });
        }
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
        let (core, pre) = text.split_once('-').map_or((text, None), |(core, pre)| (core, Some(pre)));
        let mut numbers = [0; 3];
        for (at, part) in core.split('.').enumerate() {
            *numbers.get_mut(at)? = number(part)?;
        }
        let is_pre = |part: &str| is_identifier(part) && (!is_numeric(part) || number(part).is_some());
        let fits = pre.is_none_or(|pre| pre.split('.').all(is_pre))
            && build.is_none_or(|build| build.split('.').all(is_identifier));
        fits.then_some(Self { core: numbers, pre: pre.unwrap_or_default() })
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.core.cmp(&other.core).then_with(|| match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            // What is before a release is less than it.
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => compare_pre(self.pre, other.pre),
        })
    }
}

/// Reads `1.2.3`, which almost all are, in one go; what else is a version is read with more care.
#[inline]
fn plain(text: &str) -> Option<[u64; 3]> {
    let (mut core, mut at, mut digits) = ([0_u64; 3], 0, 0);
    for byte in text.bytes() {
        match byte {
            b'.' if digits > 0 && at < 2 => (at, digits) = (at + 1, 0),
            // Digits after a zero are none of a number, and eighteen of them always fit.
            b'0'..=b'9' if digits < 18 && (digits == 0 || core[at] > 0) => {
                core[at] = core[at] * 10 + u64::from(byte - b'0');
                digits += 1;
            }
            _ => return None,
        }
    }
    (at == 2 && digits > 0).then_some(core)
}

fn number(part: &str) -> Option<u64> {
    let is_canonical = is_numeric(part) && (part == "0" || !part.starts_with('0'));
    is_canonical.then(|| part.parse().ok()).flatten()
}

fn is_numeric(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_identifier(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn compare_pre(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => match (is_numeric(a), is_numeric(b)) {
                (true, true) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (false, false) => a.cmp(b),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_the_specification_says() {
        let ordered = [
            "0.9",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "v1",
            "1.0.1",
            "1.10.0",
            "2",
        ];
        for (at, left) in ordered.iter().enumerate() {
            for (other, right) in ordered.iter().enumerate() {
                let (left, right) = (Version::parse(left).unwrap(), Version::parse(right).unwrap());
                assert_eq!(left.compare(&right), at.cmp(&other), "{left:?} {right:?}");
            }
        }
    }

    #[test]
    fn generous_forms_are_read_and_nonsense_is_not() {
        for (left, test, right) in [
            ("v1.2", "=", "1.2.0+build.5"),
            ("1.2.9", "~", "1.2"),
            ("1.9", "^", "V1"),
            ("3", "!=", "3.0.1"),
            ("2.0.0", ">=", "2.0.0-rc.1"),
        ] {
            let (left, right) = (Version::parse(left).unwrap(), Version::parse(right).unwrap());
            assert!(VersionTest::parse(test).unwrap().holds(&left, &right));
        }
        for text in ["", "v", "a", "1.", "1.2.3.4", "01.2", "1.2.3-", "1.2.3-01", "1.2.3+", "1..2", "-1"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
