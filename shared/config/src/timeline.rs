//! The worst case of a retry policy, for people.

use std::time::Duration;

use ferry_retry::{Levels, Schedule};

use crate::{HumanDuration, RetryConfig};

/// Steps shown at most; a policy with more goes on as the last ones do.
pub const STEPS_MAX: usize = 20;

/// One try after the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimelineStep {
    /// How many tries have failed before it.
    pub attempt: u32,
    /// Since the first failure.
    pub after: Duration,
    /// The delay level it waited in: what was configured, rounded up to a level that exists.
    pub level: HumanDuration,
}

/// When a delivery that always fails at once is tried again, until it is given up. At most
/// [`STEPS_MAX`] steps. A try that takes time moves all that follow. Empty where levels or
/// schedule cannot work.
pub fn worst_case_timeline(retry: &RetryConfig, levels: &[HumanDuration]) -> Vec<TimelineStep> {
    let levels = Levels::new(levels.iter().map(|level| level.0));
    let schedule = Schedule::new(retry.schedule.clone(), retry.give_up_after);
    let (Ok(levels), Ok(schedule)) = (levels, schedule) else { return Vec::new() };
    let mut after = Duration::ZERO;
    let mut steps = Vec::new();
    for attempt in (1..).take(STEPS_MAX) {
        let Some(delay) = schedule.next(attempt, after) else { break };
        let level = HumanDuration(levels.quantise(delay).delay);
        after = after.saturating_add(level.0);
        steps.push(TimelineStep { attempt, after, level });
    }
    steps
}
