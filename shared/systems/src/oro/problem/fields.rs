//! What Oro calls a field, as the canonical part calls it, and whether its value is personal.

use serde_json::Value;

use crate::oro::{client::Call, keyless, order_form, product_form};

/// The canonical name of the field a pointer means, and whether it is personal.
pub(super) fn field(pointer: &str, call: &Call) -> (Option<String>, bool) {
    let (resource, name, at) = match owner(pointer, call) {
        Some(found) => found,
        None if pointer.is_empty() => return (call.at.clone(), true),
        None => return (Some(pointer.to_owned()), false),
    };
    let (canonical, personal) = canonical(&resource, &name);
    let canonical = canonical.unwrap_or(&name);
    let at = at.as_ref().or(call.at.as_ref()).filter(|_| !is_of_the_whole(&resource, &name));
    let named = match at {
        Some(at) => format!("{at}.{canonical}"),
        None => canonical.to_owned(),
    };
    (Some(named), personal)
}

/// Whether it is no field of a place in the part, but of the part.
fn is_of_the_whole(resource: &str, name: &str) -> bool {
    resource == "productprices" && matches!(name, "product" | "priceList")
}

/// The type of the resource and the name of its member: `/included/0/attributes/string` of a
/// product is the `string` of `productnames`. What went with a customer or an order has its own place.
fn owner(pointer: &str, call: &Call) -> Option<(String, String, Option<String>)> {
    let mut segments = pointer.strip_prefix('/')?.split('/');
    let mut at = None;
    let resource = match segments.next()? {
        "data" => call.resource.to_owned(),
        "included" => {
            let included = included(segments.next()?, call)?;
            let of_a_customer = || keyless::place_of(included).map(str::to_owned);
            let of_a_product = || product_form::place_of(included).map(str::to_owned);
            at = order_form::place_of(included).or_else(of_a_customer).or_else(of_a_product);
            included.get("type")?.as_str()?.to_owned()
        }
        _ => return None,
    };
    match segments.next()? {
        "attributes" | "relationships" => Some((resource, segments.next()?.to_owned(), at)),
        _ => None,
    }
}

fn included<'a>(index: &str, call: &'a Call) -> Option<&'a Value> {
    let index: usize = index.parse().ok()?;
    call.body.as_ref()?.get("included")?.get(index)
}

/// The SKU of the line that a pointer means.
pub(super) fn sku<'a>(pointer: &str, call: &'a Call) -> Option<&'a str> {
    let (index, _) = pointer.strip_prefix("/included/")?.split_once('/')?;
    included(index, call)?.pointer("/attributes/productSku")?.as_str()
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
        ("customerusers" | "customeraddresses" | "orderaddresses", "firstName") => {
            ("first_name", PERSONAL)
        }
        ("customerusers" | "customeraddresses" | "orderaddresses", "lastName") => {
            ("last_name", PERSONAL)
        }
        ("customerusers", "userRoles") => ("role (customer_user_role in ferry.toml)", PLAIN),
        ("customeraddresses", "label") => ("code", PLAIN),
        ("customeraddresses" | "orderaddresses", "organization") => ("company", PERSONAL),
        ("customeraddresses" | "orderaddresses", "postalCode") => ("postcode", PERSONAL),
        ("customeraddresses", "types") => ("kinds", PLAIN),
        ("customeraddresses" | "orderaddresses", "customRegion") => ("region", PERSONAL),
        ("customeraddresses" | "orderaddresses", "street" | "street2" | "city" | "phone") => {
            return (None, PERSONAL);
        }
        ("productnames", "string") | ("products", "names") => ("name", PLAIN),
        ("productdescriptions", "wysiwyg") | ("products", "descriptions") => ("description", PLAIN),
        ("productshortdescriptions", "text") | ("products", "shortDescriptions") => {
            ("short_description", PLAIN)
        }
        ("productunitprecisions", "unit")
        | ("products", "primaryUnitPrecision" | "unitPrecisions")
        | ("orderlineitems", "productUnit") => ("unit", PLAIN),
        ("productunitprecisions", "conversionRate") => ("conversion_rate", PLAIN),
        ("products", "inventory_status") => ("availability", PLAIN),
        ("products", "category") => ("category (categories in ferry.toml)", PLAIN),
        ("products", "attributeFamily") => ("attribute_family in ferry.toml", PLAIN),
        ("inventorylevels", "quantity") => ("available", PLAIN),
        ("productprices", "priceList") => ("list (price_lists in ferry.toml)", PLAIN),
        ("ordershippingtrackings", "number") => ("tracking.number", PLAIN),
        ("ordershippingtrackings", "method") => ("carrier", PLAIN),
        ("orders", "shippingStatus") => ("despatched", PLAIN),
        ("orders", "poNumber") => ("purchase_order_number", PLAIN),
        ("orders", "customerNotes") => ("notes", PERSONAL),
        ("orders", "createdAt") => ("placed_at", PLAIN),
        ("orders", "customer") => ("customer.number", PLAIN),
        ("orders", "customerUser") => ("customer.email", PERSONAL),
        ("orders", "lineItems") => ("lines", PLAIN),
        ("orders", "billingAddress") => ("billing_address", PERSONAL),
        ("orders", "shippingAddress") => ("shipping_address", PERSONAL),
        ("orders", "overriddenShippingCostAmount") => ("shipping.price", PLAIN),
        ("orders", "external") => ("external (external_orders in ferry.toml)", PLAIN),
        ("orderlineitems", "product" | "productSku") | ("productprices", "product") => {
            ("sku", PLAIN)
        }
        ("orderlineitems", "value") => ("unit_price", PLAIN),
        ("orderdiscounts", "amount") | ("orders", "discounts") => ("totals.discount", PLAIN),
        _ => return (None, PLAIN),
    };
    (Some(field), personal)
}
