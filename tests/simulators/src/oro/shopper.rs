//! The people who buy: an order is placed as soon as its customer and its products are in the shop,
//! and some are changed a while later.
//!
//! Promises that each order is placed once, through the same code as the API's, in the order in
//! which they become possible, and no faster than told. Who buys waits a little for an account of
//! his own, then buys as a guest of his company. In a shop that keeps no numbers of customers
//! (`externalId`) a company is known by its people, and only who has an account buys.

use std::collections::{BTreeMap, HashMap, VecDeque};

use ferry_world::account::{Effect, EffectKind};
use ferry_world::{Order, OrderAddress, World};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::changes;
use super::document::{self, Primary};
use super::plan::Mode;
use super::problem::status_of;
use super::record::Record;
use super::schema::Kind;
use super::shop::{Shop, to_bytes};
use super::store::Store;
use super::version::Feature;
use super::write::write;

/// Orders looked at in one go, so that a request never waits long for the shop.
const LOOKS_MAX: usize = 500;
/// How long after it was placed an order is changed: others have heard of it by then.
const CHANGED_AFTER: SignedDuration = SignedDuration::from_secs(5);

/// What an order waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Need {
    Customer(String),
    /// The account of one person.
    Buyer(String),
    Product(String),
}

#[derive(Debug)]
pub(super) struct Shopper {
    world: World,
    /// Whether the shop keeps the numbers of customers.
    numbered: bool,
    waiting: HashMap<Need, Vec<u32>>,
    /// Orders whose customer and products are there, and since when.
    ready: VecDeque<(u32, Timestamp)>,
    /// Orders whose notes are going to be changed, and since when they are placed.
    settling: VecDeque<(u32, String, Timestamp)>,
    placed: u64,
    /// Orders the shop did not take: a mistake in the sample world.
    refused: u64,
    /// How long an order waits for its customer user once all else is there.
    patience: SignedDuration,
}

/// What became of one order.
#[derive(Debug)]
pub(super) struct Placed {
    /// `place` or `change`.
    pub(super) act: &'static str,
    pub(super) identifier: String,
    pub(super) status: u16,
    pub(super) effects: Vec<Effect>,
}

impl Shopper {
    pub(super) fn new(world: World, patience: SignedDuration, shop: &Shop, now: Timestamp) -> Self {
        let mut shopper = Self {
            world,
            numbered: shop.has(Feature::ExternalId),
            waiting: HashMap::new(),
            ready: VecDeque::new(),
            settling: VecDeque::new(),
            placed: 0,
            refused: 0,
            patience,
        };
        for number in 0..shopper.world.plan().orders {
            shopper.queue(number, &shop.store, now);
        }
        shopper
    }

    /// Takes note of what a request brought into the shop.
    pub(super) fn notice(&mut self, effects: &[Effect], store: &Store, now: Timestamp) {
        for effect in effects.iter().filter(|effect| effect.effect != EffectKind::Refused) {
            for need in met(effect) {
                for number in self.waiting.remove(&need).unwrap_or_default() {
                    self.queue(number, store, now);
                }
            }
        }
    }

    /// Places at most so many of the orders that are possible, and changes those that are due.
    pub(super) fn place(&mut self, shop: &mut Shop, most: usize, now: Timestamp) -> Vec<Placed> {
        let mut placed = self.change(shop, now);
        let most = most + placed.len();
        for _ in 0..self.ready.len().min(LOOKS_MAX) {
            if placed.len() >= most {
                break;
            }
            let Some((number, since)) = self.ready.pop_front() else { break };
            let order = self.world.order(number);
            if let Some(need) = self.missing(&order, &shop.store) {
                self.waiting.entry(need).or_default().push(number);
            } else if user_of(&order, &shop.store).is_none()
                && now.duration_since(since) < self.patience
            {
                self.ready.push_back((number, since));
            } else {
                let order = place(shop, &order, now);
                match order.status {
                    201 => {
                        self.placed += 1;
                        if let Some(notes) = self.world.changed_notes(number) {
                            self.settling.push_back((number, notes, now));
                        }
                    }
                    _ => self.refused += 1,
                }
                placed.push(order);
            }
        }
        placed
    }

    /// Changes the notes of orders that were placed long enough ago.
    fn change(&mut self, shop: &mut Shop, now: Timestamp) -> Vec<Placed> {
        let mut changed = Vec::new();
        let due = |(_, _, since): &mut (u32, String, Timestamp)| {
            now.duration_since(*since) >= CHANGED_AFTER
        };
        while let Some((number, notes, _)) = self.settling.pop_front_if(due) {
            changed.extend(change(shop, self.world.order(number).identifier, &notes, now));
        }
        changed
    }

    pub(super) fn is_done(&self) -> bool {
        self.placed + self.refused == u64::from(self.world.plan().orders)
            && self.settling.is_empty()
    }

    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        let waiting: usize = self.waiting.values().map(Vec::len).sum();
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        [
            ("orders", self.world.plan().orders.into()),
            ("placed", self.placed),
            ("refused", self.refused),
            ("ready", count(self.ready.len())),
            ("waiting", count(waiting)),
        ]
        .map(|(name, count)| (name.to_owned(), count))
        .into()
    }

    fn queue(&mut self, number: u32, store: &Store, now: Timestamp) {
        match self.missing(&self.world.order(number), store) {
            Some(need) => self.waiting.entry(need).or_default().push(number),
            None => self.ready.push_back((number, now)),
        }
    }

    /// The first thing of an order that is not in the shop.
    fn missing(&self, order: &Order, store: &Store) -> Option<Need> {
        let numberless = |customer: &Record| customer.text("externalId").is_none();
        if customer_of(order, store).is_none_or(|row| self.numbered && numberless(row)) {
            return Some(if self.numbered {
                Need::Customer(order.customer_number.clone())
            } else {
                Need::Buyer(order.customer_user_email.clone())
            });
        }
        let known = |sku: &str| store.find(Kind::Products, "sku", sku).next().is_some();
        let line = order.lines.iter().find(|line| !known(&line.sku))?;
        Some(Need::Product(line.sku.clone()))
    }
}

/// What a request brought into the shop.
fn met(effect: &Effect) -> Vec<Need> {
    match effect.entity.as_str() {
        "customer" => {
            let users = effect.fields.get("users").and_then(Value::as_array).into_iter().flatten();
            let emails = users.filter_map(|user| user.get("email")?.as_str());
            let buyers = emails.map(|email| Need::Buyer(email.to_owned()));
            buyers.chain([Need::Customer(effect.key.clone())]).collect()
        }
        "product" => vec![Need::Product(effect.key.clone())],
        _ => Vec::new(),
    }
}

/// The customer of the order's number, or of its buyer where no customer has one.
fn customer_of<'store>(order: &Order, store: &'store Store) -> Option<&'store Record> {
    let number = &order.customer_number;
    let mut numbered = store.find(Kind::Customers, "externalId", number);
    numbered.find(|customer| customer.text("externalId") == Some(number)).or_else(|| {
        let mut users = store.find(Kind::CustomerUsers, "email", &order.customer_user_email);
        let customer = store.get(Kind::Customers, users.next()?.one.get("customer")?)?;
        customer.text("externalId").is_none().then_some(customer)
    })
}

/// The buyer, where the shop has an account for him with this customer.
fn user_of<'store>(order: &Order, store: &'store Store) -> Option<&'store Record> {
    let customer = customer_of(order, store)?;
    store
        .find(Kind::CustomerUsers, "email", &order.customer_user_email)
        .find(|user| user.one.get("customer") == Some(&customer.id))
}

fn place(shop: &mut Shop, order: &Order, now: Timestamp) -> Placed {
    let terms = shop.terms(now);
    let bytes = to_bytes(&body(order, &shop.store));
    let identifier = order.identifier.clone();
    let document = match document::parse(&bytes, Primary::New) {
        Ok(document) => document,
        Err(problems) => {
            let (act, status) = ("place", status_of(&problems));
            return Placed { act, identifier, status, effects: Vec::new() };
        }
    };
    match write(&mut shop.store, terms, &document, Kind::Orders, &Mode::Create) {
        Ok(_) => {
            let mut effects = shop.effects();
            effects.extend(shop.sell(&sold(order)));
            Placed { act: "place", identifier, status: 201, effects }
        }
        Err(problems) => {
            let effects = changes::refused(&document, Kind::Orders, None, &problems);
            Placed { act: "place", identifier, status: status_of(&problems), effects }
        }
    }
}

/// SKU, unit and quantity of each line.
fn sold(order: &Order) -> Vec<(String, String, f64)> {
    let line = |line: &ferry_world::OrderLine| {
        (line.sku.clone(), line.unit.to_owned(), line.quantity.parse().unwrap_or_default())
    };
    order.lines.iter().map(line).collect()
}

/// Somebody in the back office changes an order's notes. One that is not there any more stays so.
fn change(shop: &mut Shop, identifier: String, notes: &str, now: Timestamp) -> Option<Placed> {
    let terms = shop.terms(now);
    let id = shop.store.find(Kind::Orders, "identifier", &identifier).next()?.id.to_string();
    let attributes = json!({ "customerNotes": notes });
    let body = json!({"data": {"type": "orders", "id": id, "attributes": attributes}});
    let document = document::parse(&to_bytes(&body), Primary::Existing).ok()?;
    let written = write(&mut shop.store, terms, &document, Kind::Orders, &Mode::Update(id));
    let (status, effects) = match written {
        Ok(_) => (200, shop.effects()),
        Err(problems) => (status_of(&problems), Vec::new()),
    };
    Some(Placed { act: "change", identifier, status, effects })
}

/// The document the storefront's checkout amounts to.
fn body(order: &Order, store: &Store) -> Value {
    let customer = customer_of(order, store).map(|customer| customer.id.to_string());
    let mut included = lines(order);
    included.push(address("billing", &order.billing));
    included.push(address("shipping", &order.shipping));
    let items = order.lines.iter().enumerate();
    let items = items.map(|(index, _)| json!({"type": "orderlineitems", "id": line_id(index)}));
    let mut relationships = json!({
        "customer": one("customers", &customer.unwrap_or_default()),
        "lineItems": {"data": items.collect::<Vec<_>>()},
        "billingAddress": one("orderaddresses", "billing"),
        "shippingAddress": one("orderaddresses", "shipping"),
    });
    if let (Some(user), Some(members)) = (user_of(order, store), relationships.as_object_mut()) {
        let user = one("customerusers", &user.id.to_string());
        members.insert("customerUser".to_owned(), user);
    }
    let attributes = json!({
        "identifier": order.identifier,
        "poNumber": order.po_number,
        "currency": order.currency,
        "customerNotes": order.notes,
        "estimatedShippingCostAmount": order.shipping_cost,
    });
    json!({
        "data": {"type": "orders", "attributes": attributes, "relationships": relationships},
        "included": included,
    })
}

fn line_id(index: usize) -> String {
    format!("line-{index}")
}

fn lines(order: &Order) -> Vec<Value> {
    let lines = order.lines.iter().enumerate();
    lines
        .map(|(index, line)| {
            json!({
                "type": "orderlineitems",
                "id": line_id(index),
                "attributes": {
                    "productSku": line.sku,
                    "quantity": line.quantity,
                    "value": line.unit_price,
                    "currency": order.currency,
                },
                "relationships": {"productUnit": one("productunits", line.unit)},
            })
        })
        .collect()
}

fn address(id: &str, address: &OrderAddress) -> Value {
    let mut place = Map::new();
    place.insert("country".to_owned(), one("countries", address.country));
    if let Some(region) = address.region {
        place.insert("region".to_owned(), one("regions", region));
    }
    json!({
        "type": "orderaddresses",
        "id": id,
        "attributes": {
            "organization": address.organization,
            "firstName": address.first_name,
            "lastName": address.last_name,
            "street": address.street,
            "street2": address.street2,
            "city": address.city,
            "postalCode": address.postcode,
            "phone": address.phone,
        },
        "relationships": place,
    })
}

fn one(kind: &str, id: &str) -> Value {
    json!({"data": {"type": kind, "id": id}})
}
