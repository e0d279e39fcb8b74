//! The ways on which a person is reached.

mod mail;
mod webhook;

pub use self::{mail::Mail, webhook::Webhook};

use std::{fmt, time::Duration};

use futures_util::future::BoxFuture;

use super::Message;

/// One way. Its [`Channel::send`] ends within [`Channel::deadline`].
pub trait Channel: fmt::Debug + Send + Sync {
    /// Its word in the store, in logs and metrics.
    fn name(&self) -> &'static str;

    fn deadline(&self) -> Duration;

    /// Sends it once. A message may have arrived although this fails.
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), SendError>>;
}

/// It is not known to have arrived. Holds no secret: an address may be one, and is left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    #[error("it answered {0}")]
    Answered(u16),
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    #[error("the message cannot be sent: {0}")]
    Unsendable(String),
}

/// A channel is configured so that it cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {fault}")]
pub struct ChannelError {
    pub key: &'static str,
    pub fault: String,
}
