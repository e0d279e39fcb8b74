//! Dead letters that wait for something, on a simulated broker and a real store.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod keeping;

use std::time::Duration;

use ferry_broker::{Broker as _, Headers, Intake as _, Message};
use ferry_canonical::{Clock, Event, Facet, Outcome, Part, Sequence, Steps, header};
use ferry_console::{custodian, facts, intake::Form, limits};
use ferry_sim::{Fault, SimBroker};
use ferry_store::{
    Claimed, DeadFilter, DeadLetters as _, Group, Ledger as _, Member, Overviews as _, Settle,
    Settlement, SqliteStore,
};
use ferry_topology::{Inputs, LoadBinding, Topology};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const QUEUE: &str = "load.warehouse.order";
const DEAD: &str = "load.warehouse.order.dead";
const HOUR: Duration = Duration::from_hours(1);

fn topology() -> Topology {
    let binding = LoadBinding {
        target: "warehouse".to_owned(),
        entity: "order".to_owned(),
        facet: "placed".to_owned(),
        source: "shop".to_owned(),
    };
    Topology::new(&Inputs {
        prefix: "sim".to_owned(),
        levels: vec![Duration::from_secs(5)],
        bindings: vec![binding],
        lanes: vec!["live".to_owned()],
    })
}

struct Office {
    broker: SimBroker,
    store: SqliteStore,
    draining: CancellationToken,
    consoles: JoinSet<()>,
}

impl Office {
    fn with(consoles: u32) -> Self {
        ferry_sim::start_clock();
        let mut office = Self {
            broker: SimBroker::new(topology()),
            store: SqliteStore::in_memory(ferry_sim::now).unwrap(),
            draining: CancellationToken::new(),
            consoles: JoinSet::new(),
        };
        for number in 0..consoles {
            office.open(number);
        }
        office
    }

    fn open(&mut self, number: u32) {
        let (broker, store) = (self.broker.clone(), self.store.clone());
        let owner = format!("console {number}");
        self.consoles.spawn(custodian::run(broker, store, owner, self.draining.clone()));
    }

    /// What lies in the dead-letter queue is stored.
    async fn bury(&self, letter: Message) {
        self.broker.publish(letter).await;
        let mut intake = self.broker.subscribe(DEAD, 1).await.unwrap();
        let taken = intake.take(1).await.unwrap();
        let receipts = taken.iter().map(|delivery| delivery.receipt).collect();
        facts::bury(&self.store, taken, Form::Whole, ferry_sim::now()).await.unwrap();
        intake.ack(receipts).await.unwrap();
    }

    /// The loader writes this state at the warehouse.
    async fn write(&self, event: &Event) {
        let member = Member {
            event_id: event.id,
            route: "any".to_owned(),
            generation: 0,
            source: event.source.clone(),
            subject: event.subject.clone(),
            source_id: None,
            clock: event.clock.clone(),
            sequence: event.sequence,
            observed_at: event.observed_at,
            fingerprint: event.part.fingerprint(),
            document: event.part.to_json(),
            two_way: false,
        };
        let group = Group {
            target: "warehouse".to_owned(),
            members: vec![member],
            composed: false,
            amends: None,
            recalls: false,
            lease: Duration::from_mins(1),
            settle_after: Duration::from_mins(1),
        };
        let claims = self.store.claim(vec![group]).await.unwrap();
        let Claimed::Granted(grant) = &claims[0].claimed else { panic!("{claims:?}") };
        let outcome = Outcome::Delivered;
        let verdict = Settle::Done { outcome, because: None, target_id: None };
        let target = "warehouse".to_owned();
        let settlement =
            Settlement { token: grant.token, target, verdict, steps: Steps::default() };
        self.store.settle(vec![settlement], Vec::new()).await.unwrap();
    }

    async fn open_letters(&self) -> usize {
        self.store.dead(DeadFilter::default()).await.unwrap().len()
    }

    async fn until_sent_again(&self) {
        self.broker.until(|broker| !broker.messages(QUEUE).is_empty()).await;
        sleep(HOUR).await;
    }
}

fn event(source: &str, facet: Facet, json: &str) -> Event {
    let part = Part::from_json(facet, json.as_bytes()).unwrap();
    let record = Uuid::new_v5(&Uuid::NAMESPACE_OID, json.as_bytes());
    let now = ferry_sim::now();
    Event {
        id: ferry_canonical::event_id(record, 0),
        source: source.to_owned(),
        subject: part.subject(),
        time: now,
        sequence: Sequence(1),
        clock: Clock::named("updated-at"),
        observed_at: now,
        source_id: None,
        causation_id: record,
        correlation_id: record,
        traceparent: None,
        part,
    }
}

fn order() -> Event {
    let json = r#"{"identifier":"WEB-1","placed_at":"2026-01-01T00:00:00Z","currency":"GBP",
        "customer":{"name":"Ada"},
        "lines":[{"number":1,"sku":"MUG","quantity":"1","unit_price":"5","total":"5"}],
        "totals":{"subtotal":"5","total":"5"}}"#;
    event("shop", Facet::Placed, json)
}

fn mug() -> Event {
    event("catalogue", Facet::Catalogue, r#"{"sku":"MUG","name":"Red"}"#)
}

/// The order as it died for want of its product, written with a space that no encoder of ours writes.
fn letter() -> Message {
    let mut headers = Headers::default();
    headers.insert(header::LANE, "live");
    headers.insert(header::FAILURE_KIND, "missing_reference");
    headers.insert(header::MISSING, "product/MUG");
    headers.insert(header::LAST_FAILED_AT, ferry_sim::now().to_string());
    headers.insert_number(header::ATTEMPT, 7);
    headers.insert_number(header::GENERATION, 0);
    let event = order();
    let mut body = event.encode().unwrap();
    body.insert(0, b' ');
    Message {
        exchange: "dead".to_owned(),
        key: QUEUE.to_owned(),
        id: event.id.to_string(),
        content_type: "application/cloudevents+json".to_owned(),
        headers,
        body: body.into(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_sent_again_by_itself_when_what_it_lacked_has_come() {
    let office = Office::with(1);
    let died = letter();
    office.bury(died.clone()).await;
    sleep(HOUR).await;
    assert_eq!((office.broker.messages(QUEUE).len(), office.open_letters().await), (0, 1));
    office.write(&mug()).await;
    office.until_sent_again().await;
    let sent = office.broker.messages(QUEUE);
    assert_eq!(sent.len(), 1, "it was sent more than once");
    assert_eq!((&sent[0].body, &sent[0].id), (&died.body, &died.id));
    assert_eq!(sent[0].headers.number(header::GENERATION), Some(1));
    assert_eq!(sent[0].headers.number(header::ATTEMPT), None);
    assert_eq!(office.open_letters().await, 0);
    let closed = DeadFilter { resolved: true, ..DeadFilter::default() };
    let closed = office.store.dead(closed).await.unwrap();
    let by = closed[0].resolved_by.as_deref();
    assert_eq!(by, Some("sent again, because product/MUG has come"));
}

/// It is closed only then, so that nothing is lost between the two.
#[tokio::test(start_paused = true)]
async fn a_letter_whose_message_is_not_confirmed_stays_open_and_is_sent_as_the_same_delivery() {
    let mut office = Office::with(1);
    office.broker.script("requeue", [Fault::Hold]);
    office.bury(letter()).await;
    office.write(&mug()).await;
    office.broker.until(|broker| !broker.messages(QUEUE).is_empty()).await;
    assert_eq!(office.open_letters().await, 1);
    // The console is killed before it hears of the confirm, and another one begins.
    office.consoles.abort_all();
    while office.consoles.join_next().await.is_some() {}
    office.open(1);
    office.broker.until(|broker| broker.messages(QUEUE).len() == 2).await;
    sleep(HOUR).await;
    let sent = office.broker.messages(QUEUE);
    assert_eq!((sent.len(), office.open_letters().await), (2, 0));
    assert_eq!((&sent[0].id, &sent[0].headers), (&sent[1].id, &sent[1].headers));
}

#[tokio::test(start_paused = true)]
async fn of_several_consoles_one_sends() {
    let office = Office::with(3);
    office.bury(letter()).await;
    office.write(&mug()).await;
    office.until_sent_again().await;
    assert_eq!(office.broker.tried("requeue").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_letter_dies_again_in_its_next_generation_and_waits_for_the_next_change() {
    let office = Office::with(1);
    office.bury(letter()).await;
    office.write(&mug()).await;
    office.until_sent_again().await;
    let mut again = letter();
    again.headers.insert_number(header::GENERATION, 1);
    office.bury(again).await;
    sleep(HOUR).await;
    assert_eq!((office.broker.messages(QUEUE).len(), office.open_letters().await), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_success_of_the_same_part_closes_its_letter_without_a_message() {
    let office = Office::with(1);
    office.bury(letter()).await;
    let later = Event { sequence: Sequence(2), id: Uuid::from_u128(1), ..order() };
    office.write(&later).await;
    sleep(HOUR).await;
    assert_eq!((office.broker.messages(QUEUE).len(), office.open_letters().await), (0, 0));
}

/// A loader tells the ledger of the deliveries it buries. Older states of the part wait for that.
#[tokio::test(start_paused = true)]
async fn what_the_broker_buried_has_ended_at_its_target() {
    let office = Office::with(0);
    let dead = async || {
        let routes = office.store.overview().await.unwrap().routes;
        routes.iter().filter_map(|route| route.outcomes.get("dead")).sum::<u64>()
    };
    let mut loaders = letter();
    loaders.headers.insert(header::ORIGIN, QUEUE);
    office.bury(loaders).await;
    assert_eq!(dead().await, 0);
    let mut brokers = letter();
    // It was retried before, and came out of a delay level.
    brokers.headers.insert(header::FAILURE_KIND, "timeout");
    brokers.headers.insert_number(header::GENERATION, 1);
    brokers.headers.insert("x-last-death-reason", "delivery_limit");
    for _copy in 0..2 {
        office.bury(brokers.clone()).await;
        assert_eq!(dead().await, 1);
    }
    let letters = office.store.dead(DeadFilter::default()).await.unwrap();
    let kinds: Vec<_> = letters.iter().map(|letter| letter.kind.as_str()).collect();
    assert_eq!(kinds, ["crashed", "missing_reference"]);
}

#[tokio::test(start_paused = true)]
async fn a_console_that_ends_gives_its_lease_to_the_next_one() {
    let mut office = Office::with(1);
    sleep(limits::CUSTODY_EVERY * 2).await;
    office.draining.cancel();
    while office.consoles.join_next().await.is_some() {}
    office.draining = CancellationToken::new();
    office.open(1);
    office.bury(letter()).await;
    office.write(&mug()).await;
    let sent = office.broker.until(|broker| !broker.messages(QUEUE).is_empty());
    timeout(limits::CUSTODY / 2, sent).await.unwrap();
}
