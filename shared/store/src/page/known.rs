//! What is known of one part: the high-water marks of its sources, what a system was last known to
//! hold, and what may have been written there without anybody knowing.

use ferry_canonical::{Brought, Doubt, Facet, Sequence};
use uuid::Uuid;

use super::{
    At, CLOCKS_APART, Document, Intent, IntentKey, MarkKey, Page, Place, Position, State, micros,
    span,
};
use crate::{Member, PartState, StoreError, decide::Mark};

/// Whether `other` says something else of the part, which its source showed after what the mark says and
/// before the member.
pub(super) fn is_between(other: &Member, member: &Member, mark: &Mark) -> bool {
    (&other.source, &other.clock) == (&member.source, &member.clock)
        && other.fingerprint != member.fingerprint
        && (other.sequence, other.observed_at) > (mark.sequence, mark.observed_at)
        && (other.sequence, other.observed_at) < (member.sequence, member.observed_at)
}

/// A write of a newer state of this part, by the same source and clock, whose effect nobody knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ahead {
    pub(super) sequence: Sequence,
    /// Its delivery has ended, as a dead letter: nobody is going to find out.
    pub(super) ended: bool,
}

impl Page {
    /// What we wrote there last, unless the system has said something else since.
    pub(super) fn settled(&self, place: &Place) -> Option<&State> {
        self.states.get(place).filter(|state| state.ours)
    }

    /// What we are writing there, or may have written.
    pub(super) fn intended(&self, place: &Place) -> impl Iterator<Item = (&IntentKey, &Intent)> {
        let first = IntentKey { place: place.clone(), grant: i64::MIN };
        self.intents.since(first).take_while(move |(key, _)| key.place == *place)
    }

    /// Whether this delivery may have been written before.
    pub(super) fn was_intended(&self, place: &Place, member: &Member) -> bool {
        let its = |intent: &Intent| {
            intent.event_id == member.event_id && intent.generation == member.generation
        };
        self.intended(place).any(|(_, intent)| its(intent))
    }

    fn intents_at(&self, at: &At) -> impl Iterator<Item = (&IntentKey, &Intent)> {
        self.intents.since(IntentKey::first(at)).take_while(move |(key, _)| key.place.at == *at)
    }

    /// Whether writes of unknown effect are left at the entity.
    pub(super) fn has_intents(&self, at: &At) -> bool {
        self.intents_at(at).next().is_some()
    }

    /// The system itself has said what it holds: where that differs from what we wrote before, what
    /// we wrote is no longer evidence of what is there.
    pub(super) fn said(&mut self, place: &Place, member: &Member) {
        let observed_at = micros(member.observed_at);
        let differs = |fingerprint: &str, started_at: i64| {
            fingerprint != member.fingerprint && started_at <= observed_at
        };
        if self.states.get(place).is_some_and(|state| differs(&state.fingerprint, state.started_at))
            && let Some(state) = self.states.change(place)
        {
            state.document = Document::Given(member.document.clone());
            state.fingerprint.clone_from(&member.fingerprint);
            state.ours = false;
        }
        let doubted: Vec<IntentKey> = self
            .intended(place)
            .filter(|(_, intent)| differs(&intent.fingerprint, intent.started_at))
            .map(|(key, _)| key.clone())
            .collect();
        for key in doubted {
            if let Some(intent) = self.intents.change(&key) {
                // What comes late out of a queue may have been said early.
                intent.said_at = intent.said_at.max(Some(observed_at));
            }
        }
    }

    /// Whether an earlier write of the part may be there without anybody knowing. Ask before the
    /// member's own is written down.
    pub(super) fn doubt(&self, place: &Place, member: &Member) -> Doubt {
        let mut lost = self.intended(place).map(|(_, intent)| intent).peekable();
        if lost.peek().is_none() {
            return Doubt::None;
        }
        let died = member.generation > 0 && lost.all(|intent| self.has_ended(place, intent));
        if died { Doubt::LookedInto } else { Doubt::Open }
    }

    /// What was written there before, or may have been, seen from the content of this fingerprint.
    pub(super) fn brought(&self, place: &Place, new: &str) -> Brought {
        let settled = self.states.get(place).map(|state| state.fingerprint.as_str());
        let lost = self.intended(place).map(|(_, intent)| intent.fingerprint.as_str());
        let mut all = settled.into_iter().chain(lost).peekable();
        if all.peek().is_none() {
            return Brought::Nothing;
        }
        if all.all(|fingerprint| fingerprint == new) { Brought::Same } else { Brought::Other }
    }

    /// Every content that may stand there, but for the one of this fingerprint.
    pub(super) fn earlier(&self, place: &Place, new: &str) -> Result<Vec<String>, StoreError> {
        let settled = self.states.get(place).map(|state| (&state.fingerprint, &state.document));
        let doubted = self.intended(place).map(|(_, i)| (&i.fingerprint, &i.document));
        let all = settled.into_iter().chain(doubted).filter(|(fingerprint, _)| *fingerprint != new);
        all.map(|(_, document)| document.text().map(str::to_owned).ok_or_else(unread)).collect()
    }

    /// The newest write that may be ahead of `member` at the target.
    pub(super) fn ahead(&self, place: &Place, member: &Member) -> Option<Ahead> {
        let position = (member.sequence, micros(member.observed_at));
        let of_clock =
            |intent: &Intent| intent.source == member.source && intent.clock == member.clock.0;
        self.intended(place)
            .map(|(_, intent)| intent)
            .filter(|intent| of_clock(intent) && (intent.sequence, intent.observed_at) > position)
            .max_by_key(|intent| (intent.sequence, intent.observed_at))
            .map(|intent| Ahead { sequence: intent.sequence, ended: self.has_ended(place, intent) })
    }

    /// Whether another state may have been written that its source showed after what the mark says and
    /// before the member: with equal sequences, content that is the mark's has come back since.
    pub(super) fn was_between(&self, place: &Place, member: &Member, mark: &Mark) -> bool {
        let after = (mark.sequence, micros(mark.observed_at));
        let of_clock =
            |intent: &Intent| intent.source == member.source && intent.clock == member.clock.0;
        let other = |intent: &Intent| intent.fingerprint != member.fingerprint;
        micros(member.observed_at) > after.1
            && self.intended(place).map(|(_, intent)| intent).any(|intent| {
                of_clock(intent) && other(intent) && (intent.sequence, intent.observed_at) > after
            })
    }

    pub(super) fn has_ended(&self, place: &Place, intent: &Intent) -> bool {
        let (event_id, generation) = (intent.event_id, intent.generation);
        let target = place.at.system.clone();
        let delivery = super::Delivery { target, event_id, generation };
        intent.ended || self.ends.get(&delivery).is_some()
    }

    /// Whether the system has said something else since a lost write could still take effect. What it
    /// says like that write from then on, it says by itself.
    pub(super) fn was_contradicted(&self, at: &At, lost: &Intent) -> bool {
        let Some(standing) = self.standings.get(at) else { return false };
        // What is being written now is not what the entity was unknown for.
        let is_lost = standing.token != Some(lost.token);
        let over = standing.unknown_until.filter(|_| is_lost).zip(lost.said_at);
        over.is_some_and(|(until, said_at)| said_at > until.saturating_add(span(CLOCKS_APART)))
    }

    /// What a claim intended was not written.
    pub(super) fn drop_intents(&mut self, at: &At, token: Uuid) {
        self.forget_intents(at, |intent, _| intent.token == token);
    }

    /// Nobody knows whether it was written. Of one clock's tries with equal content, the last stands for
    /// all; to an older state of another clock it says nothing.
    pub(super) fn keep_intents(&mut self, at: &At, token: Uuid) {
        let mine: Vec<(Place, Intent)> = self
            .intents_at(at)
            .filter(|(_, intent)| intent.token == token)
            .map(|(key, intent)| (key.place.clone(), intent.clone()))
            .collect();
        self.forget_intents(at, |intent, place| {
            let equal = |(at, mine): &(Place, Intent)| {
                at == place
                    && mine.fingerprint == intent.fingerprint
                    && mine.source == intent.source
                    && mine.clock == intent.clock
            };
            intent.token != token && mine.iter().any(equal)
        });
    }

    fn forget_intents(&mut self, at: &At, which: impl Fn(&Intent, &Place) -> bool) {
        let forgotten: Vec<IntentKey> = self
            .intents_at(at)
            .filter(|(key, intent)| which(intent, &key.place))
            .map(|(key, _)| key.clone())
            .collect();
        for key in forgotten {
            self.intents.remove(&key);
        }
    }

    /// What was intended is so: it becomes the settled state, and every earlier doubt about the
    /// part is over.
    pub(super) fn settle_part(&mut self, place: &Place, token: Uuid) {
        let mine = self.intended(place).find(|(_, intent)| intent.token == token);
        if let Some((_, intent)) = mine {
            let state = State {
                document: Document::Intended(token),
                fingerprint: intent.fingerprint.clone(),
                via: intent.via.clone(),
                ours: intent.said_at.is_none(),
                started_at: intent.started_at,
            };
            self.states.put(place.clone(), state);
        }
        self.forget_intents_of(place);
    }

    pub(super) fn forget_intents_of(&mut self, place: &Place) {
        let over: Vec<IntentKey> = self.intended(place).map(|(key, _)| key.clone()).collect();
        for key in over {
            self.intents.remove(&key);
        }
    }

    /// Every part of the facet at the target. Where a write's effect is unknown, what it meant to
    /// write: a composed write that went back behind it could show an older state after a newer one.
    pub(super) fn parts(&self, at: &At, facet: Facet) -> Result<Vec<PartState>, StoreError> {
        let first = Place { at: at.clone(), facet, part: String::new() };
        let of_facet = |place: &Place| place.at == *at && place.facet == facet;
        let states = self.states.since(first.clone()).take_while(|(place, _)| of_facet(place));
        let mut parts: std::collections::BTreeMap<&str, &Document> =
            states.map(|(place, state)| (place.part.as_str(), &state.document)).collect();
        let first = IntentKey { place: first, grant: i64::MIN };
        let intents = self.intents.since(first).take_while(|(key, _)| of_facet(&key.place));
        parts.extend(intents.map(|(key, intent)| (key.place.part.as_str(), &intent.document)));
        let read = |(part, document): (&str, &Document)| {
            let part = (!part.is_empty()).then(|| part.to_owned());
            let document = document.text().map(str::to_owned);
            document.map(|document| PartState { part, document }).ok_or_else(unread)
        };
        parts.into_iter().map(read).collect()
    }

    /// Moves the mark forward; never back.
    pub(super) fn advance(&mut self, key: MarkKey, position: Position) {
        let order =
            |position: &Position| (position.mark.sequence, micros(position.mark.observed_at));
        let further = self.marks.get(&key).is_none_or(|old| order(&position) >= order(old));
        if further {
            self.marks.put(key, position);
        }
    }
}

impl IntentKey {
    /// Before every other of the entity at the system.
    pub(super) fn first(at: &At) -> Self {
        let [first, ..] = Facet::ALL;
        let facet = Facet::ALL.into_iter().min().unwrap_or(first);
        Self { place: Place { at: at.clone(), facet, part: String::new() }, grant: i64::MIN }
    }
}

/// Leaving the part out would take it away from the target.
pub(super) fn unread() -> StoreError {
    StoreError::Corrupt("a part that a write goes by was not read".to_owned())
}
