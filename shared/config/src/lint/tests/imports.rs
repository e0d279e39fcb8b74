//! What an OrderFlow system takes, and as what.

use super::added;

const FINE: &str = r#"[systems.warehouse.imports.purchases]
facet = "placed"
type = "purchaseOrder"
operation = "merge"
mapping = "Cargo.toml"
"#;

/// What is told where one line of an import becomes another, without the place.
fn import(from: &str, to: &str) -> Vec<String> {
    assert!(FINE.contains(from), "{from}");
    let told = added(&FINE.replacen(from, to, 1)).into_iter();
    let told = told.map(|told| told.split_once(": ").unwrap().1.to_owned());
    told.map(|told| told.replace("systems.warehouse.imports.purchases", "it")).collect()
}

#[test]
fn a_facet_may_become_any_import_by_a_mapping() {
    assert_eq!(added(FINE), [""; 0]);
    for kind in ["product", "return", "campaign", "stockMoveTask"] {
        assert_eq!(import("purchaseOrder", kind), [""; 0]);
    }
}

#[test]
fn an_import_that_ferry_does_not_make_by_itself_needs_a_mapping() {
    let told = import("mapping = \"Cargo.toml\"\n", "");
    let expected = "it.mapping: Ferry makes no purchaseOrder of placed by itself";
    assert!(matches!(&told[..], [one] if one.starts_with(expected)), "{told:?}");
    let own = "[systems.warehouse.imports.orders]\nfacet = \"placed\"\ntype = \"order\"\n";
    assert_eq!(added(own), [""; 0]);
    let told = import("Cargo.toml", "nowhere.jq");
    assert!(matches!(&told[..], [one] if one.contains("there is no file")), "{told:?}");
}

#[test]
fn a_facet_becomes_one_import_and_some_become_none() {
    let told = added(&format!("{FINE}{}", FINE.replace("purchases", "returns")));
    assert!(matches!(&told[..], [one] if one.contains("takes placed already")), "{told:?}");
    for facet in ["stock", "profile", "cancellation"] {
        let told = import("facet = \"placed\"", &format!("facet = \"{facet}\""));
        assert!(matches!(&told[..], [one] if one.contains("no import is made of")), "{told:?}");
    }
}

#[test]
fn of_orders_and_products_only_orderflow_can_be_told() {
    let told = import("type", "deliver_by = \"notification\"\ntype");
    let [kind, operation, mapping] = &told[..] else { panic!("{told:?}") };
    assert!(kind.starts_with("it.deliver_by: OrderFlow can be told of orders"), "{kind}");
    assert!(mapping.starts_with("it.mapping: OrderFlow fetches it itself"), "{mapping}");
    assert!(operation.starts_with("it.operation: OrderFlow fetches"), "{operation}");
    let orders = "[systems.warehouse.imports.orders]\nfacet = \"placed\"\ntype = \"order\"\n\
                  deliver_by = \"notification\"\n";
    assert_eq!(added(orders), [""; 0]);
}

#[test]
fn a_length_is_of_a_property_of_every_line() {
    let lengths = |line: &str| added(&format!("[systems.warehouse.lengths]\norder = {{ {line} }}"));
    assert_eq!(lengths("\"orderLine.description\" = 120"), [""; 0]);
    let told = lengths("\"orderLine.1.description\" = 120");
    assert!(matches!(&told[..], [one] if one.contains("leave out N")), "{told:?}");
    let told = lengths("source = 0");
    assert!(matches!(&told[..], [one] if one.contains("nothing has no characters")), "{told:?}");
}

/// A route of this facet of an order to the warehouse.
fn fed(facet: &str) -> String {
    format!(
        r#"[systems.feed]
kind = "files"
folder = "drop"

[systems.feed.files.rows]
pattern = "*.csv"
format = "csv"
facet = "{facet}"
mapping = "Cargo.toml"

[[routes]]
name = "fed"
from = "feed"
entity = "order"
facet = "{facet}"
to = ["warehouse"]
"#
    )
}

#[test]
fn what_is_cancelled_at_orderflow_are_orders() {
    assert_eq!(added(&fed("cancellation")), [""; 0]);
    let told = added(&format!("{FINE}{}", fed("cancellation")));
    let cannot = "warehouse cannot take cancellation";
    assert!(matches!(&told[..], [one] if one.contains(cannot)), "{told:?}");
}

#[test]
fn a_return_can_be_taken_and_a_shipment_only_where_it_becomes_something() {
    assert_eq!(added(&fed("return")), [""; 0]);
    let told = added(&fed("shipment"));
    assert!(matches!(&told[..], [one] if one.contains("cannot take shipment")), "{told:?}");
    let notices = FINE.replace("placed", "shipment");
    assert_eq!(added(&format!("{notices}{}", fed("shipment"))), [""; 0]);
}

#[test]
fn a_return_that_comes_back_under_another_number_is_warned_of() {
    let back = |targets: &str| {
        format!(
            "[[routes]]\nname = \"back\"\nfrom = \"warehouse\"\nentity = \"order\"\n\
             facet = \"return\"\nto = [\"{targets}\"]\n"
        )
    };
    let erp = "[systems.erp]\nkind = \"orderflow\"\nbase_url = \"https://erp.example/web\"\n\
               organisation = \"acme\"\nchannel = \"web\"\nuser = { env = \"USER_C\" }\n\
               password = { env = \"PASSWORD_C\" }\n";
    let twice = fed("return").replace("[\"warehouse\"]", "[\"warehouse\", \"erp\"]");
    let warned = |text: &str| {
        let told = added(text).into_iter().filter(|told| told.contains("hears twice"));
        told.collect::<Vec<_>>()
    };
    let told = warned(&format!("{erp}{twice}{}", back("erp")));
    let expected = "erp hears twice of every return that `fed` brings to warehouse";
    assert!(matches!(&told[..], [one] if one.contains(expected)), "{told:?}");
    assert!(told[0].starts_with("warning "), "{told:?}");
    assert_eq!(warned(&format!("{erp}{}{}", fed("return"), back("erp"))), [""; 0]);
}

#[test]
fn that_duplicates_are_refused_is_said_of_inserts_that_are_not_known_to_be() {
    let said = |operation: &str| {
        import("operation = \"merge\"", &format!("{operation}\nrefuses_duplicates = true"))
    };
    assert_eq!(said("operation = \"insert\""), [""; 0]);
    assert_eq!(said(""), [""; 0]);
    let told = said("operation = \"merge\"");
    assert!(matches!(&told[..], [one] if one.starts_with("it.refuses_duplicates: ")), "{told:?}");
    let orders = "[systems.warehouse.imports.orders]\nfacet = \"placed\"\ntype = \"order\"\n\
                  refuses_duplicates = true\n";
    assert_eq!(added(orders).len(), 1);
}
