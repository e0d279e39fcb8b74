//! A small instance for tests of what is read from it.

use std::collections::BTreeMap;
use std::time::Duration;

use ferry_world::{Fulfilment, Stock};
use jiff::tz::TimeZone;
use tokio::time::Instant;

use crate::control::Control;

use super::access::Credentials;
use super::actor::Actor;
use super::desk::Identity;
use super::instance::Instance;
use super::order::{Order, OrderLine, OrderState, Shipment};
use super::outbox::Outbox;
use super::plan::Plan;
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
    let mut dover = level();
    dover.inventory_id = 73;
    dover.stock.site_name = "DOVER";
    let sites = BTreeMap::from([("DOVER".to_owned(), dover), ("LEEDS".to_owned(), level())]);
    warehouse.levels.insert("MUG".to_owned(), sites);
    warehouse.orders.insert("WEB-1001".to_owned(), order());
    warehouse
}

pub(super) fn level() -> Level {
    let text = |number: u32| number.to_string();
    Level {
        inventory_id: 71,
        stock: Stock {
            product: 0,
            site: 0,
            site_name: "LEEDS",
            version: 1,
            sku: "MUG".into(),
            total: text(42),
            allocated: text(6),
            available: text(33),
            frozen: text(1),
            inspection: text(0),
            damaged: text(1),
            quarantined: text(1),
            on_order: text(24),
            flaw: None,
        },
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
            courier: "royalmail",
            service: "T48",
            despatch_reference: "AB123456789GB".into(),
            completed: "2024-03-02 16:40:10".into(),
            lines: vec![("MUG".into(), "2".into())],
        }],
    }
}

/// An instance with nothing in it, whose warehouse has no plan and whose pushes are spaced tightly.
pub(super) fn instance() -> Instance {
    let identity = Identity {
        organisation: "acme".into(),
        channel: "web".into(),
        credentials: Credentials { user: "ferry".into(), password: "secret".into() },
        fetches: false,
        takes_repeats: false,
    };
    let spacing = Duration::from_millis(20);
    let actor = Actor::new(Box::new(NoPlan), 0, spacing, Instant::now());
    Instance::new(Control::new(), (identity, TimeZone::UTC), actor, Outbox::new(spacing, 50), true)
}

struct NoPlan;

impl Plan for NoPlan {
    fn product(&self, _reference: &str) -> Option<u32> {
        None
    }

    fn advance(&mut self) -> Vec<(u32, usize)> {
        Vec::new()
    }

    fn stock(&self, _product: u32, _site: usize) -> Option<Stock> {
        None
    }

    fn fulfilment(&self, _order: &str) -> Fulfilment {
        Fulfilment::Open
    }
}
