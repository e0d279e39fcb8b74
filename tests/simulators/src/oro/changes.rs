//! What a write did to the things people care about, as the history tells it: customers, their
//! addresses and users, products, stock levels, orders and their trackings.
//!
//! A write to a product's name or unit is a change of the product, one to an address or user a change
//! of its customer, one to an order's line or tracking a change of the order.

use std::collections::BTreeMap;

use ferry_world::account::{Effect, EffectKind};
use serde_json::{Map, Value};

use super::document::{Document, Resource};
use super::problem::Problem;
use super::record::{Id, Record};
use super::schema::Kind;
use super::seen;
use super::store::Store;

/// The effects of the transaction the store still remembers. Their `order` is the history's to give.
pub(super) fn of(store: &Store) -> Vec<Effect> {
    let mut told: BTreeMap<(Kind, Id), (EffectKind, Option<Effect>)> = BTreeMap::new();
    for (kind, id, before) in store.touched() {
        let now = store.get(kind, &id);
        let Some(record) = now.or(before.as_deref()) else { continue };
        let Some((subject, subject_id)) = subject(record) else { continue };
        let own = subject == kind;
        let done = match (own, before.as_deref(), now) {
            (true, None, Some(_)) => EffectKind::Created,
            (true, Some(_), None) => EffectKind::Deleted,
            (_, Some(before), Some(now)) if before == now => EffectKind::Unchanged,
            _ => EffectKind::Updated,
        };
        let row = store.get(subject, &subject_id).or(own.then_some(record));
        let entry = told.entry((subject, subject_id)).or_insert((EffectKind::Unchanged, None));
        entry.0 = stronger(entry.0, done);
        if entry.1.is_none() {
            entry.1 = row.and_then(|row| effect(store, row));
        }
    }
    let finished = |(done, effect): (EffectKind, Option<Effect>)| {
        effect.map(|effect| Effect { effect: done, ..effect })
    };
    told.into_values().filter_map(finished).collect()
}

/// What a refused document was about, as far as it says, and why it was refused.
pub(super) fn refused(
    document: &Document,
    kind: Kind,
    address: Option<&str>,
    problems: &[Problem],
) -> Vec<Effect> {
    let Some(entity) = entity(kind) else { return Vec::new() };
    let field = match kind {
        Kind::Products => "sku",
        Kind::Orders => "identifier",
        Kind::CustomerUsers => "email",
        Kind::CustomerAddresses => "label",
        Kind::OrderShippingTrackings => "number",
        _ => "externalId",
    };
    let mut fields = Map::new();
    let titles = problems.iter().map(|problem| problem.title.clone());
    fields.insert("refusal".to_owned(), titles.collect::<Vec<_>>().join(", ").into());
    let effect = |resource: &Resource| {
        let key = resource.attributes.get(field).and_then(Value::as_str);
        let key = key.or(resource.id.as_deref()).or(address).unwrap_or_default();
        new(entity, key.to_owned(), EffectKind::Refused, fields.clone())
    };
    document.primary.iter().map(effect).collect()
}

fn effect(store: &Store, record: &Record) -> Option<Effect> {
    let fields = seen::fields(store, record);
    Some(new(entity(record.kind)?, key(store, record), EffectKind::Unchanged, fields))
}

fn new(entity: &str, key: String, effect: EffectKind, fields: Map<String, Value>) -> Effect {
    Effect { order: 0, entity: entity.to_owned(), key, effect, fields }
}

fn entity(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Customers => Some("customer"),
        Kind::CustomerAddresses => Some("address"),
        Kind::CustomerUsers => Some("user"),
        Kind::Products => Some("product"),
        Kind::InventoryLevels => Some("level"),
        Kind::Orders => Some("order"),
        Kind::OrderShippingTrackings => Some("tracking"),
        _ => None,
    }
}

fn stronger(one: EffectKind, two: EffectKind) -> EffectKind {
    let rank = |kind| match kind {
        EffectKind::Deleted => 3,
        EffectKind::Created => 2,
        EffectKind::Updated => 1,
        _ => 0,
    };
    if rank(one) >= rank(two) { one } else { two }
}

/// The row a row's change is told of.
fn subject(record: &Record) -> Option<(Kind, Id)> {
    match record.kind {
        Kind::ProductNames
        | Kind::ProductDescriptions
        | Kind::ProductShortDescriptions
        | Kind::ProductUnitPrecisions => Some((Kind::Products, record.one.get("product")?.clone())),
        Kind::CustomerAddresses | Kind::CustomerUsers => {
            Some((Kind::Customers, record.one.get("customer")?.clone()))
        }
        Kind::OrderLineItems | Kind::OrderShippingTrackings => {
            Some((Kind::Orders, record.list("orders").first()?.clone()))
        }
        kind => entity(kind).map(|_| (kind, record.id.clone())),
    }
}

/// What the systems call it; a row without such a name goes by its number.
fn key(store: &Store, record: &Record) -> String {
    let named = |record: &Record, name: &str| {
        record.text(name).map_or_else(|| format!("#{}", record.id), str::to_owned)
    };
    let of = |kind: Kind, id: Option<&Id>, name: &str| {
        let parent = id.and_then(|id| store.get(kind, id));
        parent.map(|parent| named(parent, name)).unwrap_or_default()
    };
    match record.kind {
        Kind::Products => named(record, "sku"),
        Kind::Orders => named(record, "identifier"),
        Kind::CustomerUsers => named(record, "email"),
        Kind::InventoryLevels => of(Kind::Products, record.one.get("product"), "sku"),
        Kind::CustomerAddresses => {
            let customer = of(Kind::Customers, record.one.get("customer"), "externalId");
            format!("{customer}/{}", named(record, "label"))
        }
        Kind::OrderShippingTrackings => {
            let order = of(Kind::Orders, record.list("orders").first(), "identifier");
            format!("{order}/{}", named(record, "number"))
        }
        _ => named(record, "externalId"),
    }
}
