//! Telling a token from a placeholder of the same form.

/// Returns whether a token's characters look drawn at random, not typed: `xxxxxxxx`, `EXAMPLE` and `abcdefgh…` do not.
pub(super) fn is_random(token: &[u8]) -> bool {
    !is_sequence(token) && !names_itself(token) && entropy(token) >= least_entropy(token.len())
}

/// Shannon's entropy in bits for each character.
fn entropy(token: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    token.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let length = f64::from(u32::try_from(token.len()).unwrap_or(u32::MAX));
    let bits = |count: &u32| {
        let share = f64::from(*count) / length;
        -share * share.log2()
    };
    counts.iter().filter(|count| **count > 0).map(bits).sum()
}

/// What random characters of 16 kinds have nearly always, less where there are few of them.
fn least_entropy(length: usize) -> f64 {
    if length < 20 { 2.5 } else { 3.0 }
}

/// Most neighbours are neighbours in the alphabet as well.
fn is_sequence(token: &[u8]) -> bool {
    let steps = token.windows(2).filter(|pair| pair[1] == pair[0].wrapping_add(1) || pair[1] == pair[0]).count();
    steps * 2 > token.len()
}

fn names_itself(token: &[u8]) -> bool {
    const WORDS: [&[u8]; 6] = [b"example", b"placeholder", b"changeme", b"xxxxxx", b"yourtoken", b"dummy"];
    let token = token.to_ascii_lowercase();
    WORDS.iter().any(|word| token.windows(word.len()).any(|part| part == *word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_no_tokens() {
        for placeholder in [
            "xxxxxxxxxxxxxxxxxxxx",
            "00000000000000000000",
            "abcdefghijklmnopqrstuvwxyz",
            "IOSFODNN7EXAMPLE",
            "0123456789012345678901234567890",
            "aaaabbbbccccddddaaaabbbbccccdddd",
        ] {
            assert!(!is_random(placeholder.as_bytes()), "{placeholder}");
        }
        for token in ["Q3WZ7RNH2PLK5TYB", "4f9c1e7ab2d8035c66e1f0a97b3d2c48"] {
            assert!(is_random(token.as_bytes()), "{token}");
        }
    }
}
