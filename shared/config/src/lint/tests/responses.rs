//! What answers mean.

use super::added;

const FINE: &str = r#"[[systems.warehouse.responses]]
name = "closed"
status = "200"
when = [{ path = "/response/reason", matches = "(?i)closed" }]
then = "rejected"
message = "/response/reason"
"#;

/// What is told where one line of a rule becomes another, without the place.
fn rule(from: &str, to: &str) -> Vec<String> {
    assert!(FINE.contains(from), "{from}");
    let told = added(&FINE.replacen(from, to, 1)).into_iter();
    let told = told.map(|told| told.split_once(": ").unwrap().1.to_owned());
    told.map(|told| told.replace("systems.warehouse.responses[0]", "it")).collect()
}

#[test]
fn a_rule_that_can_be_read_has_no_findings() {
    assert_eq!(added(FINE), [""; 0]);
    let shop = FINE.replace("warehouse", "shop");
    assert_eq!(added(&shop), [""; 0]);
}

#[test]
fn what_is_wrong_with_a_rule_is_told_with_its_line_its_name_and_its_field() {
    let told = added(&FINE.replace("(?i)closed", "("));
    let [one] = &told[..] else { panic!("{told:?}") };
    let line = super::FINE.lines().count() + 4;
    let expected =
        format!("line {line}: systems.warehouse.responses[0].when[0].matches: rule `closed`: ");
    assert!(one.starts_with(&expected), "{one}");
    for (from, to, expected) in [
        ("\"200\"", "\"2xx\"", "it.status: rule `closed`: `2xx` is not a status"),
        ("/response/reason\", matches", "reason\", matches", "it.when[0].path: rule `closed`: "),
        (
            "\"/response/reason\"\n",
            "\"reason\"\n",
            "it.message: rule `closed`: `reason` is not a path",
        ),
        ("\"closed\"", "\"orderflow: closed\"", "it.name: rule `orderflow: closed`: so begin"),
        ("\"rejected\"", "\"denied\"", "it.then: unknown word `denied`"),
        ("matches", "match", "it.when[0].match: unknown key `match`; did you mean `matches`?"),
    ] {
        let told = rule(from, to);
        assert!(matches!(&told[..], [one] if one.starts_with(expected)), "{told:?}");
    }
}

#[test]
fn two_rules_of_a_system_have_two_names() {
    let told = added(&format!("{FINE}\n{FINE}"));
    assert!(matches!(&told[..], [one] if one.contains("another rule of this system")), "{told:?}");
}

#[test]
fn oro_says_by_itself_that_something_is_ok() {
    let shop = FINE.replace("warehouse", "shop").replace("\"rejected\"", "\"ok\"");
    let told = added(&shop);
    let expected = "systems.shop.responses[0].then: rule `closed`: an answer of Oro's";
    assert!(matches!(&told[..], [one] if one.contains(expected)), "{told:?}");
    assert_eq!(rule("\"rejected\"", "\"ok\""), [""; 0]);
}
