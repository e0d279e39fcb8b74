//! What an export has to say to be one.

use super::{FINE, told};

/// The orders go to the accounts as well, which read a folder in the evening.
const EXPORT: &str = r#"
[systems.accounts]
kind = "export"
format = "csv"
columns = ["order", "total"]
folder = "accounts"
cron = "0 18 * * *"

[systems.accounts.parts.orders]
facet = "placed"
mapping = "order.jq"
"#;

/// What is told of the export when one of its lines becomes another, without lines; that the mapping is
/// not beside it is left out.
fn changed(from: &str, to: &str) -> Vec<String> {
    assert!(EXPORT.contains(from), "{from}");
    let fine = FINE.replacen("to = [\"warehouse\"]", "to = [\"warehouse\", \"accounts\"]", 1);
    let found = told(&format!("{fine}{}", EXPORT.replacen(from, to, 1)));
    let message = |told: String| {
        let (head, rest) = told.split_once(": ").unwrap();
        let warning = if head.starts_with("warning ") { "warning " } else { "" };
        format!("{warning}{rest}")
    };
    found.into_iter().map(message).filter(|told| !told.contains("there is no file")).collect()
}

const CRON: &str = "cron = \"0 18 * * *\"";
const FOLDER: &str = "folder = \"accounts\"";
const KEY: &str = "systems.accounts";
const HOST_KEYS: &str = "host_keys = [\"SHA256:uNiVztksCsDhcc0u9e8BrsMmvfNgUkAgBwy7VH5TSlQ\"]";
const PASSWORD: &str = "password = { env = \"ACCOUNTS_PASSWORD\" }";

/// An account at a server, and what else is said of it.
fn sftp(more: &[&str]) -> String {
    let more = more.join(", ");
    format!("sftp = {{ host = \"partner.example\", user = \"acme\", {more} }}")
}

#[test]
fn an_export_that_says_what_when_and_where_is_fine() {
    for (from, to) in [
        (CRON, CRON),
        (CRON, "every = \"1h\""),
        (CRON, "flush_after = \"10m\""),
        (CRON, "flush_at = 100\nflush_after = \"10m\"\nevery = \"1d\""),
        (FOLDER, "http = { url = \"https://accounts.example/in\", method = \"put\" }"),
        (FOLDER, &sftp(&[PASSWORD, HOST_KEYS])),
        (FOLDER, &sftp(&["key = { file = \"login\" }", HOST_KEYS, "port = 2222, folder = \"in\""])),
        (FOLDER, "folder = \"accounts\"\nname = \"orders-{number}.txt\"\ndelimiter = \"tab\""),
        (
            "format = \"csv\"\ncolumns = [\"order\", \"total\"]",
            "format = \"xml\"\nhead = \"<orders>\"",
        ),
    ] {
        assert_eq!(changed(from, to), [""; 0], "{to}");
    }
}

#[test]
fn an_export_that_would_never_go_anywhere_is_refused() {
    let cases = [
        (CRON, "", "nothing says when: `every`, `cron`, `flush_at` or `flush_after`"),
        (FOLDER, "", "nothing says where to: `folder`, `http` or `sftp`"),
        (
            FOLDER,
            "folder = \"a\"\nhttp = { url = \"https://accounts.example\" }",
            "`folder`, `http` and `sftp` exclude each other",
        ),
        ("columns = [\"order\", \"total\"]", "", "csv needs `columns`"),
    ];
    for (from, to, expected) in cases {
        assert_eq!(changed(from, to), [format!("{KEY}: {expected}")], "{to}");
    }
}

#[test]
fn what_would_take_two_documents_for_one_is_refused() {
    for (name, expected) in [
        ("orders.csv", "it must hold {number}"),
        ("in/{number}.csv", "it must be the name of a file"),
        (".{number}", "it must be the name of a file"),
    ] {
        let found = changed(FOLDER, &format!("{FOLDER}\nname = \"{name}\""));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&format!("{KEY}.name: {expected}")), "{found:?}");
    }
}

#[test]
fn documents_do_not_go_over_plain_http_unless_somebody_says_so() {
    let http = |more: &str| {
        let to = format!("http = {{ url = \"http://accounts.example/in\"{more} }}");
        changed(FOLDER, &to)
    };
    assert_eq!(http("").len(), 1);
    assert!(http("")[0].starts_with(&format!("{KEY}.http.url: ")), "{:?}", http(""));
    assert_eq!(http(", allow_plain_http = true"), [""; 0]);
}

#[test]
fn what_does_not_answer_has_no_rules_about_answers() {
    const RULE: &str =
        "[[systems.accounts.responses]]\nname = \"seen\"\nstatus = \"409\"\nthen = \"rejected\"";
    let with = |way: &str| {
        changed("mapping = \"order.jq\"", &format!("mapping = \"order.jq\"\n{way}\n{RULE}"))
    };
    assert_eq!(with(""), [format!("{KEY}.responses: only `http` answers")]);
}

#[test]
fn a_server_is_named_and_known_and_so_are_we() {
    let both = format!("{PASSWORD}, key = {{ file = \"login\" }}");
    let cases: [(&[&str], &str); 6] = [
        (&[HOST_KEYS], ": nothing shows who we are"),
        (&[HOST_KEYS, &both], ": `password` and `key` exclude each other"),
        (&[PASSWORD, "host_keys = []"], ".host_keys: without a key"),
        (&[PASSWORD, "host_keys = [\"MD5:ab:cd\"]"], ".host_keys[0]: it must be SHA256:"),
        (&[PASSWORD, HOST_KEYS, "port = 0"], ".port: it must be at least 1"),
        (&["password = {}", HOST_KEYS], ".password: a secret is"),
    ];
    for (said, expected) in cases {
        let found = changed(FOLDER, &sftp(said));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&format!("{KEY}.sftp{expected}")), "{found:?}");
    }
    let named = sftp(&[PASSWORD, HOST_KEYS]).replace("partner.example", "two words");
    assert_eq!(changed(FOLDER, &named).len(), 1);
}

#[test]
fn the_last_parts_of_a_day_are_told_of_where_they_would_wait_for_others() {
    let found = changed(CRON, "flush_at = 100");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with(&format!("warning {KEY}.flush_at: ")), "{found:?}");
}

#[test]
fn what_belongs_to_another_format_is_told_by_its_key() {
    for (more, key) in [("head = \"<a>\"", "head"), ("imports_of = \"warehouse\"", "imports_of")] {
        let found = changed(FOLDER, &format!("{FOLDER}\n{more}"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&format!("{KEY}.{key}: only ")), "{found:?}");
    }
}

#[test]
fn orderflow_documents_are_those_of_a_system_that_is_there() {
    let format = "format = \"csv\"\ncolumns = [\"order\", \"total\"]";
    let parts = "[systems.accounts.parts.orders]\nfacet = \"placed\"\nmapping = \"order.jq\"\n";
    let whole = |of: &str| {
        let export = EXPORT.replacen(parts, "", 1);
        let export = export.replacen(format, &format!("format = \"orderflow\"\n{of}"), 1);
        let fine = FINE.replacen("to = [\"warehouse\"]", "to = [\"warehouse\", \"accounts\"]", 1);
        told(&format!("{fine}{export}"))
    };
    assert_eq!(whole("imports_of = \"warehouse\""), Vec::<String>::new());
    for of in ["", "imports_of = \"shop\"", "imports_of = \"nobody\""] {
        let found = whole(of);
        assert!(found.iter().any(|told| told.contains("`imports_of` has to name")), "{found:?}");
    }
}

#[test]
fn an_export_takes_the_facets_that_it_has_a_mapping_for() {
    let found = changed("facet = \"placed\"", "facet = \"shipment\"");
    assert_eq!(found, ["routes[0].to[1]: accounts cannot take placed"]);
}
