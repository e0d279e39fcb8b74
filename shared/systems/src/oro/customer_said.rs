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
            // A guest who gave an organisation only has no name.
            first_name: owned(user, "firstName").unwrap_or_default(),
            last_name: owned(user, "lastName").unwrap_or_default(),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The shape is Oro's: nulls are written out, each member has links, a use is an object.
    #[test]
    fn a_customer_of_oros_own_shape_is_read_whole_also_with_a_nameless_guest() {
        let to = |data: Value| json!({"links": {"self": "http://a/b"}, "data": data});
        let row = json!({"type": "customers", "id": "7", "links": {"self": "http://a/customers/7"},
            "attributes": {"name": "Acme", "externalId": null, "createdAt": "2026-01-02T03:04:05Z",
                "updatedAt": "2026-01-02T03:04:05Z"},
            "relationships": {"parent": to(Value::Null), "group": to(Value::Null), "children": to(json!([])),
                "internal_rating": to(json!({"type": "customerratings", "id": "1_of_5"})),
                "users": to(json!([{"type": "customerusers", "id": "3"}])),
                "addresses": to(json!([{"type": "customeraddresses", "id": "5"}]))}});
        let body = json!({"data": row, "links": {"self": "http://a/customers/7"}, "included": [
            {"type": "customerusers", "id": "3", "meta": {"title": "guest"}, "attributes": {
                "email": "guest@acme.example", "firstName": null, "lastName": null, "isGuest": true,
                "birthday": null, "loginCount": 0}, "relationships": {"userRoles": to(json!([]))}},
            {"type": "customeraddresses", "id": "5", "attributes": {"label": null, "street": "Kaai 1",
                "street2": null, "city": "Gent", "postalCode": "9000", "organization": "Acme Gent",
                "firstName": null, "lastName": null, "phone": null, "customRegion": null, "primary": true,
                "validatedAt": null, "types": [{"default": true, "addressType": "billing"},
                    {"default": false, "addressType": "shipping"}, {"default": false, "addressType": "other"}]},
             "relationships": {"country": to(json!({"type": "countries", "id": "BE"})),
                "region": to(Value::Null)}}]});
        let body = body.to_string();
        let profile = profile(&row, &crate::oro::read::included(body.as_bytes()));
        let profile = profile.unwrap_or_else(|Bad(detail)| panic!("{detail}"));
        let said = serde_json::to_value(&profile).unwrap();
        assert_eq!(
            said["contacts"],
            json!([{"id": "oro-3", "first_name": "", "last_name": "", "email": "guest@acme.example"}])
        );
        assert_eq!(
            (&said["number"], &said["name"], &said["group"]),
            (&json!(""), &json!("Acme"), &Value::Null)
        );
        assert_eq!(said["addresses"][0]["kinds"], json!(["billing", "shipping"]));
        assert_eq!(
            (&said["addresses"][0]["company"], &said["addresses"][0]["country"]),
            (&json!("Acme Gent"), &json!("BE"))
        );
    }
}
