//! The actor on a plan of its own, without a clock.

use std::time::Duration;

use ferry_world::account::Effect;
use ferry_world::{Fulfilment, PlannedShipment, SITES, ShippedLine, Stock};
use tokio::time::Instant;

use super::{Actor, Floor};
use crate::orderflow::access::Credentials;
use crate::orderflow::desk::Identity;
use crate::orderflow::imports::Import;
use crate::orderflow::outbox::{Outbox, Push, Subject};
use crate::orderflow::plan::Plan;
use crate::orderflow::samples;
use crate::orderflow::stock::PRODUCTS_PER_DOCUMENT;
use crate::orderflow::warehouse::{Module, Warehouse};

const TICK: Duration = Duration::from_millis(500);

/// Products `P-0`… with stock at the first two sites, of which the first product's changes every
/// tick; orders named after what becomes of them.
#[derive(Default)]
struct TinyPlan {
    tick: u32,
}

impl Plan for TinyPlan {
    fn product(&self, reference: &str) -> Option<u32> {
        reference.strip_prefix("P-")?.parse().ok()
    }

    fn advance(&mut self) -> Vec<(u32, usize)> {
        self.tick += 1;
        vec![(0, 1), (77, 0)]
    }

    fn stock(&self, product: u32, site: usize) -> Option<Stock> {
        let version = if (product, site) == (0, 1) { 1 + self.tick } else { 1 };
        let stock = Stock {
            product,
            site,
            site_name: SITES[site],
            version,
            sku: format!("P-{product}"),
            available: version.to_string(),
            ..samples::level().stock
        };
        (site < 2).then_some(stock)
    }

    fn fulfilment(&self, order: &str) -> Fulfilment {
        let shipment = |suffix: &str, rank| PlannedShipment {
            suffix: suffix.into(),
            lines: vec![ShippedLine { line: 0, sku: "P-0".into(), quantity: "1".into() }],
            carrier: "royalmail",
            service: "T48",
            tracking: format!("T{suffix}"),
            rank,
            flaw: None,
        };
        match order {
            "SPLIT" => Fulfilment::Shipments(vec![shipment("_S1", 0), shipment("_S2", 2)]),
            "CANCELLED" => Fulfilment::Cancelled,
            _ => Fulfilment::Open,
        }
    }
}

struct Scene {
    identity: Identity,
    warehouse: Warehouse,
    outbox: Outbox,
    effects: Vec<Effect>,
    actor: Actor,
    now: Instant,
}

impl Scene {
    fn new(ticks: u32) -> Self {
        let now = Instant::now();
        let plan = Box::new(TinyPlan::default());
        Self {
            identity: Identity {
                fetches: false,
                takes_repeats: false,
                organisation: "acme".into(),
                channel: "web".into(),
                credentials: Credentials { user: String::new(), password: String::new() },
            },
            warehouse: Warehouse::new(),
            outbox: Outbox::new(TICK, 50),
            effects: Vec::new(),
            actor: Actor::new(plan, ticks, TICK, now),
            now,
        }
    }

    fn import(&mut self, module: Module, kind: &str, reference: &str, text: &str) {
        let mut import = Import {
            kind: kind.into(),
            operation: "merge".into(),
            external_reference: Some(reference.into()),
            text: text.into(),
        };
        self.warehouse.import(module, &mut import);
    }

    fn import_product(&mut self, index: u32) {
        let reference = format!("P-{index}");
        self.import(Module::Warehouse, "product", &reference, "description=x\ntype=x");
    }

    fn import_order(&mut self, reference: &str) {
        let text = "deliveryCountryCode=GB\norderLine.1.product.externalReference=P-0\n\
            orderLine.1.quantity=2\norderLine.1.shipment=entity:shipment\n\
            shipment.orderItem=entity:order";
        self.import(Module::Order, "order", reference, text);
    }

    /// Steps now, then takes every document that is ready.
    fn step(&mut self) -> Vec<Push> {
        let mut floor = Floor {
            identity: &self.identity,
            warehouse: &mut self.warehouse,
            outbox: Some(&mut self.outbox),
            effects: &mut self.effects,
            time: "2024-03-02 16:40:11",
        };
        self.actor.step(&mut floor, self.now);
        std::iter::from_fn(|| self.outbox.take(self.now)).collect()
    }

    fn after(&mut self, wait: Duration) -> Vec<Push> {
        self.now += wait;
        self.step()
    }
}

fn text(push: &Push) -> &str {
    str::from_utf8(&push.body).unwrap()
}

#[test]
fn the_stock_of_an_imported_product_is_announced_at_every_site_once() {
    let mut scene = Scene::new(0);
    scene.import_product(3);
    let pushes = scene.step();
    assert_eq!(pushes.len(), 1);
    let keys: Vec<_> = pushes[0].effects.iter().map(|effect| effect.key.as_str()).collect();
    assert_eq!(keys, ["P-3/LEEDS", "P-3/DOVER"]);
    scene.import_product(3);
    assert!(scene.after(TICK).is_empty());
    assert!(scene.actor.idle());
}

#[test]
fn an_inventory_document_holds_at_most_fifty_products() {
    let mut scene = Scene::new(0);
    for index in 0..120 {
        scene.import_product(index);
    }
    let rows: Vec<_> = scene.step().iter().map(|push| push.effects.len()).collect();
    assert_eq!(rows, [2 * PRODUCTS_PER_DOCUMENT, 2 * PRODUCTS_PER_DOCUMENT, 40]);
}

#[test]
fn each_tick_tells_changed_stock_with_a_higher_sequence_and_the_ticks_end() {
    let mut scene = Scene::new(2);
    scene.import_product(0);
    let first = scene.step();
    let sequence = |push: &Push, row: usize| push.effects[row].fields["sequence"].as_u64();
    let mut last = sequence(&first[0], 1);
    for tick in 1..=2_u32 {
        let pushes = scene.after(TICK);
        assert_eq!(pushes.len(), 1);
        assert_eq!(pushes[0].effects.len(), 1);
        assert!(text(&pushes[0]).contains(&format!("available=\"{}\"", 1 + tick)));
        assert!(sequence(&pushes[0], 0) > last);
        last = sequence(&pushes[0], 0);
    }
    assert!(scene.after(TICK).is_empty());
    assert!(scene.actor.idle());
}

#[test]
fn stock_that_changed_before_it_was_announced_is_announced_as_it_is() {
    let mut scene = Scene::new(2);
    scene.step();
    assert!(scene.after(TICK).is_empty());
    scene.import_product(0);
    let pushes = scene.step();
    assert_eq!(pushes[0].effects[1].fields["version"], 2);
}

#[test]
fn a_split_order_is_told_twice_and_the_second_time_with_both_shipments() {
    let mut scene = Scene::new(0);
    scene.import_product(0);
    scene.import_order("SPLIT");
    scene.step();
    let first = scene.after(TICK);
    assert!(text(&first[0]).contains("\"SPLIT_S1\"") && !text(&first[0]).contains("\"SPLIT_S2\""));
    assert!(scene.after(TICK).is_empty());
    let second = scene.after(TICK);
    assert!(text(&second[0]).contains("\"SPLIT_S1\"") && text(&second[0]).contains("\"SPLIT_S2\""));
    assert!(second[0].message_id > first[0].message_id);
    assert_eq!(scene.warehouse.orders["SPLIT"].state.name(), "despatched");
}

#[test]
fn a_cancellation_is_told_whoever_cancelled() {
    let mut scene = Scene::new(0);
    scene.import_product(0);
    scene.import_order("CANCELLED");
    scene.import_order("OPEN");
    scene.step();
    scene.warehouse.cancel("OPEN", false).unwrap();
    let told = |pushes: &[Push]| {
        pushes.iter().map(|push| (push.subject, push.effects[0].key.clone())).collect::<Vec<_>>()
    };
    let by_client = scene.step();
    assert_eq!(told(&by_client), [(Subject::Cancellation, "OPEN".to_owned())]);
    let mut by_plan = scene.after(TICK);
    by_plan.extend(scene.step());
    assert_eq!(told(&by_plan), [(Subject::Cancellation, "CANCELLED".to_owned())]);
}

#[test]
fn an_order_its_client_cancelled_is_not_shipped() {
    let mut scene = Scene::new(0);
    scene.import_product(0);
    scene.import_order("SPLIT");
    scene.step();
    scene.warehouse.cancel("SPLIT", false).unwrap();
    let pushes = scene.after(4 * TICK);
    assert!(pushes.iter().all(|push| push.subject == Subject::Cancellation), "{pushes:?}");
    assert!(scene.actor.idle());
}

#[test]
fn a_cancellation_that_frees_the_reference_is_told_under_it() {
    let mut scene = Scene::new(0);
    scene.import_product(0);
    scene.import_order("OPEN");
    scene.step();
    scene.warehouse.cancel("OPEN", true).unwrap();
    scene.import_order("OPEN");
    let pushes = scene.step();
    assert_eq!(pushes.len(), 1);
    assert!(text(&pushes[0]).contains("eventType=\"order_cancelled\""));
    assert!(text(&pushes[0]).contains("externalReference=\"OPEN\" state=\"cancelled\""));
    assert_eq!(scene.warehouse.orders["OPEN"].state.name(), "created");
}

#[test]
fn an_order_that_is_imported_again_leaves_once_and_as_planned() {
    let mut scene = Scene::new(0);
    scene.import_product(0);
    scene.import_order("SPLIT");
    scene.step();
    scene.warehouse.cancel("SPLIT", true).unwrap();
    scene.import_order("SPLIT");
    let mut pushes = scene.after(TICK / 2);
    for _ in 0..6 {
        pushes.extend(scene.after(TICK));
    }
    let told: Vec<Subject> = pushes.iter().map(|push| push.subject).collect();
    assert_eq!(told, [Subject::Cancellation, Subject::Despatch, Subject::Despatch]);
    assert_eq!(scene.warehouse.orders["SPLIT"].shipments.len(), 2);
    assert!(scene.actor.idle());
}

#[test]
fn about_one_document_in_a_hundred_of_each_kind_has_no_canonical_meaning() {
    let mut scene = Scene::new(200);
    scene.import_product(0);
    let mut pushes = scene.step();
    for _ in 0..200 {
        pushes.extend(scene.after(TICK));
    }
    for subject in [Subject::StockChanges, Subject::PaymentRequest, Subject::PurchaseOrder] {
        let found = pushes.iter().filter(|push| push.subject == subject).count();
        assert_eq!(found, 2, "{subject:?}");
    }
    let ids: Vec<u64> = pushes.iter().map(|push| push.message_id).collect();
    assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>());
}

#[test]
fn without_a_receiver_the_warehouse_works_and_posts_nothing() {
    let mut scene = Scene::new(0);
    scene.import_product(0);
    let mut floor = Floor {
        identity: &scene.identity,
        warehouse: &mut scene.warehouse,
        outbox: None,
        effects: &mut scene.effects,
        time: "2024-03-02 16:40:11",
    };
    scene.actor.step(&mut floor, scene.now);
    assert_eq!(scene.warehouse.levels["P-0"].len(), 2);
    assert_eq!(scene.outbox.last_message(), 0);
}
