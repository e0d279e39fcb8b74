//! HTTP as tests speak it: what should answer and does not is a failed test.

use std::{io, ops::Deref};

use ferry_stage::http;
use serde_json::Value;

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer(http::Answer);

impl Answer {
    /// # Panics
    /// When the body is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{error} in the answer {}: {}", self.status, self.text())
        })
    }
}

impl Deref for Answer {
    type Target = http::Answer;

    fn deref(&self) -> &http::Answer {
        &self.0
    }
}

/// Sends one request and reads its whole answer.
///
/// # Errors
/// When there is nobody, or no whole answer comes.
pub fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Answer> {
    http::send(method, url, headers, body).map(Answer)
}

/// # Panics
/// When nobody answers.
pub fn get(url: &str) -> Answer {
    send("GET", url, &[], b"").unwrap_or_else(|error| panic!("GET {url}: {error}"))
}

/// # Panics
/// When nobody answers.
pub fn post(url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    send("POST", url, headers, body).unwrap_or_else(|error| panic!("POST {url}: {error}"))
}
