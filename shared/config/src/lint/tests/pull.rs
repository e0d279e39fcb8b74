//! What an OrderFlow is asked for.

use super::{FINE, changed, told};

const SHOP: &str = "[systems.shop]\nkind = \"oro\"";

/// What is told of a warehouse that is pulled like this, without lines and its own name.
fn pulled(pull: &str) -> Vec<String> {
    let found = changed(SHOP, &format!("[systems.warehouse.pull]\n{pull}\n{SHOP}"));
    let told = found.iter().map(|told| told.split_once(": ").unwrap().1);
    told.map(|told| told.replace("systems.warehouse.pull.", "")).collect()
}

#[test]
fn a_warehouse_that_is_pulled_need_not_push() {
    let silent = FINE.replacen(
        "push = { user = { env = \"USER_B\" }, password = { env = \"PASSWORD_B\" } }\n",
        "",
        1,
    );
    assert_eq!(told(&silent).len(), 1);
    let timed = silent.replacen("facet = \"shipment\"", "facet = \"shipment\"\nevery = \"5m\"", 1);
    assert_eq!(told(&timed), [""; 0]);
}

#[test]
fn a_facet_that_a_report_is_mapped_to_can_be_routed() {
    let report = "[systems.warehouse.pull.reports.prices]\nkey = \"k\"\n\
                  schedule = { cron = \"0 6 * * *\" }\nfacet = \"catalogue\"\n\
                  mapping = \"Cargo.toml\"\n";
    let route = "[[routes]]\nname = \"products\"\nfrom = \"warehouse\"\nentity = \"product\"\n\
                 facet = \"catalogue\"\nto = [\"shop\"]\n";
    let with = |report: &str| {
        told(&format!("{}{route}", FINE.replacen(SHOP, &format!("{report}{SHOP}"), 1)))
    };
    assert_eq!(with(report), [""; 0]);
    assert!(with("")[0].ends_with("warehouse cannot say catalogue"), "{:?}", with(""));
}

#[test]
fn a_facet_that_is_never_asked_for_has_no_times() {
    let timed = |facet: &str, times: &str| {
        let route = format!("facet = \"{facet}\"\n{times}");
        changed("facet = \"shipment\"", &route)
    };
    for facet in ["shipment", "cancellation"] {
        assert_eq!(timed(facet, ""), [""; 0]);
    }
    assert_eq!(timed("shipment", "cron = \"*/5 * * * *\""), [""; 0]);
    for (times, at) in [("every = \"5m\"", "every"), ("cron = \"*/5 * * * *\"", "cron")] {
        let told = timed("cancellation", times);
        let expected = format!(
            "line 29: routes[1].{at}: warehouse says cancellation by pushes alone: this would do nothing"
        );
        assert_eq!(told, [expected]);
    }
    let report = "[systems.warehouse.pull.reports.back]\nkey = \"k\"\nfacet = \"return\"\n\
                  schedule = { every = \"1h\" }\nmapping = \"Cargo.toml\"\n";
    let text = FINE.replacen(SHOP, &format!("{report}{SHOP}"), 1).replacen(
        "facet = \"shipment\"",
        "facet = \"return\"\nevery = \"1h\"",
        1,
    );
    let told = told(&text);
    assert!(
        told.iter().any(|told| told.contains("by a report with a schedule of its own")),
        "{told:?}"
    );
}

#[test]
fn what_could_not_be_pulled_is_told_by_its_key() {
    for (pull, expected) in [
        ("window = \"0s\"", "window: nothing fits into no time"),
        ("sites = [\"LEEDS\", \"LEEDS\"]", "sites[1]: it must be a site, named once"),
        ("pending = {}", "pending: it must say `every` or `cron`"),
        ("pending = { cron = \"x\" }", "pending.cron: `x` is not a cron pattern"),
        (
            "reports.a = { key = \"k\", schedule = { every = \"1h\" }, facet = \"stock\" }",
            "reports.a: `facet` and `mapping` are given together, or not at all",
        ),
        (
            "reports.a = { key = \"k\", schedule = {} }",
            "reports.a.schedule: it must say `every` or `cron`",
        ),
    ] {
        let told = pulled(pull);
        assert!(matches!(&told[..], [one] if one.starts_with(expected)), "{pull}: {told:?}");
    }
}
