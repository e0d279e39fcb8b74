//! What is said of a trouble that many requests meet: once when it begins, and once when it is over.

use std::sync::atomic::{AtomicU64, Ordering};

use tracing::warn;

#[derive(Debug, Default)]
pub(crate) struct Outage {
    /// Requests that met it; none: it is over.
    met: AtomicU64,
}

impl Outage {
    /// Another one has met it. Returns whether it was the first.
    pub(crate) fn met(&self) -> bool {
        self.met.fetch_add(1, Ordering::Relaxed) == 0
    }

    /// One has come through. Returns how many had not, where they are the first to be told of.
    pub(crate) fn is_over(&self) -> Option<u64> {
        // Most of the time there is none, and nothing to be written.
        if self.met.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let met = self.met.swap(0, Ordering::Relaxed);
        (met > 0).then_some(met)
    }
}

/// The broker does not take what is pushed or uploaded.
#[derive(Debug, Default)]
pub(crate) struct Publishing(Outage);

impl Publishing {
    pub(crate) fn failed(&self, source: &str, error: &ferry_broker::PublishError) {
        if self.0.met() {
            warn!(source, %error, "records cannot be stored; their senders are told to come again");
        }
    }

    pub(crate) fn succeeded(&self) {
        if let Some(count) = self.0.is_over() {
            warn!(count, "records can be stored again; so many were not");
        }
    }
}

/// The store does not take what pushes say should be read.
#[derive(Debug, Default)]
pub(crate) struct Hearing(Outage);

impl Hearing {
    pub(crate) fn failed(&self, error: &str) {
        if self.0.met() {
            warn!(error, "what pushes say should be read waits for the store");
        }
    }

    pub(crate) fn succeeded(&self) {
        if let Some(count) = self.0.is_over() {
            warn!(count, "the store takes what pushes say should be read again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_told_once_and_its_end_with_how_many_met_it() {
        let outage = Outage::default();
        assert_eq!(outage.is_over(), None);
        assert_eq!([outage.met(), outage.met(), outage.met()], [true, false, false]);
        assert_eq!([outage.is_over(), outage.is_over()], [Some(3), None]);
        assert!(outage.met());
    }
}
