//! What products point at: categories, units, tax codes, texts of other kinds, and values that may
//! fall back.

use super::{Actions, Attribute, Filter, Kind, Reach, Relation, Resource, Shape};

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

/// Named by whoever makes them; its labels are translations, and all four are needed.
pub(super) static PRODUCT_UNITS: Resource = Resource {
    name: "productunits",
    numbered: false,
    attributes: &[
        Attribute::text("label").required(),
        Attribute::text("shortLabel").required(),
        Attribute::text("pluralLabel").required(),
        Attribute::text("shortPluralLabel").required(),
        Attribute::new("defaultPrecision", Shape::Integer).required(),
    ],
    relations: &[],
    actions: Actions::SINGLE,
};

const TAX_CODE: &[Attribute] = &[
    Attribute::text("code").required().filter(Filter::One),
    Attribute::text("description"),
    Attribute::stamp("createdAt"),
    Attribute::stamp("updatedAt"),
];

pub(super) static CUSTOMER_TAX_CODES: Resource = Resource {
    name: "customertaxcodes",
    numbered: true,
    attributes: TAX_CODE,
    relations: &[
        Relation::one("owner", Kind::Users).reach(Reach::Read),
        Relation::one("organization", Kind::Organizations).reach(Reach::Read),
    ],
    actions: Actions::SINGLE,
};

pub(super) static PRODUCT_TAX_CODES: Resource = Resource {
    name: "producttaxcodes",
    numbered: true,
    attributes: TAX_CODE,
    relations: &[Relation::one("organization", Kind::Organizations).reach(Reach::Read)],
    actions: Actions::SINGLE,
};
