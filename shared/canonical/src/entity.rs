//! What an event is about: entity, facet, part, and the subject that names all three.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A thing two systems must agree about.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Entity {
    Customer,
    Order,
    Product,
}

impl Entity {
    pub const ALL: [Self; 3] = [Self::Customer, Self::Order, Self::Product];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Order => "order",
            Self::Product => "product",
        }
    }
}

/// A side of an entity that one system owns. Parts of a facet live side by side.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Facet {
    Profile,
    Placed,
    Shipment,
    Cancellation,
    Catalogue,
    Stock,
}

impl Facet {
    pub const ALL: [Self; 6] = [
        Self::Profile,
        Self::Placed,
        Self::Shipment,
        Self::Cancellation,
        Self::Catalogue,
        Self::Stock,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Placed => "placed",
            Self::Shipment => "shipment",
            Self::Cancellation => "cancellation",
            Self::Catalogue => "catalogue",
            Self::Stock => "stock",
        }
    }

    /// The entity this facet belongs to.
    pub const fn entity(self) -> Entity {
        match self {
            Self::Profile => Entity::Customer,
            Self::Placed | Self::Shipment | Self::Cancellation => Entity::Order,
            Self::Catalogue | Self::Stock => Entity::Product,
        }
    }

    /// Whether several parts of this facet live side by side (a shipment's reference, a site).
    pub const fn has_parts(self) -> bool {
        matches!(self, Self::Shipment | Self::Stock)
    }

    /// Whether a target changes this facet by itself, so that a value equal to what was last
    /// written still has to be written (a checkout lowers the stock).
    pub const fn written_through(self) -> bool {
        matches!(self, Self::Stock)
    }
}

/// Live traffic is never delayed by a backfill: bulk has queues of its own.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    #[default]
    Live,
    Bulk,
}

impl Lane {
    pub const ALL: [Self; 2] = [Self::Live, Self::Bulk];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Bulk => "bulk",
        }
    }
}

/// A word that is none of an enum's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not one of {expected}")]
pub struct UnknownWord {
    pub found: String,
    pub expected: String,
}

macro_rules! words {
    ($type:ty) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                Self::ALL.into_iter().find(|word| word.as_str() == text).ok_or_else(|| {
                    UnknownWord {
                        found: text.chars().take(40).collect(),
                        expected: Self::ALL.map(Self::as_str).join(", "),
                    }
                })
            }
        }
    };
}

words!(Entity);
words!(Facet);
words!(Lane);

/// Names one part of one entity: `order/WEB-1001/shipment/WEB-1001_S2`.
///
/// The id and the part may hold any character; `/` and `%` are percent-encoded in the text form.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject {
    pub facet: Facet,
    /// The entity's business key where the systems share one, otherwise the source's own id.
    pub id: String,
    /// Present exactly when [`Facet::has_parts`].
    pub part: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    #[error("subject `{0}` does not have the form entity/id/facet or entity/id/facet/part")]
    Form(String),
    #[error("subject names a word that does not exist")]
    Word(#[from] UnknownWord),
    #[error("facet {facet} belongs to {}, not to {entity}", facet.entity())]
    Mismatch { entity: Entity, facet: Facet },
    #[error("facet {facet} needs a part after it (an empty id or part is not a name)")]
    Part { facet: Facet },
}

impl Subject {
    pub fn entity(&self) -> Entity {
        self.facet.entity()
    }

    /// `order/WEB-1001`: what two events about one entity share.
    pub fn partition_key(&self) -> String {
        format!("{}/{}", self.entity(), escape(&self.id))
    }

    pub fn parse(text: &str) -> Result<Self, SubjectError> {
        let form = || SubjectError::Form(text.chars().take(80).collect());
        let mut segments = text.split('/');
        let entity: Entity = segments.next().ok_or_else(form)?.parse()?;
        let id = unescape(segments.next().ok_or_else(form)?).ok_or_else(form)?;
        let facet: Facet = segments.next().ok_or_else(form)?.parse()?;
        let part = match segments.next() {
            Some(part) => Some(unescape(part).ok_or_else(form)?),
            None => None,
        };
        if segments.next().is_some() {
            return Err(form());
        }
        if facet.entity() != entity {
            return Err(SubjectError::Mismatch { entity, facet });
        }
        let named = part.as_ref().is_some_and(|part| !part.is_empty());
        if named != facet.has_parts() || id.is_empty() {
            return Err(SubjectError::Part { facet });
        }
        Ok(Self { facet, id, part })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.entity(), escape(&self.id), self.facet)?;
        match &self.part {
            Some(part) => write!(f, "/{}", escape(part)),
            None => Ok(()),
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('/', "%2F")
}

fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(rest.get(..at)?);
        match rest.get(at..at + 3)? {
            "%25" => out.push('%'),
            "%2F" => out.push('/'),
            _ => return None,
        }
        rest = rest.get(at + 3..)?;
    }
    out.push_str(rest);
    Some(out)
}
