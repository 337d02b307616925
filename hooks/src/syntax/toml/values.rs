//! How many values a TOML file has, counted before it is parsed: the parser keeps several hundred bytes of each.

/// Returns where a file has more values than it may have: assignments, items of lists, lists, tables and parts of keys, whatever
/// is not in strings and comments. Numbers with a point count twice.
pub(super) fn end_of_bound(text: &str, values_max: usize) -> Option<usize> {
    let (bytes, mut at, mut values) = (text.as_bytes(), 0, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'#' => at = end_of_line(bytes, at),
            quote @ (b'"' | b'\'') => at = end_of_string(bytes, at, *quote),
            b'=' | b',' | b'[' | b'{' | b'.' => {
                values += 1;
                if values > values_max {
                    return Some(at);
                }
                at += 1;
            }
            _ => at += 1,
        }
    }
    None
}

fn end_of_line(bytes: &[u8], from: usize) -> usize {
    bytes[from..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| from + length)
}

/// Returns where a string ends that begins at a quote. One that does not end is no TOML, and neither is what follows.
fn end_of_string(bytes: &[u8], from: usize, quote: u8) -> usize {
    let is_tripled = |at: usize| bytes.get(at..at + 3).is_some_and(|three| three.iter().all(|byte| *byte == quote));
    let is_long = is_tripled(from);
    let mut at = from + if is_long { 3 } else { 1 };
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if quote == b'"' => at += 2,
            b'\n' if !is_long => return at,
            byte if *byte == quote && !is_long => return at + 1,
            byte if *byte == quote && is_tripled(at) => {
                // Up to two more quotes are the last characters of the string.
                return at + 3 + bytes[at + 3..].iter().take(2).take_while(|byte| **byte == quote).count();
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        (0..).find(|max| end_of_bound(text, *max).is_none()).unwrap()
    }

    #[test]
    fn values_are_counted_outside_strings_and_comments() {
        assert_eq!(count("a = 1\nb.c = [1, 2]\n[[d]]\ne = {f = true}\n"), 10);
        assert_eq!(count("# a = 1, [\na = 'x, y = [' # {\nb = \"\\\", = [\"\n"), 2);
        assert_eq!(count("a = \"\"\"\n=\\\"\"\"= \"\"\"\"\nb = '''=\n,'''''\nc = ''\n"), 3);
        // A string that ends with quotes of its own hides nothing behind it.
        assert_eq!(count("a = [\"\"\"x\"\"\"\", {}, {}, {}]\n"), 8);
        assert_eq!(count("a = '''=\n=\n"), 1);
        assert_eq!(end_of_bound("a = 1\nb = 2\n", 1), Some(8));
    }
}
