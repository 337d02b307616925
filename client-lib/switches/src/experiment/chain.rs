//! The decision.

use super::{
    file::ExperimentFile,
    layers::Holdout,
    range::{Dealing, Range},
    step::Step,
    variant::Variant,
};
use crate::{Context, Id, Moment, logic::Scope};
use std::sync::Arc;

/// One experiment with what it shares with others, ready to be asked.
#[derive(Debug, Clone)]
pub struct Experiment {
    file: Arc<ExperimentFile>,
    slot: Option<Slot>,
    holdouts: Vec<Holdout>,
}

/// The buckets of a layer that an experiment has.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub name: Box<str>,
    pub dealing: Dealing,
    pub ranges: Box<[Range]>,
}

/// Where in the chain it was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The experiment is turned off.
    Off,
    /// It has not begun.
    NotStarted,
    /// It is over.
    Stopped,
    /// An override names who asks.
    Override,
    /// It is not meant for who asks.
    NotTargeted,
    /// The unit stands in a holdout, or has nothing by which that could be told.
    HeldOut,
    /// The buckets of the layer in which the unit stands are not the experiment's.
    OutsideLayer,
    /// Nothing in the context says which unit it is.
    NoUnit,
    /// The unit's bucket is no variant's.
    OutsideRanges,
    /// The unit's bucket is a variant's.
    Dealt,
}

impl Cause {
    /// Returns the word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::NotStarted => "not started",
            Self::Stopped => "stopped",
            Self::Override => "override",
            Self::NotTargeted => "not targeted",
            Self::HeldOut => "held out",
            Self::OutsideLayer => "outside layer",
            Self::NoUnit => "no unit",
            Self::OutsideRanges => "outside ranges",
            Self::Dealt => "dealt",
        }
    }
}

/// What a unit gets, and why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assignment<'a> {
    /// The variant; absent for who is not in the experiment.
    pub variant: Option<&'a Arc<Variant>>,
    /// Why.
    pub cause: Cause,
    /// Who, where buckets decided.
    pub unit: Option<Id<'a>>,
}

impl Assignment<'_> {
    const fn out(cause: Cause) -> Self {
        Self { variant: None, cause, unit: None }
    }

    /// Returns whether the unit takes part, so that what it does counts: it was dealt a variant. Overrides do not count.
    pub const fn is_exposed(&self) -> bool {
        matches!(self.cause, Cause::Dealt)
    }
}

impl Experiment {
    pub(super) fn new(file: Arc<ExperimentFile>, slot: Option<Slot>, holdouts: Vec<Holdout>) -> Self {
        Self { file, slot, holdouts }
    }

    /// Returns its name.
    pub fn key(&self) -> &str {
        self.file.key()
    }

    /// Returns the holdouts that it and its layer name.
    pub(super) fn holdouts(&self) -> &[Holdout] {
        &self.holdouts
    }

    /// Returns what its file says.
    pub fn file(&self) -> &ExperimentFile {
        &self.file
    }

    /// Returns what who asks gets. Takes no memory.
    #[inline]
    pub fn assign<'a>(&'a self, context: &Context<'a>, now: Moment) -> Assignment<'a> {
        self.decide(context, now, &mut |_| {})
    }

    /// Returns the same with every step that led to it.
    pub fn explain<'a>(&'a self, context: &Context<'a>, now: Moment) -> (Assignment<'a>, Vec<Step<'a>>) {
        let mut steps = Vec::new();
        let assignment = self.decide(context, now, &mut |step| steps.push(step));
        (assignment, steps)
    }

    /// Goes through the chain and tells each link. Both ways of asking go through here, so an explanation is what happened.
    #[inline]
    fn decide<'a>(&'a self, context: &Context<'a>, now: Moment, tell: &mut impl FnMut(Step<'a>)) -> Assignment<'a> {
        let file = &*self.file;
        tell(Step::Off { is_off: file.is_off });
        if file.is_off {
            return Assignment::out(Cause::Off);
        }
        let outside = self.outside_dates(now);
        tell(Step::Dates { outside });
        if let Some(cause) = outside {
            return Assignment::out(cause);
        }
        let scope = || Scope::new(*context, &file.key, now);
        let forced = file.overrides.iter().find(|forced| forced.matches(&scope())).map(|forced| &forced.variant);
        tell(Step::Override { variant: forced.map(|variant| &*variant.name) });
        if forced.is_some() {
            return Assignment { variant: forced, cause: Cause::Override, unit: None };
        }
        let is_targeted = file.condition.as_ref().is_none_or(|condition| condition.is_true(&scope()));
        tell(Step::Targeting { is_targeted });
        if !is_targeted {
            return Assignment::out(Cause::NotTargeted);
        }
        if self.is_held_out(context, tell) {
            return Assignment::out(Cause::HeldOut);
        }
        if !self.is_in_layer(context, tell) {
            return Assignment::out(Cause::OutsideLayer);
        }
        self.deal(context, tell)
    }

    fn outside_dates(&self, now: Moment) -> Option<Cause> {
        if self.file.stop.is_some_and(|stop| stop <= now) {
            return Some(Cause::Stopped);
        }
        self.file.start.is_some_and(|start| now < start).then_some(Cause::NotStarted)
    }

    /// Who cannot be told to be outside a holdout counts as inside: it must stay untouched.
    #[inline]
    fn is_held_out<'a>(&'a self, context: &Context<'a>, tell: &mut impl FnMut(Step<'a>)) -> bool {
        self.holdouts.iter().any(|holdout| {
            let bucket = holdout.dealing.bucket(context);
            let is_held_out = bucket.is_none_or(|bucket| holdout.ranges.iter().any(|range| range.contains(bucket)));
            tell(Step::Holdout { name: &holdout.name, unit: &holdout.dealing.unit, bucket, is_held_out });
            is_held_out
        })
    }

    #[inline]
    fn is_in_layer<'a>(&'a self, context: &Context<'a>, tell: &mut impl FnMut(Step<'a>)) -> bool {
        let Some(slot) = &self.slot else { return true };
        let bucket = slot.dealing.bucket(context);
        let is_inside = bucket.is_some_and(|bucket| slot.ranges.iter().any(|range| range.contains(bucket)));
        tell(Step::Layer { name: &slot.name, unit: &slot.dealing.unit, bucket, is_inside });
        is_inside
    }

    #[inline]
    fn deal<'a>(&'a self, context: &Context<'a>, tell: &mut impl FnMut(Step<'a>)) -> Assignment<'a> {
        let dealing = &self.file.dealing;
        let unit = dealing.id(context);
        let bucket = unit.map(|unit| dealing.bucket_of(unit));
        let variant = bucket.and_then(|bucket| self.file.variants.of(bucket));
        tell(Step::Ranges { unit: &dealing.unit, bucket, variant: variant.map(|variant| &*variant.name) });
        let cause = match (unit, variant) {
            (None, _) => Cause::NoUnit,
            (_, None) => Cause::OutsideRanges,
            (_, Some(_)) => Cause::Dealt,
        };
        Assignment { variant, cause, unit }
    }
}
