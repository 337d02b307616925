//! YAML 1.2 with merge keys and several documents.
//!
//! Two passes. The first walks the parser's events and finds what no value shows any more: keys that are there twice,
//! integers that lost digits, aliases that would multiply. The second reads every document into nothing, with the
//! reader that Rust hosts use and the same options, so that nothing is accepted that they refuse.

mod drain;
mod number;
mod settings;
mod walk;
mod weight;

use crate::{
    Rule,
    check::{Check, Document, Findings},
    syntax::DocumentBounds,
};
use drain::Drain;
use serde_saphyr::{
    DuplicateKeyPolicy, Error, MergeKeyPolicy, MessageFormatter as _, NonFiniteFloatPolicy, Options,
    UserMessageFormatter,
};

pub use settings::YamlSettings;

/// Checks `.yaml` and `.yml`.
#[derive(Debug)]
pub(crate) struct Yaml {
    /// What a document may be like.
    pub(crate) bounds: DocumentBounds,
}

impl Check for Yaml {
    fn applies_to(&self, path: &str) -> bool {
        super::has_extension(path, &["yaml", "yml"])
    }

    fn check(&self, document: &Document<'_>, findings: &mut Findings) {
        let Some(text) = document.unmarked_utf8(findings) else { return };
        walk::walk(document, text, &self.bounds, findings);
        if findings.is_empty() {
            self.read(document, text, findings);
        }
    }
}

impl Yaml {
    fn read(&self, document: &Document<'_>, text: &str, findings: &mut Findings) {
        let read =
            serde_saphyr::from_str_multiple_with_options::<Drain, Vec<Drain>>(text, options(self.bounds.depth_max));
        let Err(error) = read else { return };
        let (rule, message) = refusal(error.without_snippet());
        findings.add(match error.location() {
            Some(location) => {
                let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
                let offset = document.offset_of(number(location.line()), number(location.column()));
                document.finding_at(rule, offset, message)
            }
            None => document.finding(rule, message),
        });
    }
}

/// Returns what an error of the reader means here. Keys that are no scalars only the reader compares.
fn refusal(error: &Error) -> (Rule, String) {
    let message = UserMessageFormatter.format_message(error).into_owned();
    match error {
        Error::DuplicateMappingKey { .. } => {
            (Rule::YamlDuplicateKey, "key is there twice; readers would see only one of them".to_owned())
        }
        // What is set is never wider, and told with its place by the walk, which sees the same events.
        Error::Budget { .. } => (Rule::YamlSize, format!("{message}, which hosts refuse; split the file")),
        _ => (Rule::YamlSyntax, message),
    }
}

/// The options of the client library, spelled out: what it would refuse on a host is refused here.
pub(crate) fn options(depth_max: usize) -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: depth_max,
            max_events: 1_500_000,
            max_nodes: 1_500_000,
            max_aliases: 50_000,
            max_anchors: 50_000,
            max_recorded_anchor_events: 1_000_000,
            max_documents: 10_000,
            max_merge_keys: 10_000,
            enforce_alias_anchor_ratio: false,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Merge,
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 1_000_000,
            max_replay_stack_depth: 64,
        },
        legacy_octal_numbers: false,
        strict_booleans: true,
        reject_unsupported_tags: false,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
    }
}

#[cfg(test)]
mod tests;
