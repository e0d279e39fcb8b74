//! What is taken off an order, and how it adds up.

use super::{Access, Actions, Attribute, Filter, Kind, Reach, Relation, Resource, Shape};

pub(super) static ORDER_DISCOUNTS: Resource = Resource {
    name: "orderdiscounts",
    numbered: true,
    attributes: &[
        Attribute::new("description", Shape::Note),
        Attribute::new("percent", Shape::Share),
        Attribute::new("amount", Shape::Decimal(4)),
        Attribute::text("orderDiscountType"),
    ],
    relations: &[Relation::one("order", Kind::Orders)
        .access(Access::CreateOnly)
        .reach(Reach::Read)
        .required()],
    actions: Actions::SINGLE,
};

/// Made by the shop: `7-subtotal-0`. Listed by their order, and never read one by one.
pub(super) static ORDER_SUBTOTALS: Resource = Resource {
    name: "ordersubtotals",
    numbered: false,
    attributes: &[
        Attribute::text("orderSubtotalType").access(Access::ReadOnly),
        Attribute::text("label").access(Access::ReadOnly),
        Attribute::new("amount", Shape::Decimal(4)).access(Access::ReadOnly),
        Attribute::new("signedAmount", Shape::Decimal(4)).access(Access::ReadOnly),
        Attribute::text("currency").access(Access::ReadOnly),
        Attribute::new("visible", Shape::Boolean).access(Access::ReadOnly),
        Attribute::new("data", Shape::Opaque).access(Access::ReadOnly),
    ],
    relations: &[
        Relation::one("order", Kind::Orders).access(Access::ReadOnly).reach(Reach::None),
        Relation::one("priceList", Kind::PriceLists).access(Access::ReadOnly).reach(Reach::None),
    ],
    actions: Actions { get: false, ..Actions::NONE },
};

pub(super) static PAYMENT_TERMS: Resource = Resource {
    name: "paymentterms",
    numbered: true,
    attributes: &[Attribute::text("label").required().filter(Filter::One)],
    relations: &[],
    actions: Actions::SINGLE,
};
