//! Writing to a target: what is asked, what became of it, how it failed.

use std::time::Duration;

use ferry_canonical::{
    Brought, Clock, Doubt, Entity, FailureKind, Part, Reference, Sequence, Stands, Step, Steps,
    Subject,
};
use ferry_http::{HttpError, Response};
use jiff::Timestamp;
use uuid::Uuid;

/// One entity's part (or composed parts) to be written.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    /// With the canonical id already resolved.
    pub subject: &'a Subject,
    /// The new state.
    pub part: &'a Part,
    /// For a target that composes: every known part of this facet, the new one included.
    pub parts: &'a [Part],
    /// The target's own id, from the ledger.
    pub target_id: Option<&'a str>,
    /// An earlier answer was lost, of any write of this entity: read by key before writing.
    pub read_first: bool,
    /// Whether an earlier write of this very part may be there. `read_first` says so of any part of the
    /// entity.
    pub doubt: Doubt,
    /// What was written of this part before.
    pub brought: Brought,
    /// What may stand there by earlier writes of this part, where the target takes that away.
    pub recalled: &'a [Part],
    /// 1 on the first try.
    pub attempt: u32,
    /// The event this state came with: a repeat of the write names the same one.
    pub event_id: Uuid,
    /// Where the system changes this facet by a step: what was written there before.
    pub amending: Option<Amending<'a>>,
}

/// What is known of the place that a write may have to change by a step.
#[derive(Clone, Copy, Debug)]
pub struct Amending<'a> {
    /// Every content that may stand there, but for the one to be written; absent where one of them
    /// cannot be read any more.
    pub earlier: Option<&'a [Part]>,
    /// What it is, if something stands there.
    pub stands: Stands,
    /// How far an earlier write has come that did not reach its end.
    pub begun: Step,
}

/// What a system is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    pub subject: &'a Subject,
    /// The system's own id of the entity, where the ledger knows it.
    pub target_id: Option<&'a str>,
    /// An earlier write may still take effect: see [`Write::read_first`].
    pub in_doubt: bool,
}

/// What a system holds of one part, as a read has shown: the other side of a facet that two systems
/// change.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    pub part: Part,
    /// The system's own id of the entity, where it has one.
    pub target_id: Option<String>,
    /// Where this state stands on the clock that the system's own events of the facet have.
    pub clock: Clock,
    pub sequence: Sequence,
    /// When it was changed last, by the system's word.
    pub changed_at: Option<Timestamp>,
}

/// What became of one write, and of the steps that went with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub result: Result<Applied, Failure>,
    pub steps: Steps,
}

/// A write that took no step.
impl From<Result<Applied, Failure>> for Answer {
    fn from(result: Result<Applied, Failure>) -> Self {
        Self { result, steps: Steps::default() }
    }
}

/// It is so at the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    pub effect: Effect,
    /// The target's own id of the entity, where it has one.
    pub target_id: Option<String>,
    /// Something a person should see although it worked.
    pub warning: Option<String>,
    /// The response rule that says so, where one does.
    pub rule: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    Created,
    Updated,
    /// A read showed that the target has it already.
    AlreadySo,
    /// The target cannot express it; the reason is what the operator reads.
    Skipped(String),
}

/// It is not so, or not known to be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub kind: FailureKind,
    /// Names the canonical field where the target named one of its own.
    pub detail: String,
    pub status: Option<u16>,
    /// The beginning of the target's answer.
    pub response: Option<String>,
    /// The response rule that matched.
    pub rule: Option<String>,
    pub retry_after: Option<Duration>,
    /// What the target lacks, where its answer says so: [`FailureKind::MissingReference`] only.
    pub missing: Option<Box<Reference>>,
    /// The target's own id of the entity, where it became known before the failure: what was made in
    /// part is that entity all the same.
    pub target_id: Option<Box<str>>,
    /// A write may have been applied although no answer was read: the entity is unknown now.
    pub unread: bool,
    /// A request was not sent, because the right to had ended: that says nothing about the target.
    pub withheld: bool,
    /// The target answers, and only this has to wait: it is no sign that the target does not serve.
    pub served: bool,
}

impl Failure {
    pub fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            status: None,
            response: None,
            rule: None,
            retry_after: None,
            missing: None,
            target_id: None,
            unread: false,
            withheld: false,
            served: false,
        }
    }

    /// It names an entity that is not at the target yet. An id that cannot be one stays unnamed.
    pub fn missing(entity: Entity, id: &str, detail: impl Into<String>) -> Self {
        let missing = Reference::new(entity, id).ok().map(Box::new);
        Self { missing, ..Self::new(FailureKind::MissingReference, detail) }
    }

    pub fn unsupported(detail: &str) -> Self {
        Self::new(FailureKind::Unsupported, detail)
    }

    /// No answer was read. `writing` says whether the request could have changed anything.
    pub fn unanswered(error: &HttpError, writing: bool) -> Self {
        let kind = match error {
            HttpError::Connect(_) | HttpError::Broken(_) => FailureKind::Connection,
            HttpError::Timeout(_) => FailureKind::Timeout,
            HttpError::TooLarge => FailureKind::TooLarge,
            HttpError::Unsendable(_) | HttpError::Withheld(_) => FailureKind::Internal,
        };
        Self {
            unread: writing && error.may_have_acted(),
            withheld: matches!(error, HttpError::Withheld(_)),
            ..Self::new(kind, error.to_string())
        }
    }

    /// Adds status, excerpt and `Retry-After` of the answer.
    #[must_use]
    pub fn with_response(mut self, response: &Response) -> Self {
        const EXCERPT_CHARS: usize = 600;
        self.status = Some(response.status);
        self.response = Some(response.text().chars().take(EXCERPT_CHARS).collect());
        self.retry_after = response
            .header("retry-after")
            .and_then(|value| value.trim().parse().ok())
            .map(Duration::from_secs);
        self
    }
}
