//! Rows as the account reads them.

use ferry_world::account::{
    SeenAddress, SeenCustomer, SeenLevel, SeenOrder, SeenProduct, SeenTracking, SeenUser,
};
use serde::Serialize;
use serde_json::{Map, Value};

use super::find::related;
use super::record::Record;
use super::schema::Kind;
use super::store::Store;

/// Every row of a state collection; `None` for a collection the shop does not show.
pub(super) fn collection(store: &Store, name: &str) -> Option<Vec<Value>> {
    let kind = match name {
        "customers" => Kind::Customers,
        "products" => Kind::Products,
        "inventorylevels" => Kind::InventoryLevels,
        "orders" => Kind::Orders,
        _ => return None,
    };
    Some(store.all(kind).map(|record| row(store, record)).collect())
}

fn row(store: &Store, record: &Record) -> Value {
    match record.kind {
        Kind::Customers => json(&customer(store, record)),
        Kind::CustomerAddresses => json(&address(record)),
        Kind::CustomerUsers => json(&user(record)),
        Kind::Products => json(&product(store, record)),
        Kind::InventoryLevels => json(&level(store, record)),
        Kind::Orders => json(&order(store, record)),
        Kind::OrderShippingTrackings => json(&tracking(record)),
        _ => Value::Null,
    }
}

/// The fields of a row in a history effect: as its state shows it, with what hangs on it.
pub(super) fn fields(store: &Store, record: &Record) -> Map<String, Value> {
    match row(store, record) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn json(row: &impl Serialize) -> Value {
    // The account's types are plain: strings, options and lists of them.
    serde_json::to_value(row).unwrap_or_default()
}

fn text(record: &Record, name: &str) -> Option<String> {
    record.attribute(name)?.as_str().map(str::to_owned)
}

fn children<'store>(store: &'store Store, record: &Record, list: &str) -> Vec<&'store Record> {
    let Some(relation) = record.kind.resource().relation(list) else { return Vec::new() };
    let ids = related(store, record, relation);
    ids.iter().filter_map(|id| store.get(relation.target, id)).collect()
}

/// The id of the related row, as text.
fn linked(record: &Record, relation: &str) -> Option<String> {
    record.one.get(relation).map(ToString::to_string)
}

fn customer(store: &Store, record: &Record) -> SeenCustomer {
    SeenCustomer {
        id: record.id.to_string(),
        external_id: text(record, "externalId"),
        name: text(record, "name").unwrap_or_default(),
        addresses: children(store, record, "addresses").into_iter().map(address).collect(),
        users: children(store, record, "users").into_iter().map(user).collect(),
    }
}

fn address(record: &Record) -> SeenAddress {
    SeenAddress {
        id: record.id.to_string(),
        label: text(record, "label"),
        street: text(record, "street"),
        street2: text(record, "street2"),
        city: text(record, "city"),
        postal_code: text(record, "postalCode"),
        country: linked(record, "country"),
        organization: text(record, "organization"),
        first_name: text(record, "firstName"),
        last_name: text(record, "lastName"),
    }
}

fn user(record: &Record) -> SeenUser {
    SeenUser {
        id: record.id.to_string(),
        email: text(record, "email").unwrap_or_default(),
        first_name: text(record, "firstName"),
        last_name: text(record, "lastName"),
    }
}

fn product(store: &Store, record: &Record) -> SeenProduct {
    let default = |list: &str| {
        let texts = children(store, record, list).into_iter();
        texts.into_iter().find(|text| !text.one.contains_key("localization"))
    };
    let description = default("descriptions").and_then(|text| text.attribute("wysiwyg"));
    let description = description.and_then(|wysiwyg| wysiwyg.get("value")?.as_str());
    SeenProduct {
        id: record.id.to_string(),
        sku: text(record, "sku").unwrap_or_default(),
        name: default("names").and_then(|name| text(name, "string")),
        description: description.map(str::to_owned),
        status: text(record, "status").unwrap_or_default(),
        unit: unit(store, record, "primaryUnitPrecision"),
    }
}

fn unit(store: &Store, record: &Record, relation: &str) -> Option<String> {
    let precision = store.get(Kind::ProductUnitPrecisions, record.one.get(relation)?)?;
    linked(precision, "unit")
}

fn level(store: &Store, record: &Record) -> SeenLevel {
    let product = record.one.get("product").and_then(|id| store.get(Kind::Products, id));
    SeenLevel {
        id: record.id.to_string(),
        sku: product.and_then(|product| text(product, "sku")).unwrap_or_default(),
        unit: unit(store, record, "productUnitPrecision"),
        quantity: text(record, "quantity").unwrap_or_default(),
    }
}

fn order(store: &Store, record: &Record) -> SeenOrder {
    SeenOrder {
        id: record.id.to_string(),
        identifier: text(record, "identifier").unwrap_or_default(),
        status: linked(record, "status"),
        shipping_status: linked(record, "shippingStatus"),
        trackings: children(store, record, "shippingTrackings").into_iter().map(tracking).collect(),
    }
}

fn tracking(record: &Record) -> SeenTracking {
    SeenTracking {
        id: record.id.to_string(),
        method: text(record, "method"),
        number: text(record, "number"),
    }
}
