//! What products point at: categories, texts of other kinds, and values that may fall back.

use super::{Actions, Attribute, Kind, Relation, Resource, Shape};

pub(super) static CATEGORIES: Resource = Resource {
    name: "categories",
    numbered: true,
    attributes: &[
        Attribute::text("title"),
        Attribute::stamp("createdAt"),
        Attribute::stamp("updatedAt"),
    ],
    relations: &[
        Relation::one("parentCategory", Kind::Categories),
        Relation::inverse("products", Kind::Products, "category"),
    ],
    actions: Actions::SINGLE,
};

/// A text of any field; products' names and descriptions have kinds of their own.
pub(super) static LOCALIZED_FALLBACK_VALUES: Resource = Resource {
    name: "localizedfallbackvalues",
    numbered: true,
    attributes: &[
        Attribute::text("fallback").max(64),
        Attribute::text("string"),
        Attribute::text("text").max(0),
    ],
    relations: &[Relation::one("localization", Kind::Localizations)],
    actions: Actions { create: true, update: true, ..Actions::NONE },
};

/// Exactly one of its three fields says where the value comes from.
pub(super) static ENTITY_FIELD_FALLBACK_VALUES: Resource = Resource {
    name: "entityfieldfallbackvalues",
    numbered: true,
    attributes: &[
        Attribute::text("fallback").max(64),
        Attribute::new("scalarValue", Shape::Scalar),
        Attribute::new("arrayValue", Shape::Opaque),
    ],
    relations: &[],
    actions: Actions { create: true, update: true, ..Actions::NONE },
};

pub(super) static FILES: Resource = Resource {
    name: "files",
    numbered: true,
    attributes: &[
        Attribute::text("mimeType"),
        Attribute::text("originalFilename"),
        Attribute::new("fileSize", Shape::Integer),
        Attribute::text("content").max(0),
    ],
    relations: &[Relation::one("owner", Kind::Users)],
    actions: Actions::SINGLE,
};
