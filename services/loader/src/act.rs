//! One call to a target: what it writes, and what became of it.

use std::{panic::AssertUnwindSafe, sync::Arc};

use ferry_canonical::{Entity, FailureKind, Lane, Outcome, Part, Step, Steps, Subject};
use ferry_http::{Conversation, Exchange, Subjects};
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

    /// What the target may have been brought before. One that cannot be read takes nothing away.
    fn recalled(&self, facet: ferry_canonical::Facet) -> Vec<Part> {
        let documents = self.grant.recalled.iter();
        documents.filter_map(|document| Part::from_json(facet, document.as_bytes()).ok()).collect()
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
    /// When the target has answered for the last time about each.
    pub(crate) answered: Vec<Instant>,
}

/// What a write needs, owned.
struct Prepared {
    subject: Subject,
    parts: Vec<Part>,
    earlier: Option<Vec<Part>>,
    recalled: Vec<Part>,
    attempt: u32,
    event_id: Uuid,
}

/// Makes the call: all works share one facet and are at most the system's batch.
pub(crate) async fn call(
    target: Arc<Target>,
    conversation: Conversation,
    mut works: Vec<Work>,
) -> Called {
    let started = Instant::now();
    let conversation = match subjects(&works) {
        Some(subjects) => conversation.writing(subjects),
        None => conversation,
    };
    let doing = AssertUnwindSafe(carry_out(&target, &conversation, &mut works)).catch_unwind();
    // Deliveries of a call that panics are settled as any other: nobody else would let go of them.
    let done = doing.await;
    let answers = done.unwrap_or_else(|_| works.iter().map(|_| unended(panicked())).collect());
    let answers = answers.into_iter().map(|Answer { result, steps }| (result, steps));
    let (results, steps) = answers.unzip();
    let exchanges = conversation.take();
    let ended = Instant::now();
    let answered = (0..works.len()).map(|place| answered(&exchanges, place).unwrap_or(ended));
    let answered = answered.collect();
    let seconds = ended.duration_since(started).as_secs_f64();
    Called { works, results, steps, exchanges, seconds, answered }
}

fn subjects(works: &[Work]) -> Option<Subjects> {
    let lead = works.first()?.leads().next()?;
    let ids = works.iter().map(|work| work.grant.entity_id.clone()).collect();
    let in_bulk = works.iter().flat_map(Work::leads).all(|lead| lead.lane == Lane::Bulk);
    Some(Subjects { entity: lead.event.subject.entity().as_str(), ids, in_bulk })
}

/// When the target has answered last about one write of the call.
fn answered(exchanges: &[Exchange], place: usize) -> Option<Instant> {
    let about = exchanges.iter().filter(|exchange| exchange.is_about(place));
    about.map(|exchange| exchange.answered_at).max()
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
    let Some(prepared) = works.iter().map(prepare).collect::<Option<Vec<Prepared>>>() else {
        return works.iter().map(|_| Err(leaderless()).into()).collect();
    };
    let mut answers: Vec<Option<Answer>> = works.iter().map(|_| None).collect();
    look(target, conversation, (works, &prepared), &mut answers).await;
    write(target, conversation, (works, &prepared), &mut answers).await;
    answers.into_iter().map(|answer| answer.unwrap_or_else(|| unended(unanswered()))).collect()
}

/// Looks at what goes both ways. What is not to be written has ended with that.
async fn look(
    target: &Target,
    conversation: &Conversation,
    (works, prepared): (&mut [Work], &[Prepared]),
    answers: &mut [Option<Answer>],
) {
    let looked_at: Vec<_> = works
        .iter()
        .zip(prepared)
        .enumerate()
        .filter(|(_, (work, _))| work.is_two_way())
        .map(|(place, (work, prepared))| (place, work, &prepared.subject))
        .collect();
    if looked_at.is_empty() {
        return;
    }
    for (place, met) in look::at(target, conversation, &looked_at).await {
        let (Some(work), Some(answer)) = (works.get_mut(place), answers.get_mut(place)) else {
            continue;
        };
        *answer = match met {
            Ok(met) => ended(work.met.insert(met), work.grant.target_id.as_deref()),
            Err(failure) => Some(Err(failure).into()),
        };
    }
}

/// None: it is to be written.
fn ended(met: &Met, known: Option<&str>) -> Option<Answer> {
    if met.meeting == Meeting::Undecided {
        let detail = met.because.clone().unwrap_or_default();
        return Some(Err(Failure::new(FailureKind::Conflict, detail)).into());
    }
    if met.meeting.is_written() {
        return None;
    }
    let target_id = met.target_id().or(known).map(str::to_owned);
    let warning = met.because.clone();
    Some(Ok(Applied { effect: Effect::AlreadySo, target_id, warning, rule: None }).into())
}

/// Writes what has no answer yet.
async fn write(
    target: &Target,
    conversation: &Conversation,
    (works, prepared): (&[Work], &[Prepared]),
    answers: &mut [Option<Answer>],
) {
    let (mut places, mut writes) = (Vec::new(), Vec::new());
    for (place, (work, prepared)) in works.iter().zip(prepared).enumerate() {
        let Some(answer @ None) = answers.get_mut(place) else { continue };
        match write_of(work, prepared) {
            Some(write) => {
                places.push(place);
                writes.push(write);
            }
            None => *answer = Some(Err(leaderless()).into()),
        }
    }
    if writes.is_empty() {
        return;
    }
    let applied = target.system.apply(&conversation.among_these(&places), &writes).await;
    for (place, mut applied) in places.into_iter().zip(applied) {
        let because = works.get(place).and_then(|work| work.met.as_ref()?.because.clone());
        if let Ok(applied) = &mut applied.result {
            applied.warning = match (because, applied.warning.take()) {
                (Some(because), Some(warning)) => Some(format!("{because}; {warning}")),
                (because, warning) => because.or(warning),
            };
        }
        if let Some(answer) = answers.get_mut(place) {
            *answer = Some(applied);
        }
    }
}

fn prepare(work: &Work) -> Option<Prepared> {
    let newest = work.leads().max_by_key(|lead| lead.event.sequence)?;
    let subject = Subject { id: work.grant.entity_id.clone(), ..newest.event.subject.clone() };
    let attempt = work.leads().map(|lead| lead.history.attempt).max().unwrap_or(1);
    let (parts, earlier) = (work.parts(subject.facet), work.earlier(subject.facet));
    let recalled = work.recalled(subject.facet);
    Some(Prepared { subject, parts, earlier, recalled, attempt, event_id: newest.event.id })
}

fn write_of<'a>(work: &'a Work, prepared: &'a Prepared) -> Option<Write<'a>> {
    let (part, parts) = match &work.met {
        Some(met) => (&met.part, std::slice::from_ref(&met.part)),
        None => (newest(work, prepared)?, prepared.parts.as_slice()),
    };
    let met = work.met.as_ref().and_then(Met::target_id);
    let amending = work.grant.amending.as_ref().filter(|_| work.met.is_none());
    Some(Write {
        subject: &prepared.subject,
        part,
        parts,
        target_id: met.or(work.grant.target_id.as_deref()),
        read_first: work.grant.read_first,
        doubt: work.grant.doubt,
        brought: work.grant.brought,
        recalled: &prepared.recalled,
        attempt: prepared.attempt,
        event_id: prepared.event_id,
        amending: amending.map(|amending| Amending {
            earlier: prepared.earlier.as_deref(),
            stands: amending.stands,
            begun: amending.begun,
        }),
    })
}

/// Leads come last; the newest of them is the state to be written.
fn newest<'a>(work: &Work, prepared: &'a Prepared) -> Option<&'a Part> {
    let of_part = |part: &&Part| part.subject().part == prepared.subject.part;
    prepared.parts.iter().find(|part| of_part(part) && !is_sibling(work, part))
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn each_write_was_answered_last_by_what_was_about_it() {
        let begun = Instant::now();
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        let exchange = |seconds: u64, about: Option<&[usize]>| Exchange {
            started_at: Timestamp::UNIX_EPOCH,
            operation: "look",
            method: "GET",
            url: String::new(),
            request_headers: Vec::new(),
            request_body: Bytes::new(),
            duration: Duration::ZERO,
            secret: false,
            answer: Ok((200, Bytes::new())),
            answered_at: at(seconds),
            about: about.map(Arc::from),
        };
        let exchanges =
            [exchange(1, Some(&[0, 1])), exchange(5, Some(&[1])), exchange(3, Some(&[1]))];
        assert_eq!(answered(&exchanges, 0), Some(at(1)), "others were written until 5");
        assert_eq!(answered(&exchanges, 1), Some(at(5)));
        assert_eq!(answered(&exchanges, 2), None);
        assert_eq!(answered(&[exchange(2, None)], 2), Some(at(2)), "a token is for all");
    }
}
