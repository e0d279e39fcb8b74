//! Looking at a target before a change goes there, where the target has a say in the facet as well.

use std::time::Duration;

use ferry_canonical::{FailureKind, Part, Subject};
use ferry_http::Conversation;
use ferry_store::Seen;
use ferry_systems::{Failure, Held, Look};

use crate::{
    act::Work,
    delivery::InHand,
    half,
    meeting::{self, Found, Meeting, Side},
    target::{Target, TwoWay},
};

/// A change, and what its target holds.
#[derive(Debug)]
pub(crate) struct Met {
    pub(crate) meeting: Meeting,
    /// What a person reads of it.
    pub(crate) because: Option<String>,
    /// The change, with what its source cannot say as the target has it.
    pub(crate) part: Part,
    pub(crate) held: Option<Held>,
}

impl Met {
    pub(crate) fn target_id(&self) -> Option<&str> {
        self.held.as_ref()?.target_id.as_deref()
    }

    /// As the ledger takes it, where the target answered last so long ago.
    pub(crate) fn seen(&self, ago: Duration) -> Option<Seen> {
        let held = self.held.as_ref()?;
        Some(Seen {
            ago,
            clock: held.clock.clone(),
            sequence: held.sequence,
            fingerprint: held.part.fingerprint(),
            document: held.part.to_json(),
        })
    }
}

/// Holds the lead of each work against what the target has, all of which are asked for together. Each
/// has the place of its write in the call.
pub(crate) async fn at(
    target: &Target,
    conversation: &Conversation,
    works: &[(usize, &Work, &Subject)],
) -> Vec<(usize, Result<Met, Failure>)> {
    let Some(shows) = works.iter().find_map(|(_, work, _)| Some(&two_way(work)?.1.target)) else {
        return works.iter().map(|(place, ..)| (*place, Err(one_way()))).collect();
    };
    let looks: Vec<Look<'_>> = works
        .iter()
        .map(|(_, work, subject)| Look {
            subject,
            target_id: work.grant.target_id.as_deref(),
            in_doubt: work.grant.read_first,
        })
        .collect();
    let places: Vec<usize> = works.iter().map(|(place, ..)| *place).collect();
    let mut held = shows.look(&conversation.among_these(&places), &looks).await.into_iter();
    let met = |(place, work, subject): &(usize, &Work, &Subject)| {
        let held = held.next().unwrap_or_else(|| Err(unanswered()));
        (*place, held.and_then(|held| met(target, work, subject, held)))
    };
    works.iter().map(met).collect()
}

fn met(
    target: &Target,
    work: &Work,
    subject: &Subject,
    held: Option<Held>,
) -> Result<Met, Failure> {
    let (Some((lead, two_way)), Some(base)) = (two_way(work), &work.grant.base) else {
        return Err(one_way());
    };
    let read = |document: &String| Part::from_json(subject.facet, document.as_bytes()).ok();
    let agreed = base.agreed.as_ref().and_then(|agreed| read(&agreed.document));
    let said = &lead.event.part;
    let shown = held.as_ref().map(|held| &held.part);
    let completed = |said: &Part| match shown.or(agreed.as_ref()) {
        Some(known) => two_way.source.complete(said, known),
        None => said.clone(),
    };
    let holds = |wanted: &Part| {
        shown.is_some_and(|shown| equal(&two_way.target.complete(shown, wanted), wanted))
    };
    let part = completed(said);
    let ours: Vec<Part> = base.ours.iter().filter_map(read).map(|ours| completed(&ours)).collect();
    let shows_it = holds(&part);
    // What the target cannot say is as it was agreed on, or as a write has it that may be there; where
    // nothing was, it is not known to be so. Held against what the source could say: what it has no
    // word for is no difference.
    let stands = |shown: &Part, as_in: Option<&Part>| {
        let stands = match as_in {
            Some(known) => two_way.target.complete(shown, known),
            None => shown.clone(),
        };
        equal(&two_way.source.complete(said, &stands), &stands)
    };
    let found = Found {
        change: Side {
            system: &lead.event.source,
            at: Some(lead.event.time),
            is_half: base.half_said,
        },
        held: held.as_ref().map(|held| Side {
            system: &target.name,
            at: held.changed_at,
            is_half: base.half_held,
        }),
        is_new: shows_it
            && shown.is_some_and(|shown| {
                stands(shown, agreed.as_ref()) && ours.iter().all(|ours| stands(shown, Some(ours)))
            }),
        is_base: shows_it
            || agreed.as_ref().is_some_and(holds)
            || ours.iter().any(holds)
            || shown.is_some_and(|shown| may_be_half(two_way, shown, agreed.as_ref(), &ours)),
        says_base: agreed
            .as_ref()
            .is_some_and(|agreed| equal(&two_way.source.complete(said, agreed), agreed)),
    };
    let meeting = meeting::decide(found, &two_way.policy);
    let because = meeting::sentence(meeting, found, &two_way.policy);
    Ok(Met { meeting, because, part, held })
}

fn two_way(work: &Work) -> Option<(&InHand, &TwoWay)> {
    let lead = work.leads().next()?;
    Some((lead, lead.route.two_way.as_ref()?))
}

fn one_way() -> Failure {
    Failure::unsupported("the facet goes one way")
}

fn unanswered() -> Failure {
    Failure::new(FailureKind::Internal, "the system gave no answer for one of its looks")
}

/// Whether the target shows a part of what we wrote, and for the rest what was agreed on.
fn may_be_half(two_way: &TwoWay, shown: &Part, agreed: Option<&Part>, ours: &[Part]) -> bool {
    let Some(newest) = ours.last() else { return false };
    let shown = two_way.target.complete(shown, newest);
    let parts: Vec<Part> = agreed.into_iter().chain(ours).cloned().collect();
    half::is_mixed(&shown, &parts, agreed.is_none())
}

fn equal(one: &Part, other: &Part) -> bool {
    one.fingerprint() == other.fingerprint()
}
