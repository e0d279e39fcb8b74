//! The documents OrderFlow pushes (OrderFlow reference §5).
//!
//! Promises the documented shapes with every attribute that is verified there. A document is written
//! once, when its message id is given, and never again: a retry sends the same bytes.

use super::order::Order;
use super::queries;
use super::stock::Level;
use super::xml::Element;

/// What every document of an instance says about where and when it was written.
#[derive(Clone, Debug)]
pub(super) struct Letterhead<'a> {
    pub(super) message_id: u64,
    pub(super) organisation: &'a str,
    pub(super) channel: &'a str,
    /// Local time of the instance.
    pub(super) time: &'a str,
}

/// Stock levels (OrderFlow reference §5.2).
pub(super) fn inventory(head: &Letterhead<'_>, levels: &[Level]) -> String {
    let row = |level: &Level| {
        queries::level(level)
            .attribute("sequenceId", level.inventory_id)
            .attribute("organisation", head.organisation)
    };
    Element::new("inventory")
        .attribute("messageId", head.message_id)
        .children(levels.iter().map(row))
        .document()
}

/// An order's whole state after `event_type` happened to it (OrderFlow reference §5.3).
pub(super) fn order_event(head: &Letterhead<'_>, event_type: &str, order: &Order) -> String {
    let state = event_type.strip_prefix("order_").unwrap_or(event_type);
    let detail = Element::new("order")
        .attribute("externalReference", &order.reference)
        .attribute("state", state)
        .attribute("channel", head.channel)
        .attribute("organisation", head.organisation)
        .child(Element::new("shipments").children(order.shipments.iter().map(queries::shipment)));
    event(head, event_type, "order")
        .attribute("externalReference", &order.reference)
        .attribute("operation", "update")
        .attribute("state", state)
        .child(Element::new("detail").child(detail))
        .document()
}

fn event(head: &Letterhead<'_>, event_type: &str, entity: &str) -> Element {
    Element::new("event")
        .attribute("messageId", head.message_id)
        .attribute("eventType", event_type)
        .attribute("userName", "packer1")
        .attribute("eventTime", head.time)
        .attribute("entity", entity)
}

/// A movement of stock (OrderFlow reference §5.4): a difference, not a state.
pub(super) fn stock_changes(head: &Letterhead<'_>, product: &str, site: &str) -> String {
    let change = Element::new("stockChange")
        .attribute("id", head.message_id)
        .attribute("type", "adjustment")
        .attribute("timestamp", head.time)
        .attribute("product", product)
        .attribute("location", "A-01-02")
        .attribute("locationType", "picking")
        .attribute("previousQuantity", 40)
        .attribute("changeQuantity", -1)
        .attribute("newQuantity", 39)
        .attribute("user", "sam")
        .child(Element::holding("note", "broken"));
    Element::new("stockChanges")
        .attribute("messageId", head.message_id)
        .attribute("organisation", head.organisation)
        .attribute("site", site)
        .child(change)
        .document()
}

/// A request to take payment (OrderFlow reference §5.7). It carries no message id.
pub(super) fn payment_request(head: &Letterhead<'_>, order: &str, product: &str) -> String {
    let line = Element::new("orderLine").attribute("product", product).attribute("quantity", 1);
    let shipment = Element::new("shipment")
        .attribute("externalReference", format!("{order}_S1"))
        .child(Element::new("orderLines").child(line));
    let order = Element::new("order")
        .attribute("externalReference", order)
        .child(Element::new("shipments").child(shipment));
    Element::new("paymentRequest").attribute("date", head.time).child(order).document()
}

/// A supplier's purchase order was completed (OrderFlow reference §5.6).
pub(super) fn purchase_order_event(head: &Letterhead<'_>, product: &str, site: &str) -> String {
    let reference = format!("PO-{}", head.message_id);
    let line = Element::new("purchaseOrderLine")
        .attribute("id", head.message_id)
        .attribute("product", product)
        .attribute("quantity", 144)
        .attribute("outstanding", 0)
        .attribute("externalReference", format!("{reference}-1"))
        .attribute("state", "completed");
    let order = Element::new("purchaseOrder")
        .attribute("id", head.message_id)
        .attribute("externalReference", &reference)
        .attribute("state", "completed")
        .attribute("organisation", head.organisation)
        .attribute("site", site)
        .attribute("supplierReference", "S-17")
        .attribute("manuallyCompleted", false)
        .child(Element::holding("note", "complete"))
        .child(Element::new("purchaseOrderLines").child(line));
    event(head, "purchase_order_completed", "purchaseOrder")
        .child(Element::new("detail").child(order))
        .document()
}

#[cfg(test)]
mod tests {
    use ferry_world::Flaw;

    use super::{
        Letterhead, inventory, order_event, payment_request, purchase_order_event, stock_changes,
    };
    use crate::orderflow::samples;

    const HEAD: Letterhead<'_> = Letterhead {
        message_id: 1507,
        organisation: "acme",
        channel: "web",
        time: "2024-03-02 16:40:11",
    };

    fn body(document: &str) -> String {
        document.split_once('\n').unwrap().1.replace("><", ">\n<")
    }

    #[test]
    fn an_inventory_document_carries_its_message_id_and_a_row_per_product_and_site() {
        let flawed = |flaw| {
            let mut level = samples::level();
            level.stock.flaw = Some(flaw);
            level
        };
        let levels =
            [samples::level(), flawed(Flaw::StockNotANumber), flawed(Flaw::StockWithoutProduct)];
        let document = inventory(&HEAD, &levels);
        insta::assert_snapshot!(body(&document), @r#"
        <inventory messageId="1507">
        <product inventoryId="71" externalReference="MUG" site="LEEDS" total="42" allocated="6" available="33" frozen="1" inspection="0" damaged="1" quarantined="1" onOrder="24" lastStockChangeId="9001" lastLineRequirementChangeId="8123" sequenceId="71" organisation="acme"/>
        <product inventoryId="71" externalReference="MUG" site="LEEDS" total="42" allocated="6" available="many" frozen="1" inspection="0" damaged="1" quarantined="1" onOrder="24" lastStockChangeId="9001" lastLineRequirementChangeId="8123" sequenceId="71" organisation="acme"/>
        <product inventoryId="71" site="LEEDS" total="42" allocated="6" available="33" frozen="1" inspection="0" damaged="1" quarantined="1" onOrder="24" lastStockChangeId="9001" lastLineRequirementChangeId="8123" sequenceId="71" organisation="acme"/>
        </inventory>
        "#);
    }

    #[test]
    fn an_order_event_carries_the_order_with_all_its_shipments() {
        let warehouse = samples::warehouse();
        let order = &warehouse.orders["WEB-1001"];
        insta::assert_snapshot!(body(&order_event(&HEAD, "order_despatched", order)), @r#"
        <event messageId="1507" eventType="order_despatched" userName="packer1" eventTime="2024-03-02 16:40:11" entity="order" externalReference="WEB-1001" operation="update" state="despatched">
        <detail>
        <order externalReference="WEB-1001" state="despatched" channel="web" organisation="acme">
        <shipments>
        <shipment sequence="1" state="despatched" externalReference="WEB-1001_S1" earliestShipDate="2024-03-02" courier="royalmail" courierService="T48" despatchReference="AB123456789GB">
        <orderLines>
        <orderLine product="MUG" quantity="2" state="despatched"/>
        </orderLines>
        </shipment>
        </shipments>
        </order>
        </detail>
        </event>
        "#);
        let cancelled = order_event(&HEAD, "order_cancelled", order);
        assert!(cancelled.contains("eventType=\"order_cancelled\""));
        assert!(cancelled.contains("externalReference=\"WEB-1001\" state=\"cancelled\""));
    }

    #[test]
    fn documents_without_a_canonical_meaning_have_the_documented_shapes() {
        insta::assert_snapshot!(body(&stock_changes(&HEAD, "MUG", "LEEDS")), @r#"
        <stockChanges messageId="1507" organisation="acme" site="LEEDS">
        <stockChange id="1507" type="adjustment" timestamp="2024-03-02 16:40:11" product="MUG" location="A-01-02" locationType="picking" previousQuantity="40" changeQuantity="-1" newQuantity="39" user="sam">
        <note>broken</note>
        </stockChange>
        </stockChanges>
        "#);
        insta::assert_snapshot!(body(&payment_request(&HEAD, "WEB-1001", "MUG")), @r#"
        <paymentRequest date="2024-03-02 16:40:11">
        <order externalReference="WEB-1001">
        <shipments>
        <shipment externalReference="WEB-1001_S1">
        <orderLines>
        <orderLine product="MUG" quantity="1"/>
        </orderLines>
        </shipment>
        </shipments>
        </order>
        </paymentRequest>
        "#);
        insta::assert_snapshot!(body(&purchase_order_event(&HEAD, "MUG", "LEEDS")), @r#"
        <event messageId="1507" eventType="purchase_order_completed" userName="packer1" eventTime="2024-03-02 16:40:11" entity="purchaseOrder">
        <detail>
        <purchaseOrder id="1507" externalReference="PO-1507" state="completed" organisation="acme" site="LEEDS" supplierReference="S-17" manuallyCompleted="false">
        <note>complete</note>
        <purchaseOrderLines>
        <purchaseOrderLine id="1507" product="MUG" quantity="144" outstanding="0" externalReference="PO-1507-1" state="completed"/>
        </purchaseOrderLines>
        </purchaseOrder>
        </detail>
        </event>
        "#);
    }
}
