//! Every operation that comes from OrderFlow, by its row in the OrderFlow reference §2.2: received,
//! acknowledged, read.

use ferry_canonical::{Part, limits};
use ferry_config::{
    Secret,
    system::{
        AcknowledgeAs, ChangedOrders, Limits, OrderflowConfig, PullConfig, PushConfig,
        PushCredentials,
    },
};

use super::Orderflow;
use crate::{Draft, Item, PushRequest, Record};

pub(super) fn config() -> OrderflowConfig {
    let credentials = PushCredentials { user: Secret::new("flow"), password: Secret::new("pw") };
    OrderflowConfig {
        base_url: "http://warehouse.test".to_owned(),
        organisation: "acme".to_owned(),
        channel: "web".to_owned(),
        time_zone: "Europe/London".to_owned(),
        user: Secret::new("ferry"),
        password: Secret::new("pw"),
        push: Some(PushConfig {
            credentials: Some(credentials),
            scopes: Vec::new(),
            acknowledgement: "Success - Message {id} Received".to_owned(),
            acknowledge_as: AcknowledgeAs::Xml,
        }),
        changed_orders: ChangedOrders::Amend,
        writes: Box::default(),
        pull: PullConfig::default(),
        responses: Vec::new(),
        limits: Limits::default(),
    }
}

fn orderflow() -> Orderflow {
    Orderflow::new(&config()).unwrap()
}

/// A push's items, after it was acknowledged.
fn pushed(body: &str) -> Vec<Item> {
    let orderflow = orderflow();
    let headers = [("authorization".to_owned(), "Basic Zmxvdzpwdw==".to_owned())];
    let request = PushRequest { headers: &headers, query: &[], body: body.as_bytes() };
    let admitted = orderflow.admit(&headers, &[]).unwrap();
    let acknowledged = orderflow.receive(&request, admitted).unwrap();
    assert!(acknowledged.body.starts_with("<message>Success - Message "), "{}", acknowledged.body);
    orderflow.read(&Record {
        endpoint: "push",
        scope: None,
        message_id: None,
        received_at: "2026-11-22T09:15:00Z".parse().unwrap(),
        as_of: None,
        first_line: 1,
        body: body.as_bytes(),
    })
}

fn parts(body: &str) -> Vec<Part> {
    let part = |item: Item| match item.draft.unwrap() {
        Draft::Part(draft) => draft.part,
        Draft::Skip { what, reason } => panic!("{what}: {reason}"),
        Draft::Removed(draft) => panic!("{}", draft.subject),
    };
    pushed(body).into_iter().map(part).collect()
}

fn skipped(body: &str) -> String {
    let mut items = pushed(body);
    assert_eq!(items.len(), 1);
    match items.remove(0).draft.unwrap() {
        Draft::Skip { what, reason } => format!("{what}: {reason}"),
        Draft::Part(draft) => panic!("{}", draft.part.subject()),
        Draft::Removed(draft) => panic!("{}", draft.subject),
    }
}

fn json(part: &Part) -> serde_json::Value {
    serde_json::from_str(&part.to_json()).unwrap()
}

#[test]
fn inventory_push() {
    let parts = parts(
        r#"<?xml version="1.0" encoding="UTF-8"?>
        <inventory messageId="1507" lastOrderExported="2024-03-02 08:00:00">
          <product inventoryId="71" sequenceId="71" externalReference="MUG-RED" organisation="acme" site="LEEDS" total="40"
            allocated="6" available="31" frozen="1" onOrder="24" lastStockChangeId="9001" lastLineRequirementChangeId="8123"/>
        </inventory>"#,
    );
    let expected = serde_json::json!({
        "sku": "MUG-RED", "site": "LEEDS", "available": "31", "total": "40", "allocated": "6", "on_order": "24",
        "extensions": { "orderflow": {
            "inventoryId": "71", "sequenceId": "71", "organisation": "acme", "frozen": "1",
            "lastStockChangeId": "9001", "lastLineRequirementChangeId": "8123",
            "inventory": { "lastOrderExported": "2024-03-02 08:00:00" },
        } },
    });
    assert_eq!(json(&parts[0]), expected);
}

#[test]
fn stock_change_notification() {
    let told = skipped(
        r#"<stockChanges messageId="1509" organisation="acme" site="LEEDS">
          <stockChange id="9002" type="adjustment" timestamp="2024-03-02 17:00:00" product="MUG-RED" location="A-01-02"
             locationType="picking" previousQuantity="40" changeQuantity="-1" newQuantity="39" user="sam"><note>broken</note></stockChange>
        </stockChanges>"#,
    );
    assert_eq!(told, "stockChanges 1509: 1 changes of stock are no state; the level is read apart");
}

#[test]
fn order_state_notification() {
    let parts = parts(
        r#"<event messageId="1508" eventType="order_despatched" userName="packer1" eventTime="2024-03-02 16:40:11"
               entity="order" externalReference="WEB-1001" operation="update" state="despatched">
          <detail>
            <order externalReference="WEB-1001" state="despatched" channel="web" organisation="acme">
              <shipments>
                <shipment sequence="1" state="despatched" externalReference="WEB-1001_S1" earliestShipDate="2024-03-02"
                          courier="royalmail" courierService="T48" despatchReference="AB123456789GB">
                  <orderLines><orderLine product="MUG-RED" quantity="2" state="despatched"/></orderLines>
                </shipment>
              </shipments>
            </order>
          </detail>
        </event>"#,
    );
    let Part::OrderShipment(shipment) = &parts[0] else { panic!() };
    assert_eq!(parts.len(), 1);
    assert_eq!(
        (shipment.order.as_str(), shipment.reference.as_str(), shipment.despatched),
        ("WEB-1001", "WEB-1001_S1", true)
    );
    assert_eq!(shipment.carrier.as_deref(), Some("royalmail"));
    assert_eq!(shipment.service.as_deref(), Some("T48"));
    assert_eq!(shipment.extensions["orderflow"]["event"]["userName"], "packer1");
}

#[test]
fn return_notification() {
    let parts = parts(
        r#"<event messageId="1510" eventType="return_applied" userName="sam" eventTime="2024-03-09 10:00:00" entity="return">
          <detail>
            <return id="33" authorised="true" type="goods_damaged" site="LEEDS" authorisation="RMA-7" orderReference="WEB-1001" note="" organisation="acme">
              <returnLine product="MUG-RED" quantity="1" reason="F" condition="Product damaged" refund="true" bin="7"/>
            </return>
          </detail>
        </event>"#,
    );
    assert_eq!(parts[0].subject().to_string(), "order/WEB-1001/return/33");
    let expected = serde_json::json!({
        "order": "WEB-1001", "reference": "33", "kind": "goods_damaged", "authorised": true,
        "authorisation": "RMA-7", "site": "LEEDS",
        "lines": [{
            "sku": "MUG-RED", "quantity": "1", "reason": "F", "condition": "Product damaged", "refund": true,
        }],
        "extensions": { "orderflow": {
            "organisation": "acme", "returnLines": [{ "bin": "7" }],
            "event": { "eventType": "return_applied", "userName": "sam", "entity": "return" },
        } },
    });
    assert_eq!(json(&parts[0]), expected);
}

#[test]
fn delivery_notification() {
    let told = skipped(
        r#"<event messageId="1511" eventType="delivery_applied" entity="delivery"><detail>
          <delivery id="12" type="supplier" state="complete" site="LEEDS"><purchaseOrder id="3" externalReference="PO-3"/>
            <deliveryLines><deliveryLine id="5" product="MUG-RED" variation="" quantity="10" state="applied"/></deliveryLines>
          </delivery></detail></event>"#,
    );
    assert_eq!(told, "delivery 12 (event delivery_applied): deliveries have no canonical facet");
}

#[test]
fn delivery_line_notification() {
    let told = skipped(
        r#"<event messageId="1512" eventType="delivery_line_applied" entity="deliveryLine"><detail>
          <deliveryLine id="5" product="MUG-RED" quantity="10" state="applied"><delivery id="12"/></deliveryLine></detail></event>"#,
    );
    assert_eq!(
        told,
        "deliveryLine 5 (event delivery_line_applied): delivery lines have no canonical facet"
    );
}

#[test]
fn purchase_order_notification() {
    let told = skipped(
        r#"<event messageId="1513" eventType="purchase_order_completed" entity="purchaseOrder"><detail>
          <purchaseOrder id="3" externalReference="PO-3" state="complete"><note>all in</note><purchaseOrderLines>
            <purchaseOrderLine id="9" product="MUG-RED" quantity="10" outstanding="0"/></purchaseOrderLines></purchaseOrder></detail></event>"#,
    );
    assert_eq!(
        told,
        "purchaseOrder 3 (event purchase_order_completed): purchase orders have no canonical facet"
    );
}

#[test]
fn payment_request() {
    let told = skipped(
        r#"<paymentRequest date="2024-03-02"><order externalReference="WEB-1001"><shipments><shipment externalReference="WEB-1001_S1">
          <orderLines><orderLine product="MUG-RED" quantity="2"/></orderLines></shipment></shipments></order></paymentRequest>"#,
    );
    assert_eq!(told, "paymentRequest WEB-1001: payment requests have no canonical facet");
}

#[test]
fn no_refusal_reads_like_an_acknowledgement() {
    let orderflow = orderflow();
    for (authorization, body) in [
        ("Basic Zmxvdzpwdw==", &b"<event"[..]),
        ("Basic Zmxvdzpwdw==", &vec![b' '; limits::RECORD_BYTES + 1]),
        ("Basic x", b"<event/>"),
    ] {
        let headers = [("authorization".to_owned(), authorization.to_owned())];
        let request = PushRequest { headers: &headers, query: &[], body };
        let admitted = orderflow.admit(&headers, &[]);
        let refusal = admitted.and_then(|admitted| orderflow.receive(&request, admitted));
        let refusal = refusal.unwrap_err();
        assert!(!refusal.reason.contains("Success") && !refusal.reason.contains("Received"));
    }
}
