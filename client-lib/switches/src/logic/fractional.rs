//! flagd's `fractional`: variants by weight, stable per unit. Three generations are in use that bucket otherwise, so a set of
//! flags can pin one; the second is the default.

use super::{
    compile::{Compiler, Expr, refuse_weight},
    datum::Datum,
    evaluate::{Data, Scope},
};
use crate::{hash::Murmur3, reading::Reading};
use serde_json::Value;

/// Most of all weights together.
const WEIGHTS_MAX: i64 = i32::MAX as i64;

/// How the unit is hashed and how a bucket is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Generation {
    /// A signed hash of the text, its absolute value as a percentage.
    First,
    /// An unsigned hash of the text times the sum of the weights, over 2^32.
    #[default]
    Second,
    /// The same over the unit in deterministic CBOR (RFC 8949).
    Third,
}

impl Generation {
    /// Every generation by its name in a set's metadata.
    pub(crate) const NAMES: [(&'static str, Self); 3] =
        [("v1", Self::First), ("v2", Self::Second), ("v3", Self::Third)];
}

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fractional {
    generation: Generation,
    /// By what is bucketed; by flag and targeting key where it is left out.
    unit: Option<Expr>,
    buckets: Box<[Bucket]>,
}

#[derive(Debug, Clone, PartialEq)]
struct Bucket {
    variant: Expr,
    weight: Weight,
}

#[derive(Debug, Clone, PartialEq)]
enum Weight {
    Known(i64),
    Told(Expr),
}

impl Fractional {
    pub(super) fn compile(compiler: &Compiler, reading: &mut Reading, argument: &Value) -> Option<Self> {
        let Some(arguments) = argument.as_array().filter(|arguments| !arguments.is_empty()) else {
            reading.expect(argument, "a list of buckets, with a unit before them or without");
            return None;
        };
        let has_unit = !arguments[0].is_array();
        let unit = has_unit.then(|| reading.at(0, |reading| compiler.compile(reading, &arguments[0])));
        let skipped = usize::from(has_unit);
        let buckets = arguments.iter().enumerate().skip(skipped);
        let buckets: Vec<_> =
            buckets.map(|(at, value)| reading.at(at, |r| Bucket::compile(compiler, r, value))).collect();
        let buckets = buckets.into_iter().collect::<Option<Box<[_]>>>()?;
        let total: i64 =
            buckets.iter().map(|bucket| if let Weight::Known(weight) = bucket.weight { weight } else { 0 }).sum();
        if buckets.is_empty() {
            reading.wrong("fractional has no bucket");
        } else if total > WEIGHTS_MAX {
            reading
                .wrong("weights are too large together")
                .found(total.to_string())
                .expected(format!("at most {WEIGHTS_MAX}"));
        }
        let unit = match unit {
            Some(unit) => Some(unit?),
            None => None,
        };
        Some(Self { generation: compiler.generation, unit, buckets })
    }

    /// Returns the rules that give variants.
    pub(super) fn variants(&self) -> impl Iterator<Item = &Expr> {
        self.buckets.iter().map(|bucket| &bucket.variant)
    }

    pub(super) fn evaluate<'a>(&'a self, scope: &Scope<'a>, data: &Data<'a>) -> Datum<'a> {
        let Some(hash) = self.hash(scope, data) else { return Datum::Null };
        let weight = |bucket: &'a Bucket| match &bucket.weight {
            Weight::Known(weight) => Some(*weight),
            Weight::Told(rule) => whole(&rule.on(scope, data)),
        };
        let total = self.buckets.iter().try_fold(0_i64, |total, bucket| Some(total + weight(bucket)?));
        let Some(total) = total.filter(|total| (1..=WEIGHTS_MAX).contains(total)) else { return Datum::Null };
        let mut end = 0_i64;
        for bucket in &self.buckets {
            end += weight(bucket).unwrap_or(0);
            if self.is_before(hash, end, total) {
                return bucket.variant.on(scope, data);
            }
        }
        Datum::Null
    }

    #[inline]
    fn is_before(&self, hash: u32, end: i64, total: i64) -> bool {
        if self.generation == Generation::First {
            let percentage = f64::from(hash.cast_signed()).abs() / f64::from(1_u32 << 31) * 100.0;
            return percentage < 100.0 * end as f64 / total as f64;
        }
        ((u64::from(hash) * total.cast_unsigned()) >> 32).cast_signed() < end
    }

    /// Hashes the unit; `None` when there is none.
    #[inline]
    fn hash<'a>(&'a self, scope: &Scope<'a>, data: &Data<'a>) -> Option<u32> {
        let mut hash = Murmur3::new(0);
        if self.generation == Generation::Third {
            return self.hash_cbor(hash, scope, data);
        }
        match &self.unit {
            // What is concatenated need not be put together.
            Some(Expr::Cat(parts)) => {
                let mut write = |part: &Datum<'_>| hash.write(part.written(&scope.fuel).as_bytes());
                parts.iter().for_each(|part| write(&part.on(scope, data)));
                return Some(hash.finish());
            }
            Some(unit) => match unit.on(scope, data) {
                Datum::Null => {}
                unit => {
                    hash.write(unit.text()?.as_bytes());
                    return Some(hash.finish());
                }
            },
            None => {}
        }
        let key = scope.context.targeting_key()?;
        hash.write(scope.flag_key.as_bytes());
        hash.write(key.as_bytes());
        Some(hash.finish())
    }

    fn hash_cbor<'a>(&'a self, mut hash: Murmur3, scope: &Scope<'a>, data: &Data<'a>) -> Option<u32> {
        let unit = self.unit.as_ref().map(|unit| unit.on(scope, data));
        match unit {
            // Null identifies nobody.
            Some(Datum::Null) => return None,
            Some(unit) => cbor(&mut hash, &unit)?,
            None => {
                hash.write(&[0x82]);
                cbor(&mut hash, &Datum::Text(scope.flag_key))?;
                cbor(&mut hash, &Datum::Text(scope.context.targeting_key()?))?;
            }
        }
        Some(hash.finish())
    }
}

impl Bucket {
    fn compile(compiler: &Compiler, reading: &mut Reading, value: &Value) -> Option<Self> {
        let Some(parts @ ([_] | [_, _])) = value.as_array().map(Vec::as_slice) else {
            reading.expect(value, "a bucket: [variant, weight], or [variant] for the weight 1");
            return None;
        };
        let variant = reading.at(0, |reading| compiler.compile(reading, &parts[0]))?;
        let weight = match parts.get(1) {
            None | Some(Value::Null) => Weight::Known(1),
            Some(value) => reading.at(1, |reading| weight(compiler, reading, value))?,
        };
        Some(Self { variant, weight })
    }
}

fn weight(compiler: &Compiler, reading: &mut Reading, value: &Value) -> Option<Weight> {
    if value.is_object() {
        return Some(Weight::Told(compiler.compile(reading, value)?));
    }
    let known = whole(&Datum::from(value)).filter(|weight| value.is_number() && *weight <= WEIGHTS_MAX);
    if known.is_none() {
        refuse_weight(reading, value);
    }
    known.map(Weight::Known)
}

/// Returns a weight; negative ones, as a rule over the time may give, count as 0.
fn whole(value: &Datum<'_>) -> Option<i64> {
    let number = value.number();
    (number.fract() == 0.0).then(|| (number as i64).clamp(0, WEIGHTS_MAX + 1))
}

/// Writes a value in the one deterministic form.
fn cbor(hash: &mut Murmur3, value: &Datum<'_>) -> Option<()> {
    let mut head = |kind: u8, number: u64| {
        let kind = kind << 5;
        match number {
            0..=23 => hash.write(&[kind | number as u8]),
            24..=0xff => hash.write(&[kind | 24, number as u8]),
            0x100..=0xffff => {
                hash.write(&[kind | 25]);
                hash.write(&(number as u16).to_be_bytes());
            }
            0x1_0000..=0xffff_ffff => {
                hash.write(&[kind | 26]);
                hash.write(&(number as u32).to_be_bytes());
            }
            _ => {
                hash.write(&[kind | 27]);
                hash.write(&number.to_be_bytes());
            }
        }
    };
    match value {
        Datum::Bool(value) => hash.write(&[0xf4 | u8::from(*value)]),
        Datum::Int(number) if *number >= 0 => head(0, number.cast_unsigned()),
        Datum::Int(number) => head(1, (-1 - number).cast_unsigned()),
        Datum::Float(number) if number.fract() == 0.0 && number.abs() < 9.2e18 => {
            return cbor(hash, &Datum::Int(*number as i64));
        }
        Datum::Float(number) => {
            hash.write(&[0xfb]);
            hash.write(&number.to_be_bytes());
        }
        other => {
            let text = other.text()?;
            head(3, text.len() as u64);
            hash.write(text.as_bytes());
        }
    }
    Some(())
}
