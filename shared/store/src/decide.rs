//! The ledger's decisions that need no store: what a mark says about a member, and who leads.

use std::cmp::Reverse;

use ferry_canonical::Sequence;
use jiff::Timestamp;

use crate::Member;

/// The newest state of a part that one source's clock has brought to one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) sequence: Sequence,
    pub(crate) observed_at: Timestamp,
    pub(crate) fingerprint: String,
    pub(crate) applied_at: Timestamp,
}

/// How a member's state relates to the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    Newer,
    Same,
    Older,
}

impl Mark {
    /// Of states with one sequence and different content, the one that was observed later is newer.
    pub(crate) fn age(&self, member: &Member) -> Age {
        if member.sequence != self.sequence {
            return if member.sequence > self.sequence { Age::Newer } else { Age::Older };
        }
        if member.fingerprint == self.fingerprint {
            return Age::Same;
        }
        // The store keeps microseconds.
        let later = member.observed_at.as_microsecond() > self.observed_at.as_microsecond();
        if later { Age::Newer } else { Age::Older }
    }
}

/// What a member does in a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Lead,
    /// Index of its lead among the members given.
    Rider(usize),
    Waits,
}

/// Gives every member its role. Of one part, the first member's source and clock go first, since
/// positions on different clocks do not compare; the newest position leads. Parts join one grant
/// only where the target composes them.
pub(crate) fn roles(members: &[&Member], composed: bool) -> Vec<Role> {
    let mut roles = vec![Role::Waits; members.len()];
    let mut parts: Vec<&Option<String>> = Vec::new();
    for first in members {
        let part = &first.subject.part;
        if parts.contains(&part) || (!composed && !parts.is_empty()) {
            continue;
        }
        parts.push(part);
        let of_clock = |member: &Member| {
            member.subject.part == *part
                && member.source == first.source
                && member.clock == first.clock
        };
        let lead = members
            .iter()
            .enumerate()
            .filter(|(_, member)| of_clock(member))
            .max_by_key(|(index, member)| (member.sequence, member.observed_at, Reverse(*index)))
            .map(|(index, _)| index);
        for (index, (role, member)) in roles.iter_mut().zip(members).enumerate() {
            match lead {
                Some(lead) if lead == index => *role = Role::Lead,
                Some(lead) if of_clock(member) => *role = Role::Rider(lead),
                Some(_) | None => {}
            }
        }
    }
    roles
}
