//! What the API's user may do: rights on kinds, and rows of another organization.
//!
//! Oro says 403 in three ways, and a client has to know them apart: no access to a type, no access to
//! a row, and no access to a row that another one points at (OroCommerce reference §3.1).

use super::problem::Problem;
use super::record::{Id, Record};
use super::schema::Kind;

/// What may be done with rows of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    View = 0,
    Create = 1,
    Edit = 2,
    Delete = 3,
    Assign = 4,
}

impl Right {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "view" => Self::View,
            "create" => Self::Create,
            "edit" => Self::Edit,
            "delete" => Self::Delete,
            "assign" => Self::Assign,
            _ => return None,
        })
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The rights that were taken away, of each kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rights {
    revoked: [u8; Kind::ALL.len()],
}

impl Default for Rights {
    fn default() -> Self {
        Self { revoked: [0; Kind::ALL.len()] }
    }
}

impl Rights {
    pub(super) fn set(&mut self, kind: Kind, right: Right, granted: bool) {
        if let Some(revoked) = self.revoked.get_mut(kind as usize) {
            if granted {
                *revoked &= !right.bit();
            } else {
                *revoked |= right.bit();
            }
        }
    }

    pub(super) fn has(&self, kind: Kind, right: Right) -> bool {
        self.revoked.get(kind as usize).is_none_or(|revoked| revoked & right.bit() == 0)
    }

    /// Refuses what is done with a kind as a whole.
    pub(super) fn allow(&self, kind: Kind, right: Right) -> Result<(), Vec<Problem>> {
        if self.has(kind, right) { Ok(()) } else { Err(vec![no_type()]) }
    }

    /// Whether a row can be seen at all.
    pub(super) fn shows(&self, record: &Record) -> bool {
        self.has(record.kind, Right::View) && !is_foreign(record)
    }
}

/// Whether the row belongs to another organization than the client's.
pub(super) fn is_foreign(record: &Record) -> bool {
    let organization =
        record.one.get("organization").or_else(|| record.one.get("systemOrganization"));
    organization.is_some_and(|organization| *organization != Id::Number(1))
}

pub(super) fn no_type() -> Problem {
    Problem::denied("No access to this type of entities.")
}

pub(super) fn no_entity() -> Problem {
    Problem::denied("No access to the entity.")
}

/// A row that another one points at cannot be seen.
pub(super) fn no_related(pointer: &str) -> Problem {
    let detail = "The \"VIEW\" permission is denied for the related resource.";
    Problem::new(403, "access granted constraint", detail).at(pointer)
}

pub(super) fn no_owner(pointer: &str) -> Problem {
    let detail = "You have no access to set this value as owner.";
    Problem::new(403, "access granted constraint", detail).at(pointer)
}
