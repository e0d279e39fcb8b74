//! What a warehouse is told besides products and orders: returns that come in, purchase orders,
//! campaigns, stock to be moved (OrderFlow reference §3.4).
//!
//! Promises that what is stored names products that exist, each line tied to it; that a return names an
//! order that is there or an authorisation; and that nothing is stored whose properties belong to another
//! kind of import. They are kept as they came: no stock moves because of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::order::Order;
use super::product::Product;
use super::properties::Properties;
use super::report::Refusal;
use super::values;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Return,
    PurchaseOrder,
    Campaign,
    StockMoveTask,
}

/// The lines of a kind: their name, what names the product in each, and how many there are of it.
struct Lines {
    name: &'static str,
    product: &'static str,
    quantity: &'static str,
    /// The field that ties a line to what it is a line of.
    tie: &'static str,
}

impl Kind {
    pub(super) const ALL: [Self; 4] =
        [Self::Return, Self::PurchaseOrder, Self::Campaign, Self::StockMoveTask];

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == text)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Return => "return",
            Self::PurchaseOrder => "purchaseOrder",
            Self::Campaign => "campaign",
            Self::StockMoveTask => "stockMoveTask",
        }
    }

    /// Under which the control API shows them.
    pub(super) const fn collection(self) -> &'static str {
        match self {
            Self::Return => "returns",
            Self::PurchaseOrder => "purchase_orders",
            Self::Campaign => "campaigns",
            Self::StockMoveTask => "stock_moves",
        }
    }

    /// Returns and purchase orders have their fields below their own name, the others bare.
    const fn is_bare(self) -> bool {
        matches!(self, Self::Campaign | Self::StockMoveTask)
    }

    const fn lines(self) -> Lines {
        let (name, product, quantity, tie) = match self {
            Self::Return => ("returnLine", "product", "quantity", "returnItem"),
            Self::PurchaseOrder => ("purchaseOrderLine", "product", "quantity", "purchaseOrder"),
            Self::Campaign => ("campaignLine", "product.externalReference", "quantity", "campaign"),
            Self::StockMoveTask => {
                ("stockMoveLine", "product", "suggestedQuantity", "stockMoveTask")
            }
        };
        Lines { name, product, quantity, tie }
    }

    /// Its own field of this name.
    fn field<'p>(self, properties: &'p Properties, name: &str) -> Option<&'p str> {
        if self.is_bare() {
            return properties.get(name);
        }
        properties.get(&format!("{}.{name}", self.name()))
    }
}

#[derive(Clone, Debug)]
pub(super) struct Paper {
    /// OrderFlow's own number.
    pub(super) item: u64,
    /// A return may come without one.
    pub(super) reference: Option<String>,
    pub(super) properties: Properties,
}

impl Paper {
    /// As the history and the state show it.
    pub(super) fn fields(&self) -> Value {
        json!({
            "externalReference": self.reference,
            "item": self.item,
            "properties": self.properties.all(),
        })
    }
}

/// What is there to be referred to.
pub(super) struct Floor<'a> {
    pub(super) products: &'a BTreeMap<String, Product>,
    pub(super) orders: &'a BTreeMap<String, Order>,
}

/// The reference: attribute and property must not contradict each other, and one is enough. A return
/// needs none.
pub(super) fn reference(
    kind: Kind,
    attribute: Option<&str>,
    properties: &Properties,
) -> Result<Option<String>, Refusal> {
    let attribute = attribute.filter(|text| !text.is_empty());
    let below = properties.get(&format!("{}.externalReference", kind.name()));
    let property = below.or_else(|| properties.get("externalReference"));
    match (attribute, property) {
        (Some(attribute), Some(property)) if attribute != property => {
            Err(Refusal::invalid(format!("externalReference is both {attribute} and {property}")))
        }
        (Some(reference), _) | (None, Some(reference)) => Ok(Some(reference.to_owned())),
        (None, None) if kind == Kind::Return => Ok(None),
        (None, None) => Err(Refusal::invalid("externalReference is required")),
    }
}

/// Checks the properties it would have after the import.
pub(super) fn check(
    kind: Kind,
    reference: Option<&str>,
    properties: &Properties,
    floor: &Floor<'_>,
) -> Result<(), Refusal> {
    let lines = kind.lines();
    own_properties(kind, &lines, properties)?;
    match kind {
        Kind::Return => of_return(properties, floor)?,
        Kind::Campaign => of_campaign(properties)?,
        Kind::StockMoveTask => {
            values::required(properties, "taskDefinition")?;
        }
        Kind::PurchaseOrder => {
            values::dates(properties, &["purchaseOrder.expectedDeliveryDate"])?;
        }
    }
    let numbered = properties.numbered(lines.name);
    if numbered.is_empty() && kind != Kind::Campaign {
        let message = format!("a {} needs at least one {}", kind.name(), lines.name);
        return Err(Refusal::invalid(message));
    }
    for (number, found) in &numbered {
        line(kind, &lines, (*number, found), reference, floor)?;
    }
    Ok(())
}

fn own_properties(kind: Kind, lines: &Lines, properties: &Properties) -> Result<(), Refusal> {
    for (key, _) in properties.iter() {
        let known = match key.split_once('.') {
            None => kind.is_bare() || key == "externalReference",
            Some((head, rest)) if head == lines.name => rest.contains('.'),
            Some((head, _)) => !kind.is_bare() && head == kind.name(),
        };
        if !known {
            return Err(Refusal::invalid(format!("a {} has no property {key}", kind.name())));
        }
    }
    Ok(())
}

fn of_return(properties: &Properties, floor: &Floor<'_>) -> Result<(), Refusal> {
    let field = |name| Kind::Return.field(properties, name);
    match (field("orderReference"), field("authorisation")) {
        (None, None) => {
            let message = "return.authorisation is required without return.orderReference";
            Err(Refusal::invalid(message))
        }
        (Some(order), _) if !floor.orders.contains_key(order) => {
            Err(Refusal::missing(format!("Order {order} not found")))
        }
        (Some(_), _) | (None, Some(_)) => Ok(()),
    }
}

fn of_campaign(properties: &Properties) -> Result<(), Refusal> {
    values::required(properties, "name")?;
    values::dates(properties, &["startDate", "breakDate", "endDate"])
}

fn line(
    kind: Kind,
    lines: &Lines,
    (number, line): (u32, &Properties),
    reference: Option<&str>,
    floor: &Floor<'_>,
) -> Result<(), Refusal> {
    let name = |field: &str| format!("{}.{number}.{field}", lines.name);
    let required = |field: &str| {
        line.get(field).ok_or_else(|| Refusal::invalid(format!("{} is required", name(field))))
    };
    // By the parent's type, with or without `entity:`, or by its own reference: all three are in use.
    let parent = required(lines.tie)?;
    let of_kind = parent.strip_prefix("entity:").unwrap_or(parent) == kind.name();
    if !of_kind && reference != Some(parent) {
        return Err(Refusal::missing(format!("{} refers to no {parent}", name(lines.tie))));
    }
    let product = required(lines.product)?;
    let quantity = required(lines.quantity)?;
    let found = floor.products.get(product);
    let found = found.ok_or_else(|| Refusal::missing(format!("Product {product} not found")))?;
    values::quantity(&name(lines.quantity), quantity, found.divisible())
}

#[cfg(test)]
mod tests {
    use super::{Floor, Kind, check, reference};
    use crate::orderflow::properties::Properties;
    use crate::orderflow::report::Refusal;
    use crate::orderflow::samples;

    const RETURN: &str = "return.orderReference=WEB-1001\nreturn.type=goods_damaged\n\
        returnLine.1.product=MUG\nreturnLine.1.quantity=1\nreturnLine.1.returnItem=return";
    const PURCHASE: &str = "purchaseOrder.supplier=Acme\npurchaseOrderLine.1.product=MUG\n\
        purchaseOrderLine.1.quantity=144\npurchaseOrderLine.1.purchaseOrder=entity:purchaseOrder";
    const CAMPAIGN: &str = "externalReference=C-1\nname=Spring\nstartDate=2024-03-01\n\
        campaignLine.1.product.externalReference=MUG\ncampaignLine.1.quantity=5\n\
        campaignLine.1.campaign=C-1";
    const MOVE: &str = "taskDefinition=adjust\nstockMoveLine.1.product=MUG\n\
        stockMoveLine.1.suggestedQuantity=3\nstockMoveLine.1.stockMoveTask=stockMoveTask";

    fn checked(kind: Kind, text: &str) -> Result<(), Refusal> {
        let warehouse = samples::warehouse();
        let floor = Floor { products: &warehouse.products, orders: &warehouse.orders };
        check(kind, Some("C-1"), &Properties::parse(text).unwrap(), &floor)
    }

    #[test]
    fn each_kind_is_taken_as_the_vendors_clients_send_it() {
        for (kind, text) in [
            (Kind::Return, RETURN),
            (Kind::PurchaseOrder, PURCHASE),
            (Kind::Campaign, CAMPAIGN),
            (Kind::StockMoveTask, MOVE),
        ] {
            assert_eq!(checked(kind, text), Ok(()), "{kind:?}");
        }
        // Everything that is not known is sent empty.
        let empty = "return.note =\nreturnLine.2.product =\nreturnLine.2.quantity =";
        assert_eq!(checked(Kind::Return, &format!("{RETURN}\n{empty}")), Ok(()));
        assert_eq!(checked(Kind::Campaign, "name=Spring"), Ok(()));
    }

    #[test]
    fn what_is_missing_is_named_and_told_from_what_is_wrong() {
        for (kind, text, line, instead, message, missing) in [
            (Kind::Return, RETURN, "=WEB-1001", "=NOPE", "Order NOPE not found", true),
            (Kind::Return, RETURN, "product=MUG", "product=NOPE", "Product NOPE not found", true),
            (
                Kind::Return,
                RETURN,
                "return.orderReference=WEB-1001\n",
                "",
                "return.authorisation is required without return.orderReference",
                false,
            ),
            (
                Kind::PurchaseOrder,
                PURCHASE,
                "purchaseOrderLine.1.purchaseOrder=entity:purchaseOrder",
                "",
                "purchaseOrderLine.1.purchaseOrder is required",
                false,
            ),
            (
                Kind::PurchaseOrder,
                PURCHASE,
                "=144",
                "=0",
                "purchaseOrderLine.1.quantity must be greater than zero: 0",
                false,
            ),
            (
                Kind::PurchaseOrder,
                PURCHASE,
                "purchaseOrder.supplier",
                "supplier",
                "a purchaseOrder has no property supplier",
                false,
            ),
            (Kind::Campaign, CAMPAIGN, "name=Spring", "", "name is required", false),
            (
                Kind::StockMoveTask,
                MOVE,
                "taskDefinition=adjust",
                "",
                "taskDefinition is required",
                false,
            ),
        ] {
            assert!(text.contains(line), "{line}");
            let refusal = checked(kind, &text.replace(line, instead)).unwrap_err();
            assert_eq!(refusal.message, message);
            assert_eq!(refusal.detail.contains("MissingData"), missing, "{message}");
        }
    }

    #[test]
    fn only_a_return_may_come_without_a_reference() {
        let named = |kind, attribute, text| {
            reference(kind, attribute, &Properties::parse(text).unwrap())
                .map_err(|refusal| refusal.message)
        };
        assert_eq!(named(Kind::Return, Some(""), RETURN), Ok(None));
        let inside = "return.externalReference=R-1";
        assert_eq!(named(Kind::Return, None, inside), Ok(Some("R-1".to_owned())));
        let contradiction = named(Kind::Return, Some("R-2"), inside).unwrap_err();
        assert_eq!(contradiction, "externalReference is both R-2 and R-1");
        assert_eq!(named(Kind::PurchaseOrder, Some("P"), PURCHASE), Ok(Some("P".to_owned())));
        assert!(named(Kind::PurchaseOrder, None, PURCHASE).is_err());
    }
}
