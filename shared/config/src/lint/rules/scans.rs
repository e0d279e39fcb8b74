//! Walks over all rows of a shop's lists.

use ferry_canonical::Facet;

use super::{Findings, systems};
use crate::raw::{RawConfig, RawOro};

pub(super) fn check(name: &str, shop: &RawOro, raw: &RawConfig, findings: &mut Findings<'_>) {
    let key = format!("systems.{name}");
    let says =
        |facet: Facet| raw.routes.iter().any(|route| route.from == name && route.facet == facet);
    let scans = [
        ("customers", Facet::Profile, &shop.scan.customers),
        ("orders", Facet::Placed, &shop.scan.orders),
    ];
    for (what, facet, schedule) in scans {
        let Some(schedule) = schedule else { continue };
        let key = format!("{key}.scan.{what}");
        systems::timed(&key, schedule, findings);
        if !says(facet) {
            findings.warning(&key, format!("no route takes {what} from {name}"));
        }
    }
    if shop.stock_site.as_ref().is_some_and(|site| site.trim().is_empty()) {
        findings.error(&format!("{key}.stock_site"), "a site has a name");
    }
    let stock = "its level is the sum of that";
    brought(name, raw, (Facet::Stock, stock), findings);
    let prices = "prices of others stand beside them";
    brought(name, raw, (Facet::Price, prices), findings);
    if says(Facet::Price) && shop.price_lists.is_empty() {
        let message = "a route takes prices from it, list by list: name the lists";
        findings.error(&format!("{key}.price_lists"), message);
    }
}

/// What is brought to the shop stands in it together with what is there: as a source it would say that
/// again as its own.
fn brought(
    name: &str,
    raw: &RawConfig,
    (facet, because): (Facet, &str),
    findings: &mut Findings<'_>,
) {
    let of_facet = || raw.routes.iter().enumerate().filter(|(_, route)| route.facet == facet);
    let brings = of_facet().find(|(_, route)| route.to.iter().any(|target| target == name));
    let Some((_, brings)) = brings else { return };
    for (index, _) in of_facet().filter(|(_, route)| route.from == name) {
        let message = format!(
            "`{}` brings {facet} to {name}: {because}, and nobody could tell what is its own; leave one \
             of the two routes out",
            brings.name
        );
        findings.error(&format!("routes[{index}].from"), message);
    }
}
