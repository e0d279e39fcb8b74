use proptest::prelude::*;

use super::*;

fn rules(text: &str) -> Rules {
    Rules::with_built_in(&[], text).unwrap()
}

/// One rule with these lines.
fn rule(lines: &str) -> Rules {
    rules(&format!("[[responses]]\nname = \"it\"\nthen = \"rejected\"\n{lines}"))
}

fn answer(status: u16, body: impl Into<bytes::Bytes>) -> Response {
    Response { status, headers: Vec::new(), body: body.into() }
}

fn fits(when: &str, body: &'static str) -> bool {
    rule(&format!("when = [{when}]")).judge(&Said::of(&answer(200, body))).is_some()
}

#[test]
fn a_rule_is_about_its_statuses_only() {
    let rules = rule("status = \"400-499\"");
    let fits = |status| rules.judge(&Said::of(&answer(status, ""))).is_some();
    assert_eq!([399, 400, 404, 499, 500].map(fits), [false, true, true, true, false]);
}

#[test]
fn a_path_in_xml_names_elements_from_the_root_and_ends_in_an_attribute() {
    const BODY: &str = "<a k=\"1\"><b> x </b><b>y</b><c><b/></c></a>";
    for (path, test, expected) in [
        ("/a/b", "equals = \"x\"", true),
        ("/a/b", "equals = \"y\"", true),
        ("/a/b", "matches = \"^y$\"", true),
        ("/a/b", "equals = \"z\"", false),
        ("/a/@k", "equals = \"1\"", true),
        ("/*/@k", "matches = \"[0-9]\"", true),
        ("/a/*/b", "exists = true", true),
        ("/a/c/b", "equals = \"\"", true),
        ("/b", "exists = true", false),
        ("/b", "exists = false", true),
        ("/a/@l", "exists = true", false),
        ("/@k", "exists = true", false),
        ("/a/@k/b", "exists = true", false),
    ] {
        let when = format!("{{ path = \"{path}\", {test} }}");
        assert_eq!(fits(&when, BODY), expected, "{path} {test}");
    }
}

#[test]
fn a_path_in_json_is_a_pointer_and_null_is_nothing() {
    const BODY: &str =
        "{\"ok\":false,\"n\":17,\"none\":null,\"e\":[{\"c\":\"DUP\"},{\"c\":\"B\"}],\"a/b\":{}}";
    for (path, test, expected) in [
        ("/ok", "equals = \"false\"", true),
        ("/n", "equals = \"17\"", true),
        ("/none", "exists = false", true),
        ("/e/1/c", "equals = \"B\"", true),
        ("/e/*/c", "matches = \"^DUP$\"", true),
        ("/e/2/c", "exists = true", false),
        ("/e/x", "exists = true", false),
        ("/*/0/c", "equals = \"DUP\"", true),
        ("/a~1b", "equals = \"{}\"", true),
        ("/ok/x", "exists = true", false),
    ] {
        let when = format!("{{ path = \"{path}\", {test} }}");
        assert_eq!(fits(&when, BODY), expected, "{path} {test}");
    }
    assert!(fits("{ path = \"/n\", equals = \"1\" }", "\u{feff} {\"n\":1}"));
}

#[test]
fn of_a_page_that_is_no_xml_headings_and_paragraphs_are_known() {
    const PAGE: &str = "<!DOCTYPE html><html><body><h2>ERROR<p>no pallets</html>";
    assert!(fits("{ matches = \"<h2>ERROR\" }", PAGE));
    assert!(fits("{ path = \"/html/body/h2\", equals = \"ERROR\" }", PAGE));
    assert!(fits("{ path = \"/html/body/p\", equals = \"no pallets\" }", PAGE));
    // What else there is was not looked at.
    assert!(!fits("{ path = \"/html/body/div\", exists = false }", PAGE));
}

#[test]
fn what_is_neither_xml_nor_json_is_matched_by_its_words() {
    assert!(fits("{ matches = \"^Service\" }", "Service Unavailable"));
    assert!(!fits("{ path = \"/a\", exists = true }", "{\"a\":1"));
}

#[test]
fn all_conditions_must_hold_and_the_first_rule_that_fits_counts() {
    let rules = rules(
        r#"
        [[responses]]
        name = "both"
        when = [{ path = "/ok", equals = "false" }, { path = "/code", equals = "DUP" }]
        then = "duplicate"
        [[responses]]
        name = "one"
        when = [{ path = "/ok", equals = "false" }]
        then = "rejected"
        code = "/code"
        message = "/text"
        [[responses]]
        name = "all"
        status = "200"
        when = [{ matches = "" }]
        then = "retry"
        "#,
    );
    let judged = |body: &'static str| rules.judge(&Said::of(&answer(200, body))).unwrap();
    assert_eq!(judged("{\"ok\":false,\"code\":\"DUP\"}").rule, "both");
    let one = judged("{\"ok\":false,\"code\":\" E7 \",\"text\":\"closed\"}");
    assert_eq!((one.verdict, one.words().as_str()), (Verdict::Rejected, "closed (E7)"));
    assert_eq!(judged("{\"ok\":false,\"code\":\"E7\"}").words(), "E7");
    assert_eq!(judged("{\"ok\":false,\"text\":\"closed\"}").words(), "closed");
    assert_eq!(judged("{\"ok\":false}").words(), "the answer gives no reason");
    assert_eq!(judged("{\"ok\":true}").rule, "all");
    assert_eq!(rules.whole(&answer(201, "{}")), None);
    assert_eq!(rules.whole(&answer(200, "{}")).unwrap().rule, "all");
}

#[test]
fn so_much_of_an_answer_is_looked_at_and_no_more() {
    let long = |length: usize| format!("[{}\"end\"]", "\"x\",".repeat(length));
    let of_list = rule("when = [{ path = \"/*\", equals = \"end\" }]");
    let fits = |length| of_list.judge(&Said::of(&answer(200, long(length)))).is_some();
    assert!(fits(900) && !fits(1_000));
    let of_text = rule("when = [{ matches = \"end\" }]");
    let of_member = rule("when = [{ path = \"/a\", matches = \"end\" }]");
    let fits = |rules: &Rules, body: String| rules.judge(&Said::of(&answer(200, body))).is_some();
    for (length, expected) in [(16_000, true), (17_000, false)] {
        let x = "x".repeat(length);
        assert_eq!(fits(&of_text, format!("{x}end")), expected, "{length}");
        assert_eq!(fits(&of_member, format!("{{\"a\":[\"{x}\",\"end\"]}}")), expected, "{length}");
        assert_eq!(fits(&of_member, format!("<a>{x}end</a>").replace("<a>", "<a> ")), expected);
    }
}

#[test]
fn that_something_is_missing_is_known_of_a_document_that_was_looked_at_as_a_whole() {
    const MISSING: &str = "{ path = \"/*/error\", exists = false }";
    assert!(fits(MISSING, "[{},{}]") && fits(MISSING, "<a><b/></a>"));
    for half in ["", "<html>Login", "{\"a\":{\"b\":1}", "<a><b/>", "upstream gave up"] {
        assert!(!fits(MISSING, half), "{half}");
    }
    let rules = rule(&format!("when = [{MISSING}]"));
    let fits = |length: usize, last: &str| {
        let rows = format!("[{}{{\"{last}\":1}}]", "{},".repeat(length));
        rules.judge(&Said::of(&answer(200, rows))).is_some()
    };
    assert!(fits(999, "x") && !fits(999, "error"));
    // Nobody has seen whether it is there.
    assert!(!fits(1_000, "x") && !fits(1_000, "error"));
    let elements = |length: usize| {
        let body = format!("<a>{}</a>", "<b/>".repeat(length));
        rule("when = [{ path = \"/a/*/c\", exists = false }]").judge(&Said::of(&answer(200, body)))
    };
    assert!(elements(1_000).is_some() && elements(1_001).is_none());
}

#[test]
fn what_is_logged_and_told_has_none_of_the_answers_words() {
    const RULES: &str = "[[responses]]\nname = \"ended\"\nwhen = [{ path = \"/code\", equals = \"S\" }]\n\
                         then = \"auth\"\ncode = \"/code\"\nmessage = \"/text\"";
    let response = answer(200, "{\"code\":\"S\",\"text\":\"Ada Lovelace\"}");
    let own = |text: &str| Rules::new(&responses::parse(text).unwrap());
    let judged = own(RULES).whole(&response).unwrap();
    assert_eq!(judged.words(), "Ada Lovelace (S)");
    assert_eq!(judged.reason(), "our credentials are refused, by the rule `ended`");
    let other = own(&RULES.replace("auth", "rejected"));
    assert_eq!(other.whole(&response).unwrap().reason(), "Ada Lovelace (S)");
    let refusal = other.refusal(&response).unwrap();
    assert_eq!(refusal.detail, "it answered 200, which is a refusal by the rule `ended`");
}

const ANY: &str = r#"
[[responses]]
name = "element"
when = [{ path = "/*/*/@a", matches = "(a|b)*c" }, { path = "/a/0/b", exists = true }]
then = "retry"
[[responses]]
name = "text"
when = [{ matches = "(?s)(.*a){3}$" }, { path = "/*/*", exists = false }]
then = "ok"
code = "/*/*"
message = ""
"#;

proptest! {
    #[test]
    fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300), status in any::<u16>()) {
        let rules = rules(ANY);
        let _ = rules.judge(&Said::of(&answer(status, body)));
    }

    #[test]
    fn no_markup_makes_it_panic(text in "[<>/ab&;\"'= \\[\\]{}:,!0-9\u{e9}-]{0,120}") {
        let rules = rules(ANY);
        let judged = rules.judge(&Said::of(&answer(200, text)));
        let _ = judged.map(|judged| judged.words());
    }
}
