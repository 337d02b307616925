//! Which value breaks a rule.
//!
//! Of `a && b` it is what the part that does not hold looks at; of `list.all(x, …)` the first element that does not
//! hold; of anything else the first value of `self` that is mentioned. A guess that is right for the rules people write,
//! and only decides where the caret stands.

use super::{Culprit, failure::shortened};
use cel::{
    Context, Value as CelValue,
    common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, operators},
};
use serde_json::Value;

/// Elements looked at to find the first that does not hold, over all nested lists.
const ELEMENTS_MAX: usize = 100_000;

/// Finds it; the document as a whole where nothing tells.
pub(super) fn find(root: &IdedExpr, document: &Value, context: &Context<'_, '_>) -> Culprit {
    let mut search = Search { document, scope: vec![("self".to_owned(), Vec::new())], elements_left: ELEMENTS_MAX };
    let place = search.blame(root, context).unwrap_or_default();
    search.describe(&place)
}

/// Keys and positions from the root of the document.
type Place = Vec<String>;

struct Search<'a> {
    document: &'a Value,
    /// Names that stand for a place, innermost last.
    scope: Vec<(String, Place)>,
    elements_left: usize,
}

impl Search<'_> {
    fn blame(&mut self, node: &IdedExpr, context: &Context<'_, '_>) -> Option<Place> {
        match &node.expr {
            Expr::Call(call) if call.func_name == operators::LOGICAL_AND => {
                let broken = call.args.iter().find(|part| !holds(part, context));
                self.blame(broken?, context)
            }
            Expr::Comprehension(over) => match predicate(over) {
                Some(predicate) => self.blame_element(over, predicate, context),
                None => self.first_mentioned(node, context),
            },
            _ => self.first_mentioned(node, context),
        }
    }

    /// Looks for the first element of an `all` that does not hold.
    fn blame_element(
        &mut self,
        over: &ComprehensionExpr,
        predicate: &IdedExpr,
        context: &Context<'_, '_>,
    ) -> Option<Place> {
        let place = self.place_of(&over.iter_range, context)?;
        let elements = elements(self.at(&place)?);
        for (key, element) in elements {
            self.elements_left = self.elements_left.checked_sub(1)?;
            let mut inner = context.new_inner_scope();
            inner.add_variable_from_value(over.iter_var.as_str(), element);
            if !holds(predicate, &inner) {
                let element_place = [place.as_slice(), &[key]].concat();
                self.scope.push((over.iter_var.clone(), element_place.clone()));
                let blamed = self.blame(predicate, &inner);
                self.scope.pop();
                return blamed.or(Some(element_place));
            }
        }
        Some(place)
    }

    /// Returns the first place that is mentioned, as the expression is read.
    fn first_mentioned(&self, node: &IdedExpr, context: &Context<'_, '_>) -> Option<Place> {
        if let Some(place) = self.place_of(node, context) {
            return Some(place);
        }
        match &node.expr {
            Expr::Call(CallExpr { target, args, .. }) => {
                target.as_deref().into_iter().chain(args).find_map(|part| self.first_mentioned(part, context))
            }
            Expr::Select(select) => self.first_mentioned(&select.operand, context),
            Expr::Comprehension(over) => self.first_mentioned(&over.iter_range, context),
            Expr::List(list) => list.elements.iter().find_map(|part| self.first_mentioned(part, context)),
            Expr::Map(map) => map.entries.iter().find_map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => self.first_mentioned(&entry.value, context),
                EntryExpr::StructField(_) => None,
            }),
            _ => None,
        }
    }

    /// Returns the place an expression names: `self.a[0]`, `x.b` for an element `x`.
    fn place_of(&self, node: &IdedExpr, context: &Context<'_, '_>) -> Option<Place> {
        match &node.expr {
            Expr::Ident(name) => {
                self.scope.iter().rev().find(|(known, _)| known == name).map(|(_, place)| place.clone())
            }
            Expr::Select(select) => {
                Some([self.place_of(&select.operand, context)?, vec![select.field.clone()]].concat())
            }
            Expr::Call(CallExpr { func_name, args, .. }) => {
                let [of, index] = args.as_slice() else { return None };
                let is_step = [operators::INDEX, operators::OPT_INDEX, operators::OPT_SELECT].contains(&&**func_name);
                if !is_step {
                    return None;
                }
                let step = match CelValue::resolve(index, context).ok()? {
                    CelValue::String(key) => key.to_string(),
                    CelValue::Int(index) => index.to_string(),
                    _ => return None,
                };
                Some([self.place_of(of, context)?, vec![step]].concat())
            }
            _ => None,
        }
    }

    fn at(&self, place: &[String]) -> Option<&Value> {
        self.document.pointer(&pointer(place))
    }

    /// Names the nearest value that is there.
    fn describe(&self, place: &[String]) -> Culprit {
        let there = (0..=place.len()).rev().find(|&length| self.at(&place[..length]).is_some()).unwrap_or_default();
        let is_whole = there == place.len();
        let found = self.at(place).filter(|value| is_whole && !value.is_array() && !value.is_object());
        Culprit { pointer: pointer(&place[..there]), found: found.map(|value| shortened(&value.to_string())) }
    }
}

/// An `all` is a fold of `accumulator && predicate` that starts with true.
fn predicate(over: &ComprehensionExpr) -> Option<&IdedExpr> {
    let Expr::Call(step) = &over.loop_step.expr else { return None };
    match step.args.as_slice() {
        [_, predicate] if step.func_name == operators::LOGICAL_AND => Some(predicate),
        _ => None,
    }
}

/// Elements of a list with their positions; keys of a map, in order.
fn elements(value: &Value) -> Vec<(String, CelValue)> {
    match value {
        Value::Array(items) => {
            items.iter().enumerate().filter_map(|(at, item)| Some((at.to_string(), to_owned(item)?))).collect()
        }
        Value::Object(members) => members.keys().map(|key| (key.clone(), CelValue::from(key.as_str()))).collect(),
        _ => Vec::new(),
    }
}

fn to_owned(value: &Value) -> Option<CelValue> {
    CelValue::try_from(super::value::to_cel(value).as_ref()).ok()
}

fn holds(node: &IdedExpr, context: &Context<'_, '_>) -> bool {
    matches!(CelValue::resolve(node, context), Ok(CelValue::Bool(true)))
}

fn pointer(place: &[String]) -> String {
    place.iter().map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1"))).collect()
}
