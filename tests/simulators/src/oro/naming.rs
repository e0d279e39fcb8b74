//! How rows are named from outside: by numbers, by names, by UUIDs, and with EXT ID by a field.

use super::document::{Linkage, Resource};
use super::problem::Problem;
use super::record::Id;
use super::schema::Kind;
use super::store::Store;
use super::version::Dialect;

/// The row a client means by an id.
pub(super) fn existing(store: &Store, kind: Kind, sent: &str, dialect: Dialect) -> Option<Id> {
    if let Some(key) = dialect.key(kind) {
        let mut found = store.find(kind, key, sent);
        return Some(found.find(|record| record.text(key) == Some(sent))?.id.clone());
    }
    let id = Id::parse(kind, sent)?;
    store.get(kind, &id).is_some().then_some(id)
}

/// The id as it has to be before any row is looked for.
pub(super) fn identifier(kind: Kind, sent: &str, dialect: Dialect) -> Result<(), Problem> {
    let detail = match kind {
        _ if dialect.key(kind).is_some() => return Ok(()),
        Kind::Webhooks if !is_uuid(sent) => format!("Expected GUID value. Given \"{sent}\"."),
        _ if kind.resource().numbered && sent.parse::<u64>().is_err() => {
            format!("Expected integer value. Given \"{sent}\".")
        }
        _ => return Ok(()),
    };
    Err(Problem::constraint("entity identifier", detail))
}

pub(super) fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12])
        && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// A new row's id: a number, or a UUID made of it. A price's ends with the number of its list.
pub(super) fn made(kind: Kind, number: &Id, resource: &Resource) -> Id {
    if !kind.names_itself() {
        return number.clone();
    }
    let uuid = format!("00000000-0000-4000-8000-{:0>12}", number.to_string());
    let list = resource.relationships.iter().find_map(|(name, linkage)| match linkage {
        Linkage::One(reference) if name == "priceList" => Some(reference.id.as_str()),
        _ => None,
    });
    match kind {
        Kind::ProductPrices => Id::Name(format!("{uuid}-{}", list.unwrap_or_default())),
        _ => Id::Name(uuid),
    }
}
