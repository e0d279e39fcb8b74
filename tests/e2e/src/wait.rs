//! Waiting for states, not for time.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How often a state is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks until there is something to see, and returns it.
///
/// # Panics
/// When `within` has passed; the message says what was waited for.
pub fn wait_for<T>(what: &str, within: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        // Look first: a state that is already there needs no waiting, and one that came during
        // the last pause is not missed.
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited {within:?} in vain for {what}");
        thread::sleep(LOOK_EVERY);
    }
}

/// Looks until it holds.
///
/// # Panics
/// When `within` has passed; the message says what was waited for.
pub fn wait_until(what: &str, within: Duration, mut holds: impl FnMut() -> bool) {
    wait_for(what, within, || holds().then_some(()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_is_already_there_is_seen_even_without_time() {
        assert_eq!(wait_for("seven", Duration::ZERO, || Some(7)), 7);
    }

    #[test]
    fn a_state_that_comes_later_is_waited_for() {
        let mut looks = 0;
        wait_until("the third look", Duration::from_mins(1), || {
            looks += 1;
            looks == 3
        });
    }

    #[test]
    #[should_panic(expected = "in vain for the moon")]
    fn a_state_that_never_comes_is_named() {
        wait_until("the moon", Duration::ZERO, || false);
    }
}
