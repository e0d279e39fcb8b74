//! What follows a failure: one pure function.

use std::time::Duration;

use ferry_canonical::{Disposition, FailureKind};
use ferry_retry::Schedule;

use crate::{limits, target::Route};

/// What is known when a try has failed.
#[derive(Clone, Copy, Debug)]
pub struct Tried {
    pub kind: FailureKind,
    /// The try that failed, 1-based.
    pub attempt: u32,
    /// How many tries in a row have failed with this kind, this one included.
    pub attempts_of_kind: u32,
    /// The time between its failures in which the target could be asked; zero on the first.
    pub tried_for: Duration,
    /// What the target asked for.
    pub retry_after: Option<Duration>,
    /// The longest it may ask for.
    pub hold_max: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Through the smallest delay level of at least this.
    Retry {
        delay: Duration,
    },
    DeadLetter,
    /// The target stops; the delivery waits and burns no attempt.
    PauseTarget,
}

/// Decides by the kind's disposition, the route's schedules and what the target asked for.
pub fn after_failure(tried: Tried, route: &Route) -> Next {
    match tried.kind.disposition() {
        Disposition::Retry | Disposition::RetryAfterRead => scheduled(tried, &route.schedule),
        Disposition::RetryReference => scheduled(tried, &route.reference_schedule),
        Disposition::RetryFew if tried.attempts_of_kind < limits::INTERNAL_ATTEMPTS => {
            scheduled(tried, &route.schedule)
        }
        Disposition::RetryFew | Disposition::DeadLetter => Next::DeadLetter,
        Disposition::PauseTarget => Next::PauseTarget,
    }
}

fn scheduled(tried: Tried, schedule: &Schedule) -> Next {
    let Some(planned) = schedule.next(tried.attempt, tried.tried_for) else {
        return Next::DeadLetter;
    };
    // An answer must not put a delivery beyond the time in which it is tried at all.
    let left = schedule.give_up_after().saturating_sub(tried.tried_for);
    let asked = tried.retry_after.unwrap_or(Duration::ZERO).min(tried.hold_max).min(left);
    Next::Retry { delay: planned.max(asked) }
}

#[cfg(test)]
mod tests {
    use ferry_canonical::Facet;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn retry() -> Route {
        Route {
            name: "orders".to_owned(),
            source: "shop".to_owned(),
            facet: Facet::Placed,
            schedule: Schedule::new(vec![5 * SECOND, 30 * SECOND], 300 * SECOND).unwrap(),
            reference_schedule: Schedule::new(vec![SECOND, 2 * SECOND], 60 * SECOND).unwrap(),
            two_way: None,
        }
    }

    fn tried(kind: FailureKind, attempt: u32, since: u64) -> Tried {
        let tried_for = SECOND * u32::try_from(since).unwrap();
        let (attempts_of_kind, hold_max) = (attempt, 150 * SECOND);
        Tried { kind, attempt, attempts_of_kind, tried_for, retry_after: None, hold_max }
    }

    #[test]
    fn a_retry_takes_the_delay_of_its_attempt_and_the_last_one_repeats() {
        let next = |attempt| after_failure(tried(FailureKind::Unavailable, attempt, 10), &retry());
        assert_eq!(next(1), Next::Retry { delay: 5 * SECOND });
        assert_eq!(next(2), Next::Retry { delay: 30 * SECOND });
        assert_eq!(next(9), Next::Retry { delay: 30 * SECOND });
    }

    #[test]
    fn retries_end_when_the_time_to_give_up_has_come() {
        assert_eq!(after_failure(tried(FailureKind::Timeout, 3, 300), &retry()), Next::DeadLetter);
    }

    #[test]
    fn a_missing_reference_waits_on_a_schedule_of_its_own() {
        assert_eq!(
            after_failure(tried(FailureKind::MissingReference, 1, 0), &retry()),
            Next::Retry { delay: SECOND }
        );
        assert_eq!(
            after_failure(tried(FailureKind::MissingReference, 1, 60), &retry()),
            Next::DeadLetter
        );
    }

    #[test]
    fn a_longer_retry_after_wins_over_the_schedule() {
        let asked =
            Tried { retry_after: Some(120 * SECOND), ..tried(FailureKind::RateLimited, 1, 0) };
        assert_eq!(after_failure(asked, &retry()), Next::Retry { delay: 120 * SECOND });
    }

    #[test]
    fn no_retry_after_goes_beyond_what_a_target_may_ask_for_or_the_time_to_give_up() {
        let next = |since, asked| {
            let tried = tried(FailureKind::RateLimited, 1, since);
            after_failure(Tried { retry_after: Some(SECOND * asked), ..tried }, &retry())
        };
        let delay = |seconds: u32| Next::Retry { delay: SECOND * seconds };
        assert_eq!(next(0, 10_000_000), delay(150));
        assert_eq!(next(200, 10_000_000), delay(100));
        assert_eq!(next(200, 90), delay(90));
        // The schedule's own delay stands.
        assert_eq!(next(298, 10_000_000), delay(5));
    }

    #[test]
    fn a_403_is_a_dead_letter_and_pauses_nothing() {
        assert_eq!(after_failure(tried(FailureKind::Rejected, 1, 0), &retry()), Next::DeadLetter);
        assert_eq!(after_failure(tried(FailureKind::Auth, 1, 0), &retry()), Next::PauseTarget);
    }

    #[test]
    fn our_own_fault_is_tried_a_few_times_only() {
        let next = |attempt| after_failure(tried(FailureKind::Internal, attempt, 1), &retry());
        assert_eq!(next(2), Next::Retry { delay: 30 * SECOND });
        assert_eq!(next(3), Next::DeadLetter);
    }

    #[test]
    fn what_the_target_did_before_does_not_count_towards_our_own_fault() {
        let tried = Tried { attempts_of_kind: 1, ..tried(FailureKind::Internal, 40, 200) };
        assert_eq!(after_failure(tried, &retry()), Next::Retry { delay: 30 * SECOND });
    }
}
