//! One customer of the shop as the canonical facet `profile`, from a page or a look.
//!
//! It is said in the shop's own form ([`customer_form`]): what Ferry wrote to it is said by it as the
//! form of that. A person is known by the user's `externalId`, and one that has none by the user's id
//! in the shop.

use ferry_canonical::{
    customer::{Contact, CustomerProfile},
    value::{AddressKind, Extensions},
};
use jiff::Timestamp;
use serde_json::Value;

use super::{
    customer_address::ADDRESSES,
    customer_form::{self, Placed},
    customer_group::GROUPS,
    customer_user::{USERS, unnamed},
    document, placed,
    read::{Bad, Included},
};

/// What comes with a customer.
pub(super) const INCLUDE: &str = "group,users,addresses";

/// When anything of the customer was changed last: its own time moves neither with its addresses nor
/// with its users.
pub(super) fn changed_at(row: &Value, included: &Included<'_>) -> Option<Timestamp> {
    let of = |(relation, kind): (&str, &'static str)| {
        let ids = document::many(row, relation).into_iter();
        ids.filter_map(move |id| included.get(kind, id)).collect::<Vec<_>>()
    };
    let belongings = [("users", USERS), ("addresses", ADDRESSES)].into_iter().flat_map(of);
    let times = std::iter::once(row).chain(belongings).map(|row| placed::time(row, "updatedAt"));
    times.filter_map(Result::ok).max()
}

/// With an empty number where the shop has none.
pub(super) fn profile(row: &Value, included: &Included<'_>) -> Result<CustomerProfile, Bad> {
    let group = match document::one(row, "group") {
        Some(id) => Some(required(resource(included, GROUPS, id, "group")?, "name", "group")?),
        None => None,
    };
    let said = CustomerProfile {
        number: owned(row, "externalId").unwrap_or_default(),
        name: required(row, "name", "name")?,
        group,
        vat_number: None,
        blocked: false,
        contacts: contacts(row, included)?,
        addresses: customer_form::in_order(addresses(row, included)?),
        notes: None,
        extensions: Extensions::new(),
    };
    Ok(CustomerProfile { number: said.number.clone(), ..customer_form::form(&said) })
}

fn resource<'a>(
    included: &'a Included<'_>,
    kind: &str,
    id: &str,
    field: &str,
) -> Result<&'a Value, Bad> {
    included.get(kind, id).ok_or_else(|| Bad::new(field, "its resource in `included`"))
}

/// The value itself is personal and is not repeated.
fn required(resource: &Value, name: &str, field: &str) -> Result<String, Bad> {
    owned(resource, name).ok_or_else(|| Bad::new(field, "a text that is not empty"))
}

fn owned(resource: &Value, name: &str) -> Option<String> {
    document::text(resource, name).map(str::to_owned)
}

fn contacts(row: &Value, included: &Included<'_>) -> Result<Vec<Contact>, Bad> {
    let contact = |id: &str| {
        let field = |name: &str| format!("users[{id}].{name}");
        let user = resource(included, USERS, id, &format!("users[{id}]"))?;
        Ok(Contact {
            id: owned(user, "externalId").unwrap_or_else(|| unnamed(id)),
            first_name: required(user, "firstName", &field("firstName"))?,
            last_name: required(user, "lastName", &field("lastName"))?,
            email: required(user, "email", &field("email"))?,
            phone: None,
            role: None,
        })
    };
    document::many(row, "users").into_iter().map(contact).collect()
}

fn addresses(row: &Value, included: &Included<'_>) -> Result<Vec<Placed>, Bad> {
    let address = |id: &str| {
        let field = format!("addresses[{id}]");
        placed_address(resource(included, ADDRESSES, id, &field)?, &field)
    };
    document::many(row, "addresses").into_iter().map(address).collect()
}

fn placed_address(found: &Value, field: &str) -> Result<Placed, Bad> {
    let types = document::attribute(found, "types").and_then(Value::as_array);
    let kinds = |default: bool| -> Vec<AddressKind> {
        let types = types.into_iter().flatten();
        types
            .filter(|of| !default || of.get("default").and_then(Value::as_bool) == Some(true))
            .filter_map(|of| match of.get("addressType")?.as_str()? {
                "billing" => Some(AddressKind::Billing),
                "shipping" => Some(AddressKind::Shipping),
                _ => None,
            })
            .collect()
    };
    let address = placed::said_address(found, field, kinds(false))?;
    Ok(Placed { address, defaults: kinds(true) })
}
