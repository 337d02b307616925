//! What a rule says of one context.

use super::{
    compile::{Affix, Calculation, Comparison, Expr, Texts, segments},
    datum::Datum,
    fuel::{Fuel, PER_ITEM},
};
use crate::{Attribute, Context, Moment, version::Version};
use std::cmp::Ordering;

/// What a rule can see, and what it may still do.
#[derive(Debug)]
pub(crate) struct Scope<'a> {
    pub context: Context<'a>,
    pub flag_key: &'a str,
    /// Seconds since 1970.
    pub timestamp: i64,
    pub fuel: Fuel,
}

impl<'a> Scope<'a> {
    /// Returns the scope of one evaluation.
    #[inline]
    pub(crate) fn new(context: Context<'a>, flag_key: &'a str, now: Moment) -> Self {
        Self { context, flag_key, timestamp: now.unix_s(), fuel: Fuel::default() }
    }
}

/// What `var` looks into: the context, or within `map` and its kin an item.
#[derive(Debug, Clone)]
pub(super) enum Data<'a> {
    Context,
    Item(Datum<'a>),
    Reduction { current: Datum<'a>, accumulator: Datum<'a> },
}

impl Expr {
    /// Evaluates the rule.
    #[inline]
    pub(crate) fn evaluate<'a>(&'a self, scope: &Scope<'a>) -> Datum<'a> {
        self.on(scope, &Data::Context)
    }

    /// Returns whether the rule is true.
    #[inline]
    pub(crate) fn is_true<'a>(&'a self, scope: &Scope<'a>) -> bool {
        self.holds(scope, &Data::Context)
    }

    pub(super) fn on<'a>(&'a self, scope: &Scope<'a>, data: &Data<'a>) -> Datum<'a> {
        match self {
            Self::Constant(value) => Datum::from(value),
            Self::Var(path, default) => match look_up(scope, data, path) {
                Some(found) => found,
                None => default.as_ref().map_or(Datum::Null, |default| default.on(scope, data)),
            },
            Self::FlagKey => Datum::Text(scope.flag_key),
            Self::Timestamp => Datum::Int(scope.timestamp),
            Self::If(arguments) => choose(arguments, scope, data),
            Self::And(arguments) => first_that(arguments, scope, data, |value| !value.is_truthy()),
            Self::Or(arguments) => first_that(arguments, scope, data, Datum::is_truthy),
            Self::Not(_) | Self::Truth(_) | Self::IsOneOf(..) => Datum::Bool(self.holds(scope, data)),
            Self::Compare(comparison, arguments) => compare(*comparison, arguments, scope, data),
            Self::In(needle, haystack) => {
                let (needle, haystack) = (needle.on(scope, data), haystack.on(scope, data));
                Datum::Bool(is_in(&needle, &haystack, &scope.fuel))
            }
            Self::Affix(affix, text, part) => {
                let (text, part) = (text.on(scope, data), part.on(scope, data));
                let Some((text, part)) = text.text().zip(part.text()) else { return Datum::Null };
                Datum::Bool(match affix {
                    Affix::Start => text.starts_with(part),
                    Affix::End => text.ends_with(part),
                })
            }
            Self::Version(left, test, right) => {
                let (left, right) = (left.on(scope, data), right.on(scope, data));
                let (left, right) = (version_text(&left, &scope.fuel), version_text(&right, &scope.fuel));
                let versions = left.as_deref().and_then(Version::parse).zip(right.as_deref().and_then(Version::parse));
                let holds = test.zip(versions).map(|(test, (left, right))| test.holds(&left, &right));
                holds.map_or(Datum::Null, Datum::Bool)
            }
            Self::Fractional(fractional) => fractional.evaluate(scope, data),
            Self::Shared(shared) => shared.on(scope, data),
            Self::Calculate(calculation, arguments) => calculate(*calculation, arguments, scope, data),
            other => other.making(scope, data),
        }
    }

    /// Returns whether it is true. What decides most rules is told without making values of it.
    fn holds<'a>(&'a self, scope: &Scope<'a>, data: &Data<'a>) -> bool {
        match self {
            Self::IsOneOf(needle, texts) => needle.is_one_of(texts, scope, data),
            Self::And(arguments) => {
                !arguments.is_empty() && arguments.iter().all(|argument| argument.holds(scope, data))
            }
            Self::Or(arguments) => arguments.iter().any(|argument| argument.holds(scope, data)),
            Self::Not(argument) => !argument.holds(scope, data),
            Self::Truth(argument) => argument.holds(scope, data),
            other => other.on(scope, data).is_truthy(),
        }
    }

    #[inline]
    fn is_one_of<'a>(&'a self, texts: &Texts, scope: &Scope<'a>, data: &Data<'a>) -> bool {
        if let (Self::Var(path, None), Data::Context) = (self, data)
            && let [name] = &**path
        {
            let attribute = scope.context.get(name);
            return attribute.and_then(Attribute::text).is_some_and(|text| texts.contain(text));
        }
        self.on(scope, data).text().is_some_and(|text| texts.contain(text))
    }

    /// Operations that make something new.
    fn making<'a>(&'a self, scope: &Scope<'a>, data: &Data<'a>) -> Datum<'a> {
        let all = |arguments: &'a [Expr]| arguments.iter().map(|argument| argument.on(scope, data));
        let fuel = &scope.fuel;
        match self {
            Self::List(items) => Datum::list(all(items).collect(), fuel),
            Self::VarOf(name, default) => {
                let name = name.on(scope, data);
                match look_up(scope, data, &segments(&name.written(&scope.fuel))) {
                    Some(found) => found,
                    None => default.as_ref().map_or(Datum::Null, |default| default.on(scope, data)),
                }
            }
            Self::Cat(arguments) => {
                let mut text = String::new();
                for part in all(arguments) {
                    let part = part.written(fuel);
                    if !fuel.take(part.len()) {
                        return Datum::Null;
                    }
                    text.push_str(&part);
                }
                Datum::Made(text.into())
            }
            Self::Substr(arguments) => {
                let mut arguments = all(arguments);
                let text = arguments.next().unwrap_or(Datum::Null);
                let mut number = || arguments.next().map(|number| number.number());
                let (start, length) = (number().unwrap_or(0.0), number());
                let text = text.written(fuel);
                if !fuel.take(text.len()) {
                    return Datum::Null;
                }
                Datum::Made(part_of(&text, start, length).into())
            }
            Self::Merge(arguments) => {
                let mut merged = Vec::new();
                for argument in all(arguments) {
                    let Some(length) = argument.length() else {
                        merged.push(argument);
                        continue;
                    };
                    if !fuel.take(length * PER_ITEM) {
                        return Datum::Null;
                    }
                    merged.extend(argument.items().into_iter().flatten());
                }
                Datum::list(merged, fuel)
            }
            Self::Missing(arguments) => {
                let mut names: Vec<_> = all(arguments).collect();
                if let Some(list) = names.first().filter(|first| first.length().is_some()).cloned() {
                    names = list.items().into_iter().flatten().collect();
                }
                Datum::list(missing(names, scope, data), fuel)
            }
            Self::MissingSome(count, names) => {
                let names: Vec<_> = names.on(scope, data).items().into_iter().flatten().collect();
                let (needed, total) = (count.on(scope, data).number(), names.len());
                let missing = missing(names, scope, data);
                let is_enough = (total - missing.len()) as f64 >= needed;
                Datum::list(if is_enough { Vec::new() } else { missing }, fuel)
            }
            Self::Iterate(iteration, list, rule) => super::iterate::iterate(*iteration, list, rule, scope, data),
            Self::Reduce(arguments) => super::iterate::reduce(arguments, scope, data),
            _ => Datum::Null,
        }
    }
}

#[inline]
fn look_up<'a>(scope: &Scope<'a>, data: &Data<'a>, path: &[Box<str>]) -> Option<Datum<'a>> {
    let Some((name, rest)) = path.split_first() else {
        return Some(match data {
            Data::Context => Datum::Whole(scope.context),
            Data::Item(item) => item.clone(),
            Data::Reduction { current, .. } => current.clone(),
        });
    };
    let found = match data {
        Data::Context => scope.context.get(name).map(Datum::from),
        Data::Item(item) => item.member(name),
        Data::Reduction { current, accumulator } => match &**name {
            "current" => Some(current.clone()),
            "accumulator" => Some(accumulator.clone()),
            _ => None,
        },
    };
    rest.iter().try_fold(found?, |value, name| value.member(name))
}

fn choose<'a>(arguments: &'a [Expr], scope: &Scope<'a>, data: &Data<'a>) -> Datum<'a> {
    let mut rest = arguments;
    loop {
        match rest {
            [] => return Datum::Null,
            [otherwise] => return otherwise.on(scope, data),
            [condition, then, after @ ..] => {
                if condition.holds(scope, data) {
                    return then.on(scope, data);
                }
                rest = after;
            }
        }
    }
}

/// Returns the first value of which something is true, or the last.
fn first_that<'a>(
    arguments: &'a [Expr],
    scope: &Scope<'a>,
    data: &Data<'a>,
    ends: impl Fn(&Datum<'a>) -> bool,
) -> Datum<'a> {
    let mut last = Datum::Null;
    for argument in arguments {
        last = argument.on(scope, data);
        if ends(&last) {
            break;
        }
    }
    last
}

fn compare<'a>(comparison: Comparison, arguments: &'a [Expr], scope: &Scope<'a>, data: &Data<'a>) -> Datum<'a> {
    let [left, right, rest @ ..] = arguments else { return Datum::Null };
    let (left, right) = (left.on(scope, data), right.on(scope, data));
    let between = |fits: fn(Ordering) -> bool| {
        let holds = |left: &Datum<'a>, right: &Datum<'a>| left.order(right).is_some_and(fits);
        holds(&left, &right) && rest.first().is_none_or(|third| holds(&right, &third.on(scope, data)))
    };
    Datum::Bool(match comparison {
        Comparison::Equal => left.is_equal(&right, &scope.fuel),
        Comparison::Unequal => !left.is_equal(&right, &scope.fuel),
        Comparison::Same => left.is_same(&right, &scope.fuel),
        Comparison::Different => !left.is_same(&right, &scope.fuel),
        Comparison::Less => between(Ordering::is_lt),
        Comparison::LessOrEqual => between(Ordering::is_le),
        Comparison::Greater => between(Ordering::is_gt),
        Comparison::GreaterOrEqual => between(Ordering::is_ge),
    })
}

fn is_in(needle: &Datum<'_>, haystack: &Datum<'_>, fuel: &Fuel) -> bool {
    match (haystack.text(), haystack.items()) {
        (Some(text), _) => needle.text().is_some_and(|needle| text.contains(needle)),
        (None, Some(mut items)) => items.any(|item| fuel.take(1) && item.is_same(needle, fuel)),
        (None, None) => false,
    }
}

/// Numbers are versions too: `2` is 2.0.0.
fn version_text<'d>(value: &'d Datum<'_>, fuel: &Fuel) -> Option<std::borrow::Cow<'d, str>> {
    (value.text().is_some() || value.is_number()).then(|| value.written(fuel))
}

fn calculate<'a>(calculation: Calculation, arguments: &'a [Expr], scope: &Scope<'a>, data: &Data<'a>) -> Datum<'a> {
    use Calculation as C;
    let mut values = arguments.iter().map(|argument| argument.on(scope, data));
    let Some(first) = values.next() else {
        return match calculation {
            C::Add => Datum::Int(0),
            _ => Datum::Null,
        };
    };
    let start = match (calculation, arguments.len()) {
        (C::Add, 1) => return number(first.number()),
        (C::Subtract, 1) => return number(-first.number()),
        _ => first,
    };
    // Whole numbers stay whole as long as they fit, so that large ids survive.
    values.fold(start, |total, value| {
        if let (Datum::Int(a), Datum::Int(b)) = (&total, &value) {
            let whole = match calculation {
                C::Add => a.checked_add(*b),
                C::Subtract => a.checked_sub(*b),
                C::Multiply => a.checked_mul(*b),
                C::Divide => a.checked_rem(*b).filter(|rest| *rest == 0).and_then(|_| a.checked_div(*b)),
                C::Remainder => a.checked_rem(*b),
                C::Min => Some(*a.min(b)),
                C::Max => Some(*a.max(b)),
            };
            if let Some(whole) = whole {
                return Datum::Int(whole);
            }
        }
        let (a, b) = (total.number(), value.number());
        number(match calculation {
            C::Add => a + b,
            C::Subtract => a - b,
            C::Multiply => a * b,
            C::Divide => a / b,
            C::Remainder => a % b,
            C::Min => {
                if a.is_nan() || b.is_nan() {
                    f64::NAN
                } else {
                    a.min(b)
                }
            }
            C::Max => {
                if a.is_nan() || b.is_nan() {
                    f64::NAN
                } else {
                    a.max(b)
                }
            }
        })
    })
}

/// Whole numbers that a float holds exactly are whole.
fn number<'a>(value: f64) -> Datum<'a> {
    if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 {
        Datum::Int(value as i64)
    } else {
        Datum::Float(value)
    }
}

fn missing<'a>(names: Vec<Datum<'a>>, scope: &Scope<'a>, data: &Data<'a>) -> Vec<Datum<'a>> {
    let is_missing = |name: &Datum<'a>| match look_up(scope, data, &segments(&name.written(&scope.fuel))) {
        None | Some(Datum::Null) => true,
        Some(found) => found.text().is_some_and(str::is_empty),
    };
    names.into_iter().take_while(|_| scope.fuel.take(PER_ITEM)).filter(is_missing).collect()
}

/// Positions count characters; negative ones count from the end, a negative length leaves so many out.
fn part_of(text: &str, start: f64, length: Option<f64>) -> String {
    let total = text.chars().count() as f64;
    let start = if start < 0.0 { (total + start).max(0.0) } else { start.min(total) };
    let end = match length {
        None => total,
        Some(length) if length < 0.0 => total + length,
        Some(length) => start + length,
    };
    let count = (end.min(total) - start).max(0.0);
    text.chars().skip(start as usize).take(count as usize).collect()
}
