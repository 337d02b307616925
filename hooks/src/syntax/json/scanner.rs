//! The lexical part: white space, strings, numbers and words.

use super::Stop;
use crate::{Rule, syntax::describe};
use std::borrow::Cow;

/// What begins at the current place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    Object,
    Array,
    String,
    Number,
    Word,
}

/// Reads JSON's smallest parts, one after the other.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Returns the place of the next byte.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// Returns the next byte.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Goes over one byte.
    pub(crate) fn advance(&mut self) {
        self.at += 1;
    }

    /// Goes over white space.
    pub(crate) fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Says what kind of value begins here.
    pub(crate) fn token(&self) -> Result<Token, Stop> {
        match self.peek() {
            Some(b'{') => Ok(Token::Object),
            Some(b'[') => Ok(Token::Array),
            Some(b'"') => Ok(Token::String),
            Some(b'-' | b'0'..=b'9') => Ok(Token::Number),
            Some(b't' | b'f' | b'n') => Ok(Token::Word),
            _ => Err(self.unexpected("a value")),
        }
    }

    /// Goes over `true`, `false` or `null`.
    pub(crate) fn word(&mut self) -> Result<(), Stop> {
        let start = self.at;
        while matches!(self.peek(), Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_')) {
            self.at += 1;
        }
        let word = &self.text[start..self.at];
        if matches!(word, "true" | "false" | "null") {
            return Ok(());
        }
        Err(Stop {
            found: word.to_owned(),
            ..self.stop(start, "unknown word", "true, false, null or a string in quotes")
        })
    }

    /// Goes over a number and returns it if 64 bits cannot hold it.
    pub(crate) fn number(&mut self) -> Result<Option<&'a str>, Stop> {
        let start = self.at;
        self.skip_if(b'-');
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.stop(start, "number has a leading zero", "no zero before other digits"));
        }
        let is_integer = !matches!(self.peek(), Some(b'.' | b'e' | b'E'));
        if self.skip_if(b'.') {
            self.digits()?;
        }
        if self.skip_if(b'e') || self.skip_if(b'E') {
            let _sign = self.skip_if(b'+') || self.skip_if(b'-');
            self.digits()?;
        }
        let number = &self.text[start..self.at];
        let fits = match is_integer {
            true => number.parse::<u64>().is_ok() || number.parse::<i64>().is_ok(),
            false => number.parse::<f64>().is_ok_and(f64::is_finite),
        };
        Ok((!fits).then_some(number))
    }

    /// Goes over a string and returns what it means.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, Stop> {
        self.at += 1;
        let start = self.at;
        let mut meaning: Option<String> = None;
        let mut copied = start;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    let meaning = meaning.get_or_insert_default();
                    meaning.push_str(&self.text[copied..self.at]);
                    meaning.push(self.escape()?);
                    copied = self.at;
                }
                Some(0..=0x1f) => return Err(self.raw_control()),
                Some(_) => self.at += 1,
                None => {
                    let stop = self.stop(start - 1, "string has no end", "a closing quote");
                    return Err(Stop { found: "end of file".to_owned(), ..stop });
                }
            }
        }
        let rest = &self.text[copied..self.at];
        self.at += 1;
        Ok(match meaning {
            Some(meaning) => Cow::Owned(meaning + rest),
            None => Cow::Borrowed(rest),
        })
    }

    fn escape(&mut self) -> Result<char, Stop> {
        let start = self.at;
        self.at += 1;
        let escaped = self.peek();
        self.at += 1;
        Ok(match escaped {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => self.unicode_escape(start)?,
            _ => {
                self.at = start;
                return Err(self.bad_escape(start));
            }
        })
    }

    /// Two escapes make one character beyond the first 65,536.
    fn unicode_escape(&mut self, start: usize) -> Result<char, Stop> {
        let first = self.four_digits().ok_or_else(|| self.bad_escape(start))?;
        if let Some(c) = char::from_u32(first) {
            return Ok(c);
        }
        let second = (self.skip_if(b'\\') && self.skip_if(b'u')).then(|| self.four_digits()).flatten();
        match second {
            Some(second @ 0xdc00..=0xdfff) if first < 0xdc00 => {
                let c = char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00));
                Ok(c.expect("a high and a low surrogate make a character"))
            }
            _ => Err(self.stop(start, "escape is half of a surrogate pair", "both halves, or the character itself")),
        }
    }

    fn four_digits(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        let all_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        self.at += 4;
        all_hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    }

    fn bad_escape(&self, start: usize) -> Stop {
        let found: String = self.text[start..].chars().take(2).collect();
        Stop { found, ..self.stop(start, "unknown escape", r#"\" \\ \/ \b \f \n \r \t or \u with four hex digits"#) }
    }

    fn raw_control(&self) -> Stop {
        let expected = r"an escape such as \n or \t, or a closing quote";
        self.stop(self.at, "string has a control character", expected)
    }

    fn digits(&mut self) -> Result<(), Stop> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.unexpected("a digit")) } else { Ok(()) }
    }

    fn skip_if(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    /// Something else stands here than what must. The end of the file is told where its content ends.
    pub(crate) fn unexpected(&self, expected: &'static str) -> Stop {
        let rest = &self.text[self.at..];
        let offset = if rest.is_empty() { self.text.trim_end().len() } else { self.at };
        let message = match rest.as_bytes() {
            [] => "file ends too early",
            [b'/', b'/' | b'*', ..] | [b'#', ..] => "comments are not JSON",
            [b'\'', ..] => "strings and keys stand in double quotes",
            _ => "unexpected character",
        };
        Stop { found: describe(rest), ..self.stop(offset, message, expected) }
    }

    fn stop(&self, offset: usize, message: &'static str, expected: &'static str) -> Stop {
        Stop {
            offset,
            rule: Rule::JsonSyntax,
            message,
            found: describe(&self.text[offset..]),
            expected: expected.into(),
        }
    }
}
