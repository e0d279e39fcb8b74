//! What an event is about: entity, facet, part, and the subject that names all three.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits;

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
    Return,
    Catalogue,
    Stock,
    Price,
}

impl Facet {
    pub const ALL: [Self; 8] = [
        Self::Profile,
        Self::Placed,
        Self::Shipment,
        Self::Cancellation,
        Self::Return,
        Self::Catalogue,
        Self::Stock,
        Self::Price,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Placed => "placed",
            Self::Shipment => "shipment",
            Self::Cancellation => "cancellation",
            Self::Return => "return",
            Self::Catalogue => "catalogue",
            Self::Stock => "stock",
            Self::Price => "price",
        }
    }

    /// The entity this facet belongs to.
    pub const fn entity(self) -> Entity {
        match self {
            Self::Profile => Entity::Customer,
            Self::Placed | Self::Shipment | Self::Cancellation | Self::Return => Entity::Order,
            Self::Catalogue | Self::Stock | Self::Price => Entity::Product,
        }
    }

    /// Whether several parts of this facet live side by side (a shipment's reference, a return's id,
    /// a site, a price list).
    pub const fn has_parts(self) -> bool {
        matches!(self, Self::Shipment | Self::Return | Self::Stock | Self::Price)
    }

    /// Whether a source may say its parts where there is no room for all of them.
    pub const fn can_be_brief(self) -> bool {
        matches!(self, Self::Shipment | Self::Cancellation)
    }

    /// Whether a target changes this facet by itself, so that a value equal to what was last
    /// written still has to be written (a checkout lowers the stock, a person or a rule of the shop
    /// changes a price).
    pub const fn written_through(self) -> bool {
        matches!(self, Self::Stock | Self::Price)
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
    #[error("facet {facet} has an id or a part of more than {} characters", limits::ID_CHARS)]
    Long { facet: Facet },
}

impl Subject {
    pub fn entity(&self) -> Entity {
        self.facet.entity()
    }

    /// `order/WEB-1001`: what two events about one entity share.
    pub fn partition_key(&self) -> String {
        format!("{}/{}", self.entity(), escape(&self.id))
    }

    /// Whether it names something: an id, and a part exactly where the facet has parts, each of at
    /// most [`limits::ID_CHARS`].
    pub(crate) fn check(&self) -> Result<(), SubjectError> {
        let facet = self.facet;
        let fits = |name: &str| name.chars().count() <= limits::ID_CHARS;
        let named = self.part.as_ref().is_some_and(|part| !part.is_empty());
        if named != facet.has_parts() || self.id.is_empty() {
            return Err(SubjectError::Part { facet });
        }
        if !fits(&self.id) || !self.part.as_deref().is_none_or(fits) {
            return Err(SubjectError::Long { facet });
        }
        Ok(())
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
        let subject = Self { facet, id, part };
        subject.check()?;
        Ok(subject)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_subject_reads_as_it_is_written() {
        let subject = Subject::parse("order/WEB-1001/shipment/WEB-1001_S2").unwrap();
        assert_eq!(subject.partition_key(), "order/WEB-1001");
        assert_eq!(subject.part.as_deref(), Some("WEB-1001_S2"));
        assert_eq!(subject.to_string(), "order/WEB-1001/shipment/WEB-1001_S2");
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in [
            "",
            "order",
            "order/1",
            "order//placed",
            "order/1/placed/x",
            "order/1/shipment",
            "order/1/shipment/",
            "order/1/shipment/a/b",
            "customer/1/placed",
            "order/1/lost",
            "order/%2/placed",
            "order/%zz/placed",
            "order/1%/placed",
            "pallet/1/placed",
        ] {
            assert!(Subject::parse(text).is_err(), "{text}");
        }
        let long = format!("order/{}/placed", "x".repeat(limits::ID_CHARS + 1));
        assert!(matches!(Subject::parse(&long), Err(SubjectError::Long { .. })));
    }

    #[test]
    fn every_word_is_read_as_it_is_written() {
        for facet in Facet::ALL {
            assert_eq!(facet.as_str().parse(), Ok(facet));
            assert_eq!(serde_json::to_string(&facet).unwrap(), format!("\"{facet}\""));
        }
        let unknown = "Stock".parse::<Facet>().unwrap_err().to_string();
        assert!(unknown.starts_with("`Stock` is not one of profile, placed"), "{unknown}");
    }

    proptest! {
        #[test]
        fn any_id_and_part_survive_the_text_form(id in "\\PC{1,60}", part in "[/%a-zA-Z0-9 ü]{1,60}") {
            let subject = Subject { facet: Facet::Stock, id, part: Some(part) };
            prop_assert_eq!(Subject::parse(&subject.to_string()).unwrap(), subject);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,80}") {
            let _ = Subject::parse(&text);
        }

        #[test]
        fn different_ids_never_share_a_partition_key(one in "[/%25F]{1,6}", other in "[/%25F]{1,6}") {
            let key = |id: &str| Subject { facet: Facet::Placed, id: id.to_owned(), part: None };
            prop_assert_eq!(key(&one).partition_key() == key(&other).partition_key(), one == other);
        }
    }
}
