//! Orders, their lines and their addresses.

use super::Subject;
use super::customers::{named, region};
use crate::oro::document::{Linkage, Resource};
use crate::oro::problem::Problem;
use crate::oro::schema::Kind;
use crate::oro::version::Feature;

pub(super) fn order(subject: &mut Subject<'_>) {
    let record = subject.record;
    currency(subject);
    if record.list("lineItems").is_empty() {
        let detail = "Please add at least one Line Item";
        subject.refuse_at("count", detail, subject.relation("lineItems"));
    }
    if let Some(identifier) = record.text("identifier")
        && subject.others("identifier", identifier)
    {
        let detail = "This value is already used.";
        subject.refuse_at("unique entity", detail, subject.attribute("identifier"));
    }
    let user = record.one.get("customerUser");
    if let Some(user) = user.and_then(|id| subject.store.get(Kind::CustomerUsers, id))
        && user.one.get("customer") != record.one.get("customer")
    {
        let detail = "The customer user does not belong to the customer.";
        subject.refuse(Problem::constraint("customer owner", detail));
    }
    for (index, id) in record.list("lineItems").iter().enumerate() {
        let line = subject.store.get(Kind::OrderLineItems, id);
        let new = subject.store.before(Kind::OrderLineItems, id).is_none();
        let moved = line.is_some_and(|line| !new && !line.list("orders").contains(&record.id));
        if moved {
            let detail = "Line Item order cannot be changed once set.";
            let pointer = format!("{}/{index}", subject.relation("lineItems"));
            subject.refuse_at("unchangeable field", detail, pointer);
        }
    }
    unmoved_discounts(subject);
}

fn unmoved_discounts(subject: &mut Subject<'_>) {
    let record = subject.record;
    for (index, id) in record.list("discounts").iter().enumerate() {
        let discount = subject.store.get(Kind::OrderDiscounts, id);
        let own = subject.before.is_some_and(|before| before.list("discounts").contains(id));
        let order = discount.and_then(|discount| discount.one.get("order"));
        if !own && order.is_some_and(|order| *order != record.id) {
            let detail = "The discount cannot be moved to another order.";
            let pointer = format!("{}/{index}", subject.relation("discounts"));
            subject.refuse_at("unchangeable field", detail, pointer);
        }
    }
}

/// A part of an ordered kit.
pub(super) fn kit_part(subject: &mut Subject<'_>) {
    let line = subject.record.one.get("lineItem");
    let had = subject.before.and_then(|before| before.one.get("lineItem"));
    // Both are told of the same place.
    let version = subject.version;
    let mut refuse = |title: &str, what: &str| {
        let own = version.has(Feature::LineTaxCode) || title != "not null";
        let detail = if own {
            format!("Line Item of the Product Kit Item Line Item {what}.")
        } else {
            "This value should not be null.".to_owned()
        };
        let pointer = format!("{}/relationships/lineItem/data", subject.pointer);
        subject.problems.push(Problem::constraint(title, detail).at(pointer));
    };
    if line.is_none() {
        refuse("not null", "should not be blank");
    }
    if had.is_some() && had != line {
        refuse("unchangeable field", "cannot be changed once set");
    }
    priced(subject);
    currency(subject);
}

fn priced(subject: &mut Subject<'_>) {
    if subject.record.attribute("value").is_some() {
        return;
    }
    let detail = "Price value should not be blank.";
    let whole = Problem::constraint("not blank", format!("{detail} Source: price."));
    let own = subject.pointer == "/data";
    subject.refuse(if own { whole } else { whole.at(subject.pointer) });
    subject.refuse_at("not blank", detail, subject.attribute("value"));
}

fn currency(subject: &mut Subject<'_>) {
    let Some(currency) = subject.record.text("currency") else { return };
    let known = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase());
    if !known {
        let detail = "This value is not a valid currency.";
        subject.refuse_at("currency", detail, subject.attribute("currency"));
    }
}

pub(super) fn line(subject: &mut Subject<'_>) {
    let record = subject.record;
    let free = record.text("freeFormProduct").is_some();
    if !record.one.contains_key("product") && !free {
        let detail = "Please choose Product.";
        subject.refuse_at("line item product", detail, subject.relation("product"));
    }
    priced(subject);
    if record.number("quantity").is_some_and(|quantity| quantity <= 0.0) {
        let detail = "This value should be greater than 0.";
        subject.refuse_at("greater than zero", detail, subject.attribute("quantity"));
    }
    if record.list("orders").is_empty() {
        let detail = "This collection should contain 1 element or more.";
        subject.refuse_at("count", detail, subject.relation("orders"));
    }
    if subject.before.is_some_and(|before| before.list("orders") != record.list("orders")) {
        let detail = "Line Item order cannot be changed once set.";
        let problem = Problem::constraint("unchangeable field", detail);
        // It is told beside what else is wrong there.
        subject.problems.push(problem.at(subject.relation("orders")));
    }
    currency(subject);
}

/// What a discount says, and that all together do not take more off than there is.
pub(super) fn discount(subject: &mut Subject<'_>) {
    let record = subject.record;
    let field = match record.text("orderDiscountType") {
        Some("oro_order_discount_item_type_amount") => "amount",
        Some("oro_order_discount_item_type_percent") => "percent",
        _ => {
            let detail = "The discount type is invalid. Valid types are: \
                          oro_order_discount_item_type_amount, \
                          oro_order_discount_item_type_percent.";
            subject.refuse_at("discount type", detail, subject.attribute("orderDiscountType"));
            return;
        }
    };
    // The other form of it is computed, so only what was sent or is kept says whether it is there.
    let sent = subject.sent.attributes.get(field).is_some_and(|value| !value.is_null());
    if subject.before.is_none() && !sent {
        subject.refuse_blank(subject.attribute(field));
        return;
    }
    if record.number("percent").is_some_and(|percent| percent.abs() > 1.0) {
        let detail = "This value should be between -100% and 100%.";
        subject.refuse_at("range", detail, subject.attribute("percent"));
        if field == "percent" {
            // What it comes to is not looked at then.
            return;
        }
    }
    if record.number("amount").is_some_and(|amount| amount < 0.0) {
        let detail = "The discount amount should be between 0 and 999999999999999.9999";
        subject.refuse_at("range", detail, subject.attribute("amount"));
    }
    let order = record.one.get("order").and_then(|id| subject.store.get(Kind::Orders, id));
    let Some(order) = order else { return };
    let sum = |name: &str| order.number(name).unwrap_or_default();
    if sum("totalDiscountsAmount") > sum("subtotalValue") {
        let detail = "The sum of all discounts cannot exceed the order grand total amount. Please \
                      review some discounts above and make necessary adjustments.";
        let place = subject.relation("order");
        let own = subject.pointer == "/data";
        let place = if own { format!("{place}/totalDiscountsAmount") } else { place };
        // It is told once, however many discounts there are.
        let told = subject.problems.iter().any(|other| other.title == "discounts constraint");
        if !told {
            subject.refuse_at("discounts", detail, place);
        }
    }
}

/// Whether an address is either a copy of one or said field by field.
fn is_of_one_source(sent: &Resource) -> bool {
    let said = |linkage: &Linkage| *linkage != Linkage::Null;
    let is_source = |name: &str| ["customerAddress", "customerUserAddress"].contains(&name);
    let relations = sent.relationships.iter().filter(|(_, linkage)| said(linkage));
    let (copied, related): (Vec<_>, Vec<_>) = relations.partition(|(name, _)| is_source(name));
    let fields = sent.attributes.values().filter(|value| !value.is_null()).count() + related.len();
    copied.is_empty() || (copied.len() == 1 && fields == 0)
}

/// Checked after a copied address got its content.
pub(super) fn address(subject: &mut Subject<'_>) {
    if !is_of_one_source(subject.sent) {
        let detail = "Only order address fields, a customer user address or a customer address can \
                      be set.";
        subject.refuse(Problem::constraint("order address", detail));
    }
    for name in ["street", "city", "postalCode"] {
        if subject.record.text(name).is_none() {
            subject.refuse_blank(subject.attribute(name));
        }
    }
    if !subject.record.one.contains_key("country") {
        subject.refuse_blank(subject.relation("country"));
    }
    named(subject);
    region(subject);
}
