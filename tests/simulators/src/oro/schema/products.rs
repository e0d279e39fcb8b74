//! Products, what hangs on them, and their stock (OroCommerce reference §6).

use super::{
    Access, Actions, Attribute, EXTERNAL_ID, Filter, Initial, Kind, Relation, Resource, Shape,
};

pub(super) static PRODUCTS: Resource = Resource {
    name: "products",
    numbered: true,
    attributes: &[
        Attribute::text("sku").required().filter(Filter::List),
        Attribute::text("status").filter(Filter::One).initial(Initial::Text("disabled")),
        Attribute::text("productType").initial(Initial::Text("simple")),
        Attribute::new("variantFields", Shape::Opaque).initial(Initial::EmptyList),
        Attribute::new("featured", Shape::Boolean).initial(Initial::False),
        Attribute::new("newArrival", Shape::Boolean).initial(Initial::False),
        Attribute::new("availability_date", Shape::DateTime),
        Attribute::stamp("createdAt").filter(Filter::One),
        Attribute::stamp("updatedAt").filter(Filter::One),
    ],
    relations: &[
        Relation::owned("names", Kind::ProductNames, "product"),
        Relation::owned("shortDescriptions", Kind::ProductShortDescriptions, "product"),
        Relation::owned("descriptions", Kind::ProductDescriptions, "product"),
        Relation::one("attributeFamily", Kind::AttributeFamilies).required(),
        Relation::one("primaryUnitPrecision", Kind::ProductUnitPrecisions).required(),
        Relation::owned("unitPrecisions", Kind::ProductUnitPrecisions, "product"),
        Relation::one("inventory_status", Kind::ProdInventoryStatuses),
        Relation::many("slugPrototypes", Kind::LocalizedFallbackValues),
        Relation::one("category", Kind::Categories),
        Relation::one("taxCode", Kind::ProductTaxCodes),
        Relation::one("owner", Kind::BusinessUnits),
        Relation::one("organization", Kind::Organizations),
        Relation::one("manageInventory", Kind::EntityFieldFallbackValues),
        Relation::one("highlightLowInventory", Kind::EntityFieldFallbackValues),
        Relation::one("inventoryThreshold", Kind::EntityFieldFallbackValues),
        Relation::one("lowInventoryThreshold", Kind::EntityFieldFallbackValues),
        Relation::one("isUpcoming", Kind::EntityFieldFallbackValues),
        Relation::one("minimumQuantityToOrder", Kind::EntityFieldFallbackValues),
        Relation::one("maximumQuantityToOrder", Kind::EntityFieldFallbackValues),
        Relation::one("decrementQuantity", Kind::EntityFieldFallbackValues),
        Relation::one("backOrder", Kind::EntityFieldFallbackValues),
        Relation::one("pageTemplate", Kind::EntityFieldFallbackValues),
    ],
    actions: Actions::ALL,
};

pub(super) static PRODUCT_NAMES: Resource = Resource {
    name: "productnames",
    numbered: true,
    attributes: &[Attribute::text("fallback").max(64), Attribute::text("string")],
    relations: LOCALIZED,
    actions: LOCALIZED_ACTIONS,
};

pub(super) static PRODUCT_SHORT_DESCRIPTIONS: Resource = Resource {
    name: "productshortdescriptions",
    numbered: true,
    attributes: &[Attribute::text("fallback").max(64), Attribute::text("text").max(0)],
    relations: LOCALIZED,
    actions: LOCALIZED_ACTIONS,
};

pub(super) static PRODUCT_DESCRIPTIONS: Resource = Resource {
    name: "productdescriptions",
    numbered: true,
    attributes: &[Attribute::text("fallback").max(64), Attribute::new("wysiwyg", Shape::Wysiwyg)],
    relations: LOCALIZED,
    actions: LOCALIZED_ACTIONS,
};

const LOCALIZED: &[Relation] =
    &[Relation::one("localization", Kind::Localizations), Relation::one("product", Kind::Products)];

const LOCALIZED_ACTIONS: Actions = Actions { create: true, update: true, ..Actions::NONE };

pub(super) static PRODUCT_UNIT_PRECISIONS: Resource = Resource {
    name: "productunitprecisions",
    numbered: true,
    attributes: &[
        Attribute::new("precision", Shape::Integer).required(),
        Attribute::new("conversionRate", Shape::Float),
        Attribute::new("sell", Shape::Boolean).initial(Initial::True),
    ],
    relations: &[
        Relation::one("unit", Kind::ProductUnits).required(),
        Relation::one("product", Kind::Products),
    ],
    actions: Actions::SINGLE,
};

/// Created by the shop with each unit precision; only the quantity moves (reference §6).
pub(super) static INVENTORY_LEVELS: Resource = Resource {
    name: "inventorylevels",
    numbered: true,
    attributes: &[Attribute::new("quantity", Shape::PlainDecimal), EXTERNAL_ID],
    relations: &[
        Relation::one("product", Kind::Products).access(Access::ReadOnly),
        Relation::one("productUnitPrecision", Kind::ProductUnitPrecisions).access(Access::ReadOnly),
        Relation::one("organization", Kind::Organizations).access(Access::ReadOnly),
    ],
    actions: Actions { update: true, batch: true, ..Actions::NONE },
};
