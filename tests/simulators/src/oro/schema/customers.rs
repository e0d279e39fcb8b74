//! Customers, their people and their addresses (OroCommerce reference §6).

use super::{
    Access, Actions, Attribute, EXTERNAL_ID, Filter, Initial, Kind, Reach, Relation, Resource,
    Shape,
};

pub(super) static CUSTOMERS: Resource = Resource {
    name: "customers",
    numbered: true,
    attributes: &[
        Attribute::text("name").required().filter(Filter::One),
        EXTERNAL_ID,
        Attribute::stamp("createdAt").filter(Filter::One),
        Attribute::stamp("updatedAt").filter(Filter::One),
    ],
    relations: &[
        Relation::one("parent", Kind::Customers),
        Relation::adopted("children", Kind::Customers, "parent"),
        Relation::one("group", Kind::CustomerGroups),
        Relation::one("internal_rating", Kind::CustomerRatings),
        Relation::one("taxCode", Kind::CustomerTaxCodes),
        Relation::one("paymentTerm", Kind::PaymentTerms),
        Relation::adopted("users", Kind::CustomerUsers, "customer"),
        Relation::one("owner", Kind::Users),
        Relation::one("organization", Kind::Organizations),
        Relation::many("salesRepresentatives", Kind::Users),
        Relation::adopted("addresses", Kind::CustomerAddresses, "customer").reach(Reach::Read),
    ],
    actions: Actions::ALL,
};

pub(super) static CUSTOMER_GROUPS: Resource = Resource {
    name: "customergroups",
    numbered: true,
    attributes: &[Attribute::text("name").required().filter(Filter::One)],
    relations: &[
        Relation::one("owner", Kind::Users),
        Relation::one("organization", Kind::Organizations),
        Relation::inverse("customers", Kind::Customers, "group"),
        Relation::one("taxCode", Kind::CustomerTaxCodes),
        Relation::one("paymentTerm", Kind::PaymentTerms),
    ],
    actions: Actions::SINGLE,
};

pub(super) static CUSTOMER_USERS: Resource = Resource {
    name: "customerusers",
    numbered: true,
    attributes: &[
        Attribute::text("email").required().filter(Filter::One),
        Attribute::text("namePrefix"),
        Attribute::text("firstName").required(),
        Attribute::text("middleName"),
        Attribute::text("lastName").required(),
        Attribute::text("nameSuffix"),
        Attribute::new("birthday", Shape::Date),
        Attribute::new("enabled", Shape::Boolean).initial(Initial::False),
        Attribute::new("confirmed", Shape::Boolean).initial(Initial::True),
        Attribute::new("isGuest", Shape::Boolean).initial(Initial::False),
        Attribute::text("password").access(Access::WriteOnly),
        EXTERNAL_ID,
        Attribute::new("loginCount", Shape::Integer)
            .access(Access::ReadOnly)
            .initial(Initial::Number(0)),
        Attribute::stamp("lastLogin"),
        Attribute::stamp("passwordRequestedAt"),
        Attribute::stamp("passwordChangedAt"),
        Attribute::stamp("createdAt"),
        Attribute::stamp("updatedAt"),
    ],
    relations: &[
        Relation::one("customer", Kind::Customers).required(),
        Relation::many("userRoles", Kind::CustomerUserRoles),
        Relation::many("salesRepresentatives", Kind::Users),
        Relation::adopted("addresses", Kind::CustomerUserAddresses, "customerUser")
            .reach(Reach::Read),
        Relation::one("website", Kind::Websites),
        Relation::one("owner", Kind::Users),
        Relation::one("organization", Kind::Organizations),
    ],
    actions: Actions::ALL,
};

pub(super) static CUSTOMER_USER_ROLES: Resource = Resource {
    name: "customeruserroles",
    numbered: true,
    attributes: &[Attribute::text("role").filter(Filter::One), Attribute::text("label")],
    relations: &[],
    actions: Actions::NONE,
};

pub(super) static CUSTOMER_ADDRESSES: Resource = Resource {
    name: "customeraddresses",
    numbered: true,
    attributes: ADDRESS,
    relations: &[
        Relation::one("customer", Kind::Customers)
            .access(Access::CreateOnly)
            .reach(Reach::Read)
            .required(),
        Relation::one("country", Kind::Countries).reach(Reach::Read).required(),
        Relation::one("region", Kind::Regions).reach(Reach::Read),
        Relation::one("owner", Kind::Users),
        Relation::one("systemOrganization", Kind::Organizations).reach(Reach::Read),
    ],
    actions: Actions::ALL,
};

pub(super) static CUSTOMER_USER_ADDRESSES: Resource = Resource {
    name: "customeruseraddresses",
    numbered: true,
    attributes: ADDRESS,
    relations: &[
        Relation::one("customerUser", Kind::CustomerUsers)
            .access(Access::CreateOnly)
            .reach(Reach::Read)
            .required(),
        Relation::one("country", Kind::Countries).reach(Reach::Read).required(),
        Relation::one("region", Kind::Regions).reach(Reach::Read),
        Relation::one("owner", Kind::Users),
        Relation::one("systemOrganization", Kind::Organizations).reach(Reach::Read),
    ],
    actions: Actions::ALL,
};

const ADDRESS: &[Attribute] = &[
    Attribute::text("label"),
    Attribute::text("street").max(500).required(),
    Attribute::text("street2").max(500),
    Attribute::text("city").required(),
    Attribute::text("postalCode").required(),
    Attribute::text("organization"),
    Attribute::text("namePrefix"),
    Attribute::text("firstName"),
    Attribute::text("middleName"),
    Attribute::text("lastName"),
    Attribute::text("nameSuffix"),
    Attribute::text("phone"),
    Attribute::text("customRegion").filter(Filter::One),
    Attribute::new("primary", Shape::Boolean).initial(Initial::False),
    Attribute::new("types", Shape::AddressTypes).initial(Initial::EmptyList),
    Attribute::new("validatedAt", Shape::DateTime),
    Attribute::stamp("createdAt"),
    Attribute::stamp("updatedAt"),
];
