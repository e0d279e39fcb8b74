//! A perfect run is made by hand from the world, then spoiled in one place at a time.

mod versions;

use serde_json::{Value, json};

use super::*;
use crate::fulfilment::{Fulfilment, PlannedShipment};
use crate::{Flaw, SITES};

const TICKS: u32 = 12;

fn world() -> World {
    World::new(7, 200)
}

#[expect(clippy::unnecessary_wraps, reason = "what was seen is optional almost everywhere")]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn customer(world: &World, index: u32, version: u32) -> SeenCustomer {
    let customer = world.customer(index, version);
    let addresses = customer.addresses.iter().map(|address| {
        let names = address.contact_name.as_deref().and_then(|name| name.split_once(' '));
        SeenAddress {
            id: format!("a{index}{}", address.code),
            label: some(&address.code),
            street: some(&address.street),
            street2: address.street2.clone(),
            city: some(&address.city),
            postal_code: some(&address.postcode),
            country: some(address.country),
            organization: names.is_none().then(|| customer.name.clone()),
            first_name: names.and_then(|(first, _)| some(first)),
            last_name: names.and_then(|(_, last)| some(last)),
        }
    });
    let users = customer.contacts.iter().map(|contact| SeenUser {
        id: contact.id.to_string(),
        email: contact.email.clone(),
        first_name: some(&contact.first_name),
        last_name: some(&contact.last_name),
    });
    SeenCustomer {
        id: index.to_string(),
        external_id: some(&customer.number),
        name: customer.name.clone(),
        addresses: addresses.collect(),
        users: users.collect(),
    }
}

fn product(world: &World, index: u32, version: u32) -> SeenProduct {
    let product = world.product(index, version);
    SeenProduct {
        id: index.to_string(),
        sku: product.sku,
        name: Some(product.name),
        description: Some(product.description),
        status: product.status.to_owned(),
        unit: some(product.unit.name()),
    }
}

fn level(world: &World, versions: &Versions, index: u32) -> Option<SeenLevel> {
    let sound = (0..SITES.len()).filter(|site| world.stock_flaw(index, *site).is_none());
    let stock = sound.filter_map(|site| world.stock(index, site, versions.stock(index, site)));
    let tenths: Vec<u64> = stock.map(|stock| stock.available_tenths()).collect();
    let sum: u64 = tenths.iter().sum();
    (!tenths.is_empty()).then(|| SeenLevel {
        id: index.to_string(),
        sku: world.product(index, 1).sku,
        unit: some("item"),
        quantity: format!("{}.{}000", sum / 10, sum % 10),
    })
}

fn tracking(shipment: &PlannedShipment) -> SeenTracking {
    let method = some(shipment.carrier);
    SeenTracking { id: shipment.tracking.clone(), method, number: some(&shipment.tracking) }
}

fn shop_order(world: &World, index: u32) -> SeenOrder {
    let identifier = world.order(index).identifier;
    let order = SeenOrder { identifier, status: some("open"), ..SeenOrder::default() };
    match world.fulfilment(index) {
        Fulfilment::Open => order,
        Fulfilment::Cancelled => SeenOrder { status: some("cancelled"), ..order },
        Fulfilment::Shipments(shipments) => {
            let sound = shipments.iter().filter(|shipment| shipment.flaw.is_none());
            let trackings: Vec<SeenTracking> = sound.map(tracking).collect();
            let whole = trackings.len() == shipments.len();
            let status = if whole { "shipped" } else { "partially_shipped" };
            SeenOrder { shipping_status: some(status), trackings, ..order }
        }
    }
}

/// What a property can hold of a text.
fn one_line(text: &str) -> String {
    text.replace('\n', "[BR]").replace('\\', "/")
}

fn imported_order(world: &World, index: u32) -> SeenImportedOrder {
    let order = world.last_order(index);
    let to = &order.shipping;
    let mut properties: BTreeMap<String, String> = [
        ("externalReference", order.identifier.clone()),
        ("currency", "GBP".to_owned()),
        ("deliveryContactName", format!("{} {}", to.first_name, to.last_name)),
        ("deliveryAddressLine1", to.street.clone()),
        ("deliveryAddressLine2", to.street2.clone().unwrap_or_default()),
        ("deliveryAddressLine5", to.city.clone()),
        ("deliveryPostCode", to.postcode.clone()),
        ("deliveryCountryCode", to.country.to_owned()),
        ("deliveryEmailAddress", order.customer_user_email.clone()),
        ("totalPriceGross", format!("{}00", order.total)),
        ("customerComment", one_line(order.notes.as_deref().unwrap_or_default())),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    for (n, line) in (1..).zip(&order.lines) {
        properties.insert(format!("orderLine.{n}.product.externalReference"), line.sku.clone());
        let padded = if line.quantity.contains('.') { "0" } else { ".000" };
        let quantity = format!("{}{padded}", line.quantity);
        properties.insert(format!("orderLine.{n}.quantity"), quantity);
    }
    SeenImportedOrder {
        external_reference: order.identifier,
        state: "created".to_owned(),
        properties,
        shipments: Vec::new(),
    }
}

/// What the simulators show if everything went well.
fn perfect(world: &World) -> (OroSeen, OrderflowSeen) {
    let versions = Versions::at(world, TICKS);
    let plan = *world.plan();
    let oro = OroSeen {
        customers: (0..plan.customers)
            .filter(|i| world.customer_flaw(*i).is_none())
            .map(|i| customer(world, i, versions.customer(i)))
            .collect(),
        products: (0..plan.products)
            .filter(|i| world.product_flaw(*i).is_none())
            .map(|i| product(world, i, versions.product(i)))
            .collect(),
        levels: (0..plan.products).filter_map(|i| level(world, &versions, i)).collect(),
        orders: (0..plan.orders).map(|i| shop_order(world, i)).collect(),
        history: Vec::new(),
    };
    let imported = |i: u32| {
        let product = world.product(i, versions.product(i));
        let cut: String = product.name.chars().take(120).collect();
        let properties = BTreeMap::from([("description".to_owned(), cut)]);
        SeenImportedProduct { external_reference: product.sku, properties }
    };
    let taken = |i: &u32| world.product_flaw(*i).is_none_or(|flaw| flaw == Flaw::NameTooLong);
    let orderflow = OrderflowSeen {
        products: (0..plan.products).filter(taken).map(imported).collect(),
        orders: (0..plan.orders)
            .filter(|i| world.order_flaw(*i).is_none())
            .map(|i| imported_order(world, i))
            .collect(),
        ..OrderflowSeen::default()
    };
    (oro, orderflow)
}

/// The account of a perfect run that was spoiled.
fn spoiled(spoil: impl FnOnce(&World, &mut OroSeen, &mut OrderflowSeen)) -> Account {
    let world = world();
    let (mut oro, mut orderflow) = perfect(&world);
    spoil(&world, &mut oro, &mut orderflow);
    audit(&world, TICKS, &oro, &orderflow)
}

fn history(entity: &str, key: &str, steps: Vec<(EffectKind, Value)>) -> Vec<Entry> {
    let entry = |(order, (effect, fields)): (u64, (EffectKind, Value))| {
        let fields = fields.as_object().cloned().unwrap_or_default();
        let (entity, key) = (entity.to_owned(), key.to_owned());
        Entry { effects: vec![Effect { order, entity, key, effect, fields }], ..Entry::default() }
    };
    (1..).zip(steps).map(entry).collect()
}

/// An index whose version has moved on, and that version.
fn moved(version: impl Fn(u32) -> u32) -> (u32, u32) {
    (0..50).map(|index| (index, version(index))).find(|(_, version)| *version > 1).unwrap()
}

#[test]
fn a_perfect_run_is_clean_and_counts_every_route() {
    let account = spoiled(|_, _, _| {});
    assert!(account.is_clean(), "{account:#?}");
    assert_eq!(account.routes.len(), crate::ROUTES.len());
    assert!(account.expected > 400, "{}", account.expected);
    assert_eq!(account.dead_expected.len(), world().expected_dead().len());
}

#[test]
fn nothing_seen_is_nothing_accounted_but_what_must_not_be_there() {
    let world = world();
    let account = audit(&world, TICKS, &OroSeen::default(), &OrderflowSeen::default());
    assert_eq!(account.unaccounted.shown.len(), SHOWN_MAX);
    assert_eq!(account.unaccounted.count + account.accounted, account.expected);
    assert!(account.accounted < 40, "{}", account.accounted);
}

#[test]
fn every_lost_entity_is_a_finding_of_its_route() {
    type Lose = fn(&mut OroSeen, &mut OrderflowSeen);
    let losses: [(Route, Lose); 6] = [
        (Route::Customers, |oro, _| drop(oro.customers.pop())),
        (Route::ProductsToShop, |oro, _| drop(oro.products.pop())),
        (Route::Stock, |oro, _| drop(oro.levels.pop())),
        (Route::ProductsToWarehouse, |_, orderflow| drop(orderflow.products.pop())),
        (Route::Orders, |_, orderflow| drop(orderflow.orders.pop())),
        (Route::Shipments, |oro, _| {
            let shipped = oro.orders.iter_mut().find(|order| order.trackings.len() == 1);
            shipped.unwrap().trackings.clear();
        }),
    ];
    for (route, lose) in losses {
        let account = spoiled(|_, oro, orderflow| lose(oro, orderflow));
        assert_eq!(account.unaccounted.count, 1, "{route:?}: {account:#?}");
        assert_eq!(account.unaccounted.shown[0].route, route);
        assert!(!account.is_clean());
    }
}

#[test]
fn a_cancellation_that_never_arrived_is_a_finding() {
    let account = spoiled(|_, oro, _| {
        let cancelled = Some("cancelled".to_owned());
        let order = oro.orders.iter_mut().find(|order| order.status == cancelled).unwrap();
        order.status = some("open");
    });
    assert_eq!(account.unaccounted.shown[0].route, Route::Cancellations);
}

#[test]
fn every_wrong_field_is_named() {
    type Spoil = fn(&mut OroSeen, &mut OrderflowSeen);
    let wrongs: [(&str, Spoil); 10] = [
        ("name is", |oro, _| oro.customers[0].name.push('x')),
        ("post code is", |oro, _| oro.customers[0].addresses[0].postal_code = some("0")),
        ("last name is", |oro, _| oro.customers[0].users[0].last_name = None),
        ("organization is", |oro, _| oro.customers[0].addresses[0].organization = some("Old")),
        ("description is", |oro, _| oro.products[0].description = some("-")),
        ("unit is", |oro, _| oro.products[0].unit = some("hour")),
        ("level is", |oro, _| oro.levels[0].quantity = "-1".to_owned()),
        ("description is", |_, orderflow| {
            orderflow.products[0].properties.insert("description".to_owned(), "?".to_owned());
        }),
        ("deliveryPostCode is", |_, orderflow| {
            orderflow.orders[0].properties.remove("deliveryPostCode");
        }),
        ("has the lines", |_, orderflow| {
            let name = "orderLine.1.quantity".to_owned();
            orderflow.orders[0].properties.insert(name, "99".to_owned());
        }),
    ];
    for (what, spoil) in wrongs {
        let account = spoiled(|_, oro, orderflow| spoil(oro, orderflow));
        assert_eq!(account.unaccounted.count, 1, "{what}: {account:#?}");
        assert!(account.unaccounted.shown[0].what.contains(what), "{account:#?}");
    }
}

#[test]
fn a_version_behind_is_a_wrong_field() {
    let account = spoiled(|world, oro, _| {
        let versions = Versions::at(world, TICKS);
        let (index, version) = moved(|index| versions.customer(index));
        let number = world.customer(index, 1).number;
        let seen = oro.customers.iter_mut().find(|c| c.external_id.as_ref() == Some(&number));
        *seen.unwrap() = customer(world, index, version - 1);
    });
    assert_eq!(account.unaccounted.count, 1);
}

#[test]
fn a_flawed_entity_that_arrived_is_a_finding() {
    let account = spoiled(|world, oro, orderflow| {
        let all = 0..world.plan().customers;
        let missing = all.into_iter().find(|i| world.customer_flaw(*i) == Some(Flaw::MissingName));
        oro.customers.push(customer(world, missing.unwrap(), 1));
        let refused = (0..world.plan().orders).find(|i| world.order_flaw(*i).is_some()).unwrap();
        orderflow.orders.push(imported_order(world, refused));
    });
    assert_eq!(account.unaccounted.count, 2, "{account:#?}");
}

#[test]
fn a_customer_without_the_address_in_no_country_is_as_good_as_none() {
    let unknown = |world: &World| {
        let mut all = 0..world.plan().customers;
        all.find(|i| world.customer_flaw(*i) == Some(Flaw::UnknownCountry)).unwrap()
    };
    let account = spoiled(|world, oro, _| {
        let seen = customer(world, unknown(world), 1);
        oro.customers.push(SeenCustomer { addresses: Vec::new(), ..seen });
    });
    assert!(account.is_clean(), "{account:#?}");
    let account = spoiled(|world, oro, _| oro.customers.push(customer(world, unknown(world), 1)));
    assert_eq!(account.unaccounted.count, 1);
}

#[test]
fn what_the_world_does_not_know_is_a_finding() {
    let account = spoiled(|_, oro, _| {
        let external_id = some("C-999999");
        oro.customers.push(SeenCustomer { external_id, ..SeenCustomer::default() });
    });
    assert_eq!((account.unaccounted.count, account.expected == account.accounted), (1, true));
    assert!(!account.is_clean());
}

#[test]
fn a_key_held_twice_is_doubled_in_every_collection() {
    type Double = fn(&mut OroSeen, &mut OrderflowSeen);
    let doubles: [Double; 7] = [
        |oro, _| oro.customers.push(SeenCustomer { users: Vec::new(), ..oro.customers[0].clone() }),
        |oro, _| {
            let address = oro.customers[0].addresses[0].clone();
            oro.customers[0].addresses.push(address);
        },
        |oro, _| {
            let user = oro.customers[0].users[0].clone();
            oro.customers[0].users.push(user);
        },
        |oro, _| oro.products.push(oro.products[0].clone()),
        |oro, _| oro.orders.push(oro.orders[0].clone()),
        |_, orderflow| orderflow.products.push(orderflow.products[0].clone()),
        |_, orderflow| orderflow.orders.push(orderflow.orders[0].clone()),
    ];
    for (n, double) in doubles.into_iter().enumerate() {
        let account = spoiled(|_, oro, orderflow| double(oro, orderflow));
        assert_eq!(account.doubled.count, 1, "{n}: {account:#?}");
        assert!(!account.is_clean());
    }
}

#[test]
fn a_tracking_that_is_on_an_order_twice_is_doubled() {
    let account = spoiled(|_, oro, _| {
        let order = oro.orders.iter_mut().find(|order| !order.trackings.is_empty()).unwrap();
        order.trackings.push(order.trackings[0].clone());
    });
    assert_eq!((account.doubled.count, account.unaccounted.count), (1, 1), "{account:#?}");
}

#[test]
fn a_key_created_twice_is_doubled_though_only_one_is_left() {
    let twice = |between: Option<EffectKind>| {
        spoiled(|world, oro, _| {
            let seen = json!(product(world, 0, 1));
            let created = (EffectKind::Created, seen.clone());
            let between = between.map(|kind| (kind, seen));
            let steps = [Some(created.clone()), between, Some(created)];
            let sku = world.product(0, 1).sku;
            oro.history = history("product", &sku, steps.into_iter().flatten().collect());
        })
    };
    assert_eq!(twice(None).doubled.count, 1);
    assert_eq!(twice(Some(EffectKind::Updated)).doubled.count, 1);
    assert!(twice(Some(EffectKind::Deleted)).is_clean());
}

#[test]
fn an_older_version_written_after_a_newer_one_is_stale_even_if_the_end_is_right() {
    let course = |wanted: &[u32]| {
        spoiled(|world, oro, _| {
            let versions = Versions::at(world, TICKS);
            let (index, last) = moved(|index| versions.customer(index));
            let step = |version: &u32| {
                let version = if *version == 0 { last } else { *version };
                (EffectKind::Updated, json!(customer(world, index, version)))
            };
            let steps = wanted.iter().map(step).collect();
            oro.history = history("customer", &world.customer(index, 1).number, steps);
        })
    };
    assert!(course(&[1, 0]).is_clean());
    assert!(course(&[1, 1, 0, 0]).is_clean());
    let account = course(&[1, 0, 1, 0]);
    assert!(account.stale.count >= 1 && account.unaccounted.count == 0, "{account:#?}");
}

#[test]
fn effects_are_judged_in_the_order_they_happened_not_the_order_they_were_noted() {
    let account = spoiled(|world, oro, _| {
        let versions = Versions::at(world, TICKS);
        let (index, last) = moved(|index| versions.product(index));
        let step = |version| (EffectKind::Updated, json!(product(world, index, version)));
        let steps = vec![step(1), step(last)];
        oro.history = history("product", &world.product(index, 1).sku, steps);
        oro.history.reverse();
    });
    assert!(account.is_clean(), "{account:#?}");
}

#[test]
fn a_level_of_older_stock_after_newer_is_stale_and_a_growing_sum_is_not() {
    let world = world();
    let (index, _) = world.changes(1).stock[0];
    let mut partial = Versions::default();
    let mut course = vec!["0".to_owned()];
    for _ in 0..=TICKS {
        course.push(level(&world, &partial, index).unwrap().quantity);
        partial.advance(&world);
    }
    let audited = |quantities: Vec<String>| {
        spoiled(|world, oro, _| {
            let step = |quantity| (EffectKind::Updated, json!({ "quantity": quantity }));
            let steps = quantities.into_iter().map(step).collect();
            oro.history = history("level", &world.product(index, 1).sku, steps);
        })
    };
    let account = audited(course.clone());
    assert!(account.is_clean(), "{account:#?}");
    course.push(course[1].clone());
    assert_eq!(audited(course).stale.count, 1);
}

#[test]
fn an_order_whose_shipping_goes_back_is_stale() {
    let step = |status: &str, shipping: &str, numbers: &[&str]| {
        let trackings: Vec<Value> = numbers.iter().map(|n| json!({ "number": n })).collect();
        let fields = json!({
            "identifier": "WEB-100001", "status": status, "shippingStatus": shipping,
            "trackings": trackings,
        });
        (EffectKind::Updated, fields)
    };
    let stale = |steps: Vec<_>| {
        spoiled(|_, oro, _| oro.history = history("order", "WEB-100001", steps)).stale.count
    };
    let (one, both) = (["A"].as_slice(), ["A", "B"].as_slice());
    let partly = || step("open", "partially_shipped", one);
    assert_eq!(
        stale(vec![step("open", "not_shipped", &[]), partly(), step("open", "shipped", both)]),
        0
    );
    assert_eq!(stale(vec![step("open", "shipped", both), step("open", "shipped", one)]), 1);
    assert_eq!(stale(vec![step("open", "shipped", one), partly()]), 1);
    assert_eq!(
        stale(vec![step("cancelled", "not_shipped", &[]), step("open", "not_shipped", &[])]),
        1
    );
}

#[test]
fn a_write_that_does_not_show_what_it_wrote_is_a_finding_not_a_pass() {
    let account = spoiled(|world, oro, _| {
        let steps = vec![(EffectKind::Updated, Value::Null)];
        oro.history = history("customer", &world.customer(0, 1).number, steps);
    });
    assert_eq!(account.unaccounted.count, 1);
}

/// The index of an order that is changed after it was placed.
fn changed(world: &World) -> usize {
    let orders = (0..world.plan().orders).filter(|i| world.order_flaw(*i).is_none());
    let mut orders = orders.enumerate();
    orders.find(|(_, order)| world.changed_notes(*order).is_some()).unwrap().0
}

#[test]
fn an_order_that_was_changed_must_have_come_with_its_change() {
    let account = spoiled(|world, _, orderflow| {
        let properties = &mut orderflow.orders[changed(world)].properties;
        properties.insert("customerComment".to_owned(), "as it was placed".to_owned());
    });
    assert!(account.unaccounted.shown[0].what.starts_with("customerComment is"));
    assert_eq!(account.unaccounted.count, 1);
}

#[test]
fn a_cancelled_order_may_be_left_of_a_change_and_of_nothing_else() {
    let left = |of_change: bool| {
        spoiled(move |world, _, orderflow| {
            let changed = changed(world);
            let other = orderflow.orders.iter().position(|order| {
                world.changed_notes(world.order_of(&order.external_reference).unwrap()).is_none()
            });
            let of = if of_change { changed } else { other.unwrap() };
            let mut former = orderflow.orders[of].clone();
            former.external_reference.push_str("_CANCELLED_48211");
            former.state = "cancelled".to_owned();
            orderflow.orders.push(former);
        })
    };
    assert!(left(true).is_clean());
    assert_eq!(left(false).unaccounted.count, 1);
}
