//! What all simulators share: the history of what happened, scripted faults, the actor's pause, and
//! a listener whose connections can really be cut.
//!
//! Promises that every request is written to the history once it was applied, also when its answer
//! was never sent, and that a fault that drops a connection drops the socket: the client sees a
//! connection error, never a status. It knows nothing of any one system.
//!
//! A simulator makes one [`Control`], hands clones to its handlers and its actor, and serves
//! [`app`]`(control, its router, its view)` with [`serve`]. A handler applies its effects and answers
//! without awaiting in between, and returns [`Effects`] as a response extension.

mod faults;
mod history;
mod options;
mod pause;
mod routes;
mod time;
mod wire;

#[cfg(test)]
mod tests;

pub use faults::{Fault, FaultKind, PushFault};
pub use history::Effects;
pub use options::SimOptions;
pub use routes::{View, app};
pub use time::{now, start};
pub use wire::{bind, serve};

use std::sync::Arc;

use ferry_world::account::{Effect, EffectKind, Entry};
use serde_json::Value;

use faults::Faults;
use history::History;
use pause::Pause;

/// The shared state of one simulator. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Control {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    history: History,
    faults: Faults,
    pause: Pause,
}

impl Control {
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that something became of an entity. Call it while holding the lock under which that
    /// happened: the effect's `order` is drawn here, and the account believes it. `fields` that are
    /// not an object are left out.
    pub fn effect(&self, entity: &str, key: &str, effect: EffectKind, fields: Value) -> Effect {
        self.inner.history.effect(entity, key, effect, fields)
    }

    /// Writes what the actor did to the history: `path` says what, such as `place WEB-100001`, or
    /// where a push went; `status` is the answer to a push, else 0.
    pub fn acted(&self, path: &str, status: u16, effects: Vec<Effect>) {
        let method = "ACTOR".to_owned();
        let path = path.to_owned();
        self.inner.history.push(Entry { method, path, status, effects, ..Entry::default() });
    }

    /// The fault the next push has to suffer, if one of the push kinds is scripted. Counts it as
    /// fired; the simulator must then do it.
    pub fn push_fault(&self) -> Option<PushFault> {
        self.inner.faults.next_push()
    }

    /// The history so far.
    #[cfg(test)]
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.inner.history.page(0, None).entries
    }

    /// Whether the actor is paused; what already happened stays.
    pub fn is_paused(&self) -> bool {
        self.inner.pause.is_paused()
    }

    /// Returns as soon as the actor is not paused.
    pub async fn until_resumed(&self) {
        self.inner.pause.until_resumed().await;
    }
}
