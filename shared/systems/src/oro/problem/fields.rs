//! What Oro calls a field, as the canonical part calls it, and whether its value is personal.

use crate::oro::{client::Call, keyless};

/// The canonical name of the field a pointer means, and whether it is personal.
pub(super) fn field(pointer: &str, call: &Call) -> (Option<String>, bool) {
    let (resource, name, at) = match owner(pointer, call) {
        Some(found) => found,
        None if pointer.is_empty() => return (call.at.clone(), true),
        None => return (Some(pointer.to_owned()), false),
    };
    let (canonical, personal) = canonical(&resource, &name);
    let canonical = canonical.unwrap_or(&name);
    let named = match at.as_ref().or(call.at.as_ref()) {
        Some(at) => format!("{at}.{canonical}"),
        None => canonical.to_owned(),
    };
    (Some(named), personal)
}

/// The type of the resource and the name of its member: `/included/0/attributes/string` of a
/// product is the `string` of `productnames`. What went with a customer has its own place.
fn owner(pointer: &str, call: &Call) -> Option<(String, String, Option<String>)> {
    let mut segments = pointer.strip_prefix('/')?.split('/');
    let mut at = None;
    let resource = match segments.next()? {
        "data" => call.resource.to_owned(),
        "included" => {
            let index: usize = segments.next()?.parse().ok()?;
            let included = call.body.as_ref()?.get("included")?.get(index)?;
            at = keyless::place_of(included).map(str::to_owned);
            included.get("type")?.as_str()?.to_owned()
        }
        _ => return None,
    };
    match segments.next()? {
        "attributes" | "relationships" => Some((resource, segments.next()?.to_owned(), at)),
        _ => None,
    }
}

/// Oro's field to the canonical one.
fn canonical(resource: &str, name: &str) -> (Option<&'static str>, bool) {
    const PERSONAL: bool = true;
    const PLAIN: bool = false;
    let (field, personal) = match (resource, name) {
        ("customers", "externalId") => ("number", PLAIN),
        ("customers", "name") => ("name", PERSONAL),
        ("customergroups", "name") => ("group", PLAIN),
        ("customerusers", "externalId") => ("id", PLAIN),
        ("customerusers", "email") => ("email", PERSONAL),
        ("customerusers" | "customeraddresses", "firstName") => ("first_name", PERSONAL),
        ("customerusers" | "customeraddresses", "lastName") => ("last_name", PERSONAL),
        ("customerusers", "userRoles") => ("role (customer_user_role in ferry.toml)", PLAIN),
        ("customeraddresses", "label") => ("code", PLAIN),
        ("customeraddresses", "organization") => ("company", PERSONAL),
        ("customeraddresses", "postalCode") => ("postcode", PERSONAL),
        ("customeraddresses", "types") => ("kinds", PLAIN),
        ("customeraddresses", "customRegion") => ("region", PERSONAL),
        ("customeraddresses", "street" | "street2" | "city" | "phone") => return (None, PERSONAL),
        ("productnames", "string") | ("products", "names") => ("name", PLAIN),
        ("productdescriptions", "wysiwyg") | ("products", "descriptions") => ("description", PLAIN),
        ("productshortdescriptions", "text") | ("products", "shortDescriptions") => {
            ("short_description", PLAIN)
        }
        ("productunitprecisions", "unit")
        | ("products", "primaryUnitPrecision" | "unitPrecisions") => ("unit", PLAIN),
        ("products", "attributeFamily") => ("attribute_family in ferry.toml", PLAIN),
        ("inventorylevels", "quantity") => ("available", PLAIN),
        ("ordershippingtrackings", "number") => ("tracking.number", PLAIN),
        ("ordershippingtrackings", "method") => ("carrier", PLAIN),
        ("orders", "shippingStatus") => ("despatched", PLAIN),
        _ => return (None, PLAIN),
    };
    (Some(field), personal)
}
