//! Price lists and the prices on them (OroCommerce reference §6).

use super::{Access, Actions, Attribute, Initial, Kind, Reach, Relation, Resource, Shape};

pub(super) static PRICE_LISTS: Resource = Resource {
    name: "pricelists",
    numbered: true,
    attributes: &[
        Attribute::text("name").required(),
        Attribute::new("active", Shape::Boolean).initial(Initial::True),
        Attribute::new("priceListCurrencies", Shape::Opaque).initial(Initial::EmptyList),
        Attribute::text("productAssignmentRule").max(0),
        Attribute::new("actual", Shape::Boolean).initial(Initial::True),
        Attribute::stamp("createdAt"),
        Attribute::stamp("updatedAt"),
    ],
    relations: &[Relation::one("organization", Kind::Organizations)],
    actions: Actions::ALL,
};

/// Named by the shop: a UUID and the number of its list. Neither dates nor an upsert.
pub(super) static PRODUCT_PRICES: Resource = Resource {
    name: "productprices",
    numbered: false,
    attributes: &[
        Attribute::new("quantity", Shape::Float).required(),
        Attribute::new("value", Shape::Price),
        Attribute::text("currency"),
    ],
    relations: &[
        Relation::one("priceList", Kind::PriceLists)
            .access(Access::CreateOnly)
            .reach(Reach::None)
            .required(),
        Relation::one("product", Kind::Products).reach(Reach::None).required(),
        Relation::one("unit", Kind::ProductUnits).reach(Reach::None).required(),
    ],
    actions: Actions::ALL,
};
