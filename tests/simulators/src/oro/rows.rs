//! Rows set up by hand: whatever a fixture needs, past the API and its rules.
//!
//! Promises that a field is one of the kind's and a value is kept as the API would keep it, so that
//! what is set up can be read, filtered and written like all else; that parents and children know
//! each other; and that nothing else is asked: no permission, no required field, no rule.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::changes;
use super::problem::Problem;
use super::record::{Id, Record};
use super::schema::{Kind, Relation, Ties};
use super::settle;
use super::store::Store;
use super::values::convert;
use super::write::{Terms, initial};

/// A row as an operator names it. Relationships are ids, or lists of ids.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// Of a row that is to be changed, or made under this name.
    id: Option<Value>,
    #[serde(default)]
    attributes: Map<String, Value>,
    #[serde(default)]
    relationships: Map<String, Value>,
}

/// Makes a row or changes one: 201 or 200 with its id, or 400 with what is not understood.
pub(super) fn put(store: &mut Store, terms: Terms, kind: &str, body: &[u8]) -> Answer {
    let refused = |reason: String| Answer::bare(400).json(json!({ "reason": reason }));
    let Some(kind) = Kind::parse(kind) else {
        return refused(format!("there is no kind {kind:?}"));
    };
    let row: Row = match serde_json::from_slice(body) {
        Ok(row) => row,
        Err(error) => return refused(error.to_string()),
    };
    store.begin();
    match apply(store, terms, kind, &row) {
        Ok((id, created)) => {
            let status = if created { 201 } else { 200 };
            let answer = Answer::bare(status).header("content-type", "application/json");
            answer.json(json!({"id": id.to_string()})).with_effects(changes::of(store))
        }
        Err(reason) => {
            store.rollback();
            refused(reason)
        }
    }
}

/// Takes a row away, with what cannot be without it. False if there is none.
pub(super) fn remove(store: &mut Store, terms: Terms, kind: &str, id: &str) -> bool {
    let Some(kind) = Kind::parse(kind) else { return false };
    let found = Id::parse(kind, id).filter(|id| store.get(kind, id).is_some());
    let Some(id) = found else { return false };
    store.begin();
    settle::remove(store, kind, &id);
    settle::after_removal(store, terms);
    true
}

fn apply(store: &mut Store, terms: Terms, kind: Kind, row: &Row) -> Result<(Id, bool), String> {
    let id = match &row.id {
        Some(id) => identity(kind, id)?,
        None if kind.resource().numbered => store.next_id(kind),
        None => return Err("id: rows of this kind go by a name, which is missing".to_owned()),
    };
    let before = store.get(kind, &id).cloned();
    let created = before.is_none();
    let mut record = before.clone().unwrap_or_else(|| initial(kind, id.clone()));
    for (name, value) in &row.attributes {
        let attribute = kind.resource().attribute(name);
        let attribute = attribute.ok_or_else(|| format!("attributes.{name}: no such field"))?;
        let value = convert(attribute, value)
            .map_err(|problems| format!("attributes.{name}: {} ({value})", told(&problems)))?;
        record.set(attribute.name, value);
    }
    for (name, value) in &row.relationships {
        let relation = kind.resource().relation(name);
        let relation = relation.ok_or_else(|| format!("relationships.{name}: no such field"))?;
        relate(store, &mut record, relation, value)
            .map_err(|reason| format!("relationships.{name}: {reason}"))?;
    }
    if let Id::Number(number) = id {
        store.reserve(kind, number);
    }
    let said = record.clone();
    store.put(record);
    settle::raw(store, terms, kind, &id, before.as_ref());
    keep(store, &said, row);
    Ok((id, created))
}

/// What a row says stands, also where the shop would have computed it.
fn keep(store: &mut Store, said: &Record, row: &Row) {
    let Some(mut record) = store.get(said.kind, &said.id).cloned() else { return };
    let attributes = said.kind.resource().attributes.iter();
    for attribute in attributes.filter(|attribute| row.attributes.contains_key(attribute.name)) {
        record.set(attribute.name, said.attribute(attribute.name).cloned());
    }
    if store.get(said.kind, &said.id) != Some(&record) {
        store.put(record);
    }
}

fn told(problems: &[Problem]) -> String {
    problems.iter().map(|problem| problem.detail.as_str()).collect::<Vec<_>>().join(" ")
}

fn identity(kind: Kind, value: &Value) -> Result<Id, String> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Id::parse(kind, &text).ok_or_else(|| format!("id: {text:?} is no id of this kind"))
}

fn relate(
    store: &Store,
    record: &mut Record,
    relation: &Relation,
    value: &Value,
) -> Result<(), String> {
    let there = |value: &Value| {
        let id = identity(relation.target, value)?;
        let found = store.get(relation.target, &id).is_some();
        if found { Ok(id) } else { Err(format!("there is no {} {id}", relation.target.name())) }
    };
    match (relation.ties, value) {
        (Ties::One, Value::Null) => {
            record.one.remove(relation.name);
        }
        (Ties::One, value) => record.link(relation.name, there(value)?),
        (Ties::Many { .. }, Value::Array(values)) => {
            let ids = values.iter().map(there).collect::<Result<_, _>>()?;
            record.many.insert(relation.name, ids);
        }
        (Ties::Many { .. }, _) => return Err("a list of ids was expected".to_owned()),
        (Ties::Inverse { via }, _) => {
            return Err(format!("name it from the other side, in {via} of its rows"));
        }
    }
    Ok(())
}

/// A row as `GET /_sim/rows/{kind}` shows it.
pub(super) fn all(store: &Store, kind: &str) -> Option<Value> {
    let kind = Kind::parse(kind)?;
    Some(store.all(kind).map(show).collect())
}

fn show(record: &Record) -> Value {
    let one = record.one.iter().map(|(name, id)| ((*name).to_owned(), id.to_string().into()));
    let many = record.many.iter().map(|(name, ids)| {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        ((*name).to_owned(), Value::from(ids))
    });
    let relationships: Map<String, Value> = one.chain(many).collect();
    json!({
        "id": record.id.to_string(),
        "attributes": record.attributes,
        "relationships": relationships,
    })
}
