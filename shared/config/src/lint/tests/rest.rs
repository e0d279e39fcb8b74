//! What is written to a REST system.

use super::added;

/// A target that is fine; tests change a line of it. The mapping is any file there is.
const TARGET: &str = r#"
[systems.erp]
kind = "rest"
base_url = "https://erp.example"

[systems.erp.targets.customers]
facet = "profile"
mapping = "Cargo.toml"
create = "/api/customers"
update = "/api/customers/{key}"
look_up = "/api/customers?number={key}"
found = "/customers"
key = "/number"

[[routes]]
name = "customers"
from = "shop"
entity = "customer"
facet = "profile"
every = "30s"
to = ["erp"]
"#;

/// What is told of the target when one line of it becomes another, without lines.
fn changed(from: &str, to: &str) -> Vec<String> {
    assert!(TARGET.contains(from), "{from}");
    let found = added(&TARGET.replacen(from, to, 1));
    let told = found.iter().map(|told| told.split_once(": ").unwrap().1);
    told.map(|told| told.replace("systems.erp.targets.customers.", "")).collect()
}

#[test]
fn a_target_that_can_be_looked_up_is_fine() {
    assert_eq!(added(TARGET), [""; 0]);
    let by_id = "update = \"/api/by-id/{id}\"\nid = \"/id\"";
    assert_eq!(changed("update = \"/api/customers/{key}\"", by_id), [""; 0]);
    // Doing it again does it once.
    let put = TARGET.replace("create = \"/api/customers\"\n", "");
    let put =
        put.replace("look_up = \"/api/customers?number={key}\"\nfound = \"/customers\"\n", "");
    assert_eq!(added(&put), [""; 0]);
}

#[test]
fn what_is_created_must_be_found_again() {
    let look_up = "look_up = \"/api/customers?number={key}\"\n";
    let told = changed(look_up, "");
    assert!(matches!(&told[..], [one] if one.starts_with("look_up: what is created")), "{told:?}");
    let told = changed(
        &format!("create = \"/api/customers\"\nupdate = \"/api/customers/{{key}}\"\n{look_up}"),
        "update = \"/api/customers/{id}\"\n",
    );
    assert!(matches!(&told[..], [one] if one.contains("only a look-up by key")), "{told:?}");
}

#[test]
fn what_a_search_finds_is_told_from_its_answer_and_from_what_only_looks_like_it() {
    let told = changed("found = \"/customers\"\nkey = \"/number\"\n", "");
    assert!(matches!(&told[..], [one] if one.starts_with("found: `look_up` searches")), "{told:?}");
    let told = changed("key = \"/number\"\n", "");
    assert!(matches!(&told[..], [one] if one.starts_with("key: a search may find")), "{told:?}");
    let own = "\"/api/customers/{key}?full=1\"\n";
    let searched = "\"/api/customers?number={key}\"\nfound = \"/customers\"\nkey = \"/number\"\n";
    assert_eq!(changed(searched, own), [""; 0]);
}

#[test]
fn an_address_names_what_it_can_and_must() {
    let must = "it must name {key}, or all would be written to one";
    for (from, to, expected) in [
        ("/api/customers?number={key}", "/api/customers?number=", format!("look_up: {must}")),
        (
            "/api/customers?number={key}",
            "/api/customers/{id}",
            "look_up: it may name {key} in braces, and is part of an address".to_owned(),
        ),
        (
            "update = \"/api/customers/{key}\"",
            "update = \"/api/customers\"",
            "update: it must name {key} or {id}, or all would be written to one".to_owned(),
        ),
        (
            "create = \"/api/customers\"",
            "create = \"/api/customers/{key}\"",
            "create: it may name nothing in braces, and is part of an address".to_owned(),
        ),
        (
            "create = \"/api/customers\"",
            "create = \"api/customers\"",
            "create: it must start with `/`".to_owned(),
        ),
        (
            "\"/customers\"",
            "\"customers\"",
            "found: it must be a JSON pointer such as /customers".to_owned(),
        ),
        (
            "\"/number\"",
            "\"number\"",
            "key: it must be a JSON pointer such as /customers".to_owned(),
        ),
    ] {
        assert_eq!(changed(from, to), [expected], "{to}");
    }
}

#[test]
fn a_system_without_reading_and_writing_and_a_second_target_of_a_facet_are_found() {
    let told = added("[systems.erp]\nkind = \"rest\"\nbase_url = \"https://erp.example\"\n");
    assert!(told.iter().any(|told| told.contains("erp: it has neither `endpoints`")), "{told:?}");
    let second = "[systems.erp.targets.people]\nfacet = \"profile\"\nmapping = \"Cargo.toml\"\n\
                  update = \"/people/{key}\"\n\n[[routes]]";
    let told = changed("[[routes]]", second);
    assert!(told[0].ends_with("another target of this system takes profile already"), "{told:?}");
    assert_eq!(changed("to = [\"erp\"]", "to = [\"warehouse\"]").len(), 2);
}

#[test]
fn of_what_has_several_parts_each_would_overwrite_the_others() {
    for facet in ["stock", "shipment"] {
        let told =
            changed("facet = \"profile\"\nmapping", &format!("facet = \"{facet}\"\nmapping"));
        assert!(told.iter().any(|told| told.starts_with("facet: one ")), "{told:?}");
    }
}

#[test]
fn two_targets_of_one_entity_share_no_id() {
    let second = |line: &str| {
        let second = format!(
            "[systems.erp.targets.changes]\nfacet = \"cancellation\"\nmapping = \"Cargo.toml\"\n\
             update = \"/changes/{{key}}\"\n\n[systems.erp.targets.orders]\nfacet = \"placed\"\n\
             mapping = \"Cargo.toml\"\n{line}\n\n[[routes]]"
        );
        let told = changed("[[routes]]", &second);
        told.into_iter().filter(|told| told.contains("one id")).collect::<Vec<_>>()
    };
    assert_eq!(second("update = \"/orders/{key}\""), [""; 0]);
    let by_id = "update = \"/orders/{id}\"\nlook_up = \"/orders/{key}\"";
    let told = second(by_id);
    assert!(
        matches!(&told[..], [one] if one.contains("targets.orders.update: target changes")),
        "{told:?}"
    );
    let told = second("update = \"/orders/{key}\"\nid = \"/id\"");
    assert!(
        matches!(&told[..], [one] if one.contains("targets.orders.id: target changes")),
        "{told:?}"
    );
}
