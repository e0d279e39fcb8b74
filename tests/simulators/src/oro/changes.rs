//! What a write did to the things people care about: customers, products, stock levels, orders.
//!
//! A write to an address is a change of its customer, one to a tracking a change of its order.

use std::collections::BTreeMap;

use super::document::Document;
use super::record::{Id, Record};
use super::schema::Kind;
use super::store::Store;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Customers, products, inventory levels or orders.
    pub(super) kind: Kind,
    /// `None` where a refused write never got one.
    pub(super) id: Option<Id>,
    /// What the systems call it: external id, SKU, identifier.
    pub(super) key: String,
    pub(super) verb: Verb,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Created,
    Updated,
    Unchanged,
    Removed,
    Refused,
}

impl Verb {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Removed => "removed",
            Self::Refused => "refused",
        }
    }
}

/// The changes of the transaction the store still remembers.
pub(super) fn of(store: &Store) -> Vec<Change> {
    let mut roots: BTreeMap<(Kind, Id), (Verb, String)> = BTreeMap::new();
    for (kind, id, before) in store.touched() {
        let now = store.get(kind, &id);
        let Some(record) = now.or(before.as_deref()) else { continue };
        let Some((root, root_id)) = root_of(store, record) else { continue };
        let verb = match (kind == root, before.as_deref(), now) {
            (true, None, Some(_)) => Verb::Created,
            (true, Some(_), None) => Verb::Removed,
            (_, Some(before), Some(now)) if before == now => Verb::Unchanged,
            _ => Verb::Updated,
        };
        let key = match kind == root {
            true => key_of(store, record),
            false => store.get(root, &root_id).map(|root| key_of(store, root)).unwrap_or_default(),
        };
        let entry = roots.entry((root, root_id)).or_insert_with(|| (verb, key.clone()));
        entry.0 = stronger(entry.0, verb);
        if kind == root {
            entry.1 = key;
        }
    }
    let change = |((kind, id), (verb, key))| Change { kind, id: Some(id), key, verb };
    roots.into_iter().map(change).collect()
}

/// What a refused document was about, as far as it says.
pub(super) fn refused(document: &Document, kind: Kind, address: Option<&str>) -> Vec<Change> {
    let field = match kind {
        Kind::Products => "sku",
        Kind::Orders => "identifier",
        Kind::Customers | Kind::InventoryLevels => "externalId",
        _ => return Vec::new(),
    };
    let change = |resource: &super::document::Resource| {
        let key = resource.attributes.get(field).and_then(|value| value.as_str());
        let key = key.or(resource.id.as_deref()).or(address).unwrap_or_default();
        Change { kind, id: None, key: key.to_owned(), verb: Verb::Refused }
    };
    document.primary.iter().map(change).collect()
}

fn stronger(one: Verb, two: Verb) -> Verb {
    let rank = |verb| match verb {
        Verb::Unchanged => 0,
        Verb::Refused => 1,
        Verb::Updated => 2,
        Verb::Created => 3,
        Verb::Removed => 4,
    };
    if rank(one) >= rank(two) { one } else { two }
}

fn root_of(store: &Store, record: &Record) -> Option<(Kind, Id)> {
    let one = |name: &str| record.one.get(name).cloned();
    match record.kind {
        Kind::Customers | Kind::Products | Kind::InventoryLevels | Kind::Orders => {
            Some((record.kind, record.id.clone()))
        }
        Kind::CustomerAddresses | Kind::CustomerUsers => Some((Kind::Customers, one("customer")?)),
        Kind::ProductNames
        | Kind::ProductDescriptions
        | Kind::ProductShortDescriptions
        | Kind::ProductUnitPrecisions => Some((Kind::Products, one("product")?)),
        Kind::OrderLineItems | Kind::OrderShippingTrackings => {
            Some((Kind::Orders, record.list("orders").first()?.clone()))
        }
        Kind::OrderAddresses => {
            let holds = |order: &&Record| {
                ["billingAddress", "shippingAddress"]
                    .iter()
                    .any(|name| order.one.get(name) == Some(&record.id))
            };
            // Addresses are written with their order, which is among what was touched.
            let touched = store.touched().into_iter();
            let mut orders = touched
                .filter(|(kind, _, _)| *kind == Kind::Orders)
                .filter_map(|(kind, id, _)| store.get(kind, &id));
            orders.find(holds).map(|order| (Kind::Orders, order.id.clone()))
        }
        Kind::AttributeFamilies
        | Kind::Countries
        | Kind::CustomerGroups
        | Kind::CustomerUserRoles
        | Kind::Localizations
        | Kind::OrderInternalStatuses
        | Kind::OrderShippingStatuses
        | Kind::OrderStatuses
        | Kind::Organizations
        | Kind::ProdInventoryStatuses
        | Kind::ProductUnits
        | Kind::Regions
        | Kind::Users => None,
    }
}

/// What the systems call it.
pub(super) fn key_of(store: &Store, record: &Record) -> String {
    let own = match record.kind {
        Kind::Products => record.text("sku").map(str::to_owned),
        Kind::Orders => record.text("identifier").map(str::to_owned),
        Kind::InventoryLevels => {
            let product = record.one.get("product").and_then(|id| store.get(Kind::Products, id));
            product.and_then(|product| product.text("sku")).map(str::to_owned)
        }
        _ => record.text("externalId").map(str::to_owned),
    };
    own.unwrap_or_else(|| format!("#{}", record.id))
}
