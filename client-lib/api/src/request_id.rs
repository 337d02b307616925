//! Names for requests, so that asking twice does nothing twice.

/// Returns an id that nobody else has chosen: 128 random bits.
pub(crate) fn random() -> String {
    format!("{:032x}", fastrand::u128(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_are_usable() {
        let (one, other) = (random(), random());
        assert_ne!(one, other);
        assert!(one.len() == 32 && one.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
