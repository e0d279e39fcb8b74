//! Kits: what a product of several others is made of, and what of it was ordered.
//!
//! A shop's kits are set up by hand here; orders of them are written through the API.

use super::{Access, Actions, Attribute, Initial, Kind, Reach, Relation, Resource, Shape};

pub(super) static PRODUCT_KIT_ITEMS: Resource = Resource {
    name: "productkititems",
    numbered: true,
    attributes: &[
        Attribute::new("sortOrder", Shape::Integer).initial(Initial::Number(0)),
        Attribute::new("optional", Shape::Boolean).initial(Initial::False),
        Attribute::new("minimumQuantity", Shape::Float),
        Attribute::new("maximumQuantity", Shape::Float),
        Attribute::stamp("createdAt"),
        Attribute::stamp("updatedAt"),
    ],
    relations: &[
        Relation::many("labels", Kind::ProductKitItemLabels).reach(Reach::Read),
        Relation::one("productKit", Kind::Products).reach(Reach::Read),
        Relation::owned("kitItemProducts", Kind::ProductKitItemProducts, "kitItem"),
        Relation::one("productUnit", Kind::ProductUnits),
    ],
    actions: Actions::NONE,
};

pub(super) static PRODUCT_KIT_ITEM_LABELS: Resource = Resource {
    name: "productkititemlabels",
    numbered: true,
    attributes: &[Attribute::text("fallback").max(64), Attribute::text("string")],
    relations: &[Relation::one("localization", Kind::Localizations)],
    actions: Actions::NONE,
};

pub(super) static PRODUCT_KIT_ITEM_PRODUCTS: Resource = Resource {
    name: "productkititemproducts",
    numbered: true,
    attributes: &[Attribute::new("sortOrder", Shape::Integer).initial(Initial::Number(0))],
    relations: &[
        Relation::one("kitItem", Kind::ProductKitItems).reach(Reach::Read),
        Relation::one("product", Kind::Products),
        Relation::one("productUnitPrecision", Kind::ProductUnitPrecisions)
            .access(Access::ReadOnly)
            .reach(Reach::Read),
    ],
    actions: Actions::NONE,
};

/// What the kit said when it was ordered stays with it.
pub(super) static ORDER_PRODUCT_KIT_ITEM_LINE_ITEMS: Resource = Resource {
    name: "orderproductkititemlineitems",
    numbered: true,
    attributes: &[
        Attribute::new("kitItemId", Shape::Integer).access(Access::ReadOnly),
        Attribute::text("kitItemLabel").access(Access::ReadOnly),
        Attribute::new("optional", Shape::Boolean).access(Access::ReadOnly),
        Attribute::new("minimumQuantity", Shape::Float).access(Access::ReadOnly),
        Attribute::new("maximumQuantity", Shape::Float).access(Access::ReadOnly),
        Attribute::new("productId", Shape::Integer).access(Access::ReadOnly),
        Attribute::text("productSku"),
        Attribute::text("productName"),
        Attribute::new("quantity", Shape::Float).required(),
        Attribute::text("productUnitCode").access(Access::ReadOnly),
        Attribute::new("productUnitPrecision", Shape::Integer).access(Access::ReadOnly),
        Attribute::new("sortOrder", Shape::Integer).initial(Initial::Number(0)),
        Attribute::new("value", Shape::Price),
        Attribute::text("currency").required(),
    ],
    relations: &[
        Relation::one("lineItem", Kind::OrderLineItems).reach(Reach::Read),
        Relation::one("kitItem", Kind::ProductKitItems).reach(Reach::Read),
        Relation::one("product", Kind::Products),
        Relation::one("productUnit", Kind::ProductUnits),
    ],
    actions: Actions::SINGLE,
};
