//! States that were said where there is no room for all of them: what a target is to hold is such a
//! state laid over what is known there by the same source, whichever of the two comes first.

use ferry_canonical::{Facet, Part};

use super::{Document, Page, Place, known::unread};
use crate::{Member, StoreError, decide::Role};

/// What a member's part is to be at the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) document: String,
    pub(super) fingerprint: String,
}

impl Content {
    pub(super) fn of(member: &Member) -> Self {
        Self { document: member.document.clone(), fingerprint: member.fingerprint.clone() }
    }

    fn of_part(part: &Part) -> Self {
        Self { document: part.to_json(), fingerprint: part.fingerprint() }
    }

    /// Laid over what is older.
    fn over(self, facet: Facet, older: &str) -> Self {
        match (read(facet, &self.document), read(facet, older)) {
            (Some(newer), Some(older)) if newer.is_brief() => Self::of_part(&newer.over(&older)),
            _ => self,
        }
    }
}

impl Page {
    /// A member's content, as the newest state of its part.
    pub(super) fn laid_over(&self, place: &Place, member: &Member) -> Result<Content, StoreError> {
        let content = Content::of(member);
        Ok(match self.known_of_source(place, member)? {
            Some(known) => content.over(place.facet, known),
            None => content,
        })
    }

    /// What a member adds to a newer state that had no room for it; nothing, where it adds nothing.
    pub(super) fn added_to_newer(
        &self,
        place: &Place,
        member: &Member,
    ) -> Result<Option<Content>, StoreError> {
        let Some(newer) = self.known_of_source(place, member)? else { return Ok(None) };
        let (newer, older) = (read(place.facet, newer), read(place.facet, &member.document));
        let Some((newer, older)) = newer.zip(older) else { return Ok(None) };
        let whole = Content::of_part(&newer.over(&older));
        Ok((whole.fingerprint != newer.fingerprint()).then_some(whole))
    }

    /// What the member's own source has brought to the target, as far as is known: what a write of
    /// unknown effect meant to bring, too.
    fn known_of_source(&self, place: &Place, member: &Member) -> Result<Option<&str>, StoreError> {
        if !place.facet.can_be_brief() {
            return Ok(None);
        }
        let intended = self.intended(place).map(|(_, intent)| intent);
        let intended = intended.filter(|intent| intent.source == member.source).last();
        let settled = self.settled(place);
        let settled = settled.filter(|state| state.via.first() == Some(&member.source));
        let document = intended.map(|intent| &intent.document);
        let document = document.or(settled.map(|state| &state.document));
        document.map(|document: &Document| document.text().ok_or_else(unread)).transpose()
    }
}

/// Every lead with what the older states say that ride with it.
pub(super) fn with_riders(members: &[&Member], roles: &[Role], contents: &mut [Content]) {
    for lead in 0..members.len() {
        let Some(first) = members.get(lead) else { continue };
        let facet = first.subject.facet;
        if !facet.can_be_brief() {
            return;
        }
        let with_lead = |index: &usize| roles.get(*index) == Some(&Role::Rider(lead));
        let mut riders: Vec<usize> = (0..roles.len()).filter(with_lead).collect();
        riders.sort_by_key(|index| members.get(*index).map(|m| (m.sequence, m.observed_at)));
        let mut older: Option<Content> = None;
        for content in riders.into_iter().filter_map(|index| contents.get(index)).cloned() {
            older = Some(match older {
                Some(older) => content.over(facet, &older.document),
                None => content,
            });
        }
        if let (Some(older), Some(lead)) = (older, contents.get_mut(lead)) {
            *lead = lead.clone().over(facet, &older.document);
        }
    }
}

/// What cannot be read as a part is nothing to lay anything over.
fn read(facet: Facet, document: &str) -> Option<Part> {
    Part::from_json(facet, document.as_bytes()).ok()
}
