//! What the shop's API knows: resources, their fields, and who may write them.
//!
//! One table per resource, read by the writer, the reader and the query parser alike, so a field
//! cannot be filterable in one place and unknown in another. Sources: OroCommerce reference §3, §6.
//! Rules that concern more than one field are not here but in `rules`.

mod catalogue;
mod customers;
mod kind;
mod kits;
mod lists;
mod operations;
mod orders;
mod prices;
mod products;
mod sums;
mod webhooks;

pub(super) use kind::Kind;

use super::version::{Feature, Version};

/// One resource: its fields and which actions the API offers on it.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) name: &'static str,
    /// Ids are integers given by the database; otherwise they are names (`US`, `item`).
    pub(super) numbered: bool,
    pub(super) attributes: &'static [Attribute],
    pub(super) relations: &'static [Relation],
    pub(super) actions: Actions,
}

impl Resource {
    pub(super) fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    pub(super) fn relation(&self, name: &str) -> Option<&'static Relation> {
        self.relations.iter().find(|relation| relation.name == name)
    }

    /// The attribute a client of this version means.
    pub(super) fn attribute_in(&self, version: Version, name: &str) -> Option<&'static Attribute> {
        self.attribute(name).filter(|attribute| attribute.is_in(version))
    }

    /// The relation a client of this version means.
    pub(super) fn relation_in(&self, version: Version, name: &str) -> Option<&'static Relation> {
        self.relations
            .iter()
            .find(|relation| relation.is_in(version) && relation.name_in(version) == name)
    }
}

/// What a resource offers; what is off answers 405, and a resource without single rows 404.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Actions {
    pub(super) get: bool,
    pub(super) list: bool,
    pub(super) create: bool,
    pub(super) update: bool,
    pub(super) delete: bool,
    pub(super) batch: bool,
}

impl Actions {
    pub(super) const NONE: Self =
        Self { get: true, list: true, create: false, update: false, delete: false, batch: false };
    pub(super) const SINGLE: Self = Self { create: true, update: true, delete: true, ..Self::NONE };
    pub(super) const ALL: Self = Self { batch: true, ..Self::SINGLE };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    /// A text that may be empty, which is not the same as none.
    Note,
    Boolean,
    Integer,
    Float,
    /// A share of one.
    Share,
    /// A decimal kept as a string with this many digits after the point.
    Decimal(u8),
    /// A decimal with four digits after the point that is a price of its own, as the shop looks at it.
    Price,
    /// A decimal kept as a string without trailing zeros.
    PlainDecimal,
    Date,
    DateTime,
    /// `[{"default":bool,"addressType":"billing|shipping"}]`.
    AddressTypes,
    /// `{"value":…,"style":…,"properties":…}`.
    Wysiwyg,
    /// A text, number or flag, kept as a text.
    Scalar,
    /// Any JSON.
    Opaque,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Write,
    /// Taken on create; silently ignored on update.
    CreateOnly,
    /// Silently ignored (OroCommerce reference §3).
    ReadOnly,
    /// Taken, never shown (passwords).
    WriteOnly,
    /// Taken on create, never shown (secrets).
    CreateOnlyHidden,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    No,
    /// One value.
    One,
    /// A comma-separated list.
    List,
    /// A list, compared without regard to case.
    Folded,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Initial {
    Null,
    False,
    True,
    Text(&'static str),
    Number(i64),
    EmptyList,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) access: Access,
    pub(super) required: bool,
    /// In characters; 0 is no limit.
    pub(super) max: usize,
    pub(super) filter: Filter,
    pub(super) initial: Initial,
    /// What a version must have for the attribute to be there.
    since: Option<Feature>,
    /// What a version must have besides for it to be filtered and sorted by.
    filter_since: Option<Feature>,
}

impl Attribute {
    pub(super) const fn new(name: &'static str, shape: Shape) -> Self {
        Self {
            name,
            shape,
            access: Access::Write,
            required: false,
            max: 0,
            filter: Filter::No,
            initial: Initial::Null,
            since: None,
            filter_since: None,
        }
    }

    pub(super) const fn text(name: &'static str) -> Self {
        Self::new(name, Shape::Text).max(255)
    }

    /// `createdAt` and `updatedAt`, written by the shop.
    pub(super) const fn stamp(name: &'static str) -> Self {
        Self::new(name, Shape::DateTime).access(Access::ReadOnly)
    }

    pub(super) const fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(super) const fn max(mut self, max: usize) -> Self {
        self.max = max;
        self
    }

    pub(super) const fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    pub(super) const fn initial(mut self, initial: Initial) -> Self {
        self.initial = initial;
        self
    }

    pub(super) const fn since(mut self, feature: Feature) -> Self {
        self.since = Some(feature);
        self
    }

    pub(super) const fn filter_since(mut self, filter: Filter, feature: Feature) -> Self {
        self.filter = filter;
        self.filter_since = Some(feature);
        self
    }

    pub(super) fn is_in(&self, version: Version) -> bool {
        self.since.is_none_or(|feature| version.has(feature))
    }

    /// Whether rows are filtered and sorted by it.
    pub(super) fn is_filterable(&self, version: Version) -> bool {
        self.filter != Filter::No && self.filter_since.is_none_or(|feature| version.has(feature))
    }
}

/// `externalId`: varchar(36), nullable, filterable by a list (reference §0.2, §4.4).
pub(super) const EXTERNAL_ID: Attribute =
    Attribute::text("externalId").max(36).filter(Filter::List).since(Feature::ExternalId);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ties {
    One,
    /// A list kept on this side. Children taken off the list are deleted where they name their
    /// parent in the relation `back`.
    Many {
        back: Option<&'static str>,
    },
    /// A list computed from the to-one relation `via` of the other side. Where it is writable, what
    /// is listed gets this record there, and what is no longer listed loses it.
    Inverse {
        via: &'static str,
    },
}

/// What a relation offers at addresses of its own, `/{id}/{name}` and `/{id}/relationships/{name}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// It is read there, and written if it is written at all.
    Full,
    /// It is read there only; writing is 405.
    Read,
    /// There are no such addresses.
    None,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Relation {
    pub(super) name: &'static str,
    pub(super) target: Kind,
    pub(super) ties: Ties,
    pub(super) access: Access,
    pub(super) reach: Reach,
    pub(super) required: bool,
    /// What a version must have for the relation to be there.
    since: Option<Feature>,
    /// What it is called, and is a single one, in versions without the feature.
    formerly: Option<(&'static str, Feature)>,
}

impl Relation {
    const fn new(name: &'static str, target: Kind, ties: Ties) -> Self {
        Self {
            name,
            target,
            ties,
            access: Access::Write,
            reach: Reach::Full,
            required: false,
            since: None,
            formerly: None,
        }
    }

    pub(super) const fn one(name: &'static str, target: Kind) -> Self {
        Self::new(name, target, Ties::One)
    }

    /// A list whose children belong to this record.
    pub(super) const fn owned(name: &'static str, target: Kind, back: &'static str) -> Self {
        Self::new(name, target, Ties::Many { back: Some(back) })
    }

    pub(super) const fn many(name: &'static str, target: Kind) -> Self {
        Self::new(name, target, Ties::Many { back: None })
    }

    pub(super) const fn inverse(name: &'static str, target: Kind, via: &'static str) -> Self {
        Self::new(name, target, Ties::Inverse { via }).access(Access::ReadOnly)
    }

    /// An inverse list that may be written from this side.
    pub(super) const fn adopted(name: &'static str, target: Kind, via: &'static str) -> Self {
        Self::new(name, target, Ties::Inverse { via })
    }

    pub(super) const fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    pub(super) const fn reach(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(super) const fn since(mut self, feature: Feature) -> Self {
        self.since = Some(feature);
        self
    }

    pub(super) const fn formerly(mut self, name: &'static str, feature: Feature) -> Self {
        self.formerly = Some((name, feature));
        self
    }

    pub(super) fn is_in(&self, version: Version) -> bool {
        self.since.is_none_or(|feature| version.has(feature))
    }

    /// Its name for clients of this version.
    pub(super) fn name_in(&self, version: Version) -> &'static str {
        self.former(version).unwrap_or(self.name)
    }

    pub(super) const fn is_list(&self) -> bool {
        !matches!(self.ties, Ties::One)
    }

    /// Whether clients of this version see a list.
    pub(super) fn is_list_in(&self, version: Version) -> bool {
        self.is_list() && self.former(version).is_none()
    }

    fn former(&self, version: Version) -> Option<&'static str> {
        let (name, feature) = self.formerly?;
        (!version.has(feature)).then_some(name)
    }
}

/// The parent a child of this kind hangs on: its relation, the parent's kind and the parent's list.
pub(super) fn parent_of(kind: Kind) -> Option<(&'static str, Kind, &'static str)> {
    Kind::ALL.iter().copied().find_map(|parent| {
        parent.resource().relations.iter().find_map(|relation| match relation.ties {
            Ties::Many { back: Some(back) } if relation.target == kind => {
                Some((back, parent, relation.name))
            }
            Ties::One | Ties::Many { .. } | Ties::Inverse { .. } => None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_own_name() {
        for kind in Kind::ALL.iter().copied() {
            assert_eq!(Kind::parse(kind.name()), Some(kind));
        }
    }

    #[test]
    fn a_list_names_a_relation_that_its_children_have() {
        for kind in Kind::ALL.iter().copied() {
            for relation in kind.resource().relations {
                let back = match relation.ties {
                    Ties::Many { back } => back,
                    Ties::Inverse { via } => Some(via),
                    Ties::One => None,
                };
                if let Some(back) = back {
                    let found = relation.target.resource().relation(back);
                    assert!(found.is_some(), "{}.{back}", relation.target.name());
                }
            }
        }
    }
}
