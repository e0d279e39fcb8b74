//! What an answer means: rules held against its status and its body.
//!
//! Pure and bounded: it looks at so much of an answer and no more, in a time that grows with that, and
//! nothing that another side says makes it panic. It decides neither what follows from a verdict nor
//! whether a write is done.

mod html;
mod said;

use ferry_canonical::{Disposition, FailureKind};
use ferry_config::{
    ResponseRule,
    responses::{self, AnswerPath, Test, Verdict},
};
use ferry_http::Response;
use serde::Deserialize;

use self::said::Found;
pub(crate) use self::said::Said;
use crate::target::Failure;

/// Of a code or a message, what is told.
const WORDS_CHARS_MAX: usize = 600;

/// The rules of one system, in order.
#[derive(Debug)]
pub(crate) struct Rules {
    rules: Vec<ResponseRule>,
    /// The first of them are of the configuration, the others Ferry's.
    own: usize,
}

/// What a rule says of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) rule: String,
    pub(crate) verdict: Verdict,
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    /// Whether the rule holds something against what the answer says, and not its status alone.
    pub(crate) is_said: bool,
    /// Whether it is of the configuration: its words may be a person's.
    pub(crate) is_own: bool,
}

impl Rules {
    pub(crate) fn new(own: &[ResponseRule]) -> Self {
        Self { rules: own.to_vec(), own: own.len() }
    }

    /// `built_in` is a document of rules that come after the others.
    pub(crate) fn with_built_in(own: &[ResponseRule], built_in: &str) -> Result<Self, String> {
        let mut rules = own.to_vec();
        rules.extend(responses::parse(built_in)?);
        Ok(Self { rules, own: own.len() })
    }

    /// What the first rule that fits says of an answer as a whole, which is read only where a rule is
    /// about its status.
    pub(crate) fn whole(&self, response: &Response) -> Option<Judged> {
        let any = self.rules.iter().any(|rule| is_about(rule, response.status));
        if any { self.judge(&Said::of(response)) } else { None }
    }

    /// What the first rule that fits says.
    pub(crate) fn judge(&self, said: &Said<'_>) -> Option<Judged> {
        let place = self.rules.iter().position(|rule| fits(rule, said))?;
        let rule = self.rules.get(place)?;
        let words = |path: Option<&AnswerPath>| {
            let found = said.at(path?);
            let first =
                found.values.iter().map(|value| value.trim()).find(|value| !value.is_empty());
            first.map(|text| text.chars().take(WORDS_CHARS_MAX).collect::<String>())
        };
        Some(Judged {
            rule: rule.name.clone(),
            verdict: rule.then,
            code: words(rule.code.as_ref()),
            message: words(rule.message.as_ref()),
            is_said: !rule.when.is_empty(),
            is_own: place < self.own,
        })
    }

    /// The failure that a rule sees in the answer to something that only reads. What failed polls say
    /// is logged, so that it has none of the words that a rule of the configuration names.
    pub(crate) fn refusal(&self, response: &Response) -> Option<Failure> {
        let judged = self.whole(response)?;
        let kind = judged.verdict.kind()?;
        let (status, rule) = (response.status, &judged.rule);
        let detail = if judged.is_own {
            format!("it answered {status}, which is a refusal by the rule `{rule}`")
        } else {
            judged.reason()
        };
        Some(judged.failure(kind, detail, response))
    }
}

fn is_about(rule: &ResponseRule, status: u16) -> bool {
    rule.status.as_ref().is_none_or(|statuses| statuses.holds(status))
}

fn fits(rule: &ResponseRule, said: &Said<'_>) -> bool {
    is_about(rule, said.status())
        && rule.when.iter().all(|condition| {
            let Found { values, is_all } = said.at(&condition.path);
            match &condition.test {
                Test::Exists(true) => !values.is_empty(),
                Test::Exists(false) => values.is_empty() && is_all,
                Test::Equals(text) => values.iter().any(|value| value.trim() == text),
                Test::Matches(pattern) => values.iter().any(|value| pattern.is_in(value)),
            }
        })
}

impl Judged {
    /// What a person reads of it.
    pub(crate) fn words(&self) -> String {
        match (&self.message, &self.code) {
            (Some(message), Some(code)) if message != code => format!("{message} ({code})"),
            (Some(words), _) | (None, Some(words)) => words.clone(),
            (None, None) => "the answer gives no reason".to_owned(),
        }
    }

    /// What is told of it as a failure. Of credentials that are refused the log and the alerts tell as
    /// well, so that it has none of the answer's words.
    pub(crate) fn reason(&self) -> String {
        match self.verdict {
            Verdict::Auth => format!("our credentials are refused, by the rule `{}`", self.rule),
            Verdict::Ok
            | Verdict::Duplicate
            | Verdict::Retry
            | Verdict::RateLimited
            | Verdict::MissingReference
            | Verdict::Conflict
            | Verdict::Rejected
            | Verdict::Validation
            | Verdict::TooLarge
            | Verdict::Internal => self.words(),
        }
    }

    /// Whether the write may be done all the same where its status leaves that `open`. A verdict that
    /// ends the write ends the doubt, by what the answer says: a status alone may be a gateway's.
    pub(crate) fn leaves_doubt(&self, open: bool) -> bool {
        open && (!self.is_said || self.verdict.kind().is_none_or(puts_off))
    }

    pub(crate) fn failure(
        &self,
        kind: FailureKind,
        detail: String,
        response: &Response,
    ) -> Failure {
        let failure = Failure::new(kind, detail).with_response(response);
        Failure { rule: Some(self.rule.clone()), ..failure }
    }
}

/// Whether a write is tried again, whatever became of it.
const fn puts_off(kind: FailureKind) -> bool {
    match kind.disposition() {
        Disposition::Retry | Disposition::RetryAfterRead | Disposition::RetryFew => true,
        Disposition::RetryReference | Disposition::PauseTarget | Disposition::DeadLetter => false,
    }
}

/// Whether it is about the system as a whole, and so a probe's business.
pub(crate) const fn is_about_the_system(kind: FailureKind) -> bool {
    match kind.disposition() {
        Disposition::Retry | Disposition::PauseTarget => true,
        Disposition::RetryReference
        | Disposition::RetryAfterRead
        | Disposition::RetryFew
        | Disposition::DeadLetter => false,
    }
}

/// What an answer was given to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// That something is made: an import, a POST.
    #[default]
    Create,
    Change,
    Cancel,
    Notify,
    Read,
}

/// What an answer comes to at a system: what its rules say, and where they say nothing the system
/// itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// `order/WEB-1`, where an answer has items.
    pub item: Option<String>,
    /// A verdict as a rule has it, or the kind of another failure.
    pub verdict: &'static str,
    pub rule: Option<String>,
    /// What a person reads of it.
    pub detail: Option<String>,
}

impl Reading {
    pub(crate) const fn ok() -> Self {
        Self { item: None, verdict: Verdict::Ok.as_str(), rule: None, detail: None }
    }

    pub(crate) fn by(judged: &Judged) -> Self {
        let said = judged.message.is_some() || judged.code.is_some();
        Self {
            item: None,
            verdict: judged.verdict.as_str(),
            rule: Some(judged.rule.clone()),
            detail: said.then(|| judged.words()),
        }
    }

    pub(crate) fn failed(failure: &Failure) -> Self {
        let retry = failure.kind == FailureKind::Unavailable;
        Self {
            item: None,
            verdict: if retry { Verdict::Retry.as_str() } else { failure.kind.as_str() },
            rule: failure.rule.clone(),
            detail: Some(failure.detail.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
