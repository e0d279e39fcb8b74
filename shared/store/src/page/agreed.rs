//! Facets that two systems say to each other: what they agreed on last, and what follows where a
//! change of one met what the other holds.

use ferry_canonical::{Facet, Outcome, Sequence};
use uuid::Uuid;

use super::{At, Claim, Document, Key, MarkKey, Page, Place, Position, State, micros};
use crate::{Agreed, Base, Met, Seen, StoreError, decide::Mark};

/// One part of one entity between two systems.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Meeting {
    pub(crate) key: Key,
    pub(crate) facet: Facet,
    /// Empty where the facet has none.
    pub(crate) part: String,
    /// The systems, in the order of their names.
    pub(crate) pair: [String; 2],
}

/// What both held when a change of one was settled at the other last.
#[derive(Clone, Debug)]
pub(crate) struct Agreement {
    pub(crate) document: String,
    pub(crate) fingerprint: String,
    pub(crate) at: i64,
}

impl Meeting {
    pub(crate) fn new(place: &Place, other: &str) -> Self {
        let mut pair = [place.at.system.clone(), other.to_owned()];
        pair.sort();
        let Place { at, facet, part } = place;
        Self { key: at.key.clone(), facet: *facet, part: part.clone(), pair }
    }
}

impl Page {
    /// Whether a claim that writes to another system holds the entity here as well.
    pub(super) fn is_beside(&self, at: &At) -> bool {
        self.claims.since(Uuid::nil()).any(|(_, claim)| {
            claim.other.as_ref() == Some(&at.system)
                && claim.at.key == at.key
                && claim.lease_until > self.now_micros()
        })
    }

    /// Whether a write to this place was lost whose delivery will find out what became of it.
    pub(super) fn is_doubted(&self, place: &Place) -> bool {
        self.intended(place).any(|(_, intent)| !self.has_ended(place, intent))
    }

    /// Whether what stands there may be a part of a write for `source` that nobody will end any more.
    fn is_half(&self, place: &Place, source: &str) -> bool {
        let mut intended = self.intended(place);
        intended.any(|(_, intent)| intent.source == source && self.has_ended(place, intent))
    }

    /// Against what the state at `place` is to be judged when `other` wants to change it.
    pub(super) fn base(&self, place: &Place, other: &str) -> Result<Base, StoreError> {
        let agreed = self.agreements.get(&Meeting::new(place, other)).map(|agreement| Agreed {
            document: agreement.document.clone(),
            fingerprint: agreement.fingerprint.clone(),
        });
        let lost = self.intended(place).map(|(_, intent)| intent);
        let lost = lost.filter(|lost| !self.was_contradicted(&place.at, lost));
        let mut ours: Vec<&Document> =
            lost.filter(|lost| lost.source == other).map(|lost| &lost.document).collect();
        if agreed.is_none() {
            let of_other = |state: &&State| state.via.first().is_some_and(|first| first == other);
            ours.extend(self.settled(place).filter(of_other).map(|state| &state.document));
        }
        let read = |document: &Document| document.text().map(str::to_owned).ok_or_else(unread);
        let Place { at, facet, part } = place;
        let at_source = At::new(&at.key, other);
        let at_source = Place { at: at_source, facet: *facet, part: part.clone() };
        Ok(Base {
            agreed,
            ours: ours.into_iter().map(read).collect::<Result<_, _>>()?,
            half_said: self.is_half(&at_source, &at.system),
            half_held: self.is_half(place, other),
        })
    }

    /// A change of one system met what the other holds. Returns until when the entity stays unknown.
    pub(super) fn met(
        &mut self,
        claim: &Claim,
        token: Uuid,
        met: &Met,
    ) -> Result<Option<i64>, StoreError> {
        let lead = claim.members.iter().find(|member| member.rides.is_none());
        if let (Some(lead), Some(other)) = (lead, &claim.other) {
            let part = lead.part.clone().unwrap_or_default();
            let place = Place { at: claim.at.clone(), facet: claim.facet, part };
            self.agree(&place, other, &met.agreed);
            match (&met.seen, met.outcome) {
                (Some(seen), Outcome::Superseded) => {
                    self.keeps(&place, seen);
                    // What stands there is still to be heard, with its own event.
                    let before = Sequence(seen.sequence.0.saturating_sub(1));
                    self.pass(&place, other, seen, (before, &seen.fingerprint));
                }
                (Some(seen), outcome) => {
                    let echo = outcome == Outcome::Echo;
                    let said = if echo { &seen.fingerprint } else { &lead.fingerprint };
                    self.pass(&place, other, seen, (seen.sequence, said));
                }
                (None, _) => {}
            }
        }
        self.done(claim, token, (met.outcome, met.because.as_deref()))
    }

    /// What both were shown last, whoever has to give way to the other now.
    fn agree(&mut self, place: &Place, other: &str, agreed: &Agreed) {
        let Agreed { document, fingerprint } = agreed.clone();
        let agreement = Agreement { document, fingerprint, at: self.now_micros() };
        self.agreements.put(Meeting::new(place, other), agreement);
    }

    /// The target keeps its own content: nothing of ours is there any more, and nothing is in doubt.
    fn keeps(&mut self, place: &Place, seen: &Seen) {
        self.forget_intents_of(place);
        let state = State {
            document: Document::Given(seen.document.clone()),
            fingerprint: seen.fingerprint.clone(),
            via: Vec::new(),
            ours: false,
            started_at: micros(self.before(seen.ago)),
        };
        self.states.put(place.clone(), state);
    }

    /// Whatever the target said of itself until then is older than what is known of it, also where that
    /// is still in a queue, or in a retry of next week.
    fn pass(
        &mut self,
        place: &Place,
        other: &str,
        seen: &Seen,
        (sequence, fingerprint): (Sequence, &str),
    ) {
        let at = At::new(&place.at.key, other);
        let key = MarkKey {
            place: Place { at, facet: place.facet, part: place.part.clone() },
            source: place.at.system.clone(),
            clock: seen.clock.0.clone(),
        };
        let mark = Mark {
            sequence,
            observed_at: self.before(seen.ago),
            fingerprint: fingerprint.to_owned(),
            applied_at: self.now,
        };
        self.advance(key, Position { mark, outcome: Outcome::Echo });
    }
}

/// Without it our own lost write would look like a conflict.
fn unread() -> StoreError {
    StoreError::Corrupt("a lost write of a two-way facet was not read".to_owned())
}
