//! What a shop keeps true of all addresses of one owner: one of them is the primary one, and for each
//! use at most one is the first choice.

use serde_json::Value;

use crate::oro::record::{Id, Record};
use crate::oro::schema::Kind;
use crate::oro::store::Store;

/// The relation to whom addresses of a kind belong.
pub(in crate::oro) fn owner_of(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::CustomerAddresses => Some("customer"),
        Kind::CustomerUserAddresses => Some("customerUser"),
        _ => None,
    }
}

/// After an address was written: what it is now, the owner's others are no more.
pub(super) fn keep_one_of_each(store: &mut Store, kind: Kind, id: &Id) {
    let Some(via) = owner_of(kind) else { return };
    let Some(mut written) = store.get(kind, id).cloned() else { return };
    let Some(owner) = written.one.get(via).map(ToString::to_string) else { return };
    let others: Vec<Record> =
        store.find(kind, via, &owner).filter(|other| other.id != *id).cloned().collect();
    if !is_primary(&written) && !others.iter().any(is_primary) {
        written.set("primary", true);
        store.put(written.clone());
    }
    for mut other in others {
        let before = other.clone();
        if is_primary(&written) {
            other.set("primary", false);
        }
        give_way(&mut other, &written);
        if other != before {
            store.put(other);
        }
    }
}

fn is_primary(address: &Record) -> bool {
    address.attribute("primary") == Some(&Value::Bool(true))
}

/// For what `first` is the first choice, `address` is not.
fn give_way(address: &mut Record, first: &Record) {
    let Some(Value::Array(mut types)) = address.attribute("types").cloned() else { return };
    for item in &mut types {
        let taken = uses(first).any(|other| {
            other.get("default") == Some(&Value::Bool(true))
                && other.get("addressType") == item.get("addressType")
        });
        if let Some(members) = item.as_object_mut().filter(|_| taken) {
            members.insert("default".to_owned(), false.into());
        }
    }
    address.set("types", types);
}

fn uses(address: &Record) -> impl Iterator<Item = &Value> {
    address.attribute("types").and_then(Value::as_array).into_iter().flatten()
}
