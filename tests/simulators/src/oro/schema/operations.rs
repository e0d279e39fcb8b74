//! Asynchronous operations (OroCommerce reference §5).

use super::{Actions, Attribute, Kind, Relation, Resource, Shape};

/// Read one by one: there is no list of them.
pub(super) static ASYNC_OPERATIONS: Resource = Resource {
    name: "asyncoperations",
    numbered: true,
    attributes: &[
        Attribute::text("entityType"),
        Attribute::text("status"),
        Attribute::new("progress", Shape::Float),
        Attribute::stamp("createdAt"),
        Attribute::stamp("updatedAt"),
        Attribute::new("elapsedTime", Shape::Integer),
        Attribute::new("summary", Shape::Opaque),
    ],
    relations: &[
        Relation::one("owner", Kind::Users),
        Relation::one("organization", Kind::Organizations),
    ],
    actions: Actions { list: false, ..Actions::NONE },
};
