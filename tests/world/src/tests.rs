use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// Everything a world says, as text.
fn everything(world: &World, ticks: u32) -> String {
    let plan = *world.plan();
    let versions = Versions::at(world, ticks);
    let mut all = String::from_utf8_lossy(&world.catalogue_csv(Catalogue::Full)).into_owned();
    for tick in 1..=ticks {
        all.push_str(&String::from_utf8_lossy(&world.catalogue_csv(Catalogue::Tick(tick))));
    }
    for i in 0..plan.customers {
        all.push_str(&world.customer_json(i, versions.customer(i), "then").to_string());
    }
    for i in 0..plan.orders {
        write!(all, "{:?}{:?}", world.order(i), world.fulfilment(i)).unwrap();
    }
    for (i, site) in (0..plan.products).flat_map(|i| (0..SITES.len()).map(move |s| (i, s))) {
        write!(all, "{:?}", world.stock(i, site, versions.stock(i, site))).unwrap();
    }
    all
}

fn flaws(world: &World) -> BTreeMap<Flaw, usize> {
    let mut counts = BTreeMap::new();
    for dead in world.expected_dead() {
        *counts.entry(dead.flaw).or_default() += 1;
    }
    counts
}

fn rows(csv: &[u8]) -> Vec<csv::ByteRecord> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(csv);
    assert_eq!(reader.byte_headers().unwrap().len(), 15);
    reader.byte_records().map(Result::unwrap).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_same_seed_gives_the_same_bytes(seed: u64, records in 1_u32..120, ticks in 0_u32..4) {
        let world = World::new(seed, records);
        prop_assert_eq!(everything(&world, ticks), everything(&World::new(seed, records), ticks));
    }

    #[test]
    fn a_version_differs_from_the_one_before_in_what_the_shop_holds(
        seed: u64, index in 0_u32..30, version in 1_u32..60,
    ) {
        let world = World::new(seed, 120);
        let next = version + 1;
        let name = |customer: Customer| (customer.name, customer.addresses,
            customer.contacts.into_iter().map(|c| c.last_name).collect::<Vec<_>>());
        prop_assert_ne!(name(world.customer(index, version)), name(world.customer(index, next)));
        let shown = |product: Product| (product.name, product.description, product.status);
        prop_assert_ne!(shown(world.product(index, version)), shown(world.product(index, next)));
        for site in 0..SITES.len() {
            let available = |version| world.stock(index, site, version).map(|s| s.available_tenths());
            prop_assert!(available(version).is_none() || available(version) != available(next));
        }
    }

    #[test]
    fn an_order_names_only_what_is_sound_and_adds_up(seed: u64, records in 4_u32..300) {
        let world = World::new(seed, records);
        for index in 0..world.plan().orders {
            let order = world.order(index);
            prop_assert_eq!(world.customer_flaw(order.customer), None);
            prop_assert_eq!(world.customer_of(&order.customer_number), Some(order.customer));
            prop_assert!((1..=12).contains(&order.lines.len()));
            let products: BTreeSet<u32> = order.lines.iter().map(|line| line.product).collect();
            prop_assert_eq!(products.len(), order.lines.len());
            for product in products {
                prop_assert_eq!(world.product_flaw(product), None);
                prop_assert_eq!(world.product(product, 1).status, "enabled");
            }
            let cents = |text: &str| text.replace('.', "").parse::<u64>().unwrap();
            let sum: u64 = order.lines.iter().map(|line| cents(&line.total)).sum();
            prop_assert_eq!(sum, cents(&order.subtotal));
            prop_assert_eq!(sum + cents(&order.shipping_cost), cents(&order.total));
        }
    }
}

#[test]
fn another_seed_gives_another_world() {
    assert_ne!(everything(&World::new(1, 50), 1), everything(&World::new(2, 50), 1));
}

#[test]
fn the_default_world_has_every_flaw_and_at_least_one_in_a_hundred() {
    for seed in 0..20 {
        let flaws = flaws(&World::new(seed, 1000));
        assert_eq!(flaws.len(), 12, "seed {seed}: {flaws:?}");
        assert!(flaws.values().sum::<usize>() >= 10, "seed {seed}: {flaws:?}");
    }
    assert!(flaws(&World::new(3, 20_000)).values().sum::<usize>() >= 200);
}

#[test]
fn a_tiny_world_still_has_something_that_works() {
    for records in 0..12 {
        let world = World::new(5, records);
        assert!(!world.sound_customers.is_empty() && !world.sold_products.is_empty());
        assert!(!everything(&world, 2).is_empty());
    }
}

#[test]
fn changes_are_sound_distinct_and_counted_as_versions() {
    let world = World::new(11, 300);
    let mut versions = Versions::default();
    for tick in 1..=30 {
        let changes = versions.advance(&world);
        assert_eq!(changes, world.changes(tick));
        assert!(changes.customers.len() >= 3 && changes.products.len() >= 3);
        assert!(changes.customers.iter().all(|i| world.customer_flaw(*i).is_none()));
        assert!(changes.stock.iter().all(|(i, site)| world.stock_flaw(*i, *site).is_none()));
        assert_eq!(changes.stock.iter().collect::<BTreeSet<_>>().len(), changes.stock.len());
        let [customer, product] = [changes.customers[0], changes.products[0]];
        let (stocked, site) = changes.stock[0];
        assert_eq!(versions.customer(customer), world.customer_version(customer, tick));
        assert_eq!(versions.product(product), world.product_version(product, tick));
        assert_eq!(versions.stock(stocked, site), world.stock_version(stocked, site, tick));
    }
    assert_eq!(world.changes(0), Changes::default());
}

#[test]
fn business_keys_lead_back_to_their_index_and_are_unique() {
    let world = World::new(13, 400);
    let plan = world.plan();
    assert_eq!(world.customer_of("C-100001"), Some(0));
    assert!((0..plan.products).all(|i| world.product_of(&world.product(i, 3).sku) == Some(i)));
    assert!((0..plan.orders).all(|i| world.order_of(&world.order(i).identifier) == Some(i)));
    for stranger in ["C-", "C-100000", "C-999999", "MUG-0001-NOPE", "MUG", "MUG-x-RED", ""] {
        assert_eq!((world.customer_of(stranger), world.product_of(stranger)), (None, None));
    }
    let emails = (0..plan.customers).flat_map(|i| world.customer(i, 1).contacts);
    let emails: Vec<String> = emails.map(|contact| contact.email).collect();
    assert_eq!(emails.iter().collect::<BTreeSet<_>>().len(), emails.len());
}

#[test]
fn shipments_carry_every_line_once_and_no_two_share_a_tracking() {
    let world = World::new(17, 1000);
    let mut trackings = BTreeSet::new();
    let mut kinds = [0; 4];
    for index in 0..world.plan().orders {
        let Fulfilment::Shipments(shipments) = world.fulfilment(index) else {
            kinds[usize::from(world.fulfilment(index) == Fulfilment::Cancelled)] += 1;
            continue;
        };
        kinds[shipments.len() + 1] += 1;
        let order = world.order(index);
        let mut lines: Vec<usize> =
            shipments.iter().flat_map(|s| s.lines.iter().map(|line| line.line)).collect();
        lines.sort_unstable();
        assert_eq!(lines, (0..order.lines.len()).collect::<Vec<_>>());
        assert!(shipments.iter().all(|s| trackings.insert(s.tracking.clone())));
        let references: BTreeSet<_> =
            shipments.iter().map(|s| s.reference(&order.identifier)).collect();
        assert_eq!(references.len(), shipments.len());
    }
    assert!(kinds.iter().all(|count| *count > 10), "open, cancelled, one, two: {kinds:?}");
}

#[test]
fn names_fit_the_shop_and_the_warehouse_unless_that_is_the_flaw() {
    let world = World::new(19, 1000);
    for index in 0..world.plan().products {
        for version in [1, 2, 40] {
            let product = world.product(index, version);
            let length = product.name.chars().count();
            let too_long = product.flaw == Some(Flaw::NameTooLong);
            assert_eq!(length > 255, too_long, "{}", product.name);
            assert!(too_long || length <= 110, "{}", product.name);
            assert!(!product.name.contains(['\n', '\r']));
        }
    }
}

#[test]
fn the_full_catalogue_has_every_product_and_each_flaw_in_its_place() {
    let world = World::new(23, 1000);
    let rows = rows(&world.catalogue_csv(Catalogue::Full));
    assert_eq!(rows.len(), world.plan().products as usize);
    for (row, index) in rows.iter().zip(0..) {
        let flaw = world.product_flaw(index);
        assert_eq!(row.len() == 13, flaw == Some(Flaw::WrongColumnCount));
        assert!(row.len() == 13 || row.len() == 15);
        assert_eq!(row[0].is_empty(), flaw == Some(Flaw::MissingSku));
        assert_eq!(&row[4] == b"heavy", flaw == Some(Flaw::NotANumber));
        assert_eq!(str::from_utf8(&row[1]).is_err(), flaw == Some(Flaw::InvalidUtf8));
        assert_eq!(str::from_utf8(&row[2]).unwrap(), world.product(index, 1).description);
    }
}

#[test]
fn a_ticks_catalogue_has_what_changed_and_two_that_did_not() {
    let world = World::new(29, 400);
    for tick in 1..10 {
        let rows = rows(&world.catalogue_csv(Catalogue::Tick(tick)));
        let changed = world.changes(tick).products;
        assert_eq!(rows.len(), changed.len() + 2);
        for row in &rows {
            let index = world.product_of(str::from_utf8(&row[0]).unwrap()).unwrap();
            let product = world.product(index, world.product_version(index, tick));
            assert_eq!(&row[1], product.name.as_bytes());
            assert_eq!(product.flaw, None);
        }
    }
}

#[test]
fn customer_json_shows_each_flaw_and_nothing_else_wrong() {
    let world = World::new(31, 1000);
    for index in 0..world.plan().customers {
        let json = world.customer_json(index, 1, "2026-11-22T09:15:00.123Z");
        let unknown = json["addresses"][0]["country"] == "XZ";
        let spoiled = !json["addresses"].is_array() || json["name"].is_number();
        let flaw = world.customer_flaw(index);
        assert_eq!(json.get("name").is_none(), flaw == Some(Flaw::MissingName));
        assert_eq!(spoiled, flaw == Some(Flaw::WrongType));
        assert_eq!(unknown, flaw == Some(Flaw::UnknownCountry));
        assert_eq!(json["revision"], 1);
    }
}

#[test]
fn the_world_is_as_wide_as_promised() {
    let world = World::new(37, 1000);
    let customers: Vec<Customer> =
        (0..world.plan().customers).map(|i| world.customer(i, 1)).collect();
    let addresses: Vec<&Address> = customers.iter().flat_map(|c| &c.addresses).collect();
    let countries: BTreeSet<&str> = addresses.iter().map(|address| address.country).collect();
    assert!(countries.len() >= 9, "{countries:?}");
    let orders: Vec<Order> = (0..world.plan().orders).map(|i| world.order(i)).collect();
    let quantities: BTreeSet<&str> =
        orders.iter().flat_map(|order| order.lines.iter().map(|line| &*line.quantity)).collect();
    assert!(["1", "7", "144", "2.5", "0.3333"].iter().all(|one| quantities.contains(one)));
    assert!(orders.iter().any(|order| order.lines.len() >= 8));
    let products = (0..world.plan().products).map(|i| world.product(i, 1).description);
    let texts: Vec<String> = products.collect();
    assert!(texts.iter().any(|text| text.contains("<ul>")));
    assert!(texts.iter().any(|text| text.contains('"') && text.contains('\n')));
}
