//! The documents OrderFlow answers questions with (OrderFlow reference §4).
//!
//! Promises the documented shapes: inventory and order detail carry values in attributes, despatches
//! and pending shipments in elements. Everything in a document is the state at one moment. The list of
//! despatches says more of a shipment than its event or its order's detail: who drives, where it is
//! tracked, when it left, and a number for each of two packages.

use super::order::{Order, OrderState, Shipment};
use super::stock::Level;
use super::warehouse::Warehouse;
use super::xml::Element;

/// The inventory of the named products, or of every product with any; of one site, or all of them.
/// A named product that exists but has no stock is there with zeros, as clients ask this way whether
/// a product exists.
pub(super) fn inventory(
    warehouse: &Warehouse,
    references: Option<&str>,
    site: Option<&str>,
) -> String {
    let document = Element::new("inventory");
    let of_site = |level: &&Level| site.is_none_or(|site| level.stock.site_name == site);
    let Some(references) = references else {
        let levels = warehouse.levels.values().flat_map(|sites| sites.values()).filter(of_site);
        return document.children(levels.map(level)).document();
    };
    let mut rows = Vec::new();
    for reference in references.split(',').map(str::trim) {
        let Some(product) = warehouse.products.get(reference) else { continue };
        let sites = warehouse.levels.get(reference).into_iter().flat_map(|sites| sites.values());
        let before = rows.len();
        rows.extend(sites.filter(of_site).map(level));
        if rows.len() == before {
            rows.push(level(&Level::nothing(product.item, reference, site)));
        }
    }
    document.children(rows).document()
}

/// A `product` row of an inventory, pulled or pushed.
pub(super) fn level(level: &Level) -> Element {
    let stock = &level.stock;
    Element::new("product")
        .attribute("inventoryId", level.inventory_id)
        .attribute_if("externalReference", stock.told_reference())
        .attribute_if("site", Some(stock.site_name).filter(|site| !site.is_empty()))
        .attribute("total", &stock.total)
        .attribute("allocated", &stock.allocated)
        .attribute("available", stock.told_available())
        .attribute("frozen", &stock.frozen)
        .attribute("inspection", &stock.inspection)
        .attribute("damaged", &stock.damaged)
        .attribute("quarantined", &stock.quarantined)
        .attribute("onOrder", &stock.on_order)
        .attribute("lastStockChangeId", level.last_stock_change_id)
        .attribute("lastLineRequirementChangeId", level.last_line_requirement_change_id)
}

/// An order with the shipments made so far and, while it is open, the one still to be made.
pub(super) fn order_detail(order: &Order) -> String {
    let shipments = order.shipments.iter().map(shipment);
    let shipments = Element::new("shipments").children(shipments).children(pending(order));
    order_element(order).child(shipments).document()
}

/// The `order` element without its shipments.
pub(super) fn order_element(order: &Order) -> Element {
    Element::new("order")
        .attribute("externalReference", &order.reference)
        .attribute("state", order.state.name())
}

/// A shipment that has left, as order detail and order events show it.
pub(super) fn shipment(shipment: &Shipment) -> Element {
    let line = |(product, quantity): &(String, String)| {
        Element::new("orderLine")
            .attribute("product", product)
            .attribute("quantity", quantity)
            .attribute("state", "despatched")
    };
    Element::new("shipment")
        .attribute("sequence", shipment.sequence)
        .attribute("state", "despatched")
        .attribute_if("externalReference", shipment.reference.as_deref())
        .attribute("earliestShipDate", day(&shipment.completed))
        .attribute("courier", shipment.courier)
        .attribute("courierService", shipment.service)
        .attribute("despatchReference", &shipment.despatch_reference)
        .child(Element::new("orderLines").children(shipment.lines.iter().map(line)))
}

/// What is still to leave: the lines no shipment has taken.
fn pending(order: &Order) -> Option<Element> {
    if order.state != OrderState::Created {
        return None;
    }
    let shipped = |product: &str| {
        order.shipments.iter().flat_map(|made| &made.lines).any(|(name, _)| name == product)
    };
    let lines = order.lines.iter().filter(|line| !shipped(&line.product)).map(|line| {
        Element::new("orderLine")
            .attribute("product", &line.product)
            .attribute("quantity", &line.quantity)
            .attribute("state", "created")
    });
    let element = Element::new("shipment")
        .attribute("sequence", order.shipments.len() + 1)
        .attribute("state", "ready")
        .attribute("externalReference", pending_reference(order))
        .attribute_if("courier", order.properties.get("shipment.courier"))
        .child(Element::new("orderLines").children(lines));
    Some(element)
}

fn pending_reference(order: &Order) -> &str {
    order.properties.get("shipment.externalReference").unwrap_or(&order.reference)
}

/// Shipments completed in a span of local time, both ends included, oldest first.
pub(super) fn despatches(
    warehouse: &Warehouse,
    from: Option<&str>,
    to: Option<&str>,
    with_lines: bool,
) -> String {
    let mut found: Vec<(&Order, &Shipment)> = warehouse
        .orders
        .values()
        .flat_map(|order| order.shipments.iter().map(move |made| (order, made)))
        .filter(|(_, made)| from.is_none_or(|from| from <= made.completed.as_str()))
        .filter(|(_, made)| to.is_none_or(|to| made.completed.as_str() <= to))
        .collect();
    found.sort_by(|(_, a), (_, b)| a.completed.cmp(&b.completed));
    let rows = found.into_iter().map(|(order, made)| despatched(order, made, with_lines));
    Element::new("shipments").children(rows).document()
}

fn despatched(order: &Order, made: &Shipment, with_lines: bool) -> Element {
    let line = |(product, quantity): &(String, String)| {
        Element::new("orderLine")
            .child(Element::holding("productReference", product))
            .child(Element::holding("quantity", quantity))
    };
    let package = |number: String| Element::new("package").attribute("despatchReference", number);
    let number = &made.despatch_reference;
    let packages = [package(number.clone()), package(format!("{number}-2"))];
    let row = Element::new("shipment")
        .children(made.reference.as_ref().map(|text| Element::holding("reference", text)))
        .child(Element::holding("orderReference", &order.reference))
        .child(Element::holding("state", "despatched"))
        .child(Element::holding("courier", made.courier))
        .child(Element::holding("carrier", carrier(made.courier)))
        .child(Element::holding("service", made.service))
        .child(Element::holding("despatchReference", number))
        .child(Element::holding("trackingUrl", format!("https://track.example/{number}")))
        .child(Element::holding("completed", &made.completed))
        .child(Element::new("packages").children(packages));
    if with_lines {
        row.child(Element::new("orderLines").children(made.lines.iter().map(line)))
    } else {
        row
    }
}

/// Who drives for the integration of this name.
fn carrier(courier: &str) -> String {
    format!("{} parcels", courier.to_uppercase())
}

/// Open orders' next shipments.
pub(super) fn pending_shipments(warehouse: &Warehouse) -> String {
    let open = warehouse.orders.values().filter(|order| order.state == OrderState::Created);
    let rows = open.map(|order| {
        Element::new("shipment")
            .children(order.properties.get("placed").map(|at| Element::holding("created", at)))
            .child(Element::holding("reference", pending_reference(order)))
            .child(Element::holding("orderReference", &order.reference))
            .child(Element::holding("state", "ready"))
            .children(
                order
                    .properties
                    .get("shipment.earliestShipDate")
                    .map(|day| Element::holding("earliestShipDate", day)),
            )
    });
    Element::new("shipments").children(rows).document()
}

/// The report `purchase_order_lines_xml`: what is on order, a line per product and site.
pub(super) fn purchase_order_lines(warehouse: &Warehouse, organisation: &str) -> String {
    let levels = warehouse.levels.values().flat_map(|sites| sites.values());
    let rows = levels.filter(|level| level.stock.on_order != "0").map(|level| {
        Element::new("line")
            .child(Element::holding("organisation", organisation))
            .child(Element::holding("reference", format!("PO-{}", level.inventory_id)))
            .child(Element::holding("state", "created"))
            .child(Element::holding("lineQuantity", &level.stock.on_order))
            .child(Element::holding("lineOutstandingQuantity", &level.stock.on_order))
            .child(Element::holding("lineState", "created"))
            .child(Element::holding("sku", &level.stock.sku))
    });
    Element::new("report").child(Element::new("lines").children(rows)).document()
}

/// The report `return_line_api_report`: nobody sends anything back to this warehouse.
pub(super) fn return_lines() -> String {
    Element::new("returns").document()
}

fn day(time: &str) -> &str {
    time.split_once(' ').map_or(time, |(day, _)| day)
}

#[cfg(test)]
mod tests {
    use super::{despatches, inventory, order_detail, pending_shipments};
    use crate::orderflow::order::{OrderState, Shipment};
    use crate::orderflow::samples;

    fn body(document: &str) -> String {
        document.split_once('\n').unwrap().1.replace("><", ">\n<")
    }

    #[test]
    fn inventory_carries_its_values_in_attributes() {
        let warehouse = samples::warehouse();
        insta::assert_snapshot!(body(&inventory(&warehouse, None, Some("LEEDS"))), @r#"
        <inventory>
        <product inventoryId="71" externalReference="MUG" site="LEEDS" total="42" allocated="6" available="33" frozen="1" inspection="0" damaged="1" quarantined="1" onOrder="24" lastStockChangeId="9001" lastLineRequirementChangeId="8123"/>
        </inventory>
        "#);
    }

    #[test]
    fn a_named_product_without_stock_exists_with_zeros_and_an_unknown_one_is_absent() {
        let warehouse = samples::warehouse();
        let document = inventory(&warehouse, Some("TEA, NOPE"), None);
        assert!(document.contains("externalReference=\"TEA\" total=\"0\""), "{document}");
        assert!(!document.contains("NOPE"));
    }

    #[test]
    fn an_open_order_shows_what_left_and_what_is_still_to_leave() {
        let warehouse = samples::warehouse();
        insta::assert_snapshot!(body(&order_detail(&warehouse.orders["WEB-1001"])), @r#"
        <order externalReference="WEB-1001" state="created">
        <shipments>
        <shipment sequence="1" state="despatched" externalReference="WEB-1001_S1" earliestShipDate="2024-03-02" courier="royalmail" courierService="T48" despatchReference="AB123456789GB">
        <orderLines>
        <orderLine product="MUG" quantity="2" state="despatched"/>
        </orderLines>
        </shipment>
        <shipment sequence="2" state="ready" externalReference="WEB-1001">
        <orderLines>
        <orderLine product="TEA" quantity="2" state="created"/>
        </orderLines>
        </shipment>
        </shipments>
        </order>
        "#);
    }

    #[test]
    fn a_closed_order_has_no_shipment_to_come() {
        let mut warehouse = samples::warehouse();
        let order = warehouse.orders.get_mut("WEB-1001").unwrap();
        order.state = OrderState::Despatched;
        assert!(!order_detail(order).contains("\"ready\""));
    }

    #[test]
    fn despatches_are_those_completed_in_the_span_oldest_first() {
        let mut warehouse = samples::warehouse();
        let order = warehouse.orders.get_mut("WEB-1001").unwrap();
        let first = order.shipments[0].clone();
        let earlier = Shipment {
            completed: "2024-03-01 08:00:00".into(),
            reference: Some("EARLY".into()),
            ..first
        };
        order.shipments.push(earlier);
        let all = despatches(&warehouse, None, None, false);
        assert!(all.find("EARLY").unwrap() < all.find("WEB-1001_S1").unwrap());
        assert!(!all.contains("orderLines"));
        let from = despatches(&warehouse, Some("2024-03-02 16:40:10"), None, false);
        assert!(!from.contains("EARLY") && from.contains("WEB-1001_S1"));
        let to = despatches(&warehouse, None, Some("2024-03-02 16:40:09"), false);
        assert!(to.contains("EARLY") && !to.contains("WEB-1001_S1"));
    }

    #[test]
    fn despatches_and_pending_shipments_carry_their_values_in_elements() {
        let warehouse = samples::warehouse();
        insta::assert_snapshot!(body(&despatches(&warehouse, None, None, true)), @r#"
        <shipments>
        <shipment>
        <reference>WEB-1001_S1</reference>
        <orderReference>WEB-1001</orderReference>
        <state>despatched</state>
        <courier>royalmail</courier>
        <carrier>ROYALMAIL parcels</carrier>
        <service>T48</service>
        <despatchReference>AB123456789GB</despatchReference>
        <trackingUrl>https://track.example/AB123456789GB</trackingUrl>
        <completed>2024-03-02 16:40:10</completed>
        <packages>
        <package despatchReference="AB123456789GB"/>
        <package despatchReference="AB123456789GB-2"/>
        </packages>
        <orderLines>
        <orderLine>
        <productReference>MUG</productReference>
        <quantity>2</quantity>
        </orderLine>
        </orderLines>
        </shipment>
        </shipments>
        "#);
        insta::assert_snapshot!(body(&pending_shipments(&warehouse)), @r#"
        <shipments>
        <shipment>
        <created>2024-03-01 09:15:00</created>
        <reference>WEB-1001</reference>
        <orderReference>WEB-1001</orderReference>
        <state>ready</state>
        <earliestShipDate>2024-03-02</earliestShipDate>
        </shipment>
        </shipments>
        "#);
    }
}
