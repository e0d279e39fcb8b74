//! What both connections are doing, for [`ferry_broker::Health`].

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use ferry_broker::Health;
use lapin::ConnectionStatus;
use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(crate) struct State {
    publishing: Mutex<Option<ConnectionStatus>>,
    consuming: Mutex<Option<ConnectionStatus>>,
    waiting: AtomicUsize,
    /// Tells the publishing task to take nothing more.
    pub(crate) stop: Notify,
}

/// Held while somebody waits to be subscribed.
#[derive(Debug)]
pub(crate) struct Waiting(Arc<State>);

impl State {
    pub(crate) fn publishes_on(&self, status: Option<ConnectionStatus>) {
        *self.publishing.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    pub(crate) fn consumes_on(&self, status: Option<ConnectionStatus>) {
        *self.consuming.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    pub(crate) fn wait(self: &Arc<Self>) -> Waiting {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(Arc::clone(self))
    }

    /// A process that never subscribed is not missing a subscription.
    pub(crate) fn health(&self) -> Health {
        let publishing = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        let consuming = self.consuming.lock().unwrap_or_else(PoisonError::into_inner);
        let nobody_waits = self.waiting.load(Ordering::Relaxed) == 0;
        Health {
            publishing: publishing.as_ref().is_some_and(ConnectionStatus::connected),
            consuming: nobody_waits && consuming.as_ref().is_none_or(ConnectionStatus::connected),
            blocked: publishing.as_ref().is_some_and(ConnectionStatus::blocked),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_subscription_shows_as_not_consuming_until_it_is_over() {
        let state = Arc::new(State::default());
        assert!(state.health().consuming);
        let waiting = state.wait();
        assert!(!state.health().consuming);
        drop(waiting);
        assert!(state.health().consuming);
    }

    #[test]
    fn without_a_connection_nothing_is_published_and_nothing_blocked() {
        let health = State::default().health();
        assert!(!health.publishing && !health.blocked);
    }
}
