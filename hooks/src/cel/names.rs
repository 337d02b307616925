//! Names an expression uses, so that a misspelt one is told when the rule is written and not when it meets a document.

use super::functions;
use cel::common::ast::{EntryExpr, Expr, IdedExpr};

/// Variables of every rule.
pub(super) const VARIABLES: [&str; 7] = ["self", "old", "path", "author", "groups", "teams", "now"];

/// Types by name, and the namespaces of functions.
const TYPES: [&str; 14] = [
    "bool",
    "bytes",
    "double",
    "dyn",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "type",
    "uint",
    "optional",
    "math",
    "lists",
];

/// Functions of the language and its extensions, by their last part.
const FUNCTIONS: &str = "size contains startsWith endsWith matches bool bytes double dyn int string type uint \
    none of ofNonZeroValue value hasValue or orValue optMap optFlatMap \
    charAt indexOf lastIndexOf join lowerAscii upperAscii quote replace reverse split substring trim format \
    distinct flatten range slice sort sortBy \
    ceil floor round trunc isInf isNaN isFinite abs sign bitAnd bitOr bitXor bitNot bitShiftLeft bitShiftRight sqrt \
    greatest least";

/// Returns the first name that means nothing, with the place of it in the tree.
pub(super) fn unknown(expression: &IdedExpr) -> Option<(u64, String)> {
    Walk { bound: Vec::new() }.visit(expression)
}

struct Walk<'a> {
    bound: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, node: &'a IdedExpr) -> Option<(u64, String)> {
        match &node.expr {
            Expr::Ident(name) if !self.is_known(name) => Some((node.id, format!("variable {name:?}"))),
            Expr::Call(call) if !is_function(&call.func_name) => {
                Some((node.id, format!("function {:?}", call.func_name)))
            }
            Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).find_map(|part| self.visit(part)),
            Expr::Select(select) => self.visit(&select.operand),
            Expr::List(list) => list.elements.iter().find_map(|part| self.visit(part)),
            Expr::Map(map) => map.entries.iter().find_map(|entry| self.visit_entry(&entry.expr)),
            Expr::Struct(made) => Some((node.id, format!("message {:?}", made.type_name))),
            Expr::Comprehension(over) => {
                let range = self.visit(&over.iter_range);
                let held = self.bound.len();
                self.bound.extend([over.iter_var.as_str(), over.accu_var.as_str()]);
                self.bound.extend(over.iter_var2.as_deref());
                let parts = [&over.accu_init, &over.loop_cond, &over.loop_step, &over.result];
                let unknown = range.or_else(|| parts.into_iter().find_map(|part| self.visit(part)));
                self.bound.truncate(held);
                unknown
            }
            _ => None,
        }
    }

    fn visit_entry(&mut self, entry: &'a EntryExpr) -> Option<(u64, String)> {
        match entry {
            EntryExpr::MapEntry(entry) => [&entry.key, &entry.value].into_iter().find_map(|part| self.visit(part)),
            EntryExpr::StructField(field) => self.visit(&field.value),
        }
    }

    fn is_known(&self, name: &str) -> bool {
        self.bound.contains(&name) || VARIABLES.contains(&name) || TYPES.contains(&name)
    }
}

/// Operators have names with other signs than letters in them.
fn is_function(name: &str) -> bool {
    let name = name.rsplit('.').next().unwrap_or(name);
    let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic());
    !is_word || FUNCTIONS.split_whitespace().any(|known| known == name) || functions::names().any(|known| known == name)
}
