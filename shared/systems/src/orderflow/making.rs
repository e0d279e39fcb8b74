//! Which import a part becomes: Ferry's own, with what a mapping lays over it, or the mapping's alone.

use ferry_canonical::{Facet, Part, order::OrderReturn, order::OrderShipment};
use ferry_config::{
    orderflow::{
        DeliverBy, ImportOperation, ImportType, LongNames, OrderflowImport, OrderflowWrites,
    },
    system::Mapping as Program,
};
use ferry_mapping::Mapping;

use super::{
    Orderflow, grammar, lengths, mapped, order, product,
    properties::{self, Import, Properties},
    returned,
};
use crate::{Failure, json};

/// What becomes of one facet.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) facet: Facet,
    pub(super) kind: ImportType,
    pub(super) operation: ImportOperation,
    pub(super) by: DeliverBy,
    refuses_duplicates: bool,
    mapping: Option<Mapping>,
}

impl Plan {
    /// Whether nobody can tell what became of an import without an answer: OrderFlow shows orders, and
    /// is known to refuse an order that it has. What it does about a second return of one reference,
    /// a second purchase order or stock move is an instance's own.
    pub(super) const fn is_blind(&self) -> bool {
        let told = match self.kind {
            ImportType::Order | ImportType::Product => true,
            ImportType::Return
            | ImportType::PurchaseOrder
            | ImportType::Campaign
            | ImportType::StockMoveTask => self.refuses_duplicates,
        };
        matches!(self.operation, ImportOperation::Insert) && !told
    }
}

/// What is configured, and what Ferry does by itself where nothing is.
pub(super) fn plans(writes: &OrderflowWrites) -> Result<Vec<Plan>, String> {
    let configured = writes.imports.iter().map(|(name, import)| {
        configured(import).map_err(|reason| format!("import {name}: {reason}"))
    });
    let mut plans = configured.collect::<Result<Vec<_>, String>>()?;
    for kind in [ImportType::Order, ImportType::Product, ImportType::Return] {
        let Some(facet) = kind.own_facet() else { continue };
        if plans.iter().all(|plan| plan.facet != facet) {
            let (operation, by) = (kind.own_operation(), DeliverBy::Import);
            let refuses_duplicates = false;
            plans.push(Plan { facet, kind, operation, by, refuses_duplicates, mapping: None });
        }
    }
    Ok(plans)
}

fn configured(import: &OrderflowImport) -> Result<Plan, String> {
    let compiled = |Program { name, program }: &Program| Mapping::compile(name, program);
    let mapping = import.mapping.as_ref().map(compiled).transpose();
    Ok(Plan {
        facet: import.facet,
        kind: import.kind,
        operation: import.operation,
        by: import.deliver_by,
        refuses_duplicates: import.refuses_duplicates,
        mapping: mapping.map_err(|error| error.to_string())?,
    })
}

/// What a part became.
pub(super) enum Made {
    Import(Import),
    /// The mapping has nothing to say of it.
    Skipped(String),
}

pub(super) fn make(system: &Orderflow, part: &Part) -> Result<Made, Failure> {
    let plan = system.plan(part.facet()).ok_or_else(|| not_taken(part.facet()))?;
    let mut properties = own(system, plan, part)?;
    let mut reference = reference(part).to_owned();
    if let Some(mapping) = &plan.mapping {
        let Some(document) = json::document(mapping, part)? else {
            return Ok(Made::Skipped(format!("mapping {} gives nothing for it", mapping.name())));
        };
        let mapped = mapped::properties(mapping.name(), &document, &system.zone)?;
        named(plan, &mapped)?;
        properties.overlay(&mapped);
        reference = referred(plan, &mut properties, reference)?;
    }
    properties::key("externalReference", &reference)?;
    grammar::tie(plan.kind, &mut properties);
    grammar::check(plan.kind, &properties)?;
    let warning = shorten(plan.kind, &mut properties, &system.config.writes);
    lengths::check(plan.kind, (&reference, &properties), &system.config.writes.lengths)?;
    let (kind, operation) = (plan.kind, plan.operation);
    Ok(Made::Import(Import { kind, operation, reference, properties, warning }))
}

/// What Ferry makes of it by itself: nothing yet, where only a mapping knows how.
fn own(system: &Orderflow, plan: &Plan, part: &Part) -> Result<Properties, Failure> {
    let (zone, writes) = (&system.zone, &system.config.writes);
    match (plan.kind, part) {
        (ImportType::Product, Part::ProductCatalogue(catalogue)) => product::properties(catalogue),
        (ImportType::Order, Part::OrderPlaced(placed)) => order::properties(placed, zone),
        (ImportType::Return, Part::OrderReturn(returned)) => {
            returned::properties(returned, &writes.returns, zone)
        }
        (
            ImportType::Product
            | ImportType::Order
            | ImportType::Return
            | ImportType::PurchaseOrder
            | ImportType::Campaign
            | ImportType::StockMoveTask,
            _,
        ) => Ok(Properties::default()),
    }
}

/// A product's description is for people: its beginning may stand for it, where somebody is told. The
/// sentence tells.
fn shorten(
    kind: ImportType,
    properties: &mut Properties,
    writes: &OrderflowWrites,
) -> Option<String> {
    const DESCRIPTION: &str = "description";
    if kind != ImportType::Product || writes.long_names == LongNames::Refuse {
        return None;
    }
    let limit = lengths::limit(kind, DESCRIPTION, &writes.lengths)?;
    let said = properties.get(DESCRIPTION)?;
    let length = properties::length(said);
    if length <= limit {
        return None;
    }
    let kept = properties::cut(said, limit);
    properties.set(DESCRIPTION, &kept);
    let told = lengths::too_long(length, limit);
    Some(format!("{kind} property {DESCRIPTION}: {told}: it is cut there"))
}

/// A mapping that chooses the reference chooses it always: with another one for want of its own the same
/// thing would be there twice, once it has one.
fn named(plan: &Plan, mapped: &mapped::Mapped) -> Result<(), Failure> {
    let key = grammar::reference_key(plan.kind).unwrap_or("externalReference");
    let is_empty = |value: &Option<String>| value.as_deref().unwrap_or_default().trim().is_empty();
    if mapped.iter().any(|(found, value)| found == key && is_empty(value)) {
        let reason =
            "null or empty; a mapping that names the reference has to give one, always the same";
        return Err(grammar::invalid(plan.kind, key, reason));
    }
    Ok(())
}

/// What a part is called where its mapping says nothing else.
fn reference(part: &Part) -> &str {
    match part {
        Part::CustomerProfile(profile) => &profile.number,
        Part::OrderPlaced(placed) => &placed.identifier,
        Part::OrderCancellation(cancellation) => &cancellation.order,
        Part::OrderShipment(OrderShipment { reference, .. })
        | Part::OrderReturn(OrderReturn { reference, .. }) => reference,
        Part::ProductCatalogue(catalogue) => &catalogue.sku,
        Part::ProductStock(stock) => &stock.sku,
        Part::ProductPrice(price) => &price.sku,
    }
}

/// The reference that the mapping gave it, else its own, put where its type repeats it. Of orders and
/// products it is the key that OrderFlow itself names them by, and no mapping's business.
fn referred(plan: &Plan, properties: &mut Properties, own: String) -> Result<String, Failure> {
    let key = grammar::reference_key(plan.kind);
    let given = key.and_then(|key| properties.get(key)).or_else(|| {
        let attribute = properties.get("externalReference");
        attribute.filter(|_| key.is_none())
    });
    let given = given.map(str::to_owned);
    let shared = plan.kind.own_facet() == Some(plan.facet) && plan.facet != Facet::Return;
    if let Some(given) = given.as_ref().filter(|given| shared && **given != own) {
        let shown: String = given.chars().take(60).collect();
        let reason = format!("{shown:?} is not the key that both systems name it by");
        return Err(grammar::invalid(plan.kind, "externalReference", &reason));
    }
    match key {
        None => properties.remove("externalReference"),
        Some(key) if given.is_none() => properties.put(key, &own),
        Some(_) => {}
    }
    Ok(given.unwrap_or(own))
}

pub(super) fn not_taken(facet: Facet) -> Failure {
    Failure::unsupported(&format!("OrderFlow does not take {facet}"))
}
