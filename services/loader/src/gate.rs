//! The gate of a process: calls run side by side, but a delivery that may take the process down runs
//! alone in it.
//!
//! Turns come in the order in which they are asked for, so a delivery that is to be alone waits for
//! the calls that run, and holds up those that come after it. A row of such deliveries asks for each
//! anew: others have their turns in between.

use std::{fmt, sync::Arc};

use tokio::{
    sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock},
    task::JoinSet,
};

/// One for all desks of a process.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<RwLock<()>>);

/// The right to run calls, until it is dropped.
#[derive(Debug)]
pub(crate) enum Pass {
    Beside { _guard: OwnedRwLockReadGuard<()> },
    Alone { _guard: OwnedRwLockWriteGuard<()> },
}

impl Gate {
    fn try_pass(&self, alone: bool) -> Option<Pass> {
        let lock = Arc::clone(&self.0);
        if alone {
            lock.try_write_owned().ok().map(|guard| Pass::Alone { _guard: guard })
        } else {
            lock.try_read_owned().ok().map(|guard| Pass::Beside { _guard: guard })
        }
    }

    async fn pass(self, alone: bool) -> Pass {
        if alone {
            Pass::Alone { _guard: self.0.write_owned().await }
        } else {
            Pass::Beside { _guard: self.0.read_owned().await }
        }
    }
}

/// One desk's turns at the gate.
pub(crate) struct Turns {
    gate: Gate,
    /// A task of its own, which takes its place in the row at once.
    waited_for: Option<(bool, JoinSet<Pass>)>,
    /// Came after it was waited for.
    held: Option<(bool, Pass)>,
}

impl fmt::Debug for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turns").field("gate", &self.gate).finish_non_exhaustive()
    }
}

impl Turns {
    pub(crate) fn at(gate: Gate) -> Self {
        Self { gate, waited_for: None, held: None }
    }

    /// What is held or waited for and not `wanted` any more is for others.
    pub(crate) fn keep(&mut self, wanted: Option<bool>) {
        self.held.take_if(|(alone, _)| Some(*alone) != wanted);
        self.waited_for.take_if(|(alone, _)| Some(*alone) != wanted);
    }

    /// The right to start the next calls; none: it is waited for ([`Turns::comes`]).
    pub(crate) fn take(&mut self, alone: bool) -> Option<Arc<Pass>> {
        self.keep(Some(alone));
        if let Some((_, pass)) = self.held.take() {
            return Some(Arc::new(pass));
        }
        if self.waited_for.is_some() {
            return None;
        }
        let pass = self.gate.try_pass(alone);
        if pass.is_none() {
            let mut turn = JoinSet::new();
            turn.spawn(self.gate.clone().pass(alone));
            self.waited_for = Some((alone, turn));
        }
        pass.map(Arc::new)
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.waited_for.is_some()
    }

    /// Ends when a turn has come that was waited for.
    pub(crate) async fn comes(&mut self) {
        let Some((alone, turn)) = &mut self.waited_for else {
            return std::future::pending().await;
        };
        if let Some(Ok(pass)) = turn.join_next().await {
            self.held = Some((*alone, pass));
        }
        self.waited_for = None;
    }
}
