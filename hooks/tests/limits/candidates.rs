//! What is just inside a limit and what is just outside: candidates by their size.

use crate::put;
use configbus_hooks::testing::MemoryCandidate;

pub(crate) const RULES: &str = ".configbus/rules.yaml";

pub(crate) fn text(bytes: usize) -> String {
    "x".repeat(bytes)
}

pub(crate) fn deep(components: usize) -> String {
    vec!["d"; components].join("/")
}

/// A path of so many bytes whose names are short enough for the limit on names.
pub(crate) fn long(bytes: usize) -> String {
    let names = vec!["y".repeat(bytes / 5 - 1); 4].join("/");
    format!("{names}/{}", text(bytes - names.len() - 1))
}

pub(crate) fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

pub(crate) fn float(bytes: usize) -> String {
    format!("1.{}", "0".repeat(bytes - 2))
}

pub(crate) fn nodes(count: usize) -> String {
    let (tens, ones) = (count / 10, count % 10);
    format!("a: &a [1,1,1,1,1,1,1,1,1]\nb: &b 1\nc: [{}{}]\n", "*a,".repeat(tens), "*b,".repeat(ones))
}

pub(crate) fn aliased_bytes(bytes: usize) -> String {
    let each = bytes / 16;
    format!("a: &a {}\nb: &b x\nc: [{}{}]\n", text(each), "*a,".repeat(16), "*b,".repeat(bytes - 16 * each))
}

pub(crate) fn files(count: usize) -> MemoryCandidate {
    (0..count).fold(MemoryCandidate::on([]), |candidate, at| candidate.put(&format!("f{at}"), ""))
}

/// A rule that comes to so many files.
pub(crate) fn ruled(files: usize) -> MemoryCandidate {
    let names: Vec<_> = (0..files).map(|at| format!("f{at}")).collect();
    let base = MemoryCandidate::on(names.iter().map(|name| (name.as_str(), "")));
    base.put(RULES, "- {files: '*.json', rule: 'true', message: m}\n")
}

fn governed(schema: &str, document: impl Into<String>) -> MemoryCandidate {
    put("s.json", schema).put("a.json", document.into()).put(SCHEMAS, "- {files: /a.json, schema: s.json}\n")
}

const SCHEMAS: &str = ".configbus/schemas.yaml";

pub(crate) fn entries(count: usize) -> MemoryCandidate {
    let entry = |at| format!("- {{files: /f{at}.json, schema: s.json}}\n");
    put("s.json", "{}").put(SCHEMAS, (0..count).map(entry).collect::<String>())
}

pub(crate) fn sized(bytes: usize) -> MemoryCandidate {
    let frame = "{\"description\": \"\"}".len();
    governed(&format!("{{\"description\": \"{}\"}}", text(bytes - frame)), "1")
}

pub(crate) fn chained(files: usize) -> MemoryCandidate {
    let refer = |at: usize| format!("{{\"$ref\": \"s{at}.json\"}}");
    let candidate = governed(&refer(1), "1");
    let candidate = (1..files - 1).fold(candidate, |all, at| all.put(&format!("s{at}.json"), refer(at + 1)));
    candidate.put(&format!("s{}.json", files - 1), "{}")
}

pub(crate) fn referring(references: usize) -> MemoryCandidate {
    let list: Vec<_> = (0..references).map(|_| "{\"$ref\": \"#/$defs/a\"}").collect();
    governed(&format!("{{\"$defs\": {{\"a\": {{}}}}, \"allOf\": [{}]}}", list.join(",")), "1")
}

/// A schema of so many parts.
pub(crate) fn divided(parts: usize) -> MemoryCandidate {
    let list: Vec<_> = (1..parts).map(|at| format!("\"{at}\": {{}}")).collect();
    governed(&format!("{{\"properties\": {{{}}}}}", list.join(",")), "1")
}

/// A schema with so many evaluations of one value, an odd number: each part is judged and told.
pub(crate) fn evaluated(evaluations: usize) -> MemoryCandidate {
    governed(&format!("{{\"allOf\": [{}]}}", vec!["{}"; evaluations / 2].join(",")), "1")
}

pub(crate) fn patterned(patterns: usize) -> MemoryCandidate {
    let list: Vec<_> = (0..patterns).map(|at| format!("{{\"pattern\": \"^{at}\"}}")).collect();
    governed(&format!("{{\"allOf\": [{}]}}", list.join(",")), "1")
}

/// A text of so many bytes that a pattern with back-references matches after a few dozen tries.
pub(crate) fn backtracking(bytes: usize) -> MemoryCandidate {
    governed(r#"{"pattern": "^(?=a)(a|a)*\\1\\1\\1\\1\\1\\1!$"}"#, format!("\"{}!\"", "a".repeat(bytes - 1)))
}

/// Compiled, this takes more than one MiB and less than four.
pub(crate) fn growing() -> MemoryCandidate {
    governed(r#"{"pattern": "^\\p{L}{1,60}$"}"#, "\"abc\"")
}

/// Files that take about `2^levels` steps each.
pub(crate) fn doubling(files: usize, levels: usize) -> MemoryCandidate {
    let level = |at: usize| {
        let next = format!("{{\"additionalProperties\": {{\"$ref\": \"#/$defs/l{}\"}}}}", at + 1);
        format!("\"l{at}\": {{\"allOf\": [{next}, {next}]}}")
    };
    let definitions: Vec<_> = (0..levels).map(level).collect();
    let schema = format!(
        "{{\"$ref\": \"#/$defs/l0\", \"$defs\": {{{}, \"l{levels}\": {{\"type\": \"integer\"}}}}}}",
        definitions.join(",")
    );
    let document = format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    let candidate = put("s.json", schema).put(SCHEMAS, "- {files: /d/, schema: s.json}\n");
    (0..files).fold(candidate, |all, at| all.put(&format!("d/{at}.json"), document.clone()))
}

/// A rule that takes some ten thousand steps.
pub(crate) fn lengthy() -> MemoryCandidate {
    let rule = "self.l.all(a, self.l.all(b, self.l.all(c, a + b + c >= 0)))";
    let rules = format!("- {{files: a.json, rule: '{rule}', message: sums are positive}}\n");
    put(RULES, rules).land().put("a.json", format!("{{\"l\": [0{}]}}", ",1".repeat(40)))
}

/// A rule that takes some hundred MiB.
pub(crate) fn hungry() -> MemoryCandidate {
    let rule = "self.l.map(a, self.t + self.t).size() == 200";
    let rules = format!("- {{files: a.json, rule: '{rule}', message: all of it}}\n");
    put(RULES, rules).put("a.json", format!("{{\"l\": [0{}], \"t\": \"{}\"}}", ",1".repeat(199), text(1 << 20)))
}
