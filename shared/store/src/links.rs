//! Which record of a system is which entity, said by a person who has looked at both.
//!
//! What is there already is found through these links instead of being made a second time. Only what
//! nobody has is given: an entity keeps the id it has at the system, and an id keeps its entity.

use std::future::Future;

use ferry_canonical::Entity;

use crate::StoreError;

/// An entity, and what the system calls it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    pub entity: Entity,
    /// Canonical.
    pub id: String,
    pub own_id: String,
}

/// What became of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Linked {
    Made,
    /// It was so before.
    Known,
    /// The entity has this id at the system.
    HasAnother(String),
    /// The id is this entity's.
    IsAnothers(String),
    /// It is being written there, or nobody knows whether it was.
    Busy,
}

pub trait Links: Send + Sync {
    /// What the system calls the entities of this kind that Ferry knows there, by canonical id.
    fn links(
        &self,
        system: &str,
        entity: Entity,
    ) -> impl Future<Output = Result<Vec<Link>, StoreError>> + Send;

    /// Links as many of them as nothing speaks against, in one transaction. One answer each.
    fn link(
        &self,
        system: &str,
        links: Vec<Link>,
    ) -> impl Future<Output = Result<Vec<Linked>, StoreError>> + Send;
}

/// How an entity stands at the system before it is linked.
#[derive(Debug)]
pub(crate) struct Before {
    /// What the system calls it.
    pub(crate) own_id: Option<String>,
    /// Somebody holds it, or a write of it has had no answer.
    pub(crate) busy: bool,
    /// The entity that the new id belongs to.
    pub(crate) owner: Option<String>,
}

/// What is to become of a link.
pub(crate) fn decide(link: &Link, before: Before) -> Linked {
    match before {
        Before { own_id: Some(own_id), .. } if own_id == link.own_id => Linked::Known,
        Before { own_id: Some(own_id), .. } => Linked::HasAnother(own_id),
        Before { owner: Some(owner), .. } => Linked::IsAnothers(owner),
        Before { busy: true, .. } => Linked::Busy,
        Before { .. } => Linked::Made,
    }
}
