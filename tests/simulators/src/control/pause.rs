//! The actor's pause.

use tokio::sync::watch;

#[derive(Debug)]
pub(super) struct Pause {
    paused: watch::Sender<bool>,
}

impl Default for Pause {
    fn default() -> Self {
        Self { paused: watch::Sender::new(false) }
    }
}

impl Pause {
    pub(super) fn set(&self, paused: bool) {
        self.paused.send_replace(paused);
    }

    pub(super) fn is_paused(&self) -> bool {
        *self.paused.borrow()
    }

    pub(super) async fn until_resumed(&self) {
        let mut paused = self.paused.subscribe();
        // The sender lives as long as `self`, so the wait can only end by a resume.
        drop(paused.wait_for(|paused| !paused).await);
    }
}
