//! What an OrderFlow system takes, and as what.

use std::path::Path;

use ferry_canonical::Facet;

use super::{Findings, systems::mapping};
use crate::{
    orderflow::{DeliverBy, ImportOperation, ImportType},
    raw::{RawConfig, RawOrderflow, RawOrderflowImport, RawSystem},
};

/// Whether a facet becomes something there. What is cancelled there are orders.
pub(super) fn takes(raw: &RawOrderflow, facet: Facet) -> bool {
    let kind = |facet| raw.imports.values().find(|import| import.facet == facet);
    match facet {
        Facet::Placed | Facet::Catalogue | Facet::Return => true,
        Facet::Cancellation => {
            kind(Facet::Placed).is_none_or(|placed| placed.kind == ImportType::Order)
        }
        Facet::Profile | Facet::Shipment | Facet::Stock | Facet::Price => kind(facet).is_some(),
    }
}

/// OrderFlow calls a return by a number of its own, also one that Ferry has imported, whose source and
/// whose other targets hear of it as of a second one.
pub(super) fn returns(raw: &RawConfig, findings: &mut Findings<'_>) {
    let returns = || raw.routes.iter().filter(|route| route.facet == Facet::Return);
    for (index, told) in raw.routes.iter().enumerate() {
        let warehouse = raw.systems.get(&told.from);
        let by_orderflow = matches!(warehouse, Some(RawSystem::Orderflow(_)));
        if told.facet != Facet::Return || !by_orderflow {
            continue;
        }
        for said in returns().filter(|said| said.to.contains(&told.from)) {
            let twice =
                told.to.iter().find(|target| said.to.contains(target) || said.from == **target);
            let Some(target) = twice else { continue };
            let message = format!(
                "{target} hears twice of every return that `{}` brings to {}, which tells of it again \
                 under a number of its own",
                said.name, told.from
            );
            findings.warning(&format!("routes[{index}].to"), message);
        }
    }
}

pub(super) fn check(key: &str, raw: &RawOrderflow, base_dir: &Path, findings: &mut Findings<'_>) {
    let mut seen = Vec::new();
    for (name, each) in &raw.imports {
        let key = format!("{key}.imports.{name}");
        if seen.contains(&each.facet) {
            let message = format!("another import of this system takes {} already", each.facet);
            findings.error(&format!("{key}.facet"), message);
        }
        seen.push(each.facet);
        import(&key, each, findings);
        if let Some(file) = &each.mapping {
            mapping(&key, file, base_dir, findings);
        }
    }
    for (kind, lengths) in &raw.lengths {
        for (property, length) in lengths {
            let key = format!("{key}.lengths.{kind}");
            if *length == 0 {
                findings.error(&key, format!("{property}: nothing has no characters"));
            }
            if property.split('.').any(|segment| segment.parse::<u32>().is_ok()) {
                findings.error(&key, format!("{property}: it is meant of every line: leave out N"));
            }
        }
    }
}

fn import(key: &str, raw: &RawOrderflowImport, findings: &mut Findings<'_>) {
    let at = |field: &str| format!("{key}.{field}");
    let (facet, kind) = (raw.facet, raw.kind);
    match facet {
        Facet::Placed | Facet::Shipment | Facet::Return | Facet::Catalogue => {}
        Facet::Profile | Facet::Cancellation | Facet::Stock | Facet::Price => {
            let message =
                format!("no import is made of {facet}: say placed, shipment, return or catalogue");
            findings.error(&at("facet"), message);
            return;
        }
    }
    let told = match kind {
        ImportType::Order | ImportType::Product => false,
        ImportType::Return
        | ImportType::PurchaseOrder
        | ImportType::Campaign
        | ImportType::StockMoveTask => true,
    };
    let operation = raw.operation.unwrap_or(kind.own_operation());
    if raw.refuses_duplicates && !(told && operation == ImportOperation::Insert) {
        let message = "it says something about inserts of returns, purchase orders, campaigns and stock \
                       moves only";
        findings.error(&at("refuses_duplicates"), message);
    }
    let own = kind.own_facet() == Some(facet);
    match raw.deliver_by {
        DeliverBy::Import if !own && raw.mapping.is_none() => {
            let message = format!(
                "Ferry makes no {kind} of {facet} by itself: say how by a `mapping` from the part to \
                 the {kind}'s properties"
            );
            findings.error(&at("mapping"), message);
        }
        DeliverBy::Import => {}
        DeliverBy::Notification => notification(key, raw, own, findings),
    }
}

fn notification(key: &str, raw: &RawOrderflowImport, own: bool, findings: &mut Findings<'_>) {
    let kind = raw.kind;
    if !own || !matches!(kind, ImportType::Order | ImportType::Product) {
        let message = format!(
            "OrderFlow can be told of orders placed and of catalogue products only, not of {kind} by \
             {}",
            raw.facet
        );
        findings.error(&format!("{key}.deliver_by"), message);
    }
    for (field, said) in
        [("mapping", raw.mapping.is_some()), ("operation", raw.operation.is_some())]
    {
        if said {
            let message = "OrderFlow fetches it itself, and nothing is sent that this could change";
            findings.error(&format!("{key}.{field}"), message);
        }
    }
}
