//! Lists of shipments that were pulled (OrderFlow reference §4): what has left, with its data in
//! elements; and what has not, which says too little to be a state.

use ferry_canonical::{
    FailureKind, Part,
    order::{OrderShipment, ShipmentLine, Tracking},
    value::Decimal,
};

use super::{
    Document, MESSAGE_ID, draft,
    fields::{child, optional, required_child, short},
    foreign,
};
use crate::{BadItem, Draft, Item, xml::Element};

const KNOWN: [&str; 11] = [
    "reference",
    "orderReference",
    "state",
    "courier",
    "carrier",
    "service",
    "despatchReference",
    "trackingUrl",
    "completed",
    "packages",
    "orderLines",
];

impl Document<'_> {
    pub(super) fn despatches(&self) -> Vec<Item> {
        let shipments = self.root.children.iter().filter(|child| child.name == "shipment");
        let despatched = shipments.enumerate().map(|(index, shipment)| Item {
            pointer: format!("/shipments/shipment[{}]", index + 1),
            draft: self.despatched(shipment).map_err(|detail| BadItem {
                kind: FailureKind::Validation,
                detail,
                fragment: self.cut_out(&[self.root], self.whole(shipment)),
                key: shipment.child_text("orderReference").map(short),
            }),
        });
        despatched.chain(self.others(self.root, "shipment")).collect()
    }

    pub(super) fn pending(&self) -> Item {
        let what = format!("{} pending shipments", self.root.children.len());
        self.skip(&what, "the list says no lines; what has changed is read in its order's detail")
    }

    fn despatched(&self, shipment: &Element) -> Result<Draft, String> {
        let owned = |name| Ok::<_, String>(child(shipment, name)?.map(str::to_owned));
        let state = child(shipment, "state")?.unwrap_or("despatched");
        let completed = child(shipment, "completed")?;
        let despatched_at = completed.map(|text| self.time("completed", text)).transpose()?;
        // `courier` is the integration, which may be an aggregator; `carrier` is who drives.
        let carrier = owned("carrier")?;
        let mut found = self.rest(shipment, &[], &KNOWN);
        if carrier.is_some()
            && let Some(courier) = child(shipment, "courier")?
        {
            found.insert("courier".to_owned(), courier.into());
        }
        let part = OrderShipment {
            order: required_child(shipment, "orderReference")?.to_owned(),
            reference: required_child(shipment, "reference")?.to_owned(),
            state: state.to_owned(),
            despatched: state.eq_ignore_ascii_case("despatched"),
            carrier: carrier.or(owned("courier")?),
            service: owned("service")?,
            tracking: tracking(shipment)?,
            lines: lines(shipment)?,
            despatched_at,
            brief: false,
            extensions: foreign::extensions(found),
        };
        let sequence = self.message_id()?;
        Ok(draft(Part::OrderShipment(part), sequence, MESSAGE_ID, despatched_at))
    }
}

/// The shipment's own number, and those of its packages, each once.
fn tracking(shipment: &Element) -> Result<Vec<Tracking>, String> {
    let mut found: Vec<Tracking> = Vec::new();
    if let Some(number) = child(shipment, "despatchReference")? {
        let url = shipment.child_text("trackingUrl").map(str::to_owned);
        found.push(Tracking { number: number.to_owned(), url });
    }
    let packages = shipment.child("packages").map_or(&[][..], |packages| &packages.children);
    for package in packages {
        let Some(number) = optional(package, "despatchReference")? else { continue };
        if found.iter().all(|known| known.number != number) {
            found.push(Tracking { number: number.to_owned(), url: None });
        }
    }
    Ok(found)
}

fn lines(shipment: &Element) -> Result<Vec<ShipmentLine>, String> {
    let lines = shipment.child("orderLines").map_or(&[][..], |lines| &lines.children);
    let lines = lines.iter().filter(|line| line.name == "orderLine");
    lines
        .map(|line| {
            let quantity = required_child(line, "quantity")?;
            Ok(ShipmentLine {
                sku: required_child(line, "productReference")?.to_owned(),
                quantity: Decimal::parse(quantity).map_err(|error| format!("quantity: {error}"))?,
            })
        })
        .collect()
}
