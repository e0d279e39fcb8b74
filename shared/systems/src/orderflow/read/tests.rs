use proptest::prelude::*;

use super::{stock::ONLY_SITE, *};

fn read(body: &str) -> Vec<Item> {
    let record = Record {
        endpoint: "push",
        scope: None,
        message_id: None,
        received_at: "2026-11-22T09:15:00Z".parse().unwrap(),
        as_of: None,
        first_line: 1,
        body: body.as_bytes(),
    };
    items(&record, &Orderflow::new(&crate::orderflow::rows::config()).unwrap())
}

fn part(item: &Item) -> &PartDraft {
    match item.draft.as_ref().unwrap() {
        Draft::Part(draft) => draft,
        Draft::Skip { what, .. } => panic!("skipped {what}"),
        Draft::Removed(removed) => panic!("{removed:?}"),
    }
}

fn bad(item: &Item) -> &BadItem {
    item.draft.as_ref().unwrap_err()
}

const INVENTORY: &str = r#"<inventory messageId="1507">
  <product inventoryId="71" externalReference="MUG-RED" site="LEEDS" total="40" available="31"
    onOrder="24" lastStockChangeId="9001" lastLineRequirementChangeId="8123"/>
  <product externalReference="MUG-BLUE" available="many"/>
  <product site="LEEDS" available="3"/>
  <product externalReference="MUG-TEA" available="-2.50"/>
</inventory>"#;

#[test]
fn stock_is_ordered_by_both_of_its_change_counters() {
    let items = read(INVENTORY);
    let draft = part(&items[0]);
    assert_eq!((draft.sequence, draft.clock.0.as_str()), (Sequence(17124), "stock-change"));
    let Part::ProductStock(stock) = &draft.part else { panic!() };
    assert_eq!((stock.site.as_str(), stock.available.as_str()), ("LEEDS", "31"));
    assert_eq!(stock.extensions["orderflow"]["inventoryId"], "71");
    let draft = part(&items[3]);
    assert_eq!((draft.sequence, draft.clock.0.as_str()), (Sequence(1507), "message-id"));
    assert_eq!(draft.part.subject().part.as_deref(), Some(ONLY_SITE));
}

#[test]
fn a_bad_product_is_cut_out_and_the_others_go_on() {
    let items = read(INVENTORY);
    assert_eq!(items.len(), 4);
    let many = bad(&items[1]);
    assert_eq!(many.kind, FailureKind::Validation);
    assert_eq!(many.detail, "@available: `many` is not a decimal number such as 12.50");
    assert_eq!(many.key.as_deref(), Some("MUG-BLUE"));
    assert_eq!(bad(&items[2]).detail, "@externalReference of `product`: missing or empty");
    let again = read(std::str::from_utf8(&many.fragment).unwrap());
    assert_eq!(again.len(), 1);
    assert_eq!(bad(&again[0]).detail, many.detail);
}

const EVENT: &str = r#"<event messageId="1508" eventType="order_despatched" eventTime="2024-07-02 16:40:11" entity="order">
 <detail><order externalReference="WEB-1001" state="despatched"><shipments>
  <shipment sequence="1" state="despatched" externalReference="WEB-1001_S1" courier="royalmail" despatchReference="AB1">
   <orderLines><orderLine product="MUG-RED" quantity="2"/></orderLines></shipment>
  <shipment sequence="2" state="ready" externalReference="WEB-1001_S2"/>
  <shipment state="despatched"/>
 </shipments></order></detail></event>"#;

#[test]
fn a_split_order_gives_one_part_per_shipment() {
    let items = read(EVENT);
    let Part::OrderShipment(first) = &part(&items[0]).part else { panic!() };
    assert!(first.despatched);
    assert_eq!(first.tracking[0].number, "AB1");
    assert_eq!(first.lines[0].sku, "MUG-RED");
    assert_eq!(part(&items[0]).time.unwrap().to_string(), "2024-07-02T15:40:11Z");
    let Part::OrderShipment(second) = &part(&items[1]).part else { panic!() };
    assert!(!second.despatched);
    assert_eq!(bad(&items[2]).detail, "@externalReference of `shipment`: missing or empty");
    let again = read(std::str::from_utf8(&bad(&items[2]).fragment).unwrap());
    assert_eq!((again.len(), &bad(&again[0]).detail), (1, &bad(&items[2]).detail));
}

#[test]
fn a_cancelled_order_is_a_cancellation() {
    let items = read(
        r#"<event messageId="9" eventType="order_cancelled"><detail><order externalReference="W-1"/></detail></event>"#,
    );
    assert_eq!(items.len(), 1);
    assert_eq!(part(&items[0]).part.subject().to_string(), "order/W-1/cancellation");
}

#[test]
fn what_stands_beside_what_is_read_is_skipped_and_not_forgotten() {
    let inventory = r#"<inventory messageId="1"><product externalReference="A" available="1"/>
      <productStock externalReference="B" available="2"/></inventory>"#;
    let shipments = r#"<shipments messageId="1"><shipment><reference>S</reference><orderReference>W-1</orderReference>
      </shipment><parcel/></shipments>"#;
    let event = r#"<event messageId="1" entity="order"><detail><order externalReference="W-1"><shipments>
      <shipment externalReference="S"/><parcel/></shipments></order></detail></event>"#;
    for (body, other) in [
        (inventory, "1 × productStock in inventory"),
        (shipments, "1 × parcel in shipments"),
        (event, "1 × parcel in shipments"),
    ] {
        let items = read(body);
        assert_eq!(items.len(), 2, "{body}");
        part(&items[0]);
        let Ok(Draft::Skip { what, .. }) = &items[1].draft else { panic!("{body}") };
        assert_eq!(what, other);
    }
}

#[test]
fn a_cancellation_without_a_detail_is_one_by_the_events_own_word() {
    for body in [
        r#"<event messageId="9" eventType="order_cancelled" entity="order" externalReference="W-1"
             eventTime="2024-03-09 10:00:00"/>"#,
        r#"<event messageId="9" eventType="changed" entity="order" externalReference="W-1" state="cancelled"
             eventTime="2024-03-09 10:00:00"><detail/></event>"#,
    ] {
        let items = read(body);
        let Part::OrderCancellation(cancelled) = &part(&items[0]).part else { panic!("{body}") };
        assert_eq!((items.len(), cancelled.order.as_str()), (1, "W-1"));
        assert_eq!(cancelled.cancelled_at.to_string(), "2024-03-09T10:00:00Z");
        assert_eq!(part(&items[0]).sequence, Sequence(9));
    }
    // A cancelled line cancels no order.
    let line =
        r#"<event messageId="9" entity="orderLine" externalReference="W-1" state="cancelled"/>"#;
    assert!(matches!(&read(line)[0].draft, Ok(Draft::Skip { .. })));
}

#[test]
fn every_detail_of_an_event_is_read() {
    let body = r#"<event messageId="9" entity="order"><detail/>
      <detail><order externalReference="W-1" state="cancelled"/></detail>
      <detail><order externalReference="W-2"><shipments><shipment/></shipments></order></detail></event>"#;
    let items = read(body);
    assert_eq!(part(&items[0]).part.subject().to_string(), "order/W-1/cancellation");
    let fragment = std::str::from_utf8(&bad(&items[1]).fragment).unwrap();
    assert_eq!(bad(&read(fragment)[0]).detail, bad(&items[1]).detail);
    assert_eq!(items.len(), 2);
}

#[test]
fn what_has_no_facet_is_skipped_with_a_reason() {
    for (body, expected) in [
        (r#"<stockChanges messageId="1"/>"#, "stockChanges 1: 0 changes of stock are no state"),
        (r"<paymentRequest/>", "paymentRequest: payment requests have no canonical facet"),
        (r#"<inventory messageId="1"/>"#, "inventory: it carries nothing"),
        (r"<shipments/>", "shipments: it carries nothing"),
        (
            r#"<inventory messageId="1"><item externalReference="X"/><item/></inventory>"#,
            "2 × item in inventory: only `product` is read there",
        ),
        (
            r#"<inventory><products><product externalReference="X"/></products></inventory>"#,
            "1 × products in inventory: only `product` is read there",
        ),
        (r#"<event eventType="order_cancelled"/>"#, "event order_cancelled: it carries no detail"),
        (r"<somethingNew/>", "somethingNew: no such OrderFlow document is known"),
        (r#"<event messageId="2"/>"#, "event without eventType: it carries no detail"),
        (
            r#"<event eventType="return_applied"><detail><return id="3"/></detail></event>"#,
            "return 3: it names no order, and a return is a part of its order",
        ),
        (
            r#"<event><detail><order externalReference="A" state="created"/></detail></event>"#,
            "event without eventType: it names no shipment and no cancellation",
        ),
        (
            r#"<event eventType="x"><detail><pallet id="7"/></detail></event>"#,
            "pallet 7 (event x): its entity has no canonical facet",
        ),
    ] {
        let items = read(body);
        let Ok(Draft::Skip { what, reason }) = &items[0].draft else { panic!("{body}") };
        assert!(format!("{what}: {reason}").starts_with(expected), "{what}: {reason}");
    }
}

#[test]
fn an_event_without_a_message_id_says_so() {
    let items = read(
        r#"<event><detail><order externalReference="A"><shipments><shipment externalReference="S"/></shipments></order></detail></event>"#,
    );
    assert_eq!(bad(&items[0]).detail, "/event/@messageId: missing; expected a number");
}

#[test]
fn a_cancelled_line_or_shipment_cancels_no_order() {
    for (event, order, expected) in [
        (r#"eventType="order_cancelled""#, "", true),
        (r#"eventType="x""#, r#" state="cancelled""#, true),
        (r#"eventType="x" entity="order" state="cancelled""#, "", true),
        (r#"eventType="shipment_cancelled" entity="shipment" state="cancelled""#, "", false),
        (r#"eventType="order_line_cancelled""#, r#" state="released""#, false),
    ] {
        let items = read(&format!(
            r#"<event messageId="9" {event}><detail><order externalReference="W"{order}/></detail></event>"#
        ));
        let found = matches!(&items[0].draft, Ok(Draft::Part(draft)) if
            matches!(draft.part, Part::OrderCancellation(_)));
        assert_eq!(found, expected, "{event}{order}");
    }
}

#[test]
fn unknown_attributes_elements_events_and_states_are_carried_on() {
    let items = read(
        r#"<event messageId="5" eventType="shipment_quarantined" userName="sam" mood="calm" entity="order">
          <weather>rain</weather>
          <detail><order externalReference="W-1" state="quarantined" channel="web" vip="yes"><note>gift</note>
            <shipments><shipment externalReference="S" state="quarantined" sequence="1" zone="B">
              <packages><package weight="2"/></packages>
              <orderLines><orderLine product="MUG" quantity="1" state="odd"/></orderLines>
            </shipment></shipments></order></detail></event>"#,
    );
    let Part::OrderShipment(shipment) = &part(&items[0]).part else { panic!() };
    assert_eq!((shipment.state.as_str(), shipment.despatched), ("quarantined", false));
    let expected = serde_json::json!({
        "sequence": "1", "zone": "B",
        "packages": { "package": { "weight": "2" } },
        "orderLines": [{ "state": "odd" }],
        "order": { "state": "quarantined", "channel": "web", "vip": "yes", "note": "gift" },
        "event": {
            "eventType": "shipment_quarantined", "userName": "sam", "mood": "calm",
            "entity": "order", "weather": "rain",
        },
    });
    assert_eq!(shipment.extensions["orderflow"], expected);
}

#[test]
fn an_order_without_a_reference_of_its_own_has_that_of_its_event() {
    let event = |entity: &str| {
        read(&format!(
            r#"<event messageId="9" entity="{entity}" externalReference="W-7"><detail><order><shipments>
               <shipment externalReference="S" state="ready"/></shipments></order></detail></event>"#
        ))
    };
    assert_eq!(part(&event("order")[0]).part.subject().id, "W-7");
    let other = event("shipment");
    assert_eq!(bad(&other[0]).detail, "@externalReference of `order`: missing or empty");
}

#[test]
fn a_bad_return_is_cut_out_with_the_event_around_it() {
    let body = r#"<event messageId="4"><detail><return id="1" orderReference="A" authorised="maybe"/>
        <return id="2" orderReference="A"><returnLine product="M" quantity="1"/></return></detail></event>"#;
    let items = read(body);
    let found = bad(&items[0]);
    assert_eq!(found.detail, "@authorised: `maybe` is neither true nor false");
    assert_eq!(part(&items[1]).part.subject().to_string(), "order/A/return/2");
    let again = read(std::str::from_utf8(&found.fragment).unwrap());
    assert_eq!((again.len(), bad(&again[0])), (1, found));
}

proptest! {
    #[test]
    fn no_attribute_value_makes_it_panic(value in "\\PC{0,40}", sku in "\\PC{0,300}") {
        let value = quick_xml::escape::escape(value.as_str()).into_owned();
        let sku = quick_xml::escape::escape(sku.as_str()).into_owned();
        read(&format!(
            "<inventory messageId=\"{value}\"><product externalReference=\"{sku}\" site=\"{value}\" \
             available=\"{value}\" lastStockChangeId=\"{value}\"/></inventory>"
        ));
    }
}
