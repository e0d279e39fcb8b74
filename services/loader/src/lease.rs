//! The lease of one call, by this process's own clock.
//!
//! The store ends a lease by the store's clock, and a loader that stalls, or has lost the store, is
//! not told. It counts by itself, from before it asked, so that it never thinks to hold an entity for
//! longer than the store does. It renews nothing.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

/// The renewer's end; without one, the lease is not renewed.
#[derive(Debug)]
pub(crate) struct Lease(watch::Sender<Option<Instant>>);

/// The call's end.
#[derive(Clone, Debug)]
pub(crate) struct Leased(watch::Receiver<Option<Instant>>);

/// The lease has ended, or ends before what was asked for could.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeaseEnded;

impl Lease {
    pub(crate) fn until(until: Instant) -> (Self, Leased) {
        let (sender, receiver) = watch::channel(Some(until));
        (Self(sender), Leased(receiver))
    }

    /// What was lost is not won back: somebody else may have begun.
    pub(crate) fn renewed(&self, until: Instant) {
        self.0.send_if_modified(|held| held.as_mut().is_some_and(|held| later(held, until)));
    }

    pub(crate) fn lost(&self) {
        self.0.send_replace(None);
    }
}

fn later(held: &mut Instant, until: Instant) -> bool {
    let later = until > *held;
    *held = until.max(*held);
    later
}

impl Leased {
    /// Resolves once a request that may take so long would end within the lease. A renewal that is
    /// late is waited for as long as the lease lasts.
    pub(crate) async fn covers(&self, deadline: Duration) -> Result<(), LeaseEnded> {
        let mut lease = self.0.clone();
        let Some(ends) = *lease.borrow() else { return Err(LeaseEnded) };
        let covered =
            |until: &Option<Instant>| until.is_none_or(|until| Instant::now() + deadline <= until);
        match timeout_at(ends, lease.wait_for(covered)).await {
            Ok(Ok(until)) if until.is_some() => Ok(()),
            Ok(_) | Err(_) => Err(LeaseEnded),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_request_goes_out_only_if_it_is_over_before_the_lease_is() {
        let (lease, leased) = Lease::until(Instant::now() + 10 * SECOND);
        assert_eq!(leased.covers(10 * SECOND).await, Ok(()));
        let started = Instant::now();
        assert_eq!(leased.covers(11 * SECOND).await, Err(LeaseEnded));
        assert_eq!(started.elapsed(), 10 * SECOND);
        drop(lease);
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_renewal_is_waited_for() {
        let (lease, leased) = Lease::until(Instant::now() + 10 * SECOND);
        let renewing = async {
            sleep(8 * SECOND).await;
            lease.renewed(Instant::now() + 10 * SECOND);
        };
        let (covered, ()) = tokio::join!(leased.covers(5 * SECOND), renewing);
        assert_eq!(covered, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_lease_covers_nothing_and_is_not_won_back() {
        let (lease, leased) = Lease::until(Instant::now() + 10 * SECOND);
        lease.lost();
        lease.renewed(Instant::now() + 20 * SECOND);
        assert_eq!(leased.covers(SECOND).await, Err(LeaseEnded));
    }
}
