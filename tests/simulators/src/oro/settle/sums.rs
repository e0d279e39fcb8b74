//! What an order adds up to: its lines, its carriage, and what is taken off.

use serde_json::json;

use crate::oro::record::{Id, Record};
use crate::oro::schema::Kind;
use crate::oro::store::Store;
use crate::oro::values::decimal;

/// The parts of an order, by type and label.
const PARTS: [(&str, &str); 7] = [
    ("subtotal", "Subtotal"),
    ("discount", "Discount"),
    ("shipping_cost", "Shipping"),
    ("discount", "Shipping Discount"),
    ("tax", "Subtotal Tax"),
    ("tax", "Shipping Tax"),
    ("tax", "Tax"),
];

pub(super) fn add_up(store: &mut Store, id: &Id) {
    let Some(mut order) = store.get(Kind::Orders, id).cloned() else { return };
    let lines = order.list("lineItems").iter();
    let total: f64 = lines
        .filter_map(|line| store.get(Kind::OrderLineItems, line))
        .map(|line| {
            cents(
                line.number("quantity").unwrap_or_default()
                    * line.number("value").unwrap_or_default(),
            )
        })
        .sum();
    order.set("subtotalValue", decimal(total, 4));
    let carriage = ["overriddenShippingCostAmount", "estimatedShippingCostAmount"]
        .iter()
        .find_map(|name| order.number(name));
    let off = discounts(store, &order, total);
    order.set("totalDiscountsAmount", off.map(|off| decimal(off, 4)));
    let sum = total + carriage.unwrap_or_default() - off.unwrap_or_default();
    order.set("totalValue", decimal(sum, 4));
    if store.get(Kind::Orders, id) != Some(&order) {
        store.put(order.clone());
    }
    let amounts =
        [total, off.unwrap_or_default(), carriage.unwrap_or_default(), 0.0, 0.0, 0.0, 0.0];
    subtotals(store, &order, amounts);
}

/// What is taken off in all; each discount gets the other form of what it says.
fn discounts(store: &mut Store, order: &Record, total: f64) -> Option<f64> {
    let mut off = None;
    for id in order.list("discounts") {
        let Some(mut discount) = store.get(Kind::OrderDiscounts, id).cloned() else { continue };
        let by_percent =
            discount.text("orderDiscountType").is_some_and(|kind| kind.ends_with("percent"));
        let amount = if by_percent {
            let amount = cents(total * discount.number("percent").unwrap_or_default());
            discount.set("amount", decimal(amount, 4));
            amount
        } else {
            let amount = discount.number("amount").unwrap_or_default();
            let share = if total > 0.0 { amount / total } else { 0.0 };
            discount.set("percent", (share * 1e10).round() / 1e10);
            amount
        };
        off = Some(off.unwrap_or_default() + amount);
        if store.get(Kind::OrderDiscounts, id) != Some(&discount) {
            store.put(discount);
        }
    }
    off
}

/// One row for each part of an order that has lines, also where it is nothing. There are no taxes here.
fn subtotals(store: &mut Store, order: &Record, amounts: [f64; 7]) {
    if order.list("lineItems").is_empty() {
        return;
    }
    for (index, ((kind, label), amount)) in PARTS.into_iter().zip(amounts).enumerate() {
        let id = Id::Name(format!("{}-{kind}-{index}", order.id));
        let mut row = Record::new(Kind::OrderSubtotals, id.clone());
        let signed = if kind == "discount" { -amount } else { amount };
        row.set("orderSubtotalType", kind);
        row.set("label", label);
        row.set("amount", decimal(amount, 4));
        row.set("signedAmount", decimal(if amount > 0.0 { signed } else { 0.0 }, 4));
        let currency = order.text("currency").filter(|_| label != "Shipping Tax");
        row.set("currency", currency);
        row.set("data", json!([]));
        row.set("visible", index == 0 || amount > 0.0);
        row.link("order", order.id.clone());
        if store.get(Kind::OrderSubtotals, &id) != Some(&row) {
            store.put(row);
        }
    }
}

/// A line's total as a shop shows it: halves of a cent go up. Ten-thousandths first, because a binary
/// fraction may lie just below the half.
fn cents(amount: f64) -> f64 {
    (((amount * 10_000.0).round() + 50.0) / 100.0).floor() / 100.0
}
