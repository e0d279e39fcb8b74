//! The one HTTP client port: every request to a system goes through [`HttpPort`].
//!
//! It promises a hard deadline on the whole exchange, a bounded body, one answer to the question
//! "may the other side have acted?", and a record of every exchange for the journal. It does not
//! retry, follow redirects or interpret an answer. Only this crate names reqwest.

mod client;
mod conversation;
mod lease;
mod redact;
mod webhook;

pub use client::Client;
pub use conversation::{Conversation, Exchange, Subjects};
pub use lease::{Alone, LedgerPort};
pub use redact::{redacted_headers, redacted_url};
pub use webhook::{StandardWebhook, WebhookSecretError, is_signed};

use std::{fmt, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;

/// The largest answer that is read, in bytes.
pub const RESPONSE_BYTES_MAX: usize = 16 * 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

#[derive(Clone)]
pub struct Request {
    /// What it is for, for the journal and the metrics: `import order`, `oauth token`.
    pub operation: &'static str,
    pub method: Method,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// From the first byte sent to the last byte read.
    pub deadline: Duration,
    /// The bodies hold secrets (a token request): they never reach the journal.
    pub secret: bool,
    /// How many writes are in it; 1 where it is about one, and of a read. It may take so much longer.
    pub carries: u16,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("operation", &self.operation)
            .field("method", &self.method.as_str())
            .field("url", &redacted_url(&self.url))
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The body as text; bytes that are no UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// No answer was read. Display never shows a secret: URLs are redacted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// Nothing was sent: the other side cannot have acted.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The deadline passed. The other side may have acted.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// The connection broke after something may have been sent. The other side may have acted.
    #[error("the connection broke before the answer was read: {0}")]
    Broken(String),
    /// An answer came, but it is larger than [`RESPONSE_BYTES_MAX`]; it acted.
    #[error("the answer is larger than {RESPONSE_BYTES_MAX} bytes")]
    TooLarge,
    /// The request itself cannot be made (URL, header).
    #[error("the request cannot be made: {0}")]
    Unsendable(String),
    /// Nothing was sent: whoever was about to had no right to any more.
    #[error("nothing was sent: {0}")]
    Withheld(&'static str),
}

impl HttpError {
    /// Whether the other side may have acted although we read no answer.
    pub const fn may_have_acted(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Unsendable(_) | Self::Withheld(_) => false,
            Self::Timeout(_) | Self::Broken(_) | Self::TooLarge => true,
        }
    }
}

/// The seam: the real client and the simulation implement it.
pub trait HttpPort: fmt::Debug + Send + Sync {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, HttpError>>;
}
