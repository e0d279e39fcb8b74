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
    stock(name, raw, findings);
}

/// The shop's one level is the sum of what is brought to it: as a source it would say that again, as a
/// site of its own.
fn stock(name: &str, raw: &RawConfig, findings: &mut Findings<'_>) {
    let of_stock =
        || raw.routes.iter().enumerate().filter(|(_, route)| route.facet == Facet::Stock);
    let brings = of_stock().find(|(_, route)| route.to.iter().any(|target| target == name));
    let Some((_, brings)) = brings else { return };
    for (index, _) in of_stock().filter(|(_, route)| route.from == name) {
        let message = format!(
            "`{}` brings stock to {name}: its level is the sum of that, and nobody could tell what \
             is its own",
            brings.name
        );
        findings.error(&format!("routes[{index}].from"), message);
    }
}
