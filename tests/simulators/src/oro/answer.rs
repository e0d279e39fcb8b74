//! An answer before it is bytes on a wire.

use ferry_world::account::Effect;
use serde_json::Value;

use super::media::JSON_API;
use super::problem::{self, Problem};
use super::record::Id;

#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
    /// In place of a body, where somebody else than the API answers.
    pub(super) page: Option<String>,
    /// What the request changed, or was refused to change.
    pub(super) effects: Vec<Effect>,
    /// The operation this answer stands for, if the shop is not done with it within its patience.
    pub(super) waits: Option<Id>,
}

impl Answer {
    pub(super) const fn bare(status: u16) -> Self {
        let headers = Vec::new();
        Self { status, headers, body: None, page: None, effects: Vec::new(), waits: None }
    }

    pub(super) fn document(status: u16, body: Value) -> Self {
        Self::bare(status).header("content-type", JSON_API).json(body)
    }

    pub(super) fn html(status: u16, page: impl Into<String>) -> Self {
        let answer = Self::bare(status).header("content-type", "text/html; charset=UTF-8");
        Self { page: Some(page.into()), ..answer }
    }

    pub(super) fn refusal(problems: &[Problem]) -> Self {
        Self::document(problem::status_of(problems), problem::document(problems))
    }

    /// 405 has no body (OroCommerce reference §3.1).
    pub(super) fn not_allowed(allow: &str) -> Self {
        Self::bare(405).header("allow", allow)
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn json(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    pub(super) fn with_effects(mut self, effects: Vec<Effect>) -> Self {
        self.effects = effects;
        self
    }
}
