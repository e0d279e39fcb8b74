//! What answers mean, as it is written down.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::responses::Verdict;

/// What an answer means on which all of this holds; of several rules the first that fits counts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawResponseRule {
    /// What journal, dead letters and metrics call the rule.
    pub(crate) name: String,
    /// `200` or `200-299`. Default: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<String>,
    /// What must hold, all of it. Without it the rule is about its status alone, which is no success
    /// then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) when: Vec<RawCondition>,
    /// ok, duplicate, retry, `rate_limited`, `missing_reference`, conflict, auth, rejected, validation,
    /// `too_large` or internal.
    pub(crate) then: Verdict,
    /// Where the answer has the code of its reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    /// Where the answer has its reason in words; the empty path is the answer as text. It is shown in
    /// journal and dead letters: name no place that repeats a person's values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
}

/// Something that must be so somewhere in an answer: one of matches, equals and exists.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCondition {
    /// `/errors/0/code` in JSON, `/response/exception` or `/order/@state` in XML; `*` is any step.
    /// Default: the answer as text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) path: String,
    /// A regular expression that is found in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) matches: Option<String>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) equals: Option<String>,
    /// Whether there is anything. That there is nothing is known of whole documents only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exists: Option<bool>,
}
