//! Receiving pushes: who says it, what it is, and what we answer.

use crate::Wakeup;

/// An HTTP request that claims to be a push.
#[derive(Clone, Copy, Debug)]
pub struct PushRequest<'a> {
    /// Names in lower case.
    pub headers: &'a [(String, String)],
    /// Decoded query parameters.
    pub query: &'a [(String, String)],
    pub body: &'a [u8],
}

/// Its headers are those of somebody who may push: only then is its body read. Who signs the body is told
/// by the body.
#[derive(Debug)]
#[must_use = "a push is admitted to be received"]
pub struct Admitted(pub(crate) ());

/// What a push is to Ferry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// A record, durable before its sender hears of it.
    Record,
    /// A word that something has changed: what it wakes is read, and nothing else of it is used.
    Word,
    /// Nothing, for this reason.
    Nothing(String),
}

/// It is taken; once what is to be kept of it is durable, this is the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// `push` or what the system distinguishes.
    pub endpoint: String,
    pub scope: Option<String>,
    /// The source's own message id.
    pub message_id: Option<String>,
    pub kept: Kept,
    pub content_type: &'static str,
    pub body: String,
    /// What the push says should be read.
    pub wakes: Vec<Wakeup>,
}

/// It is not taken. `status` is never 410: some senders delete their subscription on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 400, 401, 404, 408, 413, 415 or 503.
    pub status: u16,
    /// For the sender; names no secret.
    pub reason: String,
    pub headers: Vec<(&'static str, String)>,
}

impl Refusal {
    pub fn new(status: u16, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), headers: Vec::new() }
    }

    pub fn not_received_here() -> Self {
        Self::new(404, "this system takes no pushes")
    }
}
