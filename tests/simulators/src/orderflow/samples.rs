//! A small instance for tests of what is read from it.

use std::collections::BTreeMap;

use super::order::{Order, OrderLine, OrderState, Shipment};
use super::product::Product;
use super::properties::Properties;
use super::stock::Level;
use super::warehouse::Warehouse;

/// Products `MUG` with stock in Leeds and Dover and `TEA` without any; order `WEB-1001` of both,
/// whose mugs have left.
pub(super) fn warehouse() -> Warehouse {
    let mut warehouse = Warehouse::new();
    for (item, reference) in [(71, "MUG"), (72, "TEA")] {
        let product = Product { item, properties: Properties::default() };
        warehouse.products.insert(reference.to_owned(), product);
    }
    let dover = Level { site: "DOVER".into(), inventory_id: 73, ..level() };
    let sites = BTreeMap::from([("DOVER".to_owned(), dover), ("LEEDS".to_owned(), level())]);
    warehouse.levels.insert("MUG".to_owned(), sites);
    warehouse.orders.insert("WEB-1001".to_owned(), order());
    warehouse
}

pub(super) fn level() -> Level {
    Level {
        inventory_id: 71,
        inventory_key: (0, 0),
        version: 1,
        product: Some("MUG".into()),
        site: "LEEDS".into(),
        total: "40".into(),
        allocated: "6".into(),
        available: "33".into(),
        damaged: "1".into(),
        on_order: "24".into(),
        last_stock_change_id: 9001,
        last_line_requirement_change_id: 8123,
    }
}

fn order() -> Order {
    let line = |number, product: &str| OrderLine {
        number,
        product: product.to_owned(),
        quantity: "2".to_owned(),
    };
    let properties = "externalReference=WEB-1001\nplaced=2024-03-01 09:15:00\n\
        shipment.earliestShipDate=2024-03-02";
    Order {
        item: 48_211,
        reference: "WEB-1001".into(),
        state: OrderState::Created,
        properties: Properties::parse(properties).unwrap(),
        lines: vec![line(1, "MUG"), line(2, "TEA")],
        shipments: vec![Shipment {
            reference: Some("WEB-1001_S1".into()),
            sequence: 1,
            courier: "royalmail".into(),
            service: "T48".into(),
            despatch_reference: "AB123456789GB".into(),
            completed: "2024-03-02 16:40:10".into(),
            lines: vec![("MUG".into(), "2".into())],
        }],
    }
}
