//! From a rule as it is written to a rule, or to everything that is wrong with it.

use serde::Deserialize;

use super::{
    AnswerPath, CONDITIONS_MAX, Condition, NAME_CHARS_MAX, Pattern, RULES_MAX, ResponseRule,
    Statuses, TEXT_CHARS_MAX, Test,
};
use crate::raw::{RawCondition, RawResponseRule};

/// What is wrong with one field of a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// `status`, `when[1].matches`.
    pub(crate) field: String,
    pub(crate) reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRules {
    responses: Vec<RawResponseRule>,
}

/// The rules of a document that has nothing but `[[responses]]`, each as a system of a configuration
/// has them.
pub fn parse(text: &str) -> Result<Vec<ResponseRule>, String> {
    let raw: RawRules = toml_edit::de::from_str(text).map_err(|error| error.to_string())?;
    if raw.responses.len() > RULES_MAX {
        return Err(format!("more than {RULES_MAX} rules"));
    }
    let told = |raw: &RawResponseRule, faults: Vec<Fault>| {
        let faults = faults.into_iter().map(|fault| format!("{}: {}", fault.field, fault.reason));
        format!("rule `{}`: {}", raw.name, faults.collect::<Vec<_>>().join("; "))
    };
    raw.responses.iter().map(|raw| rule(raw).map_err(|faults| told(raw, faults))).collect()
}

/// The rule that `raw` says.
pub(crate) fn rule(raw: &RawResponseRule) -> Result<ResponseRule, Vec<Fault>> {
    let mut faults = Faults::default();
    let length = raw.name.chars().count();
    if !(1..=NAME_CHARS_MAX).contains(&length) || raw.name.trim() != raw.name {
        let reason = "journal and dead letters call the rule by it: up to 80 characters, without white \
                      space around them";
        faults.add("name", reason.to_owned());
    }
    let status = raw.status.as_deref().map(Statuses::parse);
    let status = faults.take("status", status.transpose());
    if raw.when.is_empty() && raw.status.is_none() {
        faults
            .add("when", "it would fit every answer: say a `status`, or what must hold".to_owned());
    }
    let status_only = status.as_ref().and_then(Option::as_ref).filter(|_| raw.when.is_empty());
    if status_only.is_some_and(Statuses::hold_a_success) {
        let reason =
            "it would fit every success, and a proxy's greeting as well: say what must hold";
        faults.add("when", reason.to_owned());
    } else if raw.then.kind().is_none() && status_only.is_some_and(Statuses::hold_a_doubt) {
        let reason = "of such a status nobody knows whether it is done: say what must hold";
        faults.add("when", reason.to_owned());
    }
    if raw.when.len() > CONDITIONS_MAX {
        faults.add("when", format!("a rule has at most {CONDITIONS_MAX} conditions"));
    }
    let when = raw.when.iter().enumerate();
    let when = when.filter_map(|(index, raw)| condition(index, raw, &mut faults)).collect();
    let mut path = |field: &str, path: Option<&String>| {
        let parsed = path.map(|path| AnswerPath::parse(path)).transpose();
        faults.take(field, parsed).flatten()
    };
    let (code, message) = (path("code", raw.code.as_ref()), path("message", raw.message.as_ref()));
    if !faults.0.is_empty() {
        return Err(faults.0);
    }
    let (name, status) = (raw.name.clone(), status.flatten());
    Ok(ResponseRule { name, status, when, then: raw.then, code, message })
}

/// None where a fault is found.
fn condition(index: usize, raw: &RawCondition, faults: &mut Faults) -> Option<Condition> {
    let field = |name: &str| format!("when[{index}].{name}");
    let path = faults.take(&field("path"), AnswerPath::parse(&raw.path));
    let test = match (raw.exists, &raw.equals, &raw.matches) {
        (Some(exists), None, None) if !raw.path.is_empty() => Test::Exists(exists),
        (Some(_), None, None) => {
            faults.add(&field("exists"), "say a `path`: an answer is always there".to_owned());
            return None;
        }
        (None, Some(text), None) if text.chars().count() <= TEXT_CHARS_MAX => {
            Test::Equals(text.trim().to_owned())
        }
        (None, Some(_), None) => {
            faults.add(&field("equals"), format!("it has at most {TEXT_CHARS_MAX} characters"));
            return None;
        }
        (None, None, Some(pattern)) => {
            Test::Matches(faults.take(&field("matches"), Pattern::parse(pattern))?)
        }
        (None, None, None)
        | (Some(_), Some(_), _)
        | (Some(_), _, Some(_))
        | (_, Some(_), Some(_)) => {
            let reason = "it needs one of `matches`, `equals` and `exists`";
            faults.add(&format!("when[{index}]"), reason.to_owned());
            return None;
        }
    };
    Some(Condition { path: path?, test })
}

#[derive(Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, field: &str, reason: String) {
        self.0.push(Fault { field: field.to_owned(), reason });
    }

    fn take<T>(&mut self, field: &str, parsed: Result<T, String>) -> Option<T> {
        parsed.map_err(|reason| self.add(field, reason)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::responses::Verdict;

    #[test]
    fn a_rule_is_read_with_everything_that_it_may_say() {
        let rules = parse(
            r#"[[responses]]
            name = "customer exists"
            status = "200-299"
            when = [
                { path = "/error/code", matches = "^(DUP|EXISTS)" },
                { path = "/error/fatal", exists = false },
                { path = "/ok", equals = "false" },
            ]
            then = "duplicate"
            code = "/error/code"
            message = """#,
        );
        let rules = rules.unwrap();
        let [rule] = &rules[..] else { panic!("{rules:?}") };
        assert_eq!((rule.name.as_str(), rule.then), ("customer exists", Verdict::Duplicate));
        assert_eq!(rule.when.len(), 3);
        assert!(matches!(&rule.when[2].test, Test::Equals(text) if text == "false"));
        assert_eq!(rule.code.as_ref().unwrap().steps(), ["error", "code"]);
        assert!(rule.message.as_ref().unwrap().is_whole());
    }

    #[test]
    fn what_is_wrong_is_told_with_the_rule_and_the_field() {
        let told = |fields: &str| {
            parse(&format!("[[responses]]\nname = \"x\"\nthen = \"ok\"\n{fields}")).unwrap_err()
        };
        for (fields, expected) in [
            ("", "rule `x`: when: it would fit every answer"),
            ("status = \"2xx\"", "rule `x`: status: `2xx` is not a status"),
            ("status = \"299-400\"", "rule `x`: when: it would fit every success"),
            ("status = \"408\"", "rule `x`: when: of such a status nobody knows"),
            ("status = \"409-500\"", "rule `x`: when: of such a status nobody knows"),
            ("when = [{ matches = \"(\" }]", "rule `x`: when[0].matches: `(` is not a regular"),
            ("when = [{ exists = true }]", "rule `x`: when[0].exists: say a `path`"),
            ("when = [{ path = \"/a\" }]", "rule `x`: when[0]: it needs one of"),
            (
                "when = [{ path = \"a\", exists = true }]",
                "rule `x`: when[0].path: `a` is not a path",
            ),
            ("status = \"409\"\ncode = \"/a~\"", "rule `x`: code: `/a~` has `~`"),
        ] {
            let told = told(fields);
            assert!(told.starts_with(expected), "{told}");
        }
        let both = "when = [{ path = \"/a\", exists = true, equals = \"b\" }]";
        assert!(told(both).contains("when[0]: it needs one of"));
    }
}
