//! Something that goes away for a while, aside: broker and database stop and start in their own time.

use std::thread::{self, JoinHandle};

use anyhow::anyhow;

#[derive(Debug, Default)]
pub(crate) struct Away {
    coming_back: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Away {
    /// Does `work`, which ends when all is back, on a thread of its own. False if it is away
    /// already.
    pub(crate) fn begin(
        &mut self,
        work: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
    ) -> anyhow::Result<bool> {
        if self.coming_back.as_ref().is_some_and(|back| !back.is_finished()) {
            return Ok(false);
        }
        self.wait()?;
        self.coming_back = Some(thread::spawn(work));
        Ok(true)
    }

    /// Waits until it is back.
    pub(crate) fn wait(&mut self) -> anyhow::Result<()> {
        let Some(back) = self.coming_back.take() else { return Ok(()) };
        back.join().map_err(|_panic| anyhow!("starting again panicked"))?
    }
}
