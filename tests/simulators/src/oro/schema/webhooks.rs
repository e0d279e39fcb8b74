//! Webhooks, and what they can be about (OroCommerce reference §7).

use super::{Access, Actions, Attribute, Filter, Initial, Kind, Reach, Relation, Resource, Shape};

pub(super) static WEBHOOKS: Resource = Resource {
    name: "webhooks",
    numbered: false,
    attributes: &[
        Attribute::text("notificationUrl").max(2048).required(),
        Attribute::new("enabled", Shape::Boolean).initial(Initial::True),
        Attribute::new("verifySsl", Shape::Boolean).initial(Initial::True),
        Attribute::new("system", Shape::Boolean).access(Access::ReadOnly).initial(Initial::False),
        Attribute::text("secret").access(Access::CreateOnlyHidden),
        Attribute::stamp("createdAt"),
        Attribute::stamp("updatedAt"),
    ],
    relations: &[
        Relation::one("topic", Kind::WebhookTopics).reach(Reach::None).required(),
        Relation::one("format", Kind::WebhookFormats).reach(Reach::None).required(),
        Relation::one("owner", Kind::Users),
        Relation::one("organization", Kind::Organizations),
    ],
    actions: Actions::SINGLE,
};

const LABELLED: &[Attribute] = &[Attribute::text("label").filter(Filter::One)];

pub(super) static WEBHOOK_TOPICS: Resource = Resource {
    name: "webhooktopics",
    numbered: false,
    attributes: LABELLED,
    relations: &[],
    actions: Actions::NONE,
};

pub(super) static WEBHOOK_FORMATS: Resource = Resource {
    name: "webhookformats",
    numbered: false,
    attributes: LABELLED,
    relations: &[],
    actions: Actions::NONE,
};
