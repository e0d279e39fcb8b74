//! What an answer of a system means: rules as data, in order, of which the first that fits counts.
//!
//! A [`ResponseRule`] is parsed: its statuses, its paths and its patterns are known to be some, within
//! bounds. How an answer is read and what follows from a verdict is the systems' work.

mod parse;

use std::{fmt, ops::RangeInclusive};

use ferry_canonical::FailureKind;
use regex_bites::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::parse::parse;
pub(crate) use self::parse::rule;

/// Rules of one system.
pub const RULES_MAX: usize = 100;
const CONDITIONS_MAX: usize = 8;
const NAME_CHARS_MAX: usize = 80;
const PATH_STEPS_MAX: usize = 32;
const TEXT_CHARS_MAX: usize = 500;
/// What a pattern may become: `(a{1000}){1000}` is short and large, and each byte of an answer may cost
/// as much time as the pattern is large.
const PATTERN_BYTES_MAX: usize = 16 * 1024;

/// Every answer on which all of this holds means what `then` says.
#[derive(Clone, Debug)]
pub struct ResponseRule {
    /// What journal, dead letters and metrics call it.
    pub name: String,
    /// Any status, where nothing is said.
    pub status: Option<Statuses>,
    /// All of them must hold.
    pub when: Vec<Condition>,
    pub then: Verdict,
    /// Where the answer has the code of its reason.
    pub code: Option<AnswerPath>,
    /// Where the answer has its reason in words.
    pub message: Option<AnswerPath>,
}

/// Something that must be so somewhere in an answer.
#[derive(Clone, Debug)]
pub struct Condition {
    pub path: AnswerPath,
    pub test: Test,
}

/// What must be so. Of several values at a path one is enough.
#[derive(Clone, Debug)]
pub enum Test {
    /// Whether there is anything; JSON's null is nothing.
    Exists(bool),
    /// The text, without white space around it.
    Equals(String),
    Matches(Pattern),
}

/// What an answer comes to, in an operator's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is done.
    Ok,
    /// It is there already: done, with a warning where Ferry has not sent it before.
    Duplicate,
    /// The system cannot serve at the moment: it is tried again, and its breaker may open.
    Retry,
    /// The system asks for fewer requests: it is tried again.
    RateLimited,
    /// It names a customer, order or product that is not there yet: it is waited for.
    MissingReference,
    /// It has changed there: it is read and decided again.
    Conflict,
    /// Our credentials are refused: the system is paused, and a person is told.
    Auth,
    /// A well-formed no: a dead letter.
    Rejected,
    /// A value cannot be used: a dead letter.
    Validation,
    /// It is larger than the system takes: a dead letter.
    TooLarge,
    /// The request itself is wrong, which is Ferry's fault: a few tries, then a dead letter.
    Internal,
}

impl Verdict {
    pub const ALL: [Self; 11] = [
        Self::Ok,
        Self::Duplicate,
        Self::Retry,
        Self::RateLimited,
        Self::MissingReference,
        Self::Conflict,
        Self::Auth,
        Self::Rejected,
        Self::Validation,
        Self::TooLarge,
        Self::Internal,
    ];

    /// The failure it is, if it is one.
    pub const fn kind(self) -> Option<FailureKind> {
        match self {
            Self::Ok | Self::Duplicate => None,
            Self::Retry => Some(FailureKind::Unavailable),
            Self::RateLimited => Some(FailureKind::RateLimited),
            Self::MissingReference => Some(FailureKind::MissingReference),
            Self::Conflict => Some(FailureKind::Conflict),
            Self::Auth => Some(FailureKind::Auth),
            Self::Rejected => Some(FailureKind::Rejected),
            Self::Validation => Some(FailureKind::Validation),
            Self::TooLarge => Some(FailureKind::TooLarge),
            Self::Internal => Some(FailureKind::Internal),
        }
    }

    /// As it is written in a rule.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Duplicate => "duplicate",
            Self::Retry => "retry",
            Self::RateLimited => "rate_limited",
            Self::MissingReference => "missing_reference",
            Self::Conflict => "conflict",
            Self::Auth => "auth",
            Self::Rejected => "rejected",
            Self::Validation => "validation",
            Self::TooLarge => "too_large",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `200` or `200-299`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statuses(RangeInclusive<u16>);

impl Statuses {
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || format!("`{}` is not a status such as 200 or 200-299", shortened(text));
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let number = |text: &str| {
            let number = text.trim().parse::<u16>().ok();
            number.filter(|status| (100..=599).contains(status)).ok_or_else(expected)
        };
        let (first, last) = (number(first)?, number(last)?);
        if first > last { Err(expected()) } else { Ok(Self(first..=last)) }
    }

    pub fn holds(&self, status: u16) -> bool {
        self.0.contains(&status)
    }

    /// Whether there is a success among them.
    fn hold_a_success(&self) -> bool {
        *self.0.start() <= 299 && *self.0.end() >= 200
    }

    /// Whether there is one among them that a gateway may say of a request it gave up.
    fn hold_a_doubt(&self) -> bool {
        self.holds(408) || *self.0.end() >= 500
    }
}

/// A place in an answer: `/errors/0/code` in JSON, `/response/exception` and `/order/@state` in XML,
/// where `*` stands for any step. The empty path is the answer as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerPath(Vec<String>);

impl AnswerPath {
    /// Any member, element or place in a list.
    pub const ANY: &'static str = "*";

    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let told = |reason: &str| format!("`{}` {reason}", shortened(text));
        let Some(steps) = text.strip_prefix('/') else {
            return Err(told("is not a path such as /error/code: it starts with `/`"));
        };
        let steps: Vec<&str> = steps.split('/').collect();
        if steps.len() > PATH_STEPS_MAX || text.chars().count() > TEXT_CHARS_MAX {
            return Err(told("is longer than a path may be"));
        }
        let step = |step: &&str| match step.replace("~0", "").replace("~1", "").as_str() {
            "" if step.is_empty() => Err(told("has an empty step")),
            rest if rest.contains('~') => Err(told("has `~`, which is written `~0`")),
            _ => Ok(step.replace("~1", "/").replace("~0", "~")),
        };
        Ok(Self(steps.iter().map(step).collect::<Result<_, String>>()?))
    }

    /// Whether the whole answer is meant, as text.
    pub fn is_whole(&self) -> bool {
        self.0.is_empty()
    }

    pub fn steps(&self) -> &[String] {
        &self.0
    }
}

/// A regular expression in the syntax of the mappings' `test`; its time is linear in the text's.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.chars().count() > TEXT_CHARS_MAX {
            return Err(format!("a pattern has at most {TEXT_CHARS_MAX} characters"));
        }
        let built = RegexBuilder::new(text).size_limit(PATTERN_BYTES_MAX).build();
        built
            .map(Self)
            .map_err(|error| format!("`{}` is not a regular expression: {error}", shortened(text)))
    }

    /// Whether it is found anywhere in `text`.
    pub fn is_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_status_is_one_or_a_range() {
        let holds = |text: &str, status| Statuses::parse(text).unwrap().holds(status);
        assert!(holds("200", 200) && !holds("200", 201));
        assert!(holds("400-499", 400) && holds("400 - 499", 499) && !holds("400-499", 500));
        for text in ["", "2xx", "20", "600", "299-200", "200-", "-200", "200,201"] {
            assert!(Statuses::parse(text).unwrap_err().contains("not a status"), "{text}");
        }
    }

    #[test]
    fn a_path_has_the_escapes_of_a_json_pointer() {
        let steps = |text: &str| AnswerPath::parse(text).unwrap().steps().to_vec();
        assert_eq!(steps("/a~1b/m~0n/0/*/@x"), ["a/b", "m~n", "0", "*", "@x"]);
        assert_eq!(steps("/~01"), ["~1"]);
        assert!(AnswerPath::parse("").unwrap().is_whole());
        let long = "/a".repeat(PATH_STEPS_MAX + 1);
        for (text, told) in [
            ("error", "starts with `/`"),
            ("/", "empty step"),
            ("/a//b", "empty step"),
            ("/a~b", "is written `~0`"),
            (long.as_str(), "longer than a path may be"),
        ] {
            assert!(AnswerPath::parse(text).unwrap_err().contains(told), "{text}");
        }
    }

    #[test]
    fn a_pattern_that_would_grow_is_refused() {
        assert!(Pattern::parse("(?i)^dup").unwrap().is_in("Duplicate"));
        let long = "a".repeat(TEXT_CHARS_MAX + 1);
        for text in ["(", "((a{1000}){1000}){1000}", "(a?){300}b", long.as_str()] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_verdict_is_written_as_its_kind_or_as_a_word_of_its_own() {
        for verdict in Verdict::ALL {
            let own = matches!(verdict, Verdict::Ok | Verdict::Duplicate | Verdict::Retry);
            let kind = verdict.kind().map(FailureKind::as_str);
            assert_eq!(kind != Some(verdict.as_str()), own, "{verdict}");
            let written = serde_json::to_string(&verdict).unwrap();
            assert_eq!(written, format!("\"{verdict}\""));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_them_panic(text in "\\PC{0,40}") {
            let _ = Statuses::parse(&text);
            let _ = AnswerPath::parse(&text);
            let _ = Pattern::parse(&text);
        }
    }
}
