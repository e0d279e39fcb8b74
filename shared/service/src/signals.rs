//! The operating system's requests to end, as a value that tests can script.

use std::io;

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

/// Two are ever needed: the first drains, the second stops.
const SIGNALS_MAX: usize = 2;

/// SIGTERM and SIGINT, in the order they come.
#[derive(Debug)]
pub struct Signals(mpsc::Receiver<&'static str>);

impl Signals {
    /// Listens from now on; the default action (sudden death) is off for the rest of the process.
    /// Must be called inside a runtime.
    #[expect(clippy::disallowed_methods, reason = "it outlives the lifecycle that it ends")]
    pub fn listen() -> io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (sender, signals) = Self::by_hand();
        tokio::spawn(async move {
            loop {
                let name = tokio::select! {
                    Some(()) = terminate.recv() => "SIGTERM",
                    Some(()) = interrupt.recv() => "SIGINT",
                    else => break,
                };
                if sender.send(name).await.is_err() {
                    break;
                }
            }
        });
        Ok(signals)
    }

    /// Signals that are sent by whoever holds the sender.
    pub fn by_hand() -> (mpsc::Sender<&'static str>, Self) {
        let (sender, receiver) = mpsc::channel(SIGNALS_MAX);
        (sender, Self(receiver))
    }

    /// The next signal's name; never returns where no more can come.
    pub(crate) async fn next(&mut self) -> &'static str {
        match self.0.recv().await {
            Some(name) => name,
            None => std::future::pending().await,
        }
    }
}
