//! The actions of the API, one function per method and form of address.

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::changes;
use super::document::{self, Document, Linkage, Primary, Reference, Resource};
use super::find::{self, Asked};
use super::naming::{existing, identifier};
use super::permissions::{Right, no_entity};
use super::plan::Mode;
use super::problem::Problem;
use super::query;
use super::record::{Id, Record};
use super::render::{self, View, linkage, resource, told};
use super::rules;
use super::schema::{Access, Kind, Reach, Relation};
use super::settle;
use super::shop::{Call, Shop};
use super::store::Store;
use super::version::{Dialect, Feature};
use super::write::{Written, write};

/// At most so many rows are deleted by one request (OroCommerce reference §3).
const DELETE_MAX: usize = 100;

type Outcome = Result<Answer, Vec<Problem>>;

impl Shop {
    pub(super) fn collection(&mut self, method: &Method, call: &Call<'_>) -> Outcome {
        let actions = call.kind.actions(call.terms.dialect.version);
        if !(actions.list || actions.create || actions.batch || actions.delete) {
            return Err(vec![Problem::not_accessible()]);
        }
        match *method {
            Method::GET if actions.list => self.list(call),
            Method::POST if actions.create => self.create(call),
            Method::PATCH if actions.batch => self.batch(call),
            Method::DELETE if actions.delete => self.delete_list(call),
            _ => Ok(allowing(
                method,
                &[
                    ("GET", actions.list),
                    ("PATCH", actions.batch),
                    ("POST", actions.create),
                    ("DELETE", actions.delete),
                ],
            )),
        }
    }

    pub(super) fn single(&mut self, method: &Method, call: &Call<'_>, id: &str) -> Outcome {
        let actions = call.kind.actions(call.terms.dialect.version);
        if !actions.get {
            return Err(vec![Problem::not_accessible()]);
        }
        match *method {
            Method::GET => {
                let record = self.find_one(call, id)?;
                Ok(Answer::document(200, self.with_includes(&[record], &call.view, Form::One)))
            }
            Method::PATCH if actions.update => self.update(call, id),
            Method::DELETE if actions.delete => {
                let id = self.find_one(call, id)?.id.clone();
                if let Some(problem) = rules::undeletable(&self.store, call.kind, &id) {
                    return Err(vec![problem]);
                }
                if !call.terms.rights.has(call.kind, Right::Delete) {
                    let detail = "No access by \"DELETE\" permission to the entity.";
                    return Err(vec![Problem::denied(detail)]);
                }
                self.delete(call, &[id])
            }
            _ => Ok(allowing(
                method,
                &[("GET", true), ("PATCH", actions.update), ("DELETE", actions.delete)],
            )),
        }
    }

    pub(super) fn related(
        &mut self,
        method: &Method,
        call: &Call<'_>,
        id: &str,
        association: &str,
    ) -> Outcome {
        if call.kind == Kind::AsyncOperations && association == "errors" {
            return self.errors(method, call, id);
        }
        let relation = relation(call, association)?;
        if *method != Method::GET {
            return Ok(allowing(method, &[("GET", true)]));
        }
        let record = self.find_one(call, id)?;
        let ids = told(&self.store, record, relation, call.view.dialect);
        let rows: Vec<&Record> =
            ids.iter().filter_map(|id| self.store.get(relation.target, id)).collect();
        let form =
            if relation.is_list_in(call.terms.dialect.version) { Form::List } else { Form::One };
        Ok(Answer::document(200, self.with_includes(&rows, &call.view, form)))
    }

    pub(super) fn relationship(
        &mut self,
        method: &Method,
        call: &Call<'_>,
        id: &str,
        association: &str,
    ) -> Outcome {
        let Dialect { version, .. } = call.terms.dialect;
        let relation = relation(call, association)?;
        let open = relation.access == Access::Write && relation.reach == Reach::Full;
        let writable = call.kind.actions(version).update && open;
        let list = writable && relation.is_list_in(version);
        let offered = match *method {
            Method::GET => true,
            Method::PATCH => writable,
            Method::POST | Method::DELETE => list,
            _ => false,
        };
        if !offered {
            let offer = [("GET", true), ("PATCH", writable), ("POST", list), ("DELETE", list)];
            return Ok(allowing(method, &offer));
        }
        let record = self.find_one(call, id)?;
        let current = linkage(&self.store, record, relation, call.view.dialect);
        if *method == Method::GET {
            return Ok(Answer::document(200, json!({ "data": current })));
        }
        let sent = document::parse_linkage(&call.request.body)?;
        let linkage = combine(method, &current, sent);
        let address = id.to_owned();
        let resource = Resource {
            kind: call.kind.name().to_owned(),
            id: Some(address.clone()),
            relationships: vec![(relation.name_in(version).to_owned(), linkage)],
            pointer: "/data".to_owned(),
            ..Resource::default()
        };
        let document = Document { primary: vec![resource], ..Document::default() };
        let mode = Mode::Update(address);
        match write(&mut self.store, call.terms, &document, call.kind, &mode) {
            Ok(_) => Ok(Answer::bare(204).with_effects(self.effects())),
            Err(problems) => {
                let effects = changes::refused(&document, call.kind, Some(id), &problems);
                let problems: Vec<_> = problems.into_iter().map(of_parent).collect();
                Ok(Answer::refusal(&problems).with_effects(effects))
            }
        }
    }

    fn list(&mut self, call: &Call<'_>) -> Outcome {
        call.terms.rights.allow(call.kind, Right::View)?;
        find::needed(call.kind, &call.query)?;
        let asked = Asked { store: &self.store, dialect: call.view.dialect };
        let page = find::page(asked, call.kind, &call.query)?;
        let mut body = self.with_includes(&page.rows, &call.view, Form::List);
        link_pages(&mut body, call, call.kind.name(), page.more);
        let paged = call.kind == Kind::Products && !call.terms.dialect.has(Feature::ProductTotal);
        let total = if paged { page.rows.len() } else { page.total }.to_string();
        let answer = Answer::document(200, body);
        let counted = call.request.includes("totalCount");
        Ok(if counted { answer.header("x-include-total-count", total) } else { answer })
    }

    /// `asyncoperations/{id}/errors`, by pages.
    fn errors(&self, method: &Method, call: &Call<'_>, id: &str) -> Outcome {
        if *method != Method::GET {
            return Ok(allowing(method, &[("GET", true)]));
        }
        let operation = &self.find_one(call, id)?.id;
        let errors = self.operations.errors(operation);
        let (total, size) = (errors.len(), call.query.page_size.unwrap_or(usize::MAX));
        let start = (call.query.page_number - 1).saturating_mul(size);
        let page: Vec<Value> = errors.into_iter().skip(start).take(size).collect();
        let more = start.saturating_add(page.len()) < total && !page.is_empty();
        let mut body = json!({ "data": page });
        link_pages(&mut body, call, &format!("{}/{operation}/errors", call.kind.name()), more);
        Ok(Answer::document(200, body))
    }

    fn create(&mut self, call: &Call<'_>) -> Outcome {
        call.terms.rights.allow(call.kind, Right::Create)?;
        let document = document::parse(&call.request.body, Primary::New)?;
        let written = match write(&mut self.store, call.terms, &document, call.kind, &Mode::Create)
        {
            Ok(written) => written,
            Err(problems) => return Ok(refused(&problems, &document, call.kind, None)),
        };
        self.written(call, &document, &written)
    }

    fn update(&mut self, call: &Call<'_>, id: &str) -> Outcome {
        let document = document::parse(&call.request.body, Primary::Existing)?;
        identifier(call.kind, id, call.terms.dialect).map_err(|problem| vec![problem])?;
        let mode = Mode::Update(id.to_owned());
        match write(&mut self.store, call.terms, &document, call.kind, &mode) {
            Ok(written) => self.written(call, &document, &written),
            Err(problems) => Ok(refused(&problems, &document, call.kind, Some(id))),
        }
    }

    /// The answer to a create or an update: the resource, and what came included.
    fn written(&mut self, call: &Call<'_>, document: &Document, written: &[Written]) -> Outcome {
        let mut view = call.view.clone();
        let dialect = call.terms.dialect;
        let filters = document.filters.as_ref().filter(|_| dialect.has(Feature::AnswerFilters));
        if let Some(filters) = filters {
            let filters = query::parse(filters, dialect.version)?;
            view.fields = filters.fields;
            view.include = filters.include;
        }
        let Some(primary) = written.iter().find(|written| written.primary) else {
            return Ok(Answer::bare(500));
        };
        let rows: Vec<&Record> = self.store.get(primary.kind, &primary.id).into_iter().collect();
        let mut body = self.with_includes(&rows, &view, Form::One);
        let extra = included(&self.store, written, &view);
        append_included(&mut body, extra);
        let status = if primary.created { 201 } else { 200 };
        let mut answer = Answer::document(status, body);
        if primary.created {
            let id = render::wire_id(&self.store, primary.kind, &primary.id, dialect);
            let location = format!("{}/{}/{id}", call.base, primary.kind.name());
            answer = answer.header("location", location);
        }
        if dialect.has(Feature::Validate) && document.primary.iter().any(validates_only) {
            self.store.rollback();
            return Ok(answer);
        }
        Ok(answer.with_effects(self.effects()))
    }

    fn delete_list(&mut self, call: &Call<'_>) -> Outcome {
        call.terms.rights.allow(call.kind, Right::Delete)?;
        if call.query.filters.is_empty() {
            let detail = "At least one filter must be provided.";
            return Err(vec![Problem::constraint("filter", detail)]);
        }
        find::needed(call.kind, &call.query)?;
        let asked = Asked { store: &self.store, dialect: call.view.dialect };
        let rows = find::rows(asked, call.kind, &call.query)?;
        let ids: Vec<Id> = rows.iter().take(DELETE_MAX).map(|record| record.id.clone()).collect();
        let answer = self.delete(call, &ids)?;
        let counted = call.request.includes("deletedCount");
        let count = ids.len().to_string();
        Ok(if counted { answer.header("x-include-deleted-count", count) } else { answer })
    }

    fn delete(&mut self, call: &Call<'_>, ids: &[Id]) -> Outcome {
        self.store.begin();
        for id in ids {
            settle::remove(&mut self.store, call.kind, id);
        }
        settle::after_removal(&mut self.store, call.terms);
        if let Some(problem) = rules::bereft(&self.store) {
            self.store.rollback();
            return Err(vec![problem]);
        }
        Ok(Answer::bare(204).with_effects(self.effects()))
    }

    fn find_one(&self, call: &Call<'_>, id: &str) -> Result<&Record, Vec<Problem>> {
        identifier(call.kind, id, call.view.dialect).map_err(|problem| vec![problem])?;
        let found = existing(&self.store, call.kind, id, call.view.dialect)
            .and_then(|id| self.store.get(call.kind, &id))
            .ok_or_else(|| vec![Problem::not_found()])?;
        if call.terms.rights.shows(found) { Ok(found) } else { Err(vec![no_entity()]) }
    }

    fn with_includes(&self, rows: &[&Record], view: &View, form: Form) -> Value {
        let mut items = rows.iter().map(|record| resource(&self.store, record, view).into());
        let items: Value = match form {
            Form::One => items.next().unwrap_or_default(),
            Form::List => items.collect::<Vec<Value>>().into(),
        };
        let mut body = json!({ "data": items });
        append_included(&mut body, render::included(&self.store, rows, view));
        body
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    One,
    List,
}

/// Where the other pages of a list are.
fn link_pages(body: &mut Value, call: &Call<'_>, path: &str, more: bool) {
    let (Some(base), Some(members)) = (&call.view.links, body.as_object_mut()) else { return };
    let address = format!("{base}/{path}");
    let number = call.query.page_number;
    let link = |number| {
        let query = call.query.page_link(number);
        let mark = if query.is_empty() { "" } else { "?" };
        Value::from(format!("{address}{mark}{query}"))
    };
    let mut links = Map::new();
    links.insert("self".to_owned(), address.clone().into());
    if number > 1 {
        links.insert("first".to_owned(), link(1));
        links.insert("prev".to_owned(), link(number - 1));
    }
    if more {
        links.insert("next".to_owned(), link(number + 1));
    }
    members.insert("links".to_owned(), links.into());
}

fn refused(problems: &[Problem], document: &Document, kind: Kind, address: Option<&str>) -> Answer {
    Answer::refusal(problems).with_effects(changes::refused(document, kind, address, problems))
}

/// The included resources of a request, each with the id it came under.
pub(super) fn included(store: &Store, written: &[Written], view: &View) -> Vec<Value> {
    written
        .iter()
        .filter(|written| !written.primary)
        .filter_map(|written| {
            let record = store.get(written.kind, &written.id)?;
            let mut item = resource(store, record, view);
            if let Some(sent) = &written.sent {
                item.insert("meta".to_owned(), json!({"includeId": sent}));
            }
            Some(item.into())
        })
        .collect()
}

/// Adds resources to `included`, each once.
pub(super) fn append_included(body: &mut Value, extra: Vec<Value>) {
    let Some(members) = body.as_object_mut().filter(|_| !extra.is_empty()) else { return };
    let included = members.entry("included").or_insert_with(|| json!([]));
    let Some(included) = included.as_array_mut() else { return };
    for item in extra {
        let same = |other: &Value| {
            other.get("type") == item.get("type") && other.get("id") == item.get("id")
        };
        included.retain(|other| !same(other));
        included.push(item);
    }
}

fn validates_only(resource: &Resource) -> bool {
    resource.meta.get("validate").and_then(Value::as_bool) == Some(true)
}

fn relation(call: &Call<'_>, name: &str) -> Result<&'static Relation, Vec<Problem>> {
    let unknown = || {
        let detail = "Unsupported subresource.";
        vec![Problem::new(404, "relationship constraint", detail)]
    };
    let relation = call.kind.resource().relation_in(call.terms.dialect.version, name);
    relation.filter(|relation| relation.reach != Reach::None).ok_or_else(unknown)
}

/// What the list is after it was replaced, added to or taken from.
fn combine(method: &Method, current: &Value, sent: Linkage) -> Linkage {
    let Linkage::Many(sent) = sent else { return sent };
    let text = |item: &Value, name: &str| {
        item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let mut references: Vec<Reference> = current
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| Reference { kind: text(item, "type"), id: text(item, "id") })
        .collect();
    match *method {
        Method::POST => {
            references.retain(|reference| !sent.contains(reference));
            references.extend(sent);
        }
        Method::DELETE => references.retain(|reference| !sent.contains(reference)),
        _ => return Linkage::Many(sent),
    }
    Linkage::Many(references)
}

/// On a relationship's address the order is the parent, and nothing has a place in the document.
fn of_parent(mut problem: Problem) -> Problem {
    problem.detail = problem.detail.replace("to the entity.", "to the parent entity.");
    problem.source = super::problem::Source::Nowhere;
    problem
}

/// What to say to OPTIONS, and to a method that is not among the allowed ones.
fn allowing(method: &Method, methods: &[(&str, bool)]) -> Answer {
    let names = methods.iter().filter(|(_, allowed)| *allowed).map(|(name, _)| *name);
    let allow = std::iter::once("OPTIONS").chain(names).collect::<Vec<_>>().join(", ");
    match *method {
        Method::OPTIONS => {
            let answer = Answer::bare(200).header("allow", allow);
            answer.header("cache-control", "max-age=600, public").header("vary", "Origin")
        }
        _ => Answer::not_allowed(&allow),
    }
}
