//! Writing a document: plan, apply, settle, check; all of it or nothing.
//!
//! The API, the batch endpoint and the shopper all come through here. What a field may hold is the
//! schema's word, what rows must satisfy is said in `rules`, what the shop does by itself in
//! `settle`.

use jiff::Timestamp;

use super::document::{Document, Linkage, Reference, Resource};
use super::find::related;
use super::lists;
use super::naming::{existing, identifier};
use super::permissions::{Right, Rights, is_foreign, no_entity, no_owner, no_related, no_type};
use super::plan::{Mode, Names, Plan, Planner};
use super::problem::{Problem, Source};
use super::record::{Id, Record};
use super::rules;
use super::schema::{Access, Initial, Kind, Relation, Ties};
use super::settle;
use super::store::Store;
use super::values::convert;
use super::version::{Dialect, Feature, Version};

/// On what terms a request writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) dialect: Dialect,
    pub(super) rights: Rights,
    pub(super) now: Timestamp,
}

/// One written resource.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) kind: Kind,
    pub(super) id: Id,
    pub(super) created: bool,
    pub(super) primary: bool,
    /// The id the client sent, known to this document only if it was created.
    pub(super) sent: Option<String>,
}

/// Writes a document in a transaction that the caller commits by leaving it, or takes back.
///
/// # Errors
/// Everything that is wrong with it; the store is as it was before.
pub(super) fn write(
    store: &mut Store,
    terms: Terms,
    document: &Document,
    kind: Kind,
    mode: &Mode,
) -> Result<Vec<Written>, Vec<Problem>> {
    store.begin();
    let dialect = terms.dialect;
    let mut planner = Planner { store, dialect, names: Names::new(), problems: Vec::new() };
    let plans = planner.plan(document, kind, mode);
    let (names, mut problems) = (planner.names, planner.problems);
    if problems.is_empty() {
        let denied = |plan: &Plan<'_>| {
            let problem = unallowed(plan, terms).or_else(|| rules::denied(plan))?;
            Some(placed(problem, plan, mode))
        };
        problems.extend(plans.iter().filter_map(denied));
    }
    if problems.is_empty() {
        let mut writer = Writer { store, terms, names, problems, adopted: Vec::new() };
        for plan in &plans {
            writer.apply(plan);
        }
        writer.adopt();
        problems = writer.problems;
        settle::settle(store, terms, &plans);
        for plan in &plans {
            let before = problems.len();
            rules::check(store, dialect.version, plan, &mut problems);
            let told = problems.split_off(before);
            problems.extend(told.into_iter().map(|problem| placed(problem, plan, mode)));
        }
    }
    if !problems.is_empty() {
        store.rollback();
        return Err(problems);
    }
    settle::complete(store, &plans);
    Ok(plans.into_iter().map(written).collect())
}

/// What the client may not do with the row.
fn unallowed(plan: &Plan<'_>, terms: Terms) -> Option<Problem> {
    let right = if plan.before.is_some() { Right::Edit } else { Right::Create };
    if !terms.rights.has(plan.kind, right) {
        return Some(no_type());
    }
    plan.before.as_ref().filter(|before| is_foreign(before)).map(|_| no_entity())
}

/// In a batch what is wrong with an item as a whole is told with the item's place.
fn placed(problem: Problem, plan: &Plan<'_>, mode: &Mode) -> Problem {
    let nowhere = problem.source == Source::Nowhere && *mode == Mode::Batch;
    if nowhere { problem.at(&plan.resource.pointer) } else { problem }
}

/// Wrong prices have a word of their own only in versions that have others for lines.
fn worded(problem: Problem, version: Version) -> Problem {
    let plain = problem.title == "type constraint" && !version.has(Feature::LineTaxCode);
    let detail = "This value should be of type numeric.".to_owned();
    if plain { Problem { detail, ..problem } } else { problem }
}

fn written(plan: Plan<'_>) -> Written {
    Written {
        kind: plan.kind,
        id: plan.id,
        created: plan.before.is_none(),
        primary: plan.primary,
        sent: plan.resource.id.clone(),
    }
}

struct Writer<'shop> {
    store: &'shop mut Store,
    terms: Terms,
    names: Names,
    problems: Vec<Problem>,
    /// Lists written from their other side: the parent's kind and id, the list, what is on it.
    adopted: Vec<(Kind, Id, &'static Relation, Vec<Id>)>,
}

impl Writer<'_> {
    fn apply(&mut self, plan: &Plan<'_>) {
        let mut record = plan.before.clone().unwrap_or_else(|| initial(plan.kind, plan.id.clone()));
        let mut extra = self.attributes(plan, &mut record);
        for (name, linkage) in &plan.resource.relationships {
            match plan.kind.resource().relation_in(self.terms.dialect.version, name) {
                Some(relation) if self.takes(plan, relation.access, name) => {
                    self.relate(plan.resource, relation, linkage, &mut record);
                }
                Some(_) => {}
                None => extra.push(name.as_str()),
            }
        }
        if !extra.is_empty() {
            let fields = extra.join("\", \"");
            let detail = format!("This form should not contain extra fields: \"{fields}\".");
            let problem = Problem::constraint("extra fields", detail);
            let pointer = &plan.resource.pointer;
            // The root of the primary form has no place of its own.
            let problem = if pointer == "/data" { problem } else { problem.at(pointer) };
            self.problems.push(problem);
        }
        self.store.put(record);
    }

    /// Sets the attributes; returns the names nobody knows.
    fn attributes<'plan>(&mut self, plan: &Plan<'plan>, record: &mut Record) -> Vec<&'plan str> {
        let Dialect { version, .. } = self.terms.dialect;
        let key = self.terms.dialect.key(plan.kind);
        let mut extra = Vec::new();
        for (name, value) in &plan.resource.attributes {
            if key.is_some_and(|key| name == "dbId" || name == key) {
                continue;
            }
            let Some(attribute) = plan.kind.resource().attribute_in(version, name) else {
                extra.push(name.as_str());
                continue;
            };
            if !self.takes(plan, attribute.access, name) {
                continue;
            }
            match convert(attribute, value) {
                Ok(value) => record.set(attribute.name, value),
                Err(problems) => {
                    let pointer = format!("{}/attributes/{name}", plan.resource.pointer);
                    let placed = problems
                        .into_iter()
                        .map(|problem| worded(problem, version).below(&pointer));
                    self.problems.extend(placed);
                }
            }
        }
        if let Some(key) = key.filter(|_| plan.before.is_none()) {
            record.set(key, plan.resource.id.clone().unwrap_or_default());
        }
        extra
    }

    /// Whether a field is written now, or silently left alone.
    fn takes(&self, plan: &Plan<'_>, access: Access, name: &str) -> bool {
        if plan.kind == Kind::Orders && name == "status" && self.terms.dialect.hides_status {
            return false;
        }
        let own_time = plan.kind == Kind::Orders && name == "createdAt";
        if own_time && !self.terms.dialect.has(Feature::OrderTimes) {
            return false;
        }
        match access {
            Access::Write | Access::WriteOnly => true,
            Access::CreateOnly | Access::CreateOnlyHidden => plan.before.is_none(),
            Access::ReadOnly => false,
        }
    }

    fn relate(
        &mut self,
        resource: &Resource,
        relation: &'static Relation,
        linkage: &Linkage,
        record: &mut Record,
    ) {
        let Dialect { version, .. } = self.terms.dialect;
        let name = relation.name_in(version);
        let pointer = format!("{}/relationships/{name}/data", resource.pointer);
        let mut ids = Vec::new();
        if relation.name == "owner" && !self.terms.rights.has(record.kind, Right::Assign) {
            self.problems.push(no_owner(&pointer));
            return;
        }
        match (relation.is_list_in(version), linkage) {
            (false, Linkage::Null) => {}
            (false, Linkage::One(reference)) => {
                ids.extend(self.resolve(relation, reference, &pointer));
            }
            (true, Linkage::Many(references)) => {
                for (index, reference) in references.iter().enumerate() {
                    ids.extend(self.resolve(relation, reference, &format!("{pointer}/{index}")));
                }
            }
            (false, Linkage::Many(_)) | (true, Linkage::Null | Linkage::One(_)) => {
                self.problems.push(Problem::invalid(pointer));
                return;
            }
        }
        if let Ties::Inverse { .. } = relation.ties {
            self.keep_owners(record, relation, &ids, &pointer);
            self.adopted.push((record.kind, record.id.clone(), relation, ids));
            return;
        }
        if relation.is_list() {
            record.many.insert(relation.name, ids);
            return;
        }
        record.one.remove(relation.name);
        if let Some(id) = ids.pop() {
            record.link(relation.name, id);
        }
    }

    /// An address stays with whom it belongs to.
    fn keep_owners(&mut self, record: &Record, relation: &Relation, ids: &[Id], pointer: &str) {
        let Some(via) = settle::owner_of(relation.target) else { return };
        for (index, id) in ids.iter().enumerate() {
            let row = self.store.get(relation.target, id);
            let owner = row.and_then(|row| row.one.get(via));
            if owner.is_some_and(|owner| *owner != record.id) {
                let detail = "Address owner cannot be changed once set.";
                let problem = Problem::constraint("unchangeable field", detail);
                self.problems.push(problem.at(format!("{pointer}/{index}")));
            }
        }
    }

    /// Ties what is listed to its new parent, and unties what is listed no more. Addresses cannot be
    /// without one and go; a customer's people stay with it.
    fn adopt(&mut self) {
        for (kind, parent, relation, ids) in std::mem::take(&mut self.adopted) {
            let Ties::Inverse { via } = relation.ties else { continue };
            let before = self.store.get(kind, &parent);
            let before = before.map(|row| related(self.store, row, relation)).unwrap_or_default();
            for gone in before.iter().filter(|id| !ids.contains(id)) {
                match relation.target {
                    Kind::CustomerAddresses | Kind::CustomerUserAddresses => {
                        self.store.remove(relation.target, gone);
                    }
                    Kind::Customers => self.tie(relation.target, gone, via, None),
                    _ => {}
                }
            }
            for id in &ids {
                self.tie(relation.target, id, via, Some(&parent));
            }
        }
    }

    fn tie(&mut self, kind: Kind, id: &Id, via: &'static str, parent: Option<&Id>) {
        let Some(mut row) = self.store.get(kind, id).cloned() else { return };
        match parent {
            Some(parent) => row.link(via, parent.clone()),
            None => {
                row.one.remove(via);
            }
        }
        self.store.put(row);
    }

    fn resolve(&mut self, relation: &Relation, reference: &Reference, pointer: &str) -> Option<Id> {
        if reference.kind != relation.target.name() {
            self.problems.push(Problem::invalid(pointer));
            return None;
        }
        let named = (relation.target, reference.id.clone());
        if let Some(id) = self.names.get(&named) {
            return Some(id.clone());
        }
        if relation.target == Kind::Regions {
            lists::admit_region(self.store, &reference.id);
        }
        if let Err(problem) = identifier(relation.target, &reference.id, self.terms.dialect) {
            self.problems.push(problem.at(format!("{pointer}/id")));
            return None;
        }
        let found = existing(self.store, relation.target, &reference.id, self.terms.dialect);
        match found.as_ref().and_then(|id| self.store.get(relation.target, id)) {
            None if relation.target == Kind::WebhookTopics => {
                let detail = "This value is not a known webhook topic.";
                self.problems.push(Problem::constraint("valid webhook topic", detail).at(pointer));
            }
            None if relation.target == Kind::WebhookFormats => {
                let detail = "This value is not a known webhook format.";
                self.problems.push(Problem::constraint("valid webhook format", detail).at(pointer));
            }
            None => self.problems.push(Problem::no_entity(pointer)),
            Some(row) if !self.terms.rights.shows(row) => {
                self.problems.push(no_related(pointer));
            }
            Some(_) => {}
        }
        found
    }
}

/// A row before anything was said about it.
pub(super) fn initial(kind: Kind, id: Id) -> Record {
    let mut record = Record::new(kind, id);
    for attribute in kind.resource().attributes {
        match attribute.initial {
            Initial::Null => {}
            Initial::False => record.set(attribute.name, false),
            Initial::True => record.set(attribute.name, true),
            Initial::Text(text) => record.set(attribute.name, text),
            Initial::Number(number) => record.set(attribute.name, number),
            Initial::EmptyList => record.set(attribute.name, serde_json::json!([])),
        }
    }
    record
}
