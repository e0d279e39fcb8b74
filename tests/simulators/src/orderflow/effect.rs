//! What a request or the actor did to one thing, for the history.
//!
//! An effect is made where it happens; its place in the order of all effects is given by the
//! instance, which sees them all.

use ferry_world::account::{Effect, EffectKind};
use serde_json::{Map, Value, json};

use super::report::Refusal;

/// An effect whose place is still to be given. `fields` is a JSON object, or anything else for none.
pub(super) fn effect(entity: &str, key: &str, kind: EffectKind, fields: Value) -> Effect {
    let fields = match fields {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    };
    Effect { order: 0, entity: entity.to_owned(), key: key.to_owned(), effect: kind, fields }
}

/// A refusal with its cause.
pub(super) fn refused(entity: &str, key: &str, refusal: &Refusal) -> Effect {
    let fields = json!({ "message": refusal.message, "detail": refusal.detail });
    effect(entity, key, EffectKind::Refused, fields)
}
