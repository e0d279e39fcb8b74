//! Lists a shop is set up with: nobody writes them through this API.

use super::{Actions, Attribute, Filter, Resource, Shape};

const fn list(name: &'static str, numbered: bool, attributes: &'static [Attribute]) -> Resource {
    Resource { name, numbered, attributes, relations: &[], actions: Actions::NONE }
}

const NAMED: &[Attribute] = &[Attribute::text("name").filter(Filter::One)];

/// Options of an enum; the id is the option's name.
const OPTION: &[Attribute] = &[
    Attribute::text("name").filter(Filter::One),
    Attribute::new("priority", Shape::Integer).filter(Filter::One),
    Attribute::new("default", Shape::Boolean),
];

pub(super) static ATTRIBUTE_FAMILIES: Resource = list(
    "attributefamilies",
    true,
    &[Attribute::text("code").filter(Filter::One), Attribute::new("isEnabled", Shape::Boolean)],
);
pub(super) static BUSINESS_UNITS: Resource = list("businessunits", true, NAMED);
pub(super) static COUNTRIES: Resource = list("countries", false, NAMED);
pub(super) static CUSTOMER_RATINGS: Resource = list("customerratings", false, OPTION);
pub(super) static LOCALIZATIONS: Resource = list("localizations", true, NAMED);
pub(super) static ORDER_INTERNAL_STATUSES: Resource = list("orderinternalstatuses", false, OPTION);
pub(super) static ORDER_SHIPPING_STATUSES: Resource = list("ordershippingstatuses", false, OPTION);
pub(super) static ORDER_STATUSES: Resource = list("orderstatuses", false, OPTION);
pub(super) static ORGANIZATIONS: Resource = list("organizations", true, NAMED);
pub(super) static PROD_INVENTORY_STATUSES: Resource = list("prodinventorystatuses", false, OPTION);
pub(super) static REGIONS: Resource = list("regions", false, NAMED);
pub(super) static USERS: Resource =
    list("users", true, &[Attribute::text("username").filter(Filter::One)]);
pub(super) static WEBSITES: Resource = list("websites", true, NAMED);
