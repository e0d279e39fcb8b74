//! Every operation that goes to OrderFlow, by its row in the OrderFlow reference §2.1: what is sent, and
//! what its answers mean.

mod doubt;
mod refused;
mod told;
mod values;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use ferry_canonical::{Brought, Doubt, Facet, FailureKind, Part};
use ferry_config::{
    OrderflowWrites, Secret,
    orderflow::{DeliverBy, ImportOperation, ImportType, LongNames, OrderflowImport},
    system::{ChangedOrders, Limits, Mapping, OrderflowConfig, PullConfig},
};
use ferry_http::{Conversation, HttpError, HttpPort, Request, Response};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Orderflow;
use crate::{Applied, Effect, Failure, Write};

const WAREHOUSE: &str = "POST /remotewarehouse/imports/importitems.xml";
const ORDERS: &str = "POST /remoteorder/imports/importitems.xml";

fn config(writes: OrderflowWrites) -> OrderflowConfig {
    OrderflowConfig {
        base_url: "http://warehouse.test".to_owned(),
        organisation: "acme".to_owned(),
        channel: "web & co".to_owned(),
        time_zone: "Europe/London".to_owned(),
        user: Secret::new("ferry"),
        password: Secret::new("pw"),
        push: None,
        changed_orders: ChangedOrders::Leave,
        writes: Box::new(writes),
        pull: PullConfig::default(),
        responses: Vec::new(),
        limits: Limits::default(),
    }
}

fn orderflow(writes: OrderflowWrites) -> Orderflow {
    Orderflow::new(&config(writes)).unwrap()
}

fn by_itself() -> Orderflow {
    orderflow(OrderflowWrites::default())
}

fn import(facet: Facet, kind: ImportType) -> OrderflowImport {
    let (operation, deliver_by) = (kind.own_operation(), DeliverBy::Import);
    OrderflowImport { facet, kind, operation, mapping: None, deliver_by, refuses_duplicates: false }
}

fn mapped(facet: Facet, kind: ImportType, program: &str) -> OrderflowImport {
    let mapping = Mapping { name: "m.jq".to_owned(), program: program.to_owned() };
    OrderflowImport { mapping: Some(mapping), ..import(facet, kind) }
}

fn with(import: OrderflowImport) -> Orderflow {
    let imports = BTreeMap::from([("it".to_owned(), import)]);
    orderflow(OrderflowWrites { imports, ..OrderflowWrites::default() })
}

/// An OrderFlow that answers in this order, and what it was asked: the line and the body.
#[derive(Debug)]
struct Scripted {
    answers: Mutex<VecDeque<Response>>,
    asked: Mutex<Vec<(String, String)>>,
}

impl HttpPort for Scripted {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, HttpError>> {
        let header = |name: &str| {
            request.headers.iter().any(|(found, value)| found == name && !value.is_empty())
        };
        assert!(
            ["authorization", "user", "password", "channel", "organisation"].map(header)[..]
                .iter()
                .all(|there| *there)
        );
        let url = request.url.trim_start_matches("http://warehouse.test");
        let line = format!("{} {url}", request.method.as_str());
        let body = String::from_utf8(request.body.to_vec()).unwrap();
        self.asked.lock().unwrap().push((line, body));
        let answer = self.answers.lock().unwrap().pop_front().expect("an answer for each question");
        Box::pin(async move { Ok(answer) })
    }
}

fn ok(body: &str) -> Response {
    Response { status: 200, headers: Vec::new(), body: body.to_owned().into() }
}

/// A write, as far as these tests tell it apart.
#[derive(Clone, Copy)]
struct Try<'a> {
    attempt: u32,
    read_first: bool,
    target_id: Option<&'a str>,
    doubt: Doubt,
    brought: Brought,
}

const FIRST: Try<'static> = Try {
    attempt: 1,
    read_first: false,
    target_id: None,
    doubt: Doubt::None,
    brought: Brought::Nothing,
};

/// The try after one whose answer was lost.
const LOST: Try<'static> =
    Try { attempt: 2, read_first: true, doubt: Doubt::Open, brought: Brought::Same, ..FIRST };

struct Done {
    results: Vec<Result<Applied, Failure>>,
    asked: Vec<(String, String)>,
}

async fn apply(
    system: &Orderflow,
    parts: &[Part],
    tried: Try<'_>,
    answers: impl IntoIterator<Item = Response>,
) -> Done {
    let answers = Mutex::new(answers.into_iter().collect());
    let port = Arc::new(Scripted { answers, asked: Mutex::default() });
    let conversation = Conversation::new(Arc::<Scripted>::clone(&port), || Timestamp::UNIX_EPOCH);
    let subjects: Vec<_> = parts.iter().map(Part::subject).collect();
    let write = |(part, subject)| Write {
        subject,
        part,
        parts: std::slice::from_ref(part),
        target_id: tried.target_id,
        read_first: tried.read_first,
        doubt: tried.doubt,
        brought: tried.brought,
        recalled: &[],
        attempt: tried.attempt,
        event_id: uuid::Uuid::nil(),
        amending: None,
    };
    let writes: Vec<Write<'_>> = parts.iter().zip(&subjects).map(write).collect();
    let answers = system.apply(&conversation, &writes).await;
    assert!(port.answers.lock().unwrap().is_empty(), "not all answers were asked for");
    let asked = port.asked.lock().unwrap().clone();
    Done { results: answers.into_iter().map(|answer| answer.result).collect(), asked }
}

fn part(facet: Facet, json: &Value) -> Part {
    Part::from_json(facet, json.to_string().as_bytes()).unwrap()
}

fn product(sku: &str) -> Part {
    part(
        Facet::Catalogue,
        &json!({"sku": sku, "name": "Red mug\n330 ml", "barcode": "5012345678900",
            "weight_kg": "0.35", "price": {"amount": "5.00", "currency": "GBP"}}),
    )
}

fn order(identifier: &str) -> Part {
    part(
        Facet::Placed,
        &json!({"identifier": identifier, "placed_at": "2024-07-01T08:15:00Z", "currency": "GBP",
            "customer": {"number": "S-17", "name": "Acme Pottery"},
            "shipping_address": {"street": "1 High St", "city": "Leeds", "country": "GB"},
            "lines": [
                {"number": 1, "sku": "MUG", "quantity": "2", "unit_price": "5", "total": "10", "reference": "L-1"},
                {"number": 2, "sku": "TEA", "quantity": "2.50", "unit_price": "4", "total": "10"}],
            "totals": {"subtotal": "20", "total": "24"}}),
    )
}

fn returned() -> Part {
    part(
        Facet::Return,
        &json!({"order": "WEB-1", "reference": "R-33", "kind": "goods_damaged", "authorised": true,
            "lines": [{"sku": "MUG", "quantity": "1", "reason": "F"}]}),
    )
}

fn cancellation() -> Part {
    part(Facet::Cancellation, &json!({"order": "WEB-1", "cancelled_at": "2024-07-02T08:15:00Z"}))
}

/// An answer in which each of these is a success.
fn taken(kind: &str, references: &[&str]) -> Response {
    let import = |(number, reference): (usize, &&str)| {
        format!("<import type=\"{kind}\" externalReference=\"{reference}\" item=\"{number}\"/>")
    };
    let imports: String = references.iter().enumerate().map(import).collect();
    ok(&format!("<importResult><importSuccesses>{imports}</importSuccesses></importResult>"))
}

/// The properties of the only import that was sent, and what the element around them says.
fn sent(done: &Done) -> (String, Vec<String>) {
    let body = &done.asked.last().unwrap().1;
    let import = crate::xml::parse(body.as_bytes()).unwrap();
    let [import] = import.children.as_slice() else { panic!("{body}") };
    let named = |name: &str| import.attribute(name).unwrap_or("-").to_owned();
    let head = ["type", "operation", "externalReference"].map(named).join(" ");
    (head, import.text.lines().map(str::to_owned).collect())
}

fn failure(done: &Done) -> &Failure {
    let [Err(failure)] = done.results.as_slice() else { panic!("{:?}", done.results) };
    failure
}

fn success(done: &Done) -> &Applied {
    let [Ok(applied)] = done.results.as_slice() else { panic!("{:?}", done.results) };
    applied
}

#[tokio::test]
async fn product_import_update_merge() {
    let done = apply(&by_itself(), &[product("MUG")], FIRST, [taken("product", &["MUG"])]).await;
    assert_eq!(done.asked[0].0, WAREHOUSE);
    assert_eq!(
        (&success(&done).effect, success(&done).target_id.as_deref()),
        (&Effect::Updated, Some("0"))
    );
    let (head, lines) = sent(&done);
    assert_eq!(head, "product merge MUG");
    assert_eq!(
        lines,
        [
            "externalReference=MUG",
            "description=Red mug[BR]330 ml",
            "type=default",
            "activated=true",
            "barcode=5012345678900",
            "weight=350",
            "weightUnits=gram",
            "priceNet=5",
            "currency=GBP",
        ]
    );
    for (operation, effect) in
        [(ImportOperation::Insert, Effect::Created), (ImportOperation::Update, Effect::Updated)]
    {
        let import = OrderflowImport { operation, ..import(Facet::Catalogue, ImportType::Product) };
        let done =
            apply(&with(import), &[product("MUG")], FIRST, [taken("product", &["MUG"])]).await;
        assert_eq!(sent(&done).0, format!("product {} MUG", operation.as_str()));
        assert_eq!(success(&done).effect, effect);
    }
}

#[tokio::test]
async fn order_import() {
    let done = apply(&by_itself(), &[order("WEB-1")], FIRST, [taken("order", &["WEB-1"])]).await;
    assert_eq!(done.asked[0].0, ORDERS);
    let (head, lines) = sent(&done);
    assert_eq!(head, "order insert WEB-1");
    for line in [
        "externalReference=WEB-1",
        "placed=2024-07-01 09:15:00",
        "orderLine.1.product.externalReference=MUG",
        "orderLine.2.quantity=2.5",
        "orderLine.2.shipment=entity:shipment",
        "shipment.orderItem=entity:order",
    ] {
        assert!(lines.iter().any(|found| found == line), "{line} in {lines:?}");
    }
}

#[tokio::test]
async fn a_mapping_is_laid_over_what_ferry_sends_and_never_over_the_key() {
    let program =
        "{source: \"web\", validated: null, orderAttribute: [{name: \"gift\", value: \"yes\"}]}";
    let system = with(mapped(Facet::Placed, ImportType::Order, program));
    let done = apply(&system, &[order("WEB-1")], FIRST, [taken("order", &["WEB-1"])]).await;
    let (_, lines) = sent(&done);
    assert!(lines.contains(&"source=web".to_owned()), "{lines:?}");
    assert!(lines.contains(&"orderAttribute.1.orderItem=entity:order".to_owned()), "{lines:?}");
    assert!(!lines.iter().any(|line| line.starts_with("validated=")), "{lines:?}");
    assert!(lines.contains(&"state=created".to_owned()), "{lines:?}");
    let other = with(mapped(Facet::Placed, ImportType::Order, "{externalReference: \"X\"}"));
    let done = apply(&other, &[order("WEB-1")], FIRST, []).await;
    let told =
        "order property externalReference: \"X\" is not the key that both systems name it by";
    assert_eq!(
        (failure(&done).kind, failure(&done).detail.as_str()),
        (FailureKind::Validation, told)
    );
    let nothing = with(mapped(Facet::Placed, ImportType::Order, "empty"));
    let done = apply(&nothing, &[order("WEB-1")], FIRST, []).await;
    let skipped = Effect::Skipped("mapping m.jq gives nothing for it".to_owned());
    assert_eq!(success(&done).effect, skipped);
}

#[tokio::test]
async fn the_samples_mapping_adds_what_its_warehouse_wants_of_an_order() {
    let program = include_str!("../../../../ops/mappings/order-to-orderflow.jq");
    let mut placed: Value = serde_json::from_str(&order("WEB-1").to_json()).unwrap();
    placed["notes"] = "ring\ntwice".into();
    placed["lines"][1]["comment"] = "gift".into();
    let system = with(mapped(Facet::Placed, ImportType::Order, program));
    let placed = [part(Facet::Placed, &placed)];
    let done = apply(&system, &placed, FIRST, [taken("order", &["WEB-1"])]).await;
    let (_, lines) = sent(&done);
    for line in [
        "source=web",
        "shipment.deliveryInstruction=ring[BR]twice",
        "shipment.state=ready",
        "orderLine.2.userDefined2=gift",
    ] {
        assert!(lines.iter().any(|found| found == line), "{line} in {lines:?}");
    }
}

#[tokio::test]
async fn return_import() {
    let done = apply(&by_itself(), &[returned()], FIRST, [taken("return", &["R-33"])]).await;
    assert_eq!((done.asked[0].0.as_str(), &success(&done).effect), (WAREHOUSE, &Effect::Created));
    let (head, lines) = sent(&done);
    assert_eq!(head, "return insert R-33");
    assert_eq!(
        lines,
        [
            "return.externalReference=R-33",
            "return.orderReference=WEB-1",
            "return.authorised=true",
            "return.type=goods_damaged",
            "returnLine.1.product=MUG",
            "returnLine.1.quantity=1",
            "returnLine.1.reason=F",
            "returnLine.1.returnItem=return",
        ]
    );
    let unnamed =
        with(mapped(Facet::Return, ImportType::Return, "{return: {orderReference: null}}"));
    let done = apply(&unnamed, &[returned()], FIRST, []).await;
    let told = "return property return.authorisation: missing, and without return.orderReference";
    assert!(failure(&done).detail.starts_with(told), "{}", failure(&done).detail);
}

const PURCHASE: &str = include_str!("../../../../ops/mappings/placed-to-purchase-order.jq");

#[tokio::test]
async fn supplier_purchase_order_import() {
    let system = with(mapped(Facet::Placed, ImportType::PurchaseOrder, PURCHASE));
    let answers = [taken("purchaseOrder", &["PO-1"])];
    let done = apply(&system, &[order("PO-1")], FIRST, answers).await;
    assert_eq!((done.asked[0].0.as_str(), &success(&done).effect), (WAREHOUSE, &Effect::Created));
    let (head, mut lines) = sent(&done);
    assert_eq!(head, "purchaseOrder insert PO-1");
    lines.sort();
    assert_eq!(
        lines,
        [
            "purchaseOrder.supplier=Acme Pottery",
            "purchaseOrder.supplierReference=S-17",
            "purchaseOrderLine.1.externalReference=L-1",
            "purchaseOrderLine.1.product=MUG",
            "purchaseOrderLine.1.purchaseOrder=purchaseOrder",
            "purchaseOrderLine.1.quantity=2",
            "purchaseOrderLine.2.externalReference=PO-1-2",
            "purchaseOrderLine.2.product=TEA",
            "purchaseOrderLine.2.purchaseOrder=purchaseOrder",
            "purchaseOrderLine.2.quantity=2.5",
        ]
    );
    // Nothing of it can be cancelled or told apart by the order's detail.
    assert_eq!(system.amends(Facet::Placed), None);
    let done = apply(&system, &[cancellation()], FIRST, []).await;
    assert_eq!(failure(&done).kind, FailureKind::Unsupported);
}

#[tokio::test]
async fn campaign_import() {
    let program = "{name: .customer.name, startDate: .placed_at, channel: \"web\", \
        campaignLine: [.lines[] | {product: {externalReference: .sku}, quantity}]}";
    let system = with(mapped(Facet::Placed, ImportType::Campaign, program));
    let done = apply(&system, &[order("SPRING")], FIRST, [taken("campaign", &["SPRING"])]).await;
    assert_eq!(done.asked[0].0, WAREHOUSE);
    let (head, mut lines) = sent(&done);
    assert_eq!(head, "campaign merge SPRING");
    lines.sort();
    assert_eq!(
        lines,
        [
            "campaignLine.1.campaign=campaign",
            "campaignLine.1.product.externalReference=MUG",
            "campaignLine.1.quantity=2",
            "campaignLine.2.campaign=campaign",
            "campaignLine.2.product.externalReference=TEA",
            "campaignLine.2.quantity=2.5",
            "channel=web",
            "externalReference=SPRING",
            "name=Acme Pottery",
            "startDate=2024-07-01 09:15:00",
        ]
    );
}

#[tokio::test]
async fn stock_move_task_import() {
    let program = "{externalReference: \"MOVE-\\(.identifier)\", taskDefinition: \"adjust\", \
        site: \"LEEDS\", stockMoveLine: [.lines[] | {product: .sku, suggestedQuantity: .quantity}]}";
    let system = with(mapped(Facet::Placed, ImportType::StockMoveTask, program));
    let answers = [taken("stockMoveTask", &["MOVE-7"])];
    let done = apply(&system, &[order("7")], FIRST, answers).await;
    assert_eq!((done.asked[0].0.as_str(), &success(&done).effect), (WAREHOUSE, &Effect::Created));
    let (head, mut lines) = sent(&done);
    assert_eq!(head, "stockMoveTask insert MOVE-7");
    lines.sort();
    assert_eq!(
        lines,
        [
            "externalReference=MOVE-7",
            "site=LEEDS",
            "stockMoveLine.1.product=MUG",
            "stockMoveLine.1.stockMoveTask=stockMoveTask",
            "stockMoveLine.1.suggestedQuantity=2",
            "stockMoveLine.2.product=TEA",
            "stockMoveLine.2.stockMoveTask=stockMoveTask",
            "stockMoveLine.2.suggestedQuantity=2.5",
            "taskDefinition=adjust",
        ]
    );
}

fn detail(state: &str) -> Response {
    ok(&format!("<order externalReference=\"WEB-1\" state=\"{state}\"/>"))
}

/// OrderFlow's answer about an order that it does not have.
fn gone() -> Response {
    ok("<r><exception>rtd.exceptions.MissingDataException</exception></r>")
}
