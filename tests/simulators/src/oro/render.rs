//! Rows as JSON:API resources.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::find::related;
use super::record::{Id, Record};
use super::schema::{Access, Kind, Relation};
use super::store::Store;
use super::version::Dialect;

/// To-many arrays are cut here, line items excepted (OroCommerce reference §3).
const RELATED_MAX: usize = 1000;

/// How a client wants to see rows.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    pub(super) dialect: Dialect,
    /// The base address of links; `None` is `noHateoas`.
    pub(super) links: Option<String>,
    pub(super) fields: BTreeMap<String, Vec<String>>,
    pub(super) include: Vec<Vec<String>>,
}

impl View {
    fn shows(&self, kind: Kind, field: &str) -> bool {
        self.fields.get(kind.name()).is_none_or(|fields| fields.iter().any(|name| name == field))
    }
}

/// The id as the client knows it.
pub(super) fn wire_id(store: &Store, kind: Kind, id: &Id, dialect: Dialect) -> String {
    if let Some(key) = dialect.key(kind) {
        let name = store.get(kind, id).and_then(|record| record.text(key));
        return name.unwrap_or_default().to_owned();
    }
    id.to_string()
}

pub(super) fn resource(store: &Store, record: &Record, view: &View) -> Map<String, Value> {
    let kind = record.kind;
    let id = wire_id(store, kind, &record.id, view.dialect);
    let mut resource = Map::new();
    resource.insert("type".to_owned(), kind.name().into());
    resource.insert("id".to_owned(), id.clone().into());
    if let Some(base) = &view.links {
        resource.insert("links".to_owned(), json!({"self": self_link(base, kind, &id)}));
    }
    let attributes = attributes(record, view);
    if !attributes.is_empty() {
        resource.insert("attributes".to_owned(), attributes.into());
    }
    let mut relationships = Map::new();
    let Dialect { version, .. } = view.dialect;
    for relation in kind.resource().relations.iter().filter(|relation| relation.is_in(version)) {
        let name = relation.name_in(version);
        if !view.shows(kind, name) {
            continue;
        }
        let mut member = Map::new();
        if let Some(base) = &view.links {
            let own = self_link(base, kind, &id);
            let links = json!({
                "self": format!("{own}/relationships/{name}"),
                "related": format!("{own}/{name}"),
            });
            member.insert("links".to_owned(), links);
        }
        member.insert("data".to_owned(), linkage(store, record, relation, view.dialect));
        relationships.insert(name.to_owned(), member.into());
    }
    if !relationships.is_empty() {
        resource.insert("relationships".to_owned(), relationships.into());
    }
    resource
}

fn self_link(base: &str, kind: Kind, id: &str) -> String {
    format!("{base}/{}/{id}", kind.name())
}

fn attributes(record: &Record, view: &View) -> Map<String, Value> {
    let kind = record.kind;
    let mut attributes = Map::new();
    for attribute in kind.resource().attributes {
        let named_by_it = view.dialect.key(kind) == Some(attribute.name);
        let there = attribute.is_in(view.dialect.version);
        let hidden = matches!(attribute.access, Access::WriteOnly | Access::CreateOnlyHidden);
        if !there || hidden || named_by_it {
            continue;
        }
        if view.shows(kind, attribute.name) {
            let value = record.attributes.get(attribute.name).cloned().unwrap_or_default();
            attributes.insert(attribute.name.to_owned(), value);
        }
    }
    if view.dialect.key(kind).is_some()
        && view.shows(kind, "dbId")
        && let Id::Number(number) = record.id
    {
        attributes.insert("dbId".to_owned(), number.into());
    }
    attributes
}

/// The ids at the other end of a relation, as far as the client is told of them.
pub(super) fn told(
    store: &Store,
    record: &Record,
    relation: &Relation,
    dialect: Dialect,
) -> Vec<Id> {
    let hidden = dialect.hides_status && relation.target == Kind::OrderStatuses;
    if hidden { Vec::new() } else { related(store, record, relation) }
}

pub(super) fn linkage(
    store: &Store,
    record: &Record,
    relation: &Relation,
    dialect: Dialect,
) -> Value {
    let reference = |id: &Id| {
        json!({
            "type": relation.target.name(),
            "id": wire_id(store, relation.target, id, dialect),
        })
    };
    let key = dialect.key(relation.target);
    let named = |id: &Id| {
        key.is_none_or(|key| {
            store.get(relation.target, id).is_some_and(|row| row.text(key).is_some())
        })
    };
    let ids: Vec<Id> = told(store, record, relation, dialect).into_iter().filter(named).collect();
    if !relation.is_list_in(dialect.version) {
        return ids.first().map(reference).unwrap_or_default();
    }
    let most = if relation.name == "lineItems" { usize::MAX } else { RELATED_MAX };
    let shown = ids.iter().take(most);
    if relation.name == "documents" {
        let placed = |(place, id): (u64, &Id)| {
            let file = relation.target.name();
            json!({"type": file, "id": id.to_string(), "meta": {"sortOrder": place}})
        };
        return (1..).zip(shown).map(placed).collect();
    }
    shown.map(reference).collect()
}

/// What `include` pulls in beside the rows, each once.
pub(super) fn included(store: &Store, rows: &[&Record], view: &View) -> Vec<Value> {
    let mut seen: BTreeSet<(Kind, Id)> =
        rows.iter().map(|record| (record.kind, record.id.clone())).collect();
    let mut resources = Vec::new();
    for path in &view.include {
        let mut at: Vec<&Record> = rows.to_vec();
        for step in path {
            at = step_to(store, &at, step, view);
            for record in &at {
                if seen.insert((record.kind, record.id.clone())) {
                    resources.push(Value::Object(resource(store, record, view)));
                }
            }
        }
    }
    resources
}

/// A relation must be shown to be includable.
fn step_to<'store>(
    store: &'store Store,
    from: &[&Record],
    step: &str,
    view: &View,
) -> Vec<&'store Record> {
    let mut found = Vec::new();
    for record in from {
        let Dialect { version, .. } = view.dialect;
        let Some(relation) = record.kind.resource().relation_in(version, step) else { continue };
        if !view.shows(record.kind, step) {
            continue;
        }
        let ids = told(store, record, relation, view.dialect);
        found.extend(ids.iter().filter_map(|id| store.get(relation.target, id)));
    }
    found
}
