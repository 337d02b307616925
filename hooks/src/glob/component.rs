//! One component of a pattern: a name with wildcards.

use super::GlobError;
use std::{iter::Peekable, str::Chars};

/// Matches one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Component {
    tokens: Vec<Token>,
    /// The name itself where there is no wildcard: most components are, and most paths have another.
    literal: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Char(char),
    /// `?`
    AnyChar,
    /// `*`
    Star,
    /// `[…]`
    Class {
        is_negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Component {
    /// Matches every name.
    pub(super) fn any() -> Self {
        Self { tokens: vec![Token::Star], literal: None }
    }

    pub(super) fn parse(text: &str) -> Result<Self, GlobError> {
        let mut tokens = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            tokens.push(match c {
                '*' if tokens.last() == Some(&Token::Star) => continue,
                '*' => Token::Star,
                '?' => Token::AnyChar,
                '[' => class(&mut chars)?,
                '\\' => Token::Char(chars.next().ok_or(GlobError::Dangling)?),
                c => Token::Char(c),
            });
        }
        let char = |token: &Token| if let Token::Char(c) = token { Some(*c) } else { None };
        let literal = tokens.iter().map(char).collect();
        Ok(Self { tokens, literal })
    }

    pub(super) fn wildcards(&self) -> usize {
        self.tokens.iter().filter(|token| !matches!(token, Token::Char(_))).count()
    }

    pub(super) fn as_literal(&self) -> Option<&str> {
        self.literal.as_deref()
    }

    /// Writes it so that it is read as the same; also where spaces end a word.
    pub(super) fn to_pattern(&self) -> String {
        let mut text = String::new();
        for token in &self.tokens {
            match token {
                Token::Char(c) => escaped(*c, "*?[]\\!#", &mut text),
                Token::AnyChar => text.push('?'),
                Token::Star => text.push('*'),
                Token::Class { is_negated, ranges } => {
                    text.push_str(if *is_negated { "[!" } else { "[" });
                    for (low, high) in ranges {
                        escaped(*low, "[]\\!^-", &mut text);
                        if low != high {
                            text.push('-');
                            escaped(*high, "[]\\!^-", &mut text);
                        }
                    }
                    text.push(']');
                }
            }
        }
        text
    }

    /// Returns whether a name matches. When what follows the last star does not, the star takes one character more;
    /// earlier stars never need to.
    pub(super) fn matches(&self, name: &str) -> bool {
        if let Some(literal) = &self.literal {
            return literal == name;
        }
        let (mut tokens, mut rest) = (self.tokens.as_slice(), name.chars());
        let mut retry: Option<(&[Token], Chars<'_>)> = None;
        loop {
            if let Some((Token::Star, after)) = tokens.split_first() {
                if after.is_empty() {
                    return true;
                }
                (tokens, retry) = (after, Some((after, rest.clone())));
                continue;
            }
            let mut ahead = rest.clone();
            match (tokens.split_first(), ahead.next()) {
                (None, None) => return true,
                (Some((token, after)), Some(c)) if token.matches(c) => (tokens, rest) = (after, ahead),
                _ => {
                    let Some((after, mut from)) = retry.take() else { return false };
                    if from.next().is_none() {
                        return false;
                    }
                    (tokens, rest) = (after, from.clone());
                    retry = Some((after, from));
                }
            }
        }
    }
}

impl Token {
    fn matches(&self, c: char) -> bool {
        match self {
            Self::Char(expected) => *expected == c,
            Self::AnyChar | Self::Star => true,
            Self::Class { is_negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *is_negated
            }
        }
    }
}

fn escaped(c: char, meaningful: &str, text: &mut String) {
    if c.is_whitespace() || meaningful.contains(c) {
        text.push('\\');
    }
    text.push(c);
}

/// Reads what follows `[`.
fn class(chars: &mut Peekable<Chars<'_>>) -> Result<Token, GlobError> {
    let is_negated = chars.next_if(|c| matches!(c, '!' | '^')).is_some();
    let mut ranges = Vec::new();
    loop {
        let low = match chars.next().ok_or(GlobError::OpenClass)? {
            // First in the class it stands for itself.
            ']' if !ranges.is_empty() => return Ok(Token::Class { is_negated, ranges }),
            '[' if chars.peek() == Some(&':') => return Err(GlobError::NamedClass),
            '\\' => chars.next().ok_or(GlobError::OpenClass)?,
            c => c,
        };
        let high = range_end(chars, low)?;
        if high < low {
            return Err(GlobError::EmptyRange { range: format!("{low}-{high}") });
        }
        ranges.push((low, high));
    }
}

/// Reads `-x` if it is there; a dash before the closing bracket stands for itself.
fn range_end(chars: &mut Peekable<Chars<'_>>, low: char) -> Result<char, GlobError> {
    let mut ahead = chars.clone();
    match (ahead.next(), ahead.next()) {
        (Some('-'), Some(high)) if high != ']' => {
            *chars = ahead;
            if high == '\\' { chars.next().ok_or(GlobError::OpenClass) } else { Ok(high) }
        }
        _ => Ok(low),
    }
}
