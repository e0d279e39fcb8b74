//! What of the ledger a batch may touch.

use std::collections::{BTreeMap, BTreeSet};

use ferry_canonical::{Entity, Facet};

use super::{At, Delivery, Key, Meeting, OwnId, Place};
use crate::{Group, Member, Settle, Settlement};

/// The rows that claims are decided on.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) deliveries: BTreeSet<Delivery>,
    /// In the order in which they are locked: every batch takes them so, and none waits for another
    /// that waits for it. Whether the documents of intents are read too.
    pub(crate) at: BTreeMap<At, bool>,
    /// Facets of entities at systems, and whether the documents of states are read too.
    pub(crate) facets: BTreeMap<(At, Facet), bool>,
    pub(crate) meetings: BTreeSet<Meeting>,
}

/// The own ids that have to be resolved before anything else.
pub(crate) fn own_names(groups: &[Group]) -> BTreeSet<OwnId> {
    groups.iter().flat_map(|group| &group.members).filter_map(OwnId::of).collect()
}

/// The own ids that settlements give, of any entity: their claims are not read yet.
pub(crate) fn target_names(settlements: &[Settlement]) -> BTreeSet<(String, String)> {
    let named = |settlement: &Settlement| match &settlement.verdict {
        Settle::Done { target_id, .. } | Settle::Failed { target_id, .. } => {
            Some((settlement.target.clone(), target_id.clone()?))
        }
        Settle::Met(met) => Some((settlement.target.clone(), met.target_id.clone()?)),
        Settle::Kept { .. } | Settle::Released => None,
    };
    settlements.iter().filter_map(named).collect()
}

impl Wanted {
    pub(crate) fn by(groups: &[Group], own_ids: &BTreeMap<OwnId, String>) -> Self {
        let mut given: BTreeMap<OwnId, BTreeSet<&str>> = BTreeMap::new();
        for member in groups.iter().flat_map(|group| &group.members) {
            if let Some(name) = OwnId::of(member) {
                given.entry(name).or_default().insert(&member.subject.id);
            }
        }
        let mut wanted = Self::default();
        for group in groups {
            for member in &group.members {
                wanted.deliveries.insert(Delivery::of(group, member));
                for id in ids(member, own_ids, &given) {
                    wanted.entity(group, member, id);
                }
            }
        }
        wanted
    }

    fn entity(&mut self, group: &Group, member: &Member, id: &str) {
        let entity: Entity = member.subject.entity();
        let key = Key { entity, id: id.to_owned() };
        let whole = group.composed
            || group.amends.is_some()
            || group.recalls
            || member.two_way
            || member.subject.facet.can_be_brief();
        for (system, whole) in [(&group.target, whole), (&member.source, false)] {
            let at = At::new(&key, system);
            *self.at.entry(at.clone()).or_default() |= whole;
            *self.facets.entry((at, member.subject.facet)).or_default() |= whole;
        }
        if member.two_way {
            let place = Place::of(member, At::new(&key, &group.target));
            self.meetings.insert(Meeting::new(&place, &member.source));
        }
    }
}

/// The canonical ids that a member may turn out to have: where its own id is nobody's yet, the first
/// of the batch to be granted gives its id to all that share it.
fn ids<'a>(
    member: &'a Member,
    own_ids: &'a BTreeMap<OwnId, String>,
    given: &BTreeMap<OwnId, BTreeSet<&'a str>>,
) -> BTreeSet<&'a str> {
    let own = BTreeSet::from([member.subject.id.as_str()]);
    let Some(name) = OwnId::of(member) else { return own };
    match own_ids.get(&name) {
        Some(id) => BTreeSet::from([id.as_str()]),
        None => given.get(&name).cloned().unwrap_or(own),
    }
}
