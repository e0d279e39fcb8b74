//! The resource types, each named once.

use super::{
    Actions, Resource, catalogue, customers, kits, lists, operations, orders, prices, products,
    sums, webhooks,
};
use crate::oro::version::{Feature, Version};

macro_rules! kinds {
    ($($kind:ident => $resource:path,)+) => {
        /// A resource type of the JSON:API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(in crate::oro) enum Kind {
            $($kind,)+
        }

        impl Kind {
            pub(in crate::oro) const ALL: &[Self] = &[$(Self::$kind,)+];

            pub(in crate::oro) const fn resource(self) -> &'static Resource {
                match self {
                    $(Self::$kind => &$resource,)+
                }
            }
        }
    };
}

kinds! {
    AsyncOperations => operations::ASYNC_OPERATIONS,
    AttributeFamilies => lists::ATTRIBUTE_FAMILIES,
    BusinessUnits => lists::BUSINESS_UNITS,
    Categories => catalogue::CATEGORIES,
    Countries => lists::COUNTRIES,
    CustomerAddresses => customers::CUSTOMER_ADDRESSES,
    CustomerGroups => customers::CUSTOMER_GROUPS,
    CustomerRatings => lists::CUSTOMER_RATINGS,
    CustomerTaxCodes => catalogue::CUSTOMER_TAX_CODES,
    CustomerUserAddresses => customers::CUSTOMER_USER_ADDRESSES,
    CustomerUserRoles => customers::CUSTOMER_USER_ROLES,
    CustomerUsers => customers::CUSTOMER_USERS,
    Customers => customers::CUSTOMERS,
    EntityFieldFallbackValues => catalogue::ENTITY_FIELD_FALLBACK_VALUES,
    Files => catalogue::FILES,
    InventoryLevels => products::INVENTORY_LEVELS,
    Localizations => lists::LOCALIZATIONS,
    LocalizedFallbackValues => catalogue::LOCALIZED_FALLBACK_VALUES,
    OrderAddresses => orders::ORDER_ADDRESSES,
    OrderDiscounts => sums::ORDER_DISCOUNTS,
    OrderInternalStatuses => lists::ORDER_INTERNAL_STATUSES,
    OrderLineItems => orders::ORDER_LINE_ITEMS,
    OrderProductKitItemLineItems => kits::ORDER_PRODUCT_KIT_ITEM_LINE_ITEMS,
    OrderShippingStatuses => lists::ORDER_SHIPPING_STATUSES,
    OrderShippingTrackings => orders::ORDER_SHIPPING_TRACKINGS,
    OrderStatuses => lists::ORDER_STATUSES,
    OrderSubtotals => sums::ORDER_SUBTOTALS,
    Orders => orders::ORDERS,
    Organizations => lists::ORGANIZATIONS,
    PaymentTerms => sums::PAYMENT_TERMS,
    PriceLists => prices::PRICE_LISTS,
    ProdInventoryStatuses => lists::PROD_INVENTORY_STATUSES,
    ProductDescriptions => products::PRODUCT_DESCRIPTIONS,
    ProductKitItemLabels => kits::PRODUCT_KIT_ITEM_LABELS,
    ProductKitItemProducts => kits::PRODUCT_KIT_ITEM_PRODUCTS,
    ProductKitItems => kits::PRODUCT_KIT_ITEMS,
    ProductNames => products::PRODUCT_NAMES,
    ProductPrices => prices::PRODUCT_PRICES,
    ProductShortDescriptions => products::PRODUCT_SHORT_DESCRIPTIONS,
    ProductTaxCodes => catalogue::PRODUCT_TAX_CODES,
    ProductUnitPrecisions => products::PRODUCT_UNIT_PRECISIONS,
    ProductUnits => catalogue::PRODUCT_UNITS,
    Products => products::PRODUCTS,
    Regions => lists::REGIONS,
    Users => lists::USERS,
    WebhookFormats => webhooks::WEBHOOK_FORMATS,
    WebhookTopics => webhooks::WEBHOOK_TOPICS,
    Webhooks => webhooks::WEBHOOKS,
    Websites => lists::WEBSITES,
}

impl Kind {
    pub(in crate::oro) fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.resource().name == name)
    }

    pub(in crate::oro) fn name(self) -> &'static str {
        self.resource().name
    }

    /// Whether its rows go by UUIDs that the shop makes.
    pub(in crate::oro) const fn names_itself(self) -> bool {
        matches!(self, Self::ProductPrices | Self::Webhooks)
    }

    /// Whether this version knows it.
    pub(in crate::oro) fn is_in(self, version: Version) -> bool {
        match self {
            Self::WebhookFormats | Self::WebhookTopics | Self::Webhooks => {
                version.has(Feature::Webhooks)
            }
            Self::OrderProductKitItemLineItems => version.has(Feature::KitLines),
            _ => true,
        }
    }

    /// What the API of this version offers on it.
    pub(in crate::oro) fn actions(self, version: Version) -> Actions {
        let actions = self.resource().actions;
        let batch = self != Self::InventoryLevels || version.has(Feature::LevelBatch);
        Actions { batch: actions.batch && batch, ..actions }
    }
}
