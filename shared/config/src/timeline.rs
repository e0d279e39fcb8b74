//! The worst case of a retry policy, for people.

use std::time::Duration;

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

/// When an event that always fails at once is tried again, until it is given up. At most
/// [`STEPS_MAX`] steps. A try that takes time moves all that follow.
pub fn worst_case_timeline(retry: &RetryConfig, levels: &[HumanDuration]) -> Vec<TimelineStep> {
    let delays =
        retry.schedule.iter().copied().chain(retry.schedule.last().copied().into_iter().cycle());
    let mut steps = Vec::new();
    let mut after = Duration::ZERO;
    for (attempt, delay) in (1..).zip(delays).take(STEPS_MAX) {
        let Some(level) = level_of(delay, levels) else { break };
        after = after.saturating_add(level.0);
        if after > retry.give_up_after {
            break;
        }
        steps.push(TimelineStep { attempt, after, level });
    }
    steps
}

/// The smallest level that is not shorter than `delay`; the longest where none is.
fn level_of(delay: Duration, levels: &[HumanDuration]) -> Option<HumanDuration> {
    let longest = levels.iter().max().copied();
    levels.iter().copied().filter(|level| level.0 >= delay).min().or(longest)
}
