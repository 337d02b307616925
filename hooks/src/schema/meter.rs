//! Bounds on one evaluation: steps, time, stack and text.
//!
//! The schema library evaluates to the end, however long that takes, and a schema can make it take for ever: references
//! that double at each level, patterns over long text. So the library is given documents through a representation of ours
//! (see [`super::metered`]), every step of which is counted here, and an evaluation over its bound is unwound. A thread that
//! is left behind would keep its processor, and a child process would know no compiled schema; both lost to this.

use std::{
    any::Any,
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    time::{Duration, Instant},
};

/// What one evaluation may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Most steps: about one for each value looked at by a keyword.
    pub steps_max: u64,
    /// Longest time.
    pub time_max: Duration,
    /// Longest text that a pattern which may backtrack is tried on, in bytes.
    pub text_bytes_max: usize,
}

/// Why an evaluation was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It took too many steps or too long.
    TooLong,
    /// It went too deep.
    TooDeep,
    /// A pattern that may backtrack met a long text.
    LongText,
    /// The library itself failed.
    Failed,
}

/// Steps between two looks at the clock.
const STEPS_PER_LOOK: u64 = 256;

/// Stack an evaluation may use; threads of the gate have twice as much.
const STACK_BYTES_MAX: usize = 4 << 20;

#[derive(Debug, Clone, Copy)]
struct Meter {
    steps_left: u64,
    look_at: u64,
    deadline: Instant,
    stack_start: usize,
    text_bytes_max: usize,
}

thread_local! {
    static METER: Cell<Option<Meter>> = const { Cell::new(None) };
}

/// Runs `evaluate` within bounds.
pub(super) fn run<T>(bounds: Bounds, evaluate: impl FnOnce() -> T) -> Result<T, Stop> {
    let meter = Meter {
        steps_left: bounds.steps_max,
        look_at: bounds.steps_max.saturating_sub(STEPS_PER_LOOK),
        deadline: Instant::now() + bounds.time_max,
        stack_start: stack_place(),
        text_bytes_max: bounds.text_bytes_max,
    };
    METER.set(Some(meter));
    let evaluated = catch_unwind(AssertUnwindSafe(evaluate));
    METER.set(None);
    evaluated.map_err(|thrown| stop_of(&*thrown))
}

fn stop_of(thrown: &(dyn Any + Send)) -> Stop {
    thrown.downcast_ref::<Stop>().copied().unwrap_or(Stop::Failed)
}

/// Counts steps, and does not return when a bound is passed.
pub(super) fn count(steps: u64) {
    METER.with(|cell| {
        let Some(mut meter) = cell.get() else { return };
        let Some(steps_left) = meter.steps_left.checked_sub(steps) else { stop(Stop::TooLong) };
        meter.steps_left = steps_left;
        if steps_left <= meter.look_at {
            meter.look_at = steps_left.saturating_sub(STEPS_PER_LOOK);
            if Instant::now() > meter.deadline {
                stop(Stop::TooLong);
            }
        }
        cell.set(Some(meter));
    });
}

/// Looks how deep the stack is.
pub(super) fn look_at_stack() {
    METER.with(|cell| {
        let Some(meter) = cell.get() else { return };
        if meter.stack_start.abs_diff(stack_place()) > STACK_BYTES_MAX {
            stop(Stop::TooDeep);
        }
    });
}

/// Counts a text that may be matched.
pub(super) fn count_text(text: &str) {
    count(16 + text.len() as u64 / 16);
    METER.with(|cell| {
        if cell.get().is_some_and(|meter| text.len() > meter.text_bytes_max) {
            stop(Stop::LongText);
        }
    });
}

fn stop(why: Stop) -> ! {
    resume_unwind(Box::new(why))
}

/// Returns about where the stack ends just now.
#[inline(never)]
fn stack_place() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&here)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { steps_max: 1_000, time_max: Duration::from_secs(60), text_bytes_max: 10 };

    #[test]
    fn steps_are_bounded() {
        assert_eq!(run(BOUNDS, || count(1_000)), Ok(()));
        assert_eq!(run(BOUNDS, || count(1_001)), Err(Stop::TooLong));
        assert_eq!(run(BOUNDS, || (0..2_000).for_each(|_| count(1))), Err(Stop::TooLong));
        count(1 << 40);
    }

    #[test]
    fn time_is_bounded() {
        let bounds = Bounds { steps_max: u64::MAX, time_max: Duration::ZERO, ..BOUNDS };
        assert_eq!(
            run(bounds, || loop {
                count(1);
            }),
            Err::<(), _>(Stop::TooLong)
        );
    }

    #[test]
    fn text_is_bounded() {
        assert_eq!(run(BOUNDS, || count_text("0123456789")), Ok(()));
        assert_eq!(run(BOUNDS, || count_text("0123456789a")), Err(Stop::LongText));
    }

    #[test]
    fn depth_is_bounded() {
        fn descend(depth: u64) -> u64 {
            look_at_stack();
            let frame = std::hint::black_box([depth; 64]);
            if depth == u64::MAX { 0 } else { frame[1] + descend(depth + 1) }
        }
        let thread = std::thread::Builder::new().stack_size(crate::inspection::STACK_BYTES);
        let ran = thread.spawn(|| run(BOUNDS, || descend(0))).unwrap().join().unwrap();
        assert_eq!(ran, Err(Stop::TooDeep));
    }

    #[test]
    fn a_panic_is_a_failure() {
        assert_eq!(run(BOUNDS, || resume_unwind(Box::new("oh"))), Err::<(), _>(Stop::Failed));
    }
}
