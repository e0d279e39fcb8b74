//! OroCommerce: orders and customers are polled from its back-office JSON:API, they, inventory
//! levels and prices are scanned, and ERP and warehouse facts are written to it.
//!
//! It promises one token at a time and never a login per call, the exact media type Oro insists on,
//! a read by key before anything is created a second time, and a failure kind that follows from
//! status and title alone. What comes together is written in lists, but for shipments and
//! cancellations. Webhooks only hasten what is polled. It never deletes: an address, a user or a
//! tracking number that its source no longer names stays in the shop until a person removes it. Only
//! an order's lines, the discount that Ferry gave it, and prices that Ferry brought are taken off with
//! their source.
//!
//! It serves OroCommerce from 5.1 on, each version with what it has (`capability`): before 6.1.10,
//! and in 7.0.0 and 7.0.1, customers have no field for their number (`keyless`); before 6.1 an order
//! has no shipping status; before 6.0.5 orders are polled by their creation.
//!
//! | facet | what Oro can take | what it cannot |
//! |---|---|---|
//! | customer `profile` (both ways, from 6.1.10 on) | name, number (`externalId`; a uuid of it where it is longer than 36 characters or holds a comma), group, addresses, contacts as customer users | VAT number, notes, a contact's phone and role; `blocked` disables its users, but nobody is enabled again by Ferry: a person in the shop does that; a group or a removed address that is not declared is left alone |
//! | product `catalogue` | SKU, status, default name, short and long description, unit on creation, further units, availability where the source says it, category and values of new ones as configured | dimensions, barcode, brand, origin, price; another first unit (a warning says so); an absent description does not erase one, nor an absent unit |
//! | product `stock` (either way, not both) | one level: the sum of `available` over all sites, at least 0 | sites, totals, allocations |
//! | product `price` (either way, not both) | every price on a list that is named in the configuration, or is the shop's of that name; what Ferry brought is taken away with its source, what others have made stays | from when to when it holds; price rules; a list that is not there |
//! | order `shipment` | tracking numbers of despatched shipments, from 6.1 on shipping status | the state's word, tracking URLs, despatch time; anything on a closed order (403) |
//! | order `cancellation` | status `cancelled`, with "Enable External Status Management" only | the internal status, the reason, the time |
//! | order `placed` (both ways, on routes of their own) | identifier, time (from 6.1.2 on; before, it is the shop's own), customer and person, purchase order number, lines, addresses, shipping price, one discount, notes; marked `external` | taxes and totals, which the shop computes (a warning says where they differ); shipping method; payment; anything on a closed order (403) |
//! | order `return` | nothing: it has no place for one | |
//!
//! Products are named by SKU (EXT ID) where the shop shows that it knows them so, which takes one
//! product in it; else, and for a SKU that could not stand in an address, they are looked up by
//! `filter[sku]`. The id kept in the ledger is the number in both cases. Upsert is not used: it
//! would replace a product's unit precisions, and with them its stock.
//!
//! Facts: OroCommerce reference, by section where they are used.

mod batch;
mod cancellation;
mod capability;
mod client;
mod closed;
mod customer;
mod customer_address;
mod customer_form;
mod customer_group;
mod customer_said;
mod customer_user;
mod customers;
mod customers_held;
mod document;
mod keyless;
mod learnt;
mod levels;
mod localized;
mod order_form;
mod order_placed;
mod orders;
mod orders_placed;
mod placed;
mod poll;
mod price_form;
mod price_list;
mod price_said;
mod prices;
mod problem;
mod product;
mod product_form;
mod products;
mod read;
mod roster;
mod scan;
mod scan_prices;
mod shipment;
mod stock;
mod stock_said;
mod subscriptions;
mod together;
mod token;
mod unended;
mod webhook;

#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
#[cfg(test)]
mod keeping;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod scripted;

use std::{collections::HashMap, sync::Mutex};

use ferry_canonical::{Entity, Facet, Part};
use ferry_config::{
    ScheduleConfig,
    system::{OroConfig, OroScan},
};
use ferry_http::{Conversation, Response};

use self::{capability::Capability, client::Api, learnt::Learnt, token::Tokens};
pub use self::{roster::Resident, subscriptions::Webhook};
use crate::{
    Acknowledged, Admitted, PushRequest, Refusal, Together, WokenEndpoint,
    draft::{Item, Record},
    poll::{NewRecord, Page},
    rules::{Asked, Reading, Rules},
    scan::{Missed, MissedRow, ScanAsk, ScanPage},
    target::{Applied, Failure, Held, Look, Write},
};

const ORDERS: &str = "orders";

/// Ids of customer groups by name.
type Groups = HashMap<String, String>;

/// One OroCommerce shop. What it learnt (token, group and level ids) is shared by all its calls.
#[derive(Debug)]
pub struct Oro {
    config: OroConfig,
    tokens: Tokens,
    rules: Rules,
    /// Whether products are named by SKU; unknown while the shop has no product.
    names_by_sku: tokio::sync::OnceCell<bool>,
    groups: Mutex<Groups>,
    /// Inventory levels by SKU.
    levels: Mutex<HashMap<String, stock::Level>>,
    capability: Capability,
    learnt: Learnt,
}

impl Oro {
    pub fn new(config: &OroConfig) -> Result<Self, String> {
        if config.page_size == 0 {
            return Err("page_size is 0: a page holds at least one order".to_owned());
        }
        if config.base_url.ends_with('/') {
            return Err("base_url ends with `/`: leave it away".to_owned());
        }
        if config.webhook.as_ref().is_some_and(|webhook| webhook.secret.reveal().is_empty()) {
            return Err("webhook.secret is empty: anybody could sign with it".to_owned());
        }
        Ok(Self {
            config: config.clone(),
            tokens: Tokens::default(),
            rules: Rules::new(&config.responses),
            names_by_sku: tokio::sync::OnceCell::new(),
            groups: Mutex::default(),
            levels: Mutex::default(),
            capability: Capability::default(),
            learnt: Learnt::default(),
        })
    }

    /// What an answer comes to.
    pub fn answered(&self, response: &Response, asked: Asked) -> Reading {
        problem::reading(&self.rules, response, asked)
    }

    /// Reads a page of orders, customers, inventory levels or prices.
    pub fn read(&self, record: &Record<'_>) -> Vec<Item> {
        read::read(record, &self.config.stock_site)
    }

    pub fn polled_endpoint(&self, facet: Facet) -> Option<String> {
        match facet {
            Facet::Placed => Some(ORDERS.to_owned()),
            Facet::Profile => Some(customer::CUSTOMERS.to_owned()),
            Facet::Stock => Some(stock::LEVELS.to_owned()),
            Facet::Price => Some(price_form::PRICES.to_owned()),
            Facet::Shipment | Facet::Cancellation | Facet::Return | Facet::Catalogue => None,
        }
    }

    /// The next page by (updatedAt, id). The local clock plays no part in the cursor.
    pub async fn poll(
        &self,
        conversation: &Conversation,
        endpoint: &str,
        cursor: Option<&str>,
    ) -> Result<Page, Failure> {
        let list = poll::list(endpoint).ok_or_else(|| {
            Failure::unsupported("of an Oro shop only `orders` and `customers` are polled")
        })?;
        poll::poll(&self.api(conversation), list, cursor).await
    }

    /// The rows with these ids, as a poll would say them. No cursor plays a part.
    pub async fn poll_keys(
        &self,
        conversation: &Conversation,
        endpoint: &str,
        keys: &[String],
    ) -> Result<Page, Failure> {
        let list = poll::list(endpoint).ok_or_else(|| {
            Failure::unsupported("of an Oro shop only `orders` and `customers` are read by id")
        })?;
        poll::by_id(&self.api(conversation), list, keys).await
    }

    /// Whether an endpoint is known by scans alone: its rows have no times to poll them by.
    pub fn is_scanned(endpoint: &str) -> bool {
        matches!(endpoint, stock::LEVELS | price_form::PRICES)
    }

    /// Prices of a product that cannot be seen for a while, or of a list that is left out for a while.
    pub fn forgets(endpoint: &str) -> bool {
        endpoint != price_form::PRICES
    }

    /// Endpoints that are scanned beside being polled, and when.
    pub fn own_scans(&self) -> Vec<(String, ScheduleConfig)> {
        let OroScan { customers, orders } = self.config.scan.clone();
        let of = |list: &str, schedule: Option<ScheduleConfig>| Some((list.to_owned(), schedule?));
        [of(customer::CUSTOMERS, customers), of(ORDERS, orders)].into_iter().flatten().collect()
    }

    /// The next page of a walk over all there is.
    pub async fn scan(
        &self,
        conversation: &Conversation,
        ask: &ScanAsk<'_>,
    ) -> Result<ScanPage, Failure> {
        let api = self.api(conversation);
        if ask.endpoint == price_form::PRICES {
            return scan_prices::page(&api, ask).await;
        }
        let list = scan::list(ask.endpoint).ok_or_else(|| {
            Failure::unsupported("it is none of the lists of an Oro shop that are scanned")
        })?;
        scan::page(&api, list, ask).await
    }

    /// The rows of a page that are to be told, as a record; `wanted` says which.
    pub fn scanned(page: &ScanPage, wanted: &[bool]) -> NewRecord {
        scan::record(page, wanted)
    }

    /// Which of these rows are gone, asked for one by one beside one that is there.
    pub async fn missed(
        &self,
        conversation: &Conversation,
        (endpoint, control): (&str, &str),
        rows: Vec<MissedRow>,
    ) -> Result<Missed, Failure> {
        let list = scan::list(endpoint)
            .ok_or_else(|| Failure::unsupported("its rows are not known by scans"))?;
        scan::missed(&self.api(conversation), (list, control), rows).await
    }

    /// That these rows are gone, as a record.
    pub fn gone(missed: &Missed) -> NewRecord {
        scan::gone(missed)
    }

    pub fn entity_of(endpoint: &str) -> Option<Entity> {
        match endpoint {
            ORDERS => Some(Entity::Order),
            customer::CUSTOMERS => Some(Entity::Customer),
            stock::LEVELS | price_form::PRICES => Some(Entity::Product),
            _ => None,
        }
    }

    pub fn woken_endpoints(&self) -> Vec<WokenEndpoint> {
        webhook::woken(self.config.webhook.as_ref())
    }

    pub fn admit(&self, headers: &[(String, String)]) -> Result<Admitted, Refusal> {
        webhook::admit(self.config.webhook.as_ref(), headers)
    }

    pub fn receive(
        &self,
        request: &PushRequest<'_>,
        admitted: Admitted,
    ) -> Result<Acknowledged, Refusal> {
        webhook::receive(self.config.webhook.as_ref(), request, admitted)
    }

    /// What a webhook is told whose body could not be read.
    pub fn unread(refusal: Refusal) -> Result<Acknowledged, Refusal> {
        webhook::unread(refusal)
    }

    pub const fn looks(facet: Facet) -> bool {
        matches!(facet, Facet::Profile)
    }

    /// Reads parts as the shop has them, by their ids or by key.
    pub async fn look(
        &self,
        conversation: &Conversation,
        looks: &[Look<'_>],
    ) -> Vec<Result<Option<Held>, Failure>> {
        if looks.iter().any(|look| !Self::looks(look.subject.facet)) {
            let refused = || Failure::unsupported("an Oro shop shows only customers part by part");
            return looks.iter().map(|_| Err(refused())).collect();
        }
        let doubts: Vec<bool> = looks.iter().map(|look| look.in_doubt).collect();
        let waits = unended::waits(self, conversation, &doubts).await;
        let seen = Box::pin(customers_held::look(self, conversation, looks)).await;
        seen.into_iter().zip(waits).map(|(seen, wait)| wait.map_or(seen, Err)).collect()
    }

    /// What the shop said, with what it cannot say as `known` has it.
    pub fn complete(said: &Part, known: &Part) -> Part {
        match (said, known) {
            (Part::CustomerProfile(said), Part::CustomerProfile(known)) => {
                Part::CustomerProfile(customer_form::complete(said, known))
            }
            (said, _) => said.clone(),
        }
    }

    /// How many writes of a facet go together.
    pub fn together(&self, facet: Facet) -> Together {
        let lists = !matches!(facet, Facet::Shipment | Facet::Cancellation | Facet::Return)
            && self.learnt.takes_lists(facet);
        match usize::from(self.config.batch.most) {
            most if lists && most > 1 => Together { most, at_once: Some(1) },
            _ => Together { most: 1, at_once: None },
        }
    }

    /// One answer per write: they go together where the shop takes lists of them, and else one after
    /// the other.
    pub async fn apply(
        &self,
        conversation: &Conversation,
        writes: &[Write<'_>],
    ) -> Vec<Result<Applied, Failure>> {
        let doubts: Vec<bool> = writes.iter().map(|write| write.read_first).collect();
        let mut waits = unended::waits(self, conversation, &doubts).await;
        if waits.iter().all(Option::is_none) {
            return self.apply_now(conversation, writes).await;
        }
        let free = |place: &usize| matches!(waits.get(*place), Some(None));
        let free: Vec<usize> = (0..writes.len()).filter(free).collect();
        let some: Vec<Write<'_>> =
            free.iter().filter_map(|place| writes.get(*place)).copied().collect();
        let mut answers = self.apply_now(&conversation.among_these(&free), &some).await.into_iter();
        let answer = |wait: &mut Option<Failure>| match wait.take() {
            Some(failure) => Some(Err(failure)),
            None => answers.next(),
        };
        waits.iter_mut().filter_map(answer).collect()
    }

    async fn apply_now(
        &self,
        conversation: &Conversation,
        writes: &[Write<'_>],
    ) -> Vec<Result<Applied, Failure>> {
        if let Err(failure) = self.learn(conversation, writes).await {
            return writes.iter().map(|_| Err(failure.clone())).collect();
        }
        let answers = match self.apply_together(conversation, writes).await {
            Some(answers) => answers,
            None => self.apply_each(conversation, writes).await,
        };
        // Of several requests the first ones may have been taken: what the shop holds then is
        // neither the old state nor the new one, and has to be read.
        let doubted = |(index, answer): (usize, Result<Applied, Failure>)| {
            answer.map_err(|failure| Failure {
                unread: failure.unread || conversation.has_written_for(index),
                ..failure
            })
        };
        answers.into_iter().enumerate().map(doubted).collect()
    }

    /// None: they do not go together, and none was written.
    async fn apply_together(
        &self,
        conversation: &Conversation,
        writes: &[Write<'_>],
    ) -> Option<Vec<Result<Applied, Failure>>> {
        let [first, _, ..] = writes else { return None };
        match first.part {
            Part::CustomerProfile(_) => {
                Box::pin(customers::apply(self, conversation, writes)).await
            }
            Part::ProductCatalogue(_) => {
                Box::pin(products::apply(self, conversation, writes)).await
            }
            Part::ProductStock(_) => Box::pin(levels::apply(self, conversation, writes)).await,
            Part::ProductPrice(_) => {
                Some(Box::pin(prices::apply(self, conversation, writes)).await)
            }
            Part::OrderPlaced(_) => {
                Box::pin(orders_placed::apply(self, conversation, writes)).await
            }
            // A list replaces the trackings of an order, also one that a person adds meanwhile.
            Part::OrderShipment(_) | Part::OrderCancellation(_) | Part::OrderReturn(_) => None,
        }
    }

    /// What the shop can, where that decides how these are written.
    async fn learn(
        &self,
        conversation: &Conversation,
        writes: &[Write<'_>],
    ) -> Result<(), Failure> {
        let is_customer = |write: &Write<'_>| matches!(write.part, Part::CustomerProfile(_));
        if writes.iter().any(is_customer) {
            capability::learn_numbers(&self.api(conversation)).await?;
        }
        Ok(())
    }

    async fn apply_each(
        &self,
        conversation: &Conversation,
        writes: &[Write<'_>],
    ) -> Vec<Result<Applied, Failure>> {
        let mut answers = Vec::with_capacity(writes.len());
        for (index, write) in writes.iter().enumerate() {
            let conversation = conversation.about([index]);
            answers.push(apply_one(&self.api(&conversation), write).await);
        }
        answers
    }

    /// Reads one product. A 403 is a success: Oro answered and knows us.
    pub async fn probe(&self, conversation: &Conversation) -> Result<(), Failure> {
        let api = self.api(conversation);
        let query = vec![("page[size]", "1".to_owned()), ("fields[products]", "sku".to_owned())];
        match api.list("probe", "products", query).await {
            Ok(_) => Ok(()),
            Err(no) if no.failure.status == Some(403) => Ok(()),
            Err(no) => Err(no.failure),
        }
    }

    /// What this shop can, which its version decides: for a person to read.
    pub async fn told(&self, conversation: &Conversation) -> Result<String, Failure> {
        capability::told(&self.api(conversation)).await
    }

    fn api<'a>(&'a self, conversation: &'a Conversation) -> Api<'a> {
        Api { oro: self, conversation }
    }
}

async fn apply_one(api: &Api<'_>, write: &Write<'_>) -> Result<Applied, Failure> {
    match write.part {
        Part::CustomerProfile(profile) => Box::pin(customer::apply(api, write, profile)).await,
        Part::ProductCatalogue(catalogue) => Box::pin(product::apply(api, write, catalogue)).await,
        Part::ProductStock(stock) => Box::pin(stock::apply(api, write, stock)).await,
        Part::ProductPrice(_) => {
            let one = std::slice::from_ref(write);
            let mut answers = Box::pin(prices::apply(api.oro, api.conversation, one)).await;
            answers.pop().unwrap_or_else(|| Err(Failure::unsupported("nothing was to be written")))
        }
        Part::OrderShipment(shipment) => Box::pin(shipment::apply(api, write, shipment)).await,
        Part::OrderCancellation(cancellation) => {
            Box::pin(cancellation::apply(api, write, cancellation)).await
        }
        Part::OrderReturn(_) => Err(Failure::unsupported("an Oro shop has no place for a return")),
        Part::OrderPlaced(order) => Box::pin(order_placed::apply(api, write, order)).await,
    }
}

/// Whether the target is read before it is written: an earlier try may have got through.
fn reads_first(write: &Write<'_>) -> bool {
    write.read_first || write.attempt > 1
}
