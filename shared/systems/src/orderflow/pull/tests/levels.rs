//! Levels: their place in order, and sites and lists that are refused.

use super::*;

fn sites() -> Orderflow {
    let sites = vec!["LEEDS".to_owned(), "YORK".to_owned()];
    orderflow(PullConfig { sites, ..PullConfig::default() })
}

#[tokio::test]
async fn a_level_with_one_of_the_two_counters_has_its_place_behind_what_was_heard() {
    let of = orderflow(PullConfig::default());
    let both = r#"lastStockChangeId="9001" lastLineRequirementChangeId="8123""#;
    for (counters, sequence, clock) in [
        (both, 17_124, "stock-change"),
        (r#"lastStockChangeId="9001""#, 1_500, "message-id"),
        (r#"lastLineRequirementChangeId="8123""#, 1_500, "message-id"),
        (r#"lastStockChangeId="9001" lastLineRequirementChangeId="""#, 1_500, "message-id"),
        (r#"lastStockChangeId="" lastLineRequirementChangeId="8123""#, 1_500, "message-id"),
    ] {
        let product = format!(r#"<product externalReference="MUG" available="3" {counters}/>"#);
        let body = format!("<inventory>{product}</inventory>");
        let page = pulled(&of, INVENTORY, (None, &[]), &[(200, &body)]).await.page.unwrap();
        let drafts = drafts(&of, INVENTORY, &page);
        let draft = part(&drafts[0]);
        assert_eq!((draft.sequence.0, draft.clock.0.as_str()), (sequence, clock), "{counters}");
    }
}

#[tokio::test]
async fn a_site_that_is_refused_does_not_keep_the_others_from_theirs() {
    let of = sites();
    let no = "<error>no such site</error>";
    let page = pulled(&of, INVENTORY, (None, &[]), &[(200, no)]).await.page.unwrap();
    assert_eq!((page.more, page.cursor.as_deref()), (true, Some("YORK")));
    assert_eq!(page.trouble.map(|refused| refused.detail).as_deref(), Some("no such site"));
    // The same of products that were woken.
    let answers = [(200, no), (200, LEEDS)];
    let page = pulled(&of, INVENTORY, (None, &["MUG-RED"]), &answers).await.page.unwrap();
    assert_eq!((page.records.len(), page.trouble.is_some()), (1, true));
    // What is about the whole instance is no site's.
    let page = pulled(&of, INVENTORY, (None, &[]), &[(401, "no")]).await.page;
    assert_eq!(page.unwrap_err().kind, FailureKind::Auth);
}

#[tokio::test]
async fn references_are_named_in_addresses_that_servers_take() {
    let of = orderflow(PullConfig::default());
    let keys: Vec<String> = (10..60).map(|n| format!("{n}{}", "ü".repeat(120))).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let answers = [(200, "<inventory/>"); 50];
    let found = pulled(&of, INVENTORY, (None, &keys), &answers).await;
    found.page.unwrap();
    assert!(found.asked.len() > 1 && found.asked.len() < 20, "{}", found.asked.len());
    assert!(found.asked.iter().all(|url| url.len() < 4_200));
    for key in keys {
        let key = url::encode(key);
        let named = found.asked.iter().filter(|url| url.contains(&key)).count();
        assert_eq!(named, 1, "{key}");
    }
}

#[tokio::test]
async fn a_list_that_a_server_finds_too_long_is_asked_for_in_halves() {
    let of = orderflow(PullConfig::default());
    let answers = [(414, ""), (200, LEEDS), (200, LEEDS)];
    let found = pulled(&of, INVENTORY, (None, &["A", "B", "C"]), &answers).await;
    assert_eq!(found.page.unwrap().records.len(), 2);
    let lists: Vec<&str> =
        found.asked.iter().map(|url| url.split_once("References=").unwrap().1).collect();
    assert_eq!(lists, ["A%2CB%2CC", "A", "B%2CC"]);
}
