//! What a request or a push did to one thing, for the history.

use serde_json::{Value, json};

use super::report::Refusal;

#[derive(Clone, Debug)]
pub(super) struct Effect {
    pub(super) entity: &'static str,
    pub(super) key: String,
    pub(super) change: &'static str,
    pub(super) fields: Value,
}

impl Effect {
    pub(super) fn new(
        entity: &'static str,
        key: String,
        change: &'static str,
        fields: Option<Value>,
    ) -> Self {
        Self { entity, key, change, fields: fields.unwrap_or_default() }
    }

    /// A refusal with its cause.
    pub(super) fn refused(entity: &'static str, key: String, refusal: &Refusal) -> Self {
        let fields = json!({ "message": refusal.message, "detail": refusal.detail });
        Self { entity, key, change: "refused", fields }
    }
}
