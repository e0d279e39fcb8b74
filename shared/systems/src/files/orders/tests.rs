use ferry_canonical::{Facet, Part};

use super::*;
use crate::json;

/// The reference's own order, where it does not say a unit price.
const ORDER: &[(&str, &str)] = &[
    ("externalReference", "WEB-1001"),
    ("state", "created"),
    ("placed", "2024-07-01 09:15:00"),
    ("currency", "GBP"),
    ("totalPriceNet", "12.50"),
    ("totalTax", "2.50"),
    ("shippingPriceNet", "2.50"),
    ("customerComment", "ring[BR]twice"),
    ("deliveryContactName", "A. Customer"),
    ("deliveryAddressLine1", "1 High Street"),
    ("deliveryAddressLine2", "Chapel Allerton"),
    ("deliveryAddressLine5", "Leeds"),
    ("deliveryAddressLine6", "Yorkshire"),
    ("deliveryPostCode", "LS1 1AA"),
    ("deliveryCountryCode", "GB"),
    ("deliveryEmailAddress", "a@example.test"),
    ("orderLine.10.product.externalReference", "TEA"),
    ("orderLine.10.quantity", "3"),
    ("orderLine.10.unitPriceNet", "0.10"),
    ("orderLine.2.product.externalReference", "MUG-RED"),
    ("orderLine.2.quantity", "2"),
    ("orderLine.2.unitPriceNet", "4.85"),
    ("orderLine.2.totalPriceNet", "9.70"),
    ("orderLine.3.product.externalReference", ""),
    ("orderLine.3.quantity", " "),
    ("shipment.deliverySuggestionCode", "STD48"),
];

fn row(changes: &[(&str, &str)]) -> Map<String, Value> {
    let all = ORDER.iter().chain(changes);
    all.map(|(name, text)| ((*name).to_owned(), Value::from(*text))).collect()
}

fn london() -> TimeZone {
    TimeZone::get("Europe/London").unwrap()
}

fn fault(changes: &[(&str, &str)]) -> (String, String) {
    let fault = document(&row(changes), Some(&london()), true).unwrap_err();
    (fault.column, fault.problem)
}

#[test]
fn a_row_is_an_order_with_its_numbered_lines() {
    let document = document(&row(&[]), Some(&london()), true).unwrap();
    let Part::OrderPlaced(placed) = json::part(Facet::Placed, &document).unwrap() else { panic!() };
    assert_eq!(placed.identifier, "WEB-1001");
    assert_eq!(placed.placed_at.to_string(), "2024-07-01T08:15:00Z");
    assert_eq!(placed.notes.as_deref(), Some("ring\ntwice"));
    let lines: Vec<_> = placed
        .lines
        .iter()
        .map(|line| (line.number, line.sku.as_str(), line.quantity.as_str(), line.total.as_str()))
        .collect();
    assert_eq!(lines, [(2, "MUG-RED", "2", "9.7"), (10, "TEA", "3", "0.3")]);
    let totals = &placed.totals;
    assert_eq!((totals.subtotal.as_str(), totals.total.as_str()), ("10", "15"));
    let address = placed.shipping_address.as_ref().unwrap();
    let said = (address.street.as_str(), address.street2.as_deref(), address.city.as_str());
    assert_eq!(said, ("1 High Street", Some("Chapel Allerton"), "Leeds"));
    assert_eq!(address.region.as_deref(), Some("Yorkshire"));
    assert_eq!(placed.billing_address, None);
    assert_eq!(placed.customer.email.as_deref(), Some("a@example.test"));
    assert_eq!(placed.shipping.as_ref().unwrap().code.as_deref(), Some("STD48"));
    assert_eq!(placed.extensions["orderflow"], json!({ "state": "created" }));
}

#[test]
fn amounts_of_a_line_follow_from_each_other_where_they_do_so_exactly() {
    let changes = [("orderLine.2.unitPriceNet", ""), ("orderLine.10.unitPriceNet", "0.105")];
    let document = document(&row(&changes), Some(&london()), true).unwrap();
    assert_eq!(document["lines"][0]["unit_price"], "4.85");
    assert_eq!(document["lines"][1]["total"], "0.315");
}

#[test]
fn where_blank_lines_of_an_address_were_left_out_the_last_one_is_its_city() {
    let blank = [("deliveryAddressLine2", "Leeds"), ("deliveryAddressLine5", "")];
    let document = document(&row(&blank), Some(&london()), true).unwrap();
    assert_eq!(document["shipping_address"]["street"], "1 High Street");
    assert_eq!(document["shipping_address"]["city"], "Leeds");
    assert_eq!(document["shipping_address"].get("street2"), None);
}

#[test]
fn what_cannot_be_an_order_is_told_by_its_column() {
    for (column, text, problem) in [
        ("externalReference", " ", MISSING),
        ("placed", "", MISSING),
        ("currency", "pounds", "`pounds` is not an ISO 4217 currency such as EUR"),
        ("deliveryCountryCode", "UK", "`UK` is not an assigned ISO 3166 country code such as GB"),
        ("deliveryCountryCode", "", MISSING),
        ("orderLine.2.quantity", "two", "`two` is not a decimal number such as 12.50"),
        ("orderLine.2.quantity", "", MISSING),
        ("orderLine.10.product.externalReference", "", MISSING),
        ("totalTax", "2,50", "`2,50` is not a decimal number such as 12.50"),
        ("placed", "yesterday", "`yesterday` is no time such as 2026-11-28 09:15:00"),
    ] {
        assert_eq!(fault(&[(column, text)]), (column.to_owned(), problem.to_owned()));
    }
    let told = fault(&[("totalTax", "")]);
    assert_eq!(told, ("totalPriceGross".to_owned(), FOLLOWS.to_owned()));
    let prices = [("orderLine.2.quantity", "3"), ("orderLine.2.unitPriceNet", "")];
    assert_eq!(fault(&prices), ("orderLine.2.unitPriceNet".to_owned(), FOLLOWS.to_owned()));
    let zoneless = document(&row(&[]), None, true).unwrap_err();
    assert!(zoneless.problem.contains("no `time_zone`"), "{zoneless:?}");
}

#[test]
fn what_a_mapping_looks_at_next_is_left_to_it() {
    let changes = [("currency", ""), ("orderLine.2.quantity", "2,0"), ("placed", "01.07.2024")];
    let document = document(&row(&changes), None, false).unwrap();
    assert_eq!(document.get("currency"), None);
    assert_eq!(document["lines"][0]["quantity"], "2,0");
    assert_eq!(document["placed_at"], "01.07.2024");
}

#[test]
fn a_header_without_a_reference_is_no_header_of_orders() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(check_header(&names(&["placed", "externalReference"])), Ok(()));
    let told = check_header(&names(&["sku", "name"])).unwrap_err();
    assert!(told.starts_with("it has no column `externalReference`"), "{told}");
}
