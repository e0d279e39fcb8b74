//! An order as Oro holds one: made of the canonical part, and what differs from the one that is there.
//!
//! Its lines are the source's: what the source does not name any more is taken off, what was ordered
//! otherwise is changed in place. What the shop adds up (subtotal, total, taxes) is its own.

use ferry_canonical::{
    FailureKind,
    order::{OrderLine, OrderPlaced},
    value::{Address, Decimal},
};
use jiff::Timestamp;
use serde_json::{Number, Value};

use super::{
    ORDERS, customer,
    customer_address::fields,
    customer_user::USERS,
    document::{self, Resource},
};
use crate::target::Failure;

pub(super) const INCLUDE: &str = "lineItems,billingAddress,shippingAddress,discounts";
const LINES: &str = "orderlineitems";
const ADDRESSES: &str = "orderaddresses";
const DISCOUNTS: &str = "orderdiscounts";
const OFF_BY_AMOUNT: &str = "oro_order_discount_item_type_amount";
/// What the source and the shop may differ by before somebody is told.
const CENT: f64 = 0.01;

/// What an order speaks of, by the shop's ids.
#[derive(Clone, Debug)]
pub(super) struct References {
    pub(super) customer: String,
    pub(super) person: Person,
}

/// Who ordered, among the customer's people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Person {
    /// The source does not say.
    Unsaid,
    /// Somebody whom the shop does not know.
    Unknown,
    Is(String),
}

/// How the shop is to take orders.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms<'a> {
    /// The unit of lines whose source names none.
    pub(super) unit: &'a str,
    /// Whether a new order is marked as one of another system.
    pub(super) external: bool,
}

/// Everything that Oro needs to make it.
pub(super) fn new(
    order: &OrderPlaced,
    references: &References,
    terms: Terms<'_>,
) -> (Resource, Vec<Resource>) {
    let mut resource = common(order, references)
        .attribute("identifier", order.identifier.as_str())
        .attribute("currency", order.currency.as_str())
        // What it costs, its source has said.
        .attribute("disablePromotions", true);
    if terms.external {
        resource = resource.attribute("external", true);
    }
    if let Some(carriage) = carriage(order) {
        resource = resource.attribute("overriddenShippingCostAmount", carriage.as_str());
    }
    let mut included = Vec::new();
    let mut names = Vec::new();
    for (place, line) in order.lines.iter().enumerate() {
        names.push(new_line(place));
        included.push(line_of(order, line, terms).named(new_line(place)));
    }
    resource = resource.many("lineItems", LINES, names.iter().map(String::as_str));
    for (relation, address) in addresses(order) {
        let id = new_address(relation);
        resource = resource.one(relation, ADDRESSES, &id);
        included.push(address_of(order, address).named(id));
    }
    if let Some(off) = discount(order) {
        resource = resource.many("discounts", DISCOUNTS, [NEW_DISCOUNT]);
        included.push(discount_of(off).named(NEW_DISCOUNT));
    }
    (resource, included)
}

/// What differs from the order as it is; `beside` is the document that its lines and addresses are
/// included in.
pub(super) fn change(
    order: &OrderPlaced,
    references: &References,
    terms: Terms<'_>,
    (found, beside): (&Value, &Value),
) -> Option<(Resource, Vec<Resource>)> {
    let id = document::id(found).unwrap_or_default();
    let wanted = common(order, references);
    let mut change = wanted.changes(found).unwrap_or_else(|| Resource::with_id(ORDERS, id));
    let carriage = carriage(order);
    if document::number(found, "overriddenShippingCostAmount").as_ref() != carriage {
        let carriage = carriage.map(Decimal::as_str);
        change = change.attribute("overriddenShippingCostAmount", carriage);
    }
    let mut included = Vec::new();
    if let Some((names, lines)) = lines(order, terms, (found, beside)) {
        change = change.many("lineItems", LINES, names.iter().map(String::as_str));
        included.extend(lines);
    }
    for (relation, address) in addresses(order) {
        let wanted = address_of(order, address);
        let there =
            document::one(found, relation).and_then(|id| document::included(beside, ADDRESSES, id));
        // Oro takes no other address for an order than a new one (OroCommerce reference §6).
        if there.is_none_or(|there| wanted.changes(there).is_some()) {
            let id = new_address(relation);
            change = change.one(relation, ADDRESSES, &id);
            included.push(wanted.named(id));
        }
    }
    if let Some((names, off)) = discounts(order, (found, beside)) {
        change = change.many("discounts", DISCOUNTS, names.iter().map(String::as_str));
        included.extend(off);
    }
    (!change.is_empty()).then_some((change, included))
}

/// The place in the canonical part of something that is included with an order.
pub(super) fn place_of(included: &Value) -> Option<String> {
    let kind = included.get("type")?.as_str()?;
    if kind == LINES {
        let sku = document::text(included, "productSku");
        return Some(sku.map_or_else(|| "lines".to_owned(), |sku| format!("lines[{sku}]")));
    }
    match document::id(included)? {
        "new-billingAddress" => Some("billing_address".to_owned()),
        "new-shippingAddress" => Some("shipping_address".to_owned()),
        _ => None,
    }
}

/// Where the shop comes to another sum, which is for a person to look at. Taxes are the shop's own: of
/// an order that has some, what they are added to is compared.
pub(super) fn sum_warning(order: &OrderPlaced, row: &Value) -> Option<String> {
    let totals = &order.totals;
    let is_taxed = totals.tax.as_ref().is_some_and(|tax| !tax.is_zero());
    let (name, what, wanted) = if is_taxed {
        ("subtotalValue", "subtotal", &totals.subtotal)
    } else {
        ("totalValue", "total", &totals.total)
    };
    let comes_to = document::number(row, name)?;
    let (there, here) = (amount(&comes_to)?, amount(wanted)?);
    ((there - here).abs() >= CENT).then(|| {
        format!(
            "the shop comes to a {what} of {} and the source to {}: what the source adds or takes off \
             besides lines, shipping and discount has no place there",
            comes_to.as_str(),
            wanted.as_str(),
        )
    })
}

/// Why the order that was found by the identifier alone is not this one, if it is not: the shop names
/// its own orders by numbers, and another system may as well.
pub(super) fn is_another(
    order: &OrderPlaced,
    references: &References,
    found: &Value,
) -> Option<Failure> {
    let currency = document::text(found, "currency");
    let customer = document::one(found, "customer");
    let what = if currency.is_some_and(|currency| currency != order.currency.as_str()) {
        "currency"
    } else if customer.is_some_and(|customer| customer != references.customer) {
        "customer.number"
    } else {
        return None;
    };
    let detail = format!(
        "{what}: the shop has an order `{}` of another {}, which is left as it is",
        order.identifier,
        if what == "currency" { "currency" } else { "customer" },
    );
    Some(Failure::new(FailureKind::Rejected, detail))
}

/// An order keeps the currency that it was made in (OroCommerce reference §6).
pub(super) fn other_currency(order: &OrderPlaced, found: &Value) -> Option<Failure> {
    let currency = document::text(found, "currency")?;
    (currency != order.currency.as_str()).then(|| {
        let detail = format!("currency: the order is in {currency} in the shop, and keeps it");
        Failure::new(FailureKind::Rejected, detail)
    })
}

/// What the source does not say is left as it is.
fn common(order: &OrderPlaced, references: &References) -> Resource {
    let mut resource = Resource::new(ORDERS);
    if let Some(number) = &order.purchase_order_number {
        resource = resource.attribute("poNumber", number.as_str());
    }
    if let Some(notes) = &order.notes {
        resource = resource.attribute("customerNotes", notes.as_str());
    }
    let resource = resource.attribute("createdAt", stamp(order.placed_at)).one(
        "customer",
        customer::CUSTOMERS,
        &references.customer,
    );
    match &references.person {
        Person::Unsaid => resource,
        Person::Unknown => resource.none("customerUser"),
        Person::Is(user) => resource.one("customerUser", USERS, user),
    }
}

/// As Oro shows it: in whole seconds.
fn stamp(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

fn carriage(order: &OrderPlaced) -> Option<&Decimal> {
    order.shipping.as_ref()?.price.as_ref()
}

fn addresses(order: &OrderPlaced) -> impl Iterator<Item = (&'static str, &Address)> {
    let billing = order.billing_address.as_ref().map(|address| ("billingAddress", address));
    let shipping = order.shipping_address.as_ref().map(|address| ("shippingAddress", address));
    billing.into_iter().chain(shipping)
}

fn address_of(order: &OrderPlaced, address: &Address) -> Resource {
    fields(Resource::new(ADDRESSES), address, order.customer.name.as_deref())
}

fn new_address(relation: &str) -> String {
    format!("new-{relation}")
}

fn new_line(place: usize) -> String {
    format!("new-line-{place}")
}

fn line_of(order: &OrderPlaced, line: &OrderLine, terms: Terms<'_>) -> Resource {
    let quantity: Value = match line.quantity.as_str().parse::<Number>() {
        Ok(number) => number.into(),
        Err(_) => line.quantity.as_str().into(),
    };
    let resource = Resource::new(LINES)
        .attribute("productSku", line.sku.as_str())
        .attribute("quantity", quantity)
        .attribute("value", line.unit_price.as_str())
        .attribute("currency", order.currency.as_str())
        .one("productUnit", "productunits", line.unit.as_deref().unwrap_or(terms.unit));
    match &line.comment {
        Some(comment) => resource.attribute("comment", comment.as_str()),
        None => resource,
    }
}

/// All lines by their ids, with those that are new or changed; none where all is so.
fn lines(
    order: &OrderPlaced,
    terms: Terms<'_>,
    (found, beside): (&Value, &Value),
) -> Option<(Vec<String>, Vec<Resource>)> {
    let mut free: Vec<(&str, &Value)> = document::many(found, "lineItems")
        .into_iter()
        .filter_map(|id| Some((id, document::included(beside, LINES, id)?)))
        .collect();
    let (mut names, mut included) = (Vec::new(), Vec::new());
    for (place, line) in order.lines.iter().enumerate() {
        let wanted = line_of(order, line, terms);
        let is_it = |there: &Value| {
            document::text(there, "productSku")
                .is_some_and(|sku| sku.to_lowercase() == document::kept(&line.sku).to_lowercase())
        };
        // Of several lines of one product, the one that is so already, else the first.
        let same = free
            .iter()
            .position(|(_, there)| is_it(there) && differs(line, &wanted, there).is_none());
        let at = same.or_else(|| free.iter().position(|(_, there)| is_it(there)));
        if let Some((id, there)) = at.map(|at| free.remove(at)) {
            names.push(id.to_owned());
            included.extend(differs(line, &wanted, there).map(Resource::updating));
        } else {
            names.push(new_line(place));
            included.push(wanted.named(new_line(place)));
        }
    }
    (!free.is_empty() || !included.is_empty()).then_some((names, included))
}

/// What of a line is otherwise; amounts are compared as amounts.
fn differs(line: &OrderLine, wanted: &Resource, there: &Value) -> Option<Resource> {
    let mut change = wanted.changes(there)?;
    for (name, amount) in [("quantity", &line.quantity), ("value", &line.unit_price)] {
        if document::number(there, name).as_ref() == Some(amount) {
            change = change.without(name);
        }
    }
    // The SKU is the product's own spelling; another currency is another order.
    let change = change.without("productSku").without("currency");
    (!change.is_empty()).then_some(change)
}

const NEW_DISCOUNT: &str = "new-discount";
/// By which Ferry knows the discount that it has given.
const OUR_DISCOUNT: &str = "Discount of the order's source";

fn discount(order: &OrderPlaced) -> Option<&Decimal> {
    order.totals.discount.as_ref().filter(|off| !off.is_zero())
}

fn discount_of(off: &Decimal) -> Resource {
    Resource::new(DISCOUNTS)
        .attribute("description", OUR_DISCOUNT)
        .attribute("orderDiscountType", OFF_BY_AMOUNT)
        .attribute("amount", off.as_str())
}

/// All discounts by their ids, with that of the source where it is new or changed; none where all is
/// so. What a person has given in the shop stays.
fn discounts(
    order: &OrderPlaced,
    (found, beside): (&Value, &Value),
) -> Option<(Vec<String>, Option<Resource>)> {
    let mut names: Vec<String> =
        document::many(found, "discounts").into_iter().map(str::to_owned).collect();
    let is_ours = |id: &String| {
        document::included(beside, DISCOUNTS, id)
            .and_then(|discount| document::text(discount, "description"))
            == Some(OUR_DISCOUNT)
    };
    let Some(ours) = names.iter().position(is_ours) else {
        let off = discount(order)?;
        names.push(NEW_DISCOUNT.to_owned());
        return Some((names, Some(discount_of(off).named(NEW_DISCOUNT))));
    };
    let id = names.get(ours)?.clone();
    let Some(off) = discount(order) else {
        names.remove(ours);
        return Some((names, None));
    };
    let there = document::included(beside, DISCOUNTS, &id)?;
    if document::number(there, "amount").as_ref() == Some(off) {
        return None;
    }
    let change = Resource::with_id(DISCOUNTS, id).attribute("amount", off.as_str());
    Some((names, Some(change.updating())))
}

fn amount(decimal: &Decimal) -> Option<f64> {
    decimal.as_str().parse().ok()
}
