//! Orders and what hangs on them (OroCommerce reference §6).

use super::{
    Access, Actions, Attribute, EXTERNAL_ID, Feature, Filter, Initial, Kind, Reach, Relation,
    Resource, Shape,
};

pub(super) static ORDERS: Resource = Resource {
    name: "orders",
    numbered: true,
    attributes: &[
        Attribute::text("identifier").filter(Filter::Folded),
        Attribute::text("poNumber").filter(Filter::Folded),
        Attribute::text("customerNotes").max(0),
        Attribute::new("shipUntil", Shape::Date),
        Attribute::text("currency").access(Access::CreateOnly).required(),
        Attribute::new("subtotalValue", Shape::Decimal(4)).access(Access::ReadOnly),
        Attribute::new("totalValue", Shape::Decimal(4)).access(Access::ReadOnly),
        Attribute::new("totalDiscountsAmount", Shape::Decimal(4)).access(Access::ReadOnly),
        Attribute::text("shippingMethod"),
        Attribute::text("shippingMethodType"),
        Attribute::new("estimatedShippingCostAmount", Shape::Decimal(4)),
        Attribute::new("overriddenShippingCostAmount", Shape::Decimal(4)),
        Attribute::text("sourceEntityIdentifier"),
        Attribute::new("disablePromotions", Shape::Boolean).initial(Initial::False),
        Attribute::new("external", Shape::Boolean)
            .access(Access::CreateOnly)
            .filter(Filter::One)
            .initial(Initial::False)
            .since(Feature::OrdersByUpdate),
        EXTERNAL_ID,
        Attribute::new("createdAt", Shape::DateTime).filter(Filter::One),
        Attribute::stamp("updatedAt").filter_since(Filter::One, Feature::OrdersByUpdate),
    ],
    relations: &[
        Relation::one("customer", Kind::Customers).required(),
        Relation::one("customerUser", Kind::CustomerUsers),
        Relation::one("billingAddress", Kind::OrderAddresses),
        Relation::one("shippingAddress", Kind::OrderAddresses),
        Relation::owned("lineItems", Kind::OrderLineItems, "orders"),
        Relation::owned("shippingTrackings", Kind::OrderShippingTrackings, "orders"),
        Relation::owned("discounts", Kind::OrderDiscounts, "order"),
        Relation::inverse("orderSubtotals", Kind::OrderSubtotals, "order").reach(Reach::None),
        Relation::many("documents", Kind::Files).reach(Reach::Read).since(Feature::OrderDocuments),
        Relation::one("paymentTerm", Kind::PaymentTerms),
        Relation::one("source", Kind::Orders),
        Relation::one("website", Kind::Websites),
        Relation::one("shippingStatus", Kind::OrderShippingStatuses).since(Feature::ShippingStatus),
        Relation::one("status", Kind::OrderStatuses),
        Relation::one("internalStatus", Kind::OrderInternalStatuses).access(Access::ReadOnly),
        Relation::one("parent", Kind::Orders),
        Relation::inverse("subOrders", Kind::Orders, "parent"),
        Relation::one("owner", Kind::Users),
        Relation::one("createdBy", Kind::Users).access(Access::CreateOnly),
        Relation::one("organization", Kind::Organizations),
    ],
    actions: Actions::ALL,
};

pub(super) static ORDER_LINE_ITEMS: Resource = Resource {
    name: "orderlineitems",
    numbered: true,
    attributes: &[
        Attribute::text("productSku"),
        Attribute::text("productName"),
        Attribute::text("freeFormProduct"),
        Attribute::new("productVariantFields", Shape::Opaque).initial(Initial::EmptyList),
        Attribute::new("quantity", Shape::Float).required(),
        Attribute::new("value", Shape::Price),
        Attribute::text("currency").required(),
        Attribute::new("priceType", Shape::Integer).initial(Initial::Number(10)),
        Attribute::new("shipBy", Shape::Date),
        Attribute::text("comment").max(0),
        Attribute::new("fromExternalSource", Shape::Boolean).initial(Initial::False),
        Attribute::text("shippingMethod"),
        Attribute::text("shippingMethodType"),
        Attribute::new("shippingEstimateAmount", Shape::Decimal(4)),
        Attribute::text("productUnitCode").access(Access::ReadOnly),
        Attribute::text("checksum").access(Access::ReadOnly),
        Attribute::stamp("createdAt").filter_since(Filter::One, Feature::LineTimes),
        Attribute::stamp("updatedAt").filter_since(Filter::One, Feature::LineTimes),
    ],
    relations: &[
        Relation::many("orders", Kind::Orders)
            .reach(Reach::Read)
            .formerly("order", Feature::OrdersOfParts),
        Relation::one("product", Kind::Products),
        Relation::one("parentProduct", Kind::Products),
        Relation::one("productUnit", Kind::ProductUnits).required(),
        Relation::owned("kitItemLineItems", Kind::OrderProductKitItemLineItems, "lineItem")
            .since(Feature::KitLines),
        Relation::one("freeFormTaxCode", Kind::ProductTaxCodes).since(Feature::LineTaxCode),
    ],
    actions: Actions::SINGLE,
};

pub(super) static ORDER_ADDRESSES: Resource = Resource {
    name: "orderaddresses",
    numbered: true,
    attributes: &[
        Attribute::text("label"),
        Attribute::text("street").max(500),
        Attribute::text("street2").max(500),
        Attribute::text("city"),
        Attribute::text("postalCode"),
        Attribute::text("organization"),
        Attribute::text("namePrefix"),
        Attribute::text("firstName"),
        Attribute::text("middleName"),
        Attribute::text("lastName"),
        Attribute::text("nameSuffix"),
        Attribute::text("phone"),
        Attribute::text("customRegion").filter(Filter::One),
        Attribute::new("fromExternalSource", Shape::Boolean).initial(Initial::False),
        Attribute::new("validatedAt", Shape::DateTime),
        Attribute::stamp("createdAt"),
        Attribute::stamp("updatedAt"),
    ],
    relations: &[
        Relation::one("country", Kind::Countries).reach(Reach::Read),
        Relation::one("region", Kind::Regions).reach(Reach::Read),
        Relation::one("customerAddress", Kind::CustomerAddresses).reach(Reach::Read),
        Relation::one("customerUserAddress", Kind::CustomerUserAddresses).reach(Reach::Read),
    ],
    actions: Actions::SINGLE,
};

pub(super) static ORDER_SHIPPING_TRACKINGS: Resource = Resource {
    name: "ordershippingtrackings",
    numbered: true,
    attributes: &[Attribute::text("method").required(), Attribute::text("number").required()],
    relations: &[Relation::many("orders", Kind::Orders)
        .required()
        .formerly("order", Feature::OrdersOfParts)],
    actions: Actions::SINGLE,
};
