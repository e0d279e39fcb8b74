mod contests;
mod exports;
mod files;
mod imports;
mod named;
mod pull;
mod responses;
mod rest;
mod scans;
mod schedules;
mod webhooks;

use super::*;

/// Two systems that fit together; tests change a line of it.
const FINE: &str = r#"[systems.warehouse]
kind = "orderflow"
base_url = "https://wms.example/web"
organisation = "acme"
channel = "web"
user = { env = "USER_A" }
password = { env = "PASSWORD_A" }
push = { user = { env = "USER_B" }, password = { env = "PASSWORD_B" } }

[systems.shop]
kind = "oro"
base_url = "https://shop.example"
client_id = { env = "ID" }
client_secret = { env = "SECRET" }

[[routes]]
name = "orders"
from = "shop"
entity = "order"
facet = "placed"
every = "30s"
to = ["warehouse"]

[[routes]]
name = "shipments"
from = "warehouse"
entity = "order"
facet = "shipment"
to = ["shop"]
"#;

fn told(text: &str) -> Vec<String> {
    let level = |finding: &Finding| if finding.is_error() { "" } else { "warning " };
    lint(text, Path::new("")).iter().map(|finding| format!("{}{finding}", level(finding))).collect()
}

/// What is told when one line of what is fine becomes another.
fn changed(from: &str, to: &str) -> Vec<String> {
    assert!(FINE.contains(from), "{from}");
    told(&FINE.replacen(from, to, 1))
}

fn added(text: &str) -> Vec<String> {
    told(&format!("{FINE}{text}"))
}

#[test]
fn what_is_fine_has_no_findings() {
    assert_eq!(told(FINE), Vec::<String>::new());
}

#[test]
fn every_unknown_key_is_found_with_its_line_and_its_nearest_match() {
    let text = FINE
        .replacen("organisation =", "organization =", 1)
        .replacen("every =", "evry =", 1)
        .replacen("{ env = \"ID\" }", "{ env = \"ID\", defualt = \"x\" }", 1)
        + "[brokers]\nprefix = \"x\"\n[retry.missing_refs]\n";
    assert_eq!(
        told(&text),
        [
            "line 1: systems.warehouse: `organisation` is missing",
            "line 4: systems.warehouse.organization: unknown key `organization`; did you mean \
             `organisation`?",
            "line 13: systems.shop.client_id.defualt: unknown key `defualt`; did you mean \
             `default`?",
            "line 21: routes[0].evry: unknown key `evry`; did you mean `every`?",
            "line 30: brokers: unknown key `brokers`; did you mean `broker`?",
            "line 32: retry.missing_refs: unknown key `missing_refs`; did you mean \
             `missing_reference`?",
        ]
    );
}

#[test]
fn a_key_that_resembles_none_lists_those_that_are_known() {
    let told = added("[store]\nxyzzy = 1\n");
    assert_eq!(told, ["line 31: store.xyzzy: unknown key `xyzzy`; known are: folder, url"]);
}

#[test]
fn files_and_a_database_at_once_are_no_store() {
    let database = "url = { env = \"FERRY_STORE_URL\" }\n";
    assert_eq!(added(&format!("[store]\n{database}")), [""; 0]);
    let told = added(&format!("[store]\nfolder = \"state\"\n{database}"));
    assert!(matches!(&told[..], [both] if both.contains("two stores")), "{told:?}");
}

#[test]
fn wrong_types_and_words_are_found_all_at_once() {
    let text = FINE
        .replacen("channel = \"web\"", "channel = 5", 1)
        .replacen("facet = \"placed\"", "facet = \"place\"", 1)
        .replacen("\"30s\"", "\"30 seconds\"", 1)
        .replacen("kind = \"oro\"", "kind = \"oros\"", 1)
        + "[broker]\nprefetch = 0\nlevels = \"5s\"\ndeclare = \"yes\"\n[log]\nlevel = \"inf\"\n";
    assert_eq!(
        told(&text),
        [
            "line 5: systems.warehouse.channel: it must be text in quotes",
            "line 11: systems.shop.kind: unknown kind `oros`; did you mean `oro`?",
            "line 20: routes[0].facet: unknown word `place`; did you mean `placed`?",
            "line 21: routes[0].every: `30 seconds` is not a duration such as 500ms, 30s, 2m, 2h \
             or 1d",
            "line 31: broker.prefetch: it must be at least 1",
            "line 32: broker.levels: it must be an array: [ … ]",
            "line 33: broker.declare: it must be true or false",
            "line 35: log.level: unknown word `inf`; did you mean `info`?",
        ]
    );
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let syntax = told("[broker]\nprefix = \n");
    assert!(syntax.len() == 1 && syntax[0].starts_with("line 2: "), "{syntax:?}");
    let address = told("[producer]\nlisten = \"localhost\"\n");
    assert_eq!(address, ["line 2: producer.listen: invalid socket address syntax"]);
}

#[test]
fn routes_that_lead_nowhere_are_found() {
    for (from, to, expected) in [
        ("to = [\"warehouse\"]", "to = []", "line 22: routes[0].to: the route has no target"),
        (
            "to = [\"warehouse\"]",
            "to = [\"warehose\"]",
            "line 22: routes[0].to[0]: unknown system `warehose`; did you mean `warehouse`?",
        ),
        (
            "to = [\"warehouse\"]",
            "to = [\"warehouse\", \"shop\"]",
            "line 22: routes[0].to[1]: shop would be told what it said itself",
        ),
        (
            "to = [\"warehouse\"]",
            "to = [\"warehouse\", \"warehouse\"]",
            "line 22: routes[0].to[1]: warehouse is named twice",
        ),
        (
            "from = \"warehouse\"",
            "from = \"wms\"",
            "line 26: routes[1].from: unknown system `wms`; known are: shop, warehouse",
        ),
        (
            "facet = \"placed\"",
            "facet = \"stock\"",
            "line 20: routes[0].facet: the facet stock belongs to product, not to order",
        ),
        (
            "facet = \"placed\"",
            "facet = \"cancellation\"",
            "line 18: routes[0].from: shop cannot say cancellation",
        ),
        (
            "every = \"30s\"\n",
            "",
            "line 17: routes[0].every: shop is polled for placed: say `every` or `cron`",
        ),
        (
            "every = \"30s\"",
            "every = \"0s\"",
            "line 21: routes[0].every: it would be asked without rest",
        ),
        (
            "every = \"30s\"",
            "every = \"200ms\"",
            "warning line 21: routes[0].every: more than once a second is a burden to the source",
        ),
        (
            "push = { user = { env = \"USER_B\" }, password = { env = \"PASSWORD_B\" } }",
            "",
            "warning line 26: routes[1].from: warehouse has no `push`, so what it pushes is refused",
        ),
        (
            "name = \"shipments\"",
            "name = \"orders\"",
            "line 25: routes[1].name: another route has this name",
        ),
    ] {
        assert!(changed(from, to).contains(&expected.to_owned()), "{to}: {:?}", changed(from, to));
    }
}

#[test]
fn pushers_are_told_apart_by_what_they_name_and_present() {
    let push = "push = { user = { env = \"USER_B\" }, password = { env = \"PASSWORD_B\" } }";
    let both = "user = { env = \"U\" }, password = { env = \"P\" }";
    for (scopes, expected) in [
        (format!("[{{ channel = \"web\", {both} }}]"), None),
        (format!("[{{ {both} }}]"), Some("scopes[0]: it must name a `channel`")),
        (
            format!("[{{ channel = \"web\", {both} }}, {{ channel = \"web\", {both} }}]"),
            Some("scopes[1]: another scope names the same"),
        ),
        ("[]".to_owned(), Some("nobody could push")),
    ] {
        let found = changed(push, &format!("push = {{ scopes = {scopes} }}"));
        match expected {
            None => assert_eq!(found, Vec::<String>::new()),
            Some(expected) => {
                assert!(found.iter().any(|told| told.contains(expected)), "{found:?}");
            }
        }
    }
    let half = changed(push, "push = { user = { env = \"USER_B\" } }");
    assert!(half[0].contains("are given together"), "{half:?}");
}

#[test]
fn a_target_that_cannot_take_a_facet_is_found() {
    let told = added(
        "[[routes]]\nname = \"x\"\nfrom = \"shop\"\nentity = \"product\"\nfacet = \"catalogue\"\nto = [\"warehouse\"]\n",
    );
    assert_eq!(told, ["line 32: routes[2].from: shop cannot say catalogue"]);
    let told = added(
        "[[routes]]\nname = \"x\"\nfrom = \"shop\"\nentity = \"product\"\nfacet = \"stock\"\nevery = \"30m\"\nto = [\"warehouse\"]\n",
    );
    assert_eq!(told, ["line 36: routes[2].to[0]: warehouse cannot take stock"]);
}

#[test]
fn one_source_and_facet_make_one_route() {
    let again = "[[routes]]\nname = \"again\"\nfrom = \"warehouse\"\nentity = \"order\"\nfacet = \"shipment\"\nto = [\"shop\"]\n";
    assert_eq!(
        added(again),
        [
            "line 32: routes[2].from: `shipments` routes shipment of warehouse already; name all its \
          targets in one route"
        ]
    );
}

#[test]
fn two_sources_of_one_facet_need_a_policy() {
    let second = "[systems.depot]
kind = \"orderflow\"
base_url = \"https://depot.example\"
organisation = \"acme\"
channel = \"web\"
user = { env = \"USER_A\" }
password = { env = \"PASSWORD_A\" }
push = { user = { env = \"USER_B\" }, password = { env = \"PASSWORD_B\" } }
[[routes]]
name = \"depot shipments\"
from = \"depot\"
entity = \"order\"
facet = \"shipment\"
to = [\"shop\"]
";
    let found = added(second);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[1].contains("`shipments` brings shipment to the same target"), "{found:?}");
    let meant = format!("{FINE}conflict = \"last-write\"\n{second}conflict = \"last-write\"\n");
    assert_eq!(told(&meant), Vec::<String>::new());
    let needless = told(&format!("{FINE}conflict = \"last-write\"\n"));
    assert_eq!(
        needless,
        ["warning line 30: routes[1].conflict: no other source brings this facet to these targets"]
    );
}

#[test]
fn names_that_amqp_cannot_carry_are_found() {
    let told = added(
        "[broker]\nprefix = \"a.b\"\n[systems.\"The Shop\"]\nkind = \"files\"\nfolder = \"x\"\nfiles = {}\n",
    );
    assert_eq!(
        told,
        [
            "line 31: broker.prefix: `a.b` is not a name: 1 to 40 of lower-case letters, digits \
             and hyphens",
            "line 32: systems.The Shop: `The Shop` is not a name: 1 to 40 of lower-case letters, \
             digits and hyphens",
            "warning line 32: systems.The Shop: no route names it",
        ]
    );
}

#[test]
fn delays_and_lengths_that_cannot_work_are_found() {
    for (text, expected) in [
        ("[broker]\nlevels = []", "broker.levels: no delay level is configured"),
        ("[broker]\nlevels = [\"30s\", \"5s\"]", "broker.levels: levels must grow"),
        ("[broker]\nlevels = [\"0s\"]", "broker.levels: a delay level of 0 ms"),
        (
            "[retry]\nschedule = [\"1s\"]",
            "retry.schedule: 1s waits 5s, the smallest of broker.levels",
        ),
        ("[retry]\nschedule = [\"30s\", \"5s\"]", "retry.schedule: delays must not shrink"),
        ("[retry]\nschedule = [\"0ms\"]", "retry.schedule: a delay of zero"),
        ("[retry]\nschedule = []", "retry.schedule: it is empty"),
        (
            "[retry]\ngive_up_after = \"1s\"",
            "retry.give_up_after: 1s ends before the first delay of 5s",
        ),
        (
            "[retry.missing_reference]\ngive_up_after = \"1s\"",
            "retry.missing_reference.give_up_after: 1s ends before",
        ),
        (
            "[[routes]]\nname = \"c\"\nfrom = \"warehouse\"\nentity = \"order\"\nfacet = \"cancellation\"\nto = [\"shop\"]\nretry = { give_up_after = \"1s\" }",
            "routes[2].retry.give_up_after: 1s ends before",
        ),
    ] {
        let told = added(text);
        assert!(told.iter().any(|told| told.contains(expected)), "{text}: {told:?}");
        assert!(told.iter().all(|told| told.contains("line 3")), "{text}: {told:?}");
    }
    let told = changed(
        "channel = \"web\"",
        "channel = \"web\"\ntimeout = \"60s\"\nsettle_after = \"30s\"",
    );
    assert!(
        told[0].starts_with("line 7: systems.warehouse.settle_after: 30s is shorter"),
        "{told:?}"
    );
    let told = changed("channel = \"web\"", "channel = \"web\"\ntime_zone = \"Europe/Londn\"");
    assert!(
        told[0].starts_with("line 6: systems.warehouse.time_zone: it is not an IANA"),
        "{told:?}"
    );
}

#[test]
fn credentials_over_plain_http_are_found() {
    let url = "https://shop.example";
    for fine in ["http://localhost:80", "http://127.0.0.1/x", "http://[::1]:8080", "https://x"] {
        assert_eq!(changed(url, fine), Vec::<String>::new(), "{fine}");
    }
    for wrong in [
        "http://shop.example",
        "http://127.0.0.1.evil.example",
        "shop.example",
        "https://",
        "https://user:pass@shop.example",
        "https://shop.example/?x=1",
        "ftp://shop.example",
    ] {
        assert_eq!(changed(url, wrong).len(), 1, "{wrong}");
    }
    let broker = added("[broker]\nmanagement_url = \"http://broker:15672\"\n");
    let told = "line 31: broker.management_url: credentials would go over plain HTTP: use https://";
    assert_eq!(broker, [told]);
    let allowed = changed(
        "base_url = \"https://shop.example\"",
        "base_url = \"http://shop\"\nallow_plain_http = true",
    );
    assert_eq!(allowed, Vec::<String>::new());
    let open = added("[producer]\nlisten = \"0.0.0.0:7080\"\n");
    assert!(open[0].starts_with("line 31: producer.listen: pushes carry credentials"), "{open:?}");
    let behind = added("[producer]\nlisten = \"0.0.0.0:7080\"\nbehind_proxy = true\n");
    assert_eq!(behind, Vec::<String>::new());
    let tls = "tls = { certificate = \"tls.pem\", key = \"tls.key\" }\n";
    let spoken = added(&format!("[producer]\nlisten = \"0.0.0.0:7080\"\n{tls}"));
    assert_eq!(spoken, Vec::<String>::new());
    let local = added(&format!("[producer]\n{tls}"));
    assert!(local[0].starts_with("warning line 31: producer.tls"), "{local:?}");
    let console = added("[console]\nlisten = \"0.0.0.0:7083\"\n");
    let behind = added("[console]\nlisten = \"0.0.0.0:7083\"\nbehind_proxy = true\n");
    assert_eq!(behind, Vec::<String>::new());
    assert!(console[0].starts_with("line 31: console.listen: anyone"), "{console:?}");
}

#[test]
fn a_secret_is_one_thing_and_a_mapping_is_there() {
    let told = changed("{ env = \"ID\" }", "{ env = \"ID\", file = \"/x\" }");
    assert_eq!(told, ["line 13: systems.shop.client_id: `env` and `file` exclude each other"]);
    let told = changed("{ env = \"ID\" }", "{}");
    assert!(told[0].contains("a secret is { env = \"NAME\" }"), "{told:?}");
    let told = changed("{ env = \"ID\" }", "\"plain\"");
    assert!(told[0].contains("it must be a table"), "{told:?}");
    let told = added(
        "[systems.drop]\nkind = \"files\"\nfolder = \"x\"\nfiles.p = { pattern = \"a/b\", format = \"csv\", facet = \"catalogue\", mapping = \"no.jq\" }\n",
    );
    assert!(told.iter().any(|told| told.contains("mapping: there is no file no.jq")), "{told:?}");
    assert!(told.iter().any(|told| told.contains("pattern: it must be the pattern")), "{told:?}");
}

#[test]
fn limits_and_care_that_cannot_work_are_found() {
    let of_shop = |text: &str| {
        changed(
            "[[routes]]\nname = \"orders\"",
            &format!("{text}\n\n[[routes]]\nname = \"orders\""),
        )
    };
    let fine = "[systems.shop.limits]\nconcurrency = 4\nconcurrency_min = 4\nrate = 1\nburst = 9\n\
                [[systems.shop.maintenance]]\nfrom = \"22:00\"\nto = \"02:00\"\ntime_zone = \"UTC\"";
    assert_eq!(of_shop(fine), Vec::<String>::new());
    for (text, found) in [
        ("[systems.shop.limits]\nconcurrency = 0", "it must be at least 1"),
        ("[systems.shop.limits]\nconcurrency_min = 9", "more than `concurrency`, which is 8"),
        ("[systems.shop.limits]\nrate = 0", "it must be at least 1"),
        ("[systems.shop.limits]\nburst = 5", "means nothing without `rate`"),
        ("[systems.shop.care]\nfailing_entities = 1", "it must be at least 2"),
        ("[systems.shop.care]\nprobe_every = \"0s\"", "without a pause"),
        ("[systems.shop.care]\nprobe_at_most = \"10ms\"", "shorter than `probe_every`"),
        (
            "[[systems.shop.maintenance]]\nfrom = \"2:00\"\nto = \"04:00\"\ntime_zone = \"UTC\"",
            "not a time of day",
        ),
        (
            "[[systems.shop.maintenance]]\nfrom = \"04:00\"\nto = \"04:00\"\ntime_zone = \"UTC\"",
            "a whole day",
        ),
        (
            "[[systems.shop.maintenance]]\nfrom = \"03:00\"\nto = \"04:00\"\ntime_zone = \"Mars\"",
            "not an IANA time zone",
        ),
    ] {
        let told = of_shop(text);
        assert!(told.iter().any(|told| told.contains(found)), "{text}: {told:?}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_lint_panic(text in "[\\[\\]a-z.={}\"', \n0-9#-]{0,120}") {
        let _ = lint(&text, Path::new(""));
    }

    #[test]
    fn no_cut_of_a_file_makes_the_lint_panic(at in 0..FINE.len(), with in "\\PC{0,3}") {
        let _ = lint(&format!("{}{with}", &FINE[..at]), Path::new(""));
    }
}

#[test]
fn alerts_that_reach_nobody_or_tell_secrets_on_the_way_are_found() {
    let mail = |fields: &str| {
        added(&format!(
            "[alerts.mail]\nhost = \"mx.example\"\nfrom = \"ferry@a.example\"\n{fields}"
        ))
    };
    assert_eq!(mail("to = [\"ops@a.example\"]\ntls = \"none\""), Vec::<String>::new());
    assert_eq!(
        mail("to = []\nuser = { env = \"A\" }\npassword = { env = \"B\" }\ntls = \"none\""),
        [
            "line 33: alerts.mail.to: it must name somebody",
            "line 36: alerts.mail.tls: credentials would go over a plain connection",
        ]
    );
    assert_eq!(
        mail("to = [\"Ops <ops@a.example>\"]\nuser = { env = \"A\" }"),
        [
            "line 30: alerts.mail: `user` and `password` are given together, or not at all",
            "line 33: alerts.mail.to: it must be an address such as ops@example.com, without a name",
        ]
    );
    assert_eq!(
        added(
            "[alerts]\nevery = \"0s\"\nquiet_after = \"0s\"\nwebhook = { url = { file = \"a\", env = \"b\" } }"
        ),
        [
            "line 31: alerts.every: looking all the time would leave time for nothing else",
            "line 33: alerts.webhook.url: `env` and `file` exclude each other",
        ]
    );
    assert_eq!(
        added("[alerts]\nrepeat_every = \"9s\"\nquiet_after = \"9s\""),
        [
            "line 31: alerts.repeat_every: 9s is shorter than alerts.every",
            "line 32: alerts.quiet_after: 9s is shorter than alerts.every",
        ]
    );
}
