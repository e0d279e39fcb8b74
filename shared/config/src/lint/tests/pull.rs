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
            "reports.a = { key = \"k\", schedule = { every = \"1h\" }, facet = \"return\" }",
            "reports.a: `facet` and `mapping` are given together, or not at all",
        ),
        (
            "reports.a = { key = \"k\", schedule = { every = \"1h\" }, facet = \"stock\", \
             mapping = \"Cargo.toml\" }",
            "reports.a.facet: a report has not the counters by which levels have their order",
        ),
        (
            "reports.a = { key = \"k\", schedule = { every = \"1h\" }, group = [\"x\"] }",
            "reports.a.group: without a `mapping` nothing is made of rows",
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

#[test]
fn how_far_back_despatches_are_read_is_of_no_use_where_nobody_pulls_them() {
    let told = pulled("overlap = \"1h\"");
    let expected = "overlap: despatches are not pulled: no route of its shipments says when";
    assert!(matches!(&told[..], [one] if one == expected), "{told:?}");
    let timed = FINE
        .replacen(SHOP, &format!("[systems.warehouse.pull]\noverlap = \"1h\"\n{SHOP}"), 1)
        .replacen("facet = \"shipment\"", "facet = \"shipment\"\nevery = \"5m\"", 1);
    assert_eq!(super::told(&timed), [""; 0]);
}

#[test]
fn what_another_channel_pushes_in_vain_is_said_not_to_be_found() {
    let scope = |channel: &str| {
        let scope = format!(
            "[[systems.warehouse.push.scopes]]\nchannel = \"{channel}\"\n\
             user = {{ env = \"U\" }}\npassword = {{ env = \"P\" }}\n"
        );
        let push = "[systems.warehouse.push]\nuser = { env = \"USER_B\" }\n\
                    password = { env = \"PASSWORD_B\" }\n";
        FINE.replacen(
            "push = { user = { env = \"USER_B\" }, password = { env = \"PASSWORD_B\" } }\n",
            "",
            1,
        )
        .replacen(SHOP, &format!("{push}{scope}{SHOP}"), 1)
    };
    let timed = |text: &str| {
        text.replacen("facet = \"shipment\"", "facet = \"shipment\"\nevery = \"5m\"", 1)
    };
    assert_eq!(told(&scope("outlet")), [""; 0]);
    assert_eq!(told(&timed(&scope("web"))), [""; 0]);
    let told = told(&timed(&scope("outlet")));
    assert!(
        matches!(&told[..], [one] if one.contains("push.scopes[0]: it pushes, but lists")),
        "{told:?}"
    );
}
