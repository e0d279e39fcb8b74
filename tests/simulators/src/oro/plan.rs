//! Which row each resource of a document means: a new one, one that exists, or none.
//!
//! Decided before anything is written, so that resources may name each other by ids that only this
//! document knows. Rules: OroCommerce reference §3 "Extra in included", §4.1–4.4.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::document::{Document, Linkage, Resource};
use super::naming::{existing, made};
use super::problem::Problem;
use super::record::{Id, Record};
use super::schema::Kind;
use super::store::Store;
use super::version::{Dialect, Feature};

/// What is said of an included resource that no primary one has to do with.
pub(super) const LOOSE: &str = "The entity should have a relationship with at least one primary entity and this should be \
     explicitly specified in the request";

/// A resource of a document and the row it means.
#[derive(Clone, Debug)]
pub(super) struct Plan<'document> {
    pub(super) resource: &'document Resource,
    pub(super) kind: Kind,
    pub(super) id: Id,
    /// The row as it is; `None` is a create.
    pub(super) before: Option<Record>,
    pub(super) primary: bool,
}

/// What the request does with its primary resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Create,
    /// The id as it stands in the address.
    Update(String),
    Batch,
}

/// Ids that only this document knows.
pub(super) type Names = BTreeMap<(Kind, String), Id>;

#[derive(Debug)]
pub(super) struct Planner<'shop> {
    pub(super) store: &'shop mut Store,
    pub(super) dialect: Dialect,
    pub(super) names: Names,
    pub(super) problems: Vec<Problem>,
}

/// `data.meta` as far as it says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wish {
    Plain,
    Update,
    UpsertById,
    UpsertBy(Vec<String>),
    Validate,
}

impl Planner<'_> {
    pub(super) fn plan<'document>(
        &mut self,
        document: &'document Document,
        kind: Kind,
        mode: &Mode,
    ) -> Vec<Plan<'document>> {
        let mut plans = Vec::new();
        for resource in &document.primary {
            plans.extend(self.primary(resource, kind, mode));
        }
        self.loose(document);
        self.doubled(document);
        for resource in &document.included {
            plans.extend(self.included(resource, kind));
        }
        plans
    }

    fn primary<'document>(
        &mut self,
        resource: &'document Resource,
        kind: Kind,
        mode: &Mode,
    ) -> Option<Plan<'document>> {
        let pointer = &resource.pointer;
        if resource.kind != kind.name() && *mode == Mode::Batch {
            let detail = format!(
                "The entity type \"{}\" is not supported by this batch operation.",
                resource.kind
            );
            self.problems.push(Problem::constraint("entity type", detail).at(pointer));
            return None;
        }
        if resource.kind != kind.name() {
            let detail = "The 'type' property of the primary data object should match the \
                          requested resource";
            self.problems.push(Problem::conflict(detail).at(format!("{pointer}/type")));
            return None;
        }
        let wish = self.wish(resource, kind)?;
        let existing = match (mode, &wish) {
            (Mode::Update(address), _) => {
                if resource.id.as_deref() != Some(address) {
                    let detail = "The 'id' property of the primary data object should match 'id' \
                                  parameter of the query string";
                    self.problems.push(Problem::conflict(detail).at(format!("{pointer}/id")));
                    return None;
                }
                let found = self.existing(kind, address);
                if found.is_none() && wish != Wish::UpsertById {
                    self.problems.push(Problem::not_found());
                    return None;
                }
                found
            }
            (Mode::Batch, Wish::Update) => Some(self.must_exist(resource, kind)?),
            (_, Wish::UpsertById) => self.existing(kind, resource.id.as_deref()?),
            (_, Wish::UpsertBy(fields)) => match self.by_fields(resource, kind, fields) {
                Ok(found) => found,
                Err(problem) => {
                    self.problems.push(problem);
                    return None;
                }
            },
            (_, Wish::Plain | Wish::Update | Wish::Validate) => None,
        };
        match existing {
            Some(id) => Some(self.update(resource, kind, id, true)),
            None if *mode == Mode::Batch && !kind.resource().actions.create => {
                let detail = "The \"create\" action is not allowed.";
                let problem = Problem::new(405, "action not allowed exception", detail);
                self.problems.push(problem.at(pointer));
                None
            }
            None => self.create(resource, kind, wish != Wish::UpsertById, true),
        }
    }

    fn included<'document>(
        &mut self,
        resource: &'document Resource,
        primary: Kind,
    ) -> Option<Plan<'document>> {
        let pointer = &resource.pointer;
        let Some(kind) = Kind::parse(&resource.kind) else {
            let detail = format!("Unknown entity type: {}.", resource.kind);
            self.problems
                .push(Problem::constraint("entity type", detail).at(format!("{pointer}/type")));
            return None;
        };
        match self.wish(resource, kind)? {
            Wish::Update => {
                let id = self.must_exist(resource, kind)?;
                Some(self.update(resource, kind, id, false))
            }
            Wish::UpsertById => {
                match self.existing(kind, resource.id.as_deref().unwrap_or_default()) {
                    Some(id) => Some(self.update(resource, kind, id, false)),
                    None => self.create(resource, kind, false, false),
                }
            }
            Wish::Plain | Wish::UpsertBy(_) | Wish::Validate
                if kind == Kind::Customers && primary == Kind::Customers =>
            {
                let detail = "Creation a new include entity that can lead to a circular dependency \
                              is forbidden.";
                let problem = Problem::constraint("new included entity existence", detail);
                self.problems.push(problem.at(pointer));
                None
            }
            Wish::Plain | Wish::UpsertBy(_) | Wish::Validate => {
                self.create(resource, kind, true, false)
            }
        }
    }

    fn update<'document>(
        &mut self,
        resource: &'document Resource,
        kind: Kind,
        id: Id,
        primary: bool,
    ) -> Plan<'document> {
        let before = self.store.get(kind, &id).cloned();
        Plan { resource, kind, id, before, primary }
    }

    fn create<'document>(
        &mut self,
        resource: &'document Resource,
        kind: Kind,
        must_be_new: bool,
        primary: bool,
    ) -> Option<Plan<'document>> {
        let (pointer, sent) = (&resource.pointer, resource.id.as_deref());
        let given = !kind.resource().numbered && !kind.names_itself();
        let named = given || self.dialect.key(kind).is_some();
        if named && sent.is_none() {
            let problem = Problem::constraint("entity identifier", "The identifier is mandatory");
            self.problems.push(problem.at(format!("{pointer}/id")));
            return None;
        }
        if given && !kind.resource().actions.create {
            self.problems.push(Problem::invalid(pointer));
            return None;
        }
        if let Some(sent) = sent {
            if named && must_be_new && self.existing(kind, sent).is_some() {
                self.problems.push(Problem::conflict("The entity already exists."));
                return None;
            }
            if self.names.contains_key(&(kind, sent.to_owned())) {
                if primary {
                    let detail = "The item duplicates an item with the same type and identifier";
                    self.problems.push(Problem::request(pointer, detail));
                }
                return None;
            }
        }
        let id = match sent {
            Some(name) if given => Id::name(name),
            _ => made(kind, &self.store.next_id(kind), resource),
        };
        if let Some(sent) = sent {
            self.names.insert((kind, sent.to_owned()), id.clone());
        }
        Some(Plan { resource, kind, id, before: None, primary })
    }

    /// The row a client means by an id.
    pub(super) fn existing(&self, kind: Kind, sent: &str) -> Option<Id> {
        existing(self.store, kind, sent, self.dialect)
    }

    fn must_exist(&mut self, resource: &Resource, kind: Kind) -> Option<Id> {
        let pointer = &resource.pointer;
        let Some(sent) = resource.id.as_deref() else {
            let detail = "The identifier of an entity must be set in the context.";
            self.problems.push(Problem::constraint("entity identifier", detail).at(pointer));
            return None;
        };
        let found = self.existing(kind, sent);
        if found.is_none() {
            self.problems.push(Problem::not_found().at(pointer));
        }
        found
    }

    fn wish(&mut self, resource: &Resource, kind: Kind) -> Option<Wish> {
        let meta = |name: &str| resource.meta.get(name).filter(|value| is_truthy(value));
        let root = resource.pointer.strip_prefix("/data").unwrap_or(&resource.pointer);
        let root = if root.is_empty() { String::new() } else { resource.pointer.clone() };
        // A version looks for the options it knows and leaves all others alone.
        let known = [
            ("update", true),
            ("upsert", self.dialect.has(Feature::Upsert)),
            ("validate", self.dialect.has(Feature::Validate)),
        ];
        let asked: Vec<_> = known
            .into_iter()
            .filter_map(|(name, known)| known.then_some(name))
            .filter_map(|name| meta(name).map(|value| (name, value)))
            .collect();
        let wish = match asked.as_slice() {
            [] => Ok(Wish::Plain),
            [("update", _)] => Ok(Wish::Update),
            [("upsert", value)] => self.upsert(value, kind),
            [("validate", _)] if kind == Kind::Orders => Ok(Wish::Validate),
            [(_, _)] => Err(("validate", "The validate operation is not supported.")),
            _ => Err(("", "Only one meta option can be used.")),
        };
        match wish {
            Ok(wish) => Some(wish),
            Err((name, detail)) => {
                let pointer = format!("{root}/meta/{name}");
                let problem = Problem::constraint("value", detail);
                self.problems.push(problem.at(pointer.trim_end_matches('/')));
                None
            }
        }
    }

    fn upsert(&self, value: &Value, kind: Kind) -> Result<Wish, (&'static str, &'static str)> {
        let fields: Vec<String> = match value {
            Value::Array(items) => {
                items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => vec!["id".to_owned()],
        };
        let named = !kind.resource().numbered && !kind.names_itself();
        let own_id = named || self.dialect.key(kind).is_some();
        let refused = |detail| Err(("upsert", detail));
        match fields.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["id"] if own_id => Ok(Wish::UpsertById),
            ["id"] => {
                refused("The upsert operation cannot use the entity identifier to find an entity.")
            }
            ["identifier"] if kind == Kind::Orders => Ok(Wish::UpsertBy(fields)),
            [_] => refused("The upsert operation cannot use this field to find an entity."),
            _ => refused("The upsert operation cannot use these fields to find an entity."),
        }
    }

    /// The row that holds the same value; only the order's identifier can be asked for.
    fn by_fields(
        &self,
        resource: &Resource,
        kind: Kind,
        fields: &[String],
    ) -> Result<Option<Id>, Problem> {
        let field = fields.first().map(String::as_str).unwrap_or_default();
        let Some(wanted) = resource.attributes.get(field).and_then(Value::as_str) else {
            let detail = format!("The \"{field}\" field does not exist in the request data.");
            return Err(Problem::constraint("value", detail).at("/meta/upsert"));
        };
        let found = self.store.find(kind, "identifier", wanted).next();
        Ok(found.map(|record| record.id.clone()))
    }

    /// A resource is included once.
    fn doubled(&mut self, document: &Document) {
        let mut seen: BTreeMap<(&str, Option<&str>), usize> = BTreeMap::new();
        for (index, item) in document.included.iter().enumerate() {
            let first = *seen.entry((&item.kind, item.id.as_deref())).or_insert(index);
            if first != index {
                let detail = format!("The item duplicates the item with the index {first}");
                self.problems.push(Problem::request(&item.pointer, detail));
            }
        }
    }

    /// Every included resource must hang on a primary one, directly or through others.
    fn loose(&mut self, document: &Document) {
        let mut reached: BTreeSet<usize> = BTreeSet::new();
        let mut open: Vec<&Resource> = document.primary.iter().collect();
        while let Some(from) = open.pop() {
            for (index, item) in document.included.iter().enumerate() {
                if !reached.contains(&index) && (names(from, item) || names(item, from)) {
                    reached.insert(index);
                    open.push(item);
                }
            }
        }
        for (index, item) in document.included.iter().enumerate() {
            if !reached.contains(&index) {
                self.problems.push(Problem::request(&item.pointer, LOOSE));
            }
        }
    }
}

fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::Array(items) => !items.is_empty(),
        Value::String(text) => text == "true" || text == "1",
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Null | Value::Object(_) => false,
    }
}

/// Whether a resource has a relationship to another of the document.
pub(super) fn names(from: &Resource, to: &Resource) -> bool {
    let means = |kind: &str, id: &str| kind == to.kind && Some(id) == to.id.as_deref();
    from.relationships.iter().any(|(_, linkage)| match linkage {
        Linkage::Null => false,
        Linkage::One(reference) => means(&reference.kind, &reference.id),
        Linkage::Many(references) => {
            references.iter().any(|reference| means(&reference.kind, &reference.id))
        }
    })
}
