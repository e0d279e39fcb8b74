//! Versions of OroCommerce, and what each of them has (OroCommerce reference §11).
//!
//! One table, asked by whoever answers differently by version. It knows features, not resources:
//! which fields, filters and actions a feature brings is said where they are declared.

use std::fmt;
use std::str::FromStr;

use super::schema::Kind;

/// An exact version, as a shop is installed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    branch: (u16, u16),
    patch: u16,
}

/// The API as a client meets it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dialect {
    pub(super) version: Version,
    /// `X-Integration-Type: ext_id`.
    pub(super) ext: bool,
    /// Which kinds the shop names by `externalId` then, beside products by their SKU.
    pub(super) keyed: Keyed,
    /// "Enable External Status Management" is off: an order's `status` is neither taken nor told.
    pub(super) hides_status: bool,
}

/// Kinds that were put on the site's `ext_id_entities`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Keyed {
    customers: bool,
    customer_users: bool,
    orders: bool,
    inventory_levels: bool,
}

impl Keyed {
    /// Puts a kind on the list; false for one that has no `externalId`.
    pub(super) fn add(&mut self, kind: &str) -> bool {
        let place = match Kind::parse(kind) {
            Some(Kind::Customers) => &mut self.customers,
            Some(Kind::CustomerUsers) => &mut self.customer_users,
            Some(Kind::Orders) => &mut self.orders,
            Some(Kind::InventoryLevels) => &mut self.inventory_levels,
            _ => return false,
        };
        *place = true;
        true
    }

    const fn has(self, kind: Kind) -> bool {
        match kind {
            Kind::Customers => self.customers,
            Kind::CustomerUsers => self.customer_users,
            Kind::Orders => self.orders,
            Kind::InventoryLevels => self.inventory_levels,
            _ => false,
        }
    }
}

impl Dialect {
    /// The field that rows of the kind go by instead of their number, if they do.
    pub(super) fn key(self, kind: Kind) -> Option<&'static str> {
        match kind {
            _ if !self.ext => None,
            Kind::Products => Some("sku"),
            _ => self.keyed.has(kind).then_some("externalId"),
        }
    }

    pub(super) fn has(self, feature: Feature) -> bool {
        self.version.has(feature)
    }
}

/// What some versions have and others have not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Feature {
    /// `meta.upsert`.
    Upsert,
    /// Batches of stock levels.
    LevelBatch,
    /// `X-Mode: sync`.
    SyncBatch,
    /// The root member `filters`, which trims an answer.
    AnswerFilters,
    /// What was ordered of a kit, below the kit's line.
    KitLines,
    /// `external` of an order, and that orders are found by the time of their update.
    OrdersByUpdate,
    /// That lines of orders are found by their times.
    LineTimes,
    /// `meta.validate`.
    Validate,
    /// `shippingStatus` of an order.
    ShippingStatus,
    /// Two operators on one field, and none but the bracket form of filters.
    SeveralOperators,
    /// Lines and trackings name their orders in a list, not in `order`, and lines are found by whose
    /// order it is.
    OrdersOfParts,
    /// Whoever writes an order says when it was placed.
    OrderTimes,
    /// Files that go with an order, in an order of their own.
    OrderDocuments,
    /// The tax code of a line whose product is none of the shop's, and words of their own for what
    /// is wrong with a line's price and currency.
    LineTaxCode,
    /// The total of a list of products is that of the list, not of its page.
    ProductTotal,
    /// `externalId`.
    ExternalId,
    /// `X-Integration-Type: ext_id`.
    ExtId,
    Webhooks,
    /// The answer to a synchronous batch of prices.
    PriceAnswers,
}

/// The first version of each branch that has a feature. A later branch than any named has it, one
/// between two named ones has what the lower of them has got.
type First = &'static [((u16, u16), u16)];

/// The last public patch of each branch: what a branch by itself means.
const LAST: [Version; 4] =
    [version((5, 1), 8), version((6, 0), 10), version((6, 1), 11), version((7, 0), 4)];

const fn version(branch: (u16, u16), patch: u16) -> Version {
    Version { branch, patch }
}

impl Feature {
    #[cfg(test)]
    pub(super) const ALL: [Self; 19] = [
        Self::Upsert,
        Self::LevelBatch,
        Self::SyncBatch,
        Self::AnswerFilters,
        Self::KitLines,
        Self::OrdersByUpdate,
        Self::LineTimes,
        Self::Validate,
        Self::ShippingStatus,
        Self::SeveralOperators,
        Self::OrdersOfParts,
        Self::OrderTimes,
        Self::OrderDocuments,
        Self::LineTaxCode,
        Self::ProductTotal,
        Self::ExternalId,
        Self::ExtId,
        Self::Webhooks,
        Self::PriceAnswers,
    ];

    const fn first(self) -> First {
        match self {
            Self::Upsert => &[((5, 1), 2)],
            Self::LevelBatch => &[((5, 1), 7), ((6, 0), 1)],
            Self::KitLines => &[((5, 1), 3)],
            Self::SyncBatch => &[((6, 0), 4), ((6, 1), 0)],
            Self::AnswerFilters | Self::OrdersByUpdate | Self::LineTimes => {
                &[((6, 0), 5), ((6, 1), 0)]
            }
            Self::Validate
            | Self::ShippingStatus
            | Self::SeveralOperators
            | Self::OrdersOfParts => &[((6, 1), 0)],
            Self::OrderTimes => &[((6, 1), 2)],
            Self::OrderDocuments => &[((6, 1), 4)],
            Self::LineTaxCode => &[((6, 1), 10), ((7, 0), 0)],
            Self::ProductTotal => &[((6, 1), 11), ((7, 0), 4)],
            Self::PriceAnswers => &[((6, 1), 8), ((7, 0), 0)],
            Self::ExternalId | Self::ExtId | Self::Webhooks => &[((6, 1), 10), ((7, 0), 2)],
        }
    }
}

impl Version {
    pub(super) fn has(self, feature: Feature) -> bool {
        let reached = feature.first().iter().rev().find(|(branch, _)| *branch <= self.branch);
        reached.is_some_and(|(branch, patch)| *branch < self.branch || *patch <= self.patch)
    }
}

impl Default for Version {
    fn default() -> Self {
        version((7, 0), 4)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((major, minor), patch) = (self.branch, self.patch);
        write!(formatter, "{major}.{minor}.{patch}")
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Option<Vec<u16>> = text.split('.').map(|part| part.parse().ok()).collect();
        let found = match numbers.as_deref() {
            Some([major, minor]) => LAST.into_iter().find(|last| last.branch == (*major, *minor)),
            Some([major, minor, patch]) => Some(version((*major, *minor), *patch)),
            _ => None,
        };
        found.ok_or_else(|| {
            format!(
                "{text:?} is no version: a branch (5.1, 6.0, 6.1, 7.0) or a patch of one (6.1.9)"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Version {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn each_feature_of_the_matrix_is_there_from_its_version_on() {
        // The feature, versions right before it, versions that begin to have it.
        let table = [
            (Feature::Upsert, &["5.1.1", "5.0.9"][..], &["5.1.2", "6.0.0"][..]),
            (Feature::LevelBatch, &["5.1.6", "6.0.0"], &["5.1.7", "6.0.1", "6.1.0"]),
            (Feature::SyncBatch, &["5.1.8", "6.0.3"], &["6.0.4", "6.1.0"]),
            (Feature::AnswerFilters, &["5.1.8", "6.0.4"], &["6.0.5", "6.1.0"]),
            (Feature::KitLines, &["5.1.2", "5.0.9"], &["5.1.3", "6.0.0"]),
            (Feature::OrdersByUpdate, &["5.1.8", "6.0.4"], &["6.0.5", "6.1.0"]),
            (Feature::LineTimes, &["5.1.8", "6.0.4"], &["6.0.5", "6.1.0"]),
            (Feature::Validate, &["5.1.8", "6.0.10"], &["6.1.0"]),
            (Feature::ShippingStatus, &["5.1.8", "6.0.10"], &["6.1.0"]),
            (Feature::SeveralOperators, &["5.1.8", "6.0.10"], &["6.1.0"]),
            (Feature::OrdersOfParts, &["5.1.8", "6.0.10"], &["6.1.0"]),
            (Feature::OrderTimes, &["6.0.10", "6.1.1"], &["6.1.2", "7.0.0"]),
            (Feature::OrderDocuments, &["6.0.10", "6.1.3"], &["6.1.4", "7.0.0"]),
            (Feature::LineTaxCode, &["6.0.10", "6.1.9"], &["6.1.10", "7.0.0"]),
            (Feature::ProductTotal, &["6.1.10", "7.0.3"], &["6.1.11", "7.0.4"]),
            (Feature::ExternalId, &["6.0.10", "6.1.9", "7.0.1"], &["6.1.10", "7.0.2", "7.1.0"]),
            (Feature::ExtId, &["6.0.10", "6.1.9", "7.0.1"], &["6.1.10", "7.0.2", "7.1.0"]),
            (Feature::Webhooks, &["6.0.10", "6.1.9", "7.0.1"], &["6.1.10", "7.0.2", "7.1.0"]),
            (Feature::PriceAnswers, &["6.0.10", "6.1.7"], &["6.1.8", "7.0.0"]),
        ];
        assert_eq!(table.map(|(feature, ..)| feature), Feature::ALL);
        for (feature, before, since) in table {
            for version in before {
                assert!(!of(version).has(feature), "{feature:?} {version}");
            }
            for version in since {
                assert!(of(version).has(feature), "{feature:?} {version}");
            }
        }
    }

    #[test]
    fn a_branch_is_its_last_patch_and_an_exact_version_is_itself() {
        for (text, exact) in
            [("5.1", "5.1.8"), ("6.0", "6.0.10"), ("6.1", "6.1.11"), ("7.0", "7.0.4")]
        {
            assert_eq!(of(text), of(exact));
        }
        assert_eq!(of("6.1.9").to_string(), "6.1.9");
        assert_eq!(Version::default(), of("7.0"));
    }

    #[test]
    fn what_is_no_version_is_refused_with_what_one_looks_like() {
        for text in ["", "7", "8.3", "6.1.", "6.1.9.1", "v6.1", "6.-1.0", "6.1.70000"] {
            let error = text.parse::<Version>().unwrap_err();
            assert!(error.contains("6.1.9"), "{text}: {error}");
        }
    }
}
