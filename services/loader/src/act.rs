//! One call to a target: what it writes, and what became of it.

use std::{panic::AssertUnwindSafe, sync::Arc};

use ferry_canonical::{Entity, FailureKind, Outcome, Part, Step, Steps, Subject};
use ferry_http::{Conversation, Exchange};
use ferry_store::{Grant, PartState};
use ferry_systems::{Amending, Answer, Applied, Effect, Failure, Write};
use futures_util::FutureExt as _;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    delivery::InHand,
    limits,
    look::{self, Met},
    meeting::Meeting,
    target::Target,
};

/// One granted group.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) grant: Grant,
    /// The members that lead or ride.
    pub(crate) members: Vec<Working>,
    /// What a look at the target has shown, where the target has a say in the facet as well.
    pub(crate) met: Option<Met>,
}

#[derive(Debug)]
pub(crate) struct Working {
    pub(crate) in_hand: InHand,
    /// Its place in the group that was claimed.
    pub(crate) index: usize,
    pub(crate) leads: bool,
    /// What is to be written, where that is more than its event says.
    pub(crate) whole: Option<Part>,
}

impl Work {
    /// `order/WEB-1`.
    pub(crate) fn name(&self) -> String {
        let entity = self.members.first().map(|member| member.in_hand.event.subject.entity());
        format!("{}/{}", entity.map(Entity::as_str).unwrap_or_default(), self.grant.entity_id)
    }

    pub(crate) fn leads(&self) -> impl Iterator<Item = &InHand> {
        self.members.iter().filter(|member| member.leads).map(|member| &member.in_hand)
    }

    pub(crate) const fn is_two_way(&self) -> bool {
        self.grant.base.is_some()
    }

    pub(crate) fn meeting(&self) -> Option<Meeting> {
        self.met.as_ref().map(|met| met.meeting)
    }

    /// How its leads end.
    pub(crate) fn outcome(&self, applied: &Applied) -> Outcome {
        match (self.meeting(), &applied.effect) {
            (Some(Meeting::Same), _) => Outcome::Echo,
            (Some(Meeting::UnderWay | Meeting::Yields), _) => Outcome::Superseded,
            (_, Effect::Created | Effect::Updated | Effect::AlreadySo) => Outcome::Delivered,
            (_, Effect::Skipped(_)) => Outcome::Skipped,
        }
    }

    /// What is known of the facet: the siblings the ledger holds and every lead's part.
    fn parts(&self, facet: ferry_canonical::Facet) -> Vec<Part> {
        let sibling = |state: &PartState| Part::from_json(facet, state.document.as_bytes()).ok();
        let leads = self.members.iter().filter(|member| member.leads);
        let leads = leads.map(|lead| lead.whole.as_ref().unwrap_or(&lead.in_hand.event.part));
        self.grant.siblings.iter().filter_map(sibling).chain(leads.cloned()).collect()
    }

    /// What may stand where this is to be written; absent where one of it cannot be read.
    fn earlier(&self, facet: ferry_canonical::Facet) -> Option<Vec<Part>> {
        let documents = self.grant.amending.iter().flat_map(|amending| &amending.earlier);
        documents.map(|document| Part::from_json(facet, document.as_bytes()).ok()).collect()
    }
}

/// A call that has ended.
#[derive(Debug)]
pub(crate) struct Called {
    pub(crate) works: Vec<Work>,
    /// One per work.
    pub(crate) results: Vec<Result<Applied, Failure>>,
    /// What each says of steps of ours.
    pub(crate) steps: Vec<Steps>,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) seconds: f64,
    /// The target has answered for the last time by then.
    pub(crate) ended: Instant,
}

/// What a write needs, owned.
struct Prepared {
    subject: Subject,
    parts: Vec<Part>,
    earlier: Option<Vec<Part>>,
    attempt: u32,
    event_id: Uuid,
}

/// Makes the call: all works share one facet and are at most the system's batch. A work of a facet
/// that goes both ways is alone.
pub(crate) async fn call(
    target: Arc<Target>,
    conversation: Conversation,
    mut works: Vec<Work>,
) -> Called {
    let started = Instant::now();
    let doing = AssertUnwindSafe(carry_out(&target, &conversation, &mut works)).catch_unwind();
    // Deliveries of a call that panics are settled as any other: nobody else would let go of them.
    let done = doing.await;
    let answers = done.unwrap_or_else(|_| works.iter().map(|_| unended(panicked())).collect());
    let answers = answers.into_iter().map(|Answer { result, steps }| (result, steps));
    let (results, steps) = answers.unzip();
    let exchanges = conversation.take();
    let ended = Instant::now();
    let seconds = ended.duration_since(started).as_secs_f64();
    Called { works, results, steps, exchanges, seconds, ended }
}

async fn carry_out(
    target: &Target,
    conversation: &Conversation,
    works: &mut [Work],
) -> Vec<Answer> {
    // Such a delivery is claimed alone. One of which no call was lost was only in the same hands as
    // what killed them.
    if let [work] = works
        && let Some(deaths) = work.leads().map(|lead| lead.history.deaths).max()
        && deaths >= limits::DEATHS
        && work.grant.is_again
    {
        return vec![Err(fatal(deaths)).into()];
    }
    if let [work] = works
        && work.is_two_way()
    {
        return vec![meet(target, conversation, work).await];
    }
    write_all(target, conversation, works).await
}

async fn write_all(target: &Target, conversation: &Conversation, works: &[Work]) -> Vec<Answer> {
    let prepared: Vec<Option<Prepared>> = works.iter().map(prepare).collect();
    let writes =
        works.iter().zip(&prepared).map(|(work, prepared)| write(work, prepared.as_ref()?));
    // Writes and works have the same places: what is said of a request's writes is of the works.
    let Some(writes) = writes.collect::<Option<Vec<Write<'_>>>>() else {
        return works.iter().map(|_| Err(leaderless()).into()).collect();
    };
    let mut applied = target.system.apply(conversation, &writes).await.into_iter();
    works.iter().map(|_| applied.next().unwrap_or_else(|| unended(unanswered()))).collect()
}

/// Looks first, and writes what is to stand.
async fn meet(target: &Target, conversation: &Conversation, work: &mut Work) -> Answer {
    let Some(Prepared { subject, attempt, event_id, .. }) = prepare(work) else {
        return Err(leaderless()).into();
    };
    let met = match look::at(target, conversation, work, &subject).await {
        Ok(met) => met,
        Err(failure) => return Err(failure).into(),
    };
    let met = work.met.insert(met);
    let target_id = met.target_id().or(work.grant.target_id.as_deref());
    if met.meeting == Meeting::Undecided {
        let detail = met.because.clone().unwrap_or_default();
        return Err(Failure::new(FailureKind::Conflict, detail)).into();
    }
    if !met.meeting.is_written() {
        let (target_id, warning) = (target_id.map(str::to_owned), met.because.clone());
        return Ok(Applied { effect: Effect::AlreadySo, target_id, warning, rule: None }).into();
    }
    let write = Write {
        subject: &subject,
        part: &met.part,
        parts: std::slice::from_ref(&met.part),
        target_id,
        read_first: work.grant.read_first,
        doubt: work.grant.doubt,
        brought: work.grant.brought,
        attempt,
        event_id,
        amending: None,
    };
    let mut answers = target.system.apply(conversation, &[write]).await;
    let mut answer = answers.pop().unwrap_or_else(|| unended(unanswered()));
    if let Ok(applied) = &mut answer.result {
        applied.warning = match (met.because.clone(), applied.warning.take()) {
            (Some(because), Some(warning)) => Some(format!("{because}; {warning}")),
            (because, warning) => because.or(warning),
        };
    }
    answer
}

fn prepare(work: &Work) -> Option<Prepared> {
    let newest = work.leads().max_by_key(|lead| lead.event.sequence)?;
    let subject = Subject { id: work.grant.entity_id.clone(), ..newest.event.subject.clone() };
    let attempt = work.leads().map(|lead| lead.history.attempt).max().unwrap_or(1);
    let (parts, earlier) = (work.parts(subject.facet), work.earlier(subject.facet));
    Some(Prepared { subject, parts, earlier, attempt, event_id: newest.event.id })
}

fn write<'a>(work: &'a Work, prepared: &'a Prepared) -> Option<Write<'a>> {
    // Leads come last; the newest of them is the state to be written.
    let part = prepared
        .parts
        .iter()
        .find(|part| part.subject().part == prepared.subject.part && !is_sibling(work, part))?;
    Some(Write {
        subject: &prepared.subject,
        part,
        parts: &prepared.parts,
        target_id: work.grant.target_id.as_deref(),
        read_first: work.grant.read_first,
        doubt: work.grant.doubt,
        brought: work.grant.brought,
        attempt: prepared.attempt,
        event_id: prepared.event_id,
        amending: work.grant.amending.as_ref().map(|amending| Amending {
            earlier: prepared.earlier.as_deref(),
            stands: amending.stands,
            begun: amending.begun,
        }),
    })
}

fn is_sibling(work: &Work, part: &Part) -> bool {
    let name = part.subject().part;
    work.grant.siblings.iter().any(|sibling| sibling.part == name)
}

/// Nobody knows how far it came.
fn unended(failure: Failure) -> Answer {
    Answer { result: Err(failure), steps: Steps::own(Step::Begun) }
}

fn leaderless() -> Failure {
    Failure::new(FailureKind::Internal, "a grant without a lead")
}

fn panicked() -> Failure {
    let detail = "the call ended by a fault of Ferry's own; the loader's log has it";
    Failure { unread: true, ..Failure::new(FailureKind::Internal, detail) }
}

fn fatal(deaths: u32) -> Failure {
    let detail = format!(
        "{deaths} times a consumer was lost with it in hand, inside its call as well; it may have been \
         written, and is not tried again"
    );
    Failure::new(FailureKind::Crashed, detail)
}

fn unanswered() -> Failure {
    let detail = "the system gave no answer for one of its writes";
    Failure { unread: true, ..Failure::new(FailureKind::Internal, detail) }
}
