//! What rows must satisfy before a write is kept (OroCommerce reference §3.1, §6).
//!
//! Titles are those the shop derives from its constraint classes. One difference is deliberate: the
//! precision of a unit does not bound a line's quantity, because shops are found that let such
//! orders through and the warehouse's refusal is what has to be seen.

mod customers;
mod orders;
mod prices;
mod products;

use super::document::Resource;
use super::plan::Plan;
use super::problem::{Problem, Source};
use super::record::{Id, Record};
use super::schema::{Access, Kind};
use super::store::Store;
use super::version::{Feature, Version};

/// A row under examination.
struct Subject<'check> {
    store: &'check Store,
    record: &'check Record,
    before: Option<&'check Record>,
    version: Version,
    /// What was sent, and where it stands in the document.
    sent: &'check Resource,
    pointer: &'check str,
    problems: &'check mut Vec<Problem>,
}

/// Whether the row may be written at all: 403 for what is closed.
pub(super) fn denied(plan: &Plan<'_>) -> Option<Problem> {
    let internal = plan.before.as_ref()?.one.get("internalStatus")?.to_string();
    let closed = plan.kind == Kind::Orders && ["closed", "cancelled"].contains(&internal.as_str());
    closed.then(|| Problem::denied("No access by \"EDIT\" permission to the entity."))
}

pub(super) fn check(store: &Store, version: Version, plan: &Plan<'_>, problems: &mut Vec<Problem>) {
    let Some(record) = store.get(plan.kind, &plan.id) else { return };
    let (sent, before) = (plan.resource, plan.before.as_ref());
    let pointer = &sent.pointer;
    let mut subject = Subject { store, record, before, version, sent, pointer, problems };
    subject.fields();
    subject.external_id();
    match plan.kind {
        Kind::Customers => customers::customer(&mut subject),
        Kind::CustomerUsers => customers::user(&mut subject),
        Kind::CustomerUserAddresses => customers::user_address(&mut subject),
        Kind::EntityFieldFallbackValues => products::fallback(&mut subject),
        Kind::OrderDiscounts => orders::discount(&mut subject),
        Kind::CustomerAddresses => customers::address(&mut subject),
        Kind::OrderAddresses => orders::address(&mut subject),
        Kind::OrderLineItems => orders::line(&mut subject),
        Kind::OrderProductKitItemLineItems => orders::kit_part(&mut subject),
        Kind::Orders => orders::order(&mut subject),
        Kind::CustomerTaxCodes | Kind::ProductTaxCodes => products::tax_code(&mut subject),
        Kind::PriceLists => prices::list(&mut subject),
        Kind::ProductPrices => prices::price(&mut subject),
        Kind::Products => products::product(&mut subject),
        Kind::ProductUnitPrecisions => products::unit_precision(&mut subject),
        _ => {}
    }
}

/// Why a row may not be deleted: 403 for the unit that a product cannot be without.
pub(super) fn undeletable(store: &Store, kind: Kind, id: &Id) -> Option<Problem> {
    let precision = store.get(kind, id).filter(|_| kind == Kind::ProductUnitPrecisions)?;
    let product = store.get(Kind::Products, precision.one.get("product")?)?;
    let primary = product.one.get("primaryUnitPrecision") == Some(id);
    let detail = "The delete operation is forbidden. Reason: primary precision.";
    primary.then(|| Problem::denied(detail))
}

impl Subject<'_> {
    fn attribute(&self, name: &str) -> String {
        format!("{}/attributes/{name}", self.pointer)
    }

    fn relation(&self, name: &str) -> String {
        let relation = self.record.kind.resource().relation(name);
        let name = relation.map_or(name, |relation| relation.name_in(self.version));
        format!("{}/relationships/{name}/data", self.pointer)
    }

    /// Adds a problem unless its place has one already: a value that could not be read is not
    /// reported as missing too.
    fn refuse(&mut self, problem: Problem) {
        let told = problem.source != Source::Nowhere
            && self.problems.iter().any(|other| other.source == problem.source);
        if !told {
            self.problems.push(problem);
        }
    }

    fn refuse_at(&mut self, title: &str, detail: &str, pointer: String) {
        self.refuse(Problem::constraint(title, detail).at(pointer));
    }

    fn refuse_blank(&mut self, pointer: String) {
        self.refuse(Problem::not_blank(pointer));
    }

    /// What the schema says of each field: required, not too long.
    fn fields(&mut self) {
        for attribute in self.record.kind.resource().attributes {
            if attribute.access == Access::ReadOnly {
                continue;
            }
            let text = self.record.attribute(attribute.name).and_then(|value| value.as_str());
            if attribute.required && self.record.attribute(attribute.name).is_none() {
                self.missing(attribute.name, self.attribute(attribute.name));
            }
            if let Some(text) = text
                && attribute.max > 0
                && text.chars().count() > attribute.max
            {
                let most = attribute.max;
                let detail =
                    format!("This value is too long. It should have {most} characters or less.");
                self.refuse_at("length", &detail, self.attribute(attribute.name));
            }
        }
        for relation in self.record.kind.resource().relations {
            let empty = if relation.is_list() {
                self.record.list(relation.name).is_empty()
            } else {
                !self.record.one.contains_key(relation.name)
            };
            if relation.required && empty {
                self.missing(relation.name, self.relation(relation.name));
            }
        }
    }

    /// A field that is needed and is not there. Some have a word of their own.
    fn missing(&mut self, name: &str, pointer: String) {
        let word = match (self.record.kind, name) {
            (Kind::OrderLineItems | Kind::OrderProductKitItemLineItems, "currency")
                if self.version.has(Feature::LineTaxCode) =>
            {
                "Currency should not be blank."
            }
            (Kind::ProductUnitPrecisions, "unit") => "Unit should not be blank.",
            _ => return self.refuse_blank(pointer),
        };
        self.refuse_at("not blank", word, pointer);
    }

    /// Unique by the application, not by the database (reference §0.3).
    fn external_id(&mut self) {
        let kind = self.record.kind;
        let Some(own) = self.record.text("externalId") else { return };
        if !Store::is_indexed(kind, "externalId") {
            return;
        }
        if self.others("externalId", own) {
            let detail = "Value for field \"External ID\" must be unique";
            self.refuse(Problem::constraint("unique entity", detail));
        }
    }

    /// Whether another row of this kind holds the value in an indexed field, whatever the case. Who had
    /// it before is not asked: the newcomer is.
    fn others(&self, field: &'static str, value: &str) -> bool {
        if self.before.is_some_and(|before| before.text(field) == Some(value)) {
            return false;
        }
        self.store.find(self.record.kind, field, value).any(|other| other.id != self.record.id)
    }
}

/// What a deletion must not leave behind: an order without a line.
pub(super) fn bereft(store: &Store) -> Option<Problem> {
    let has_none = |order: &Record| order.list("lineItems").is_empty();
    let without = store.touched().into_iter().any(|(kind, id, before)| {
        kind == Kind::Orders
            && before.is_some_and(|before| !has_none(&before))
            && store.get(kind, &id).is_some_and(has_none)
    });
    let detail = "The delete operation is forbidden. Reason: Please add at least one Line Item.";
    without.then(|| Problem::denied(detail))
}
