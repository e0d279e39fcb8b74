//! What one OrderFlow instance holds: products, stock levels, orders.
//!
//! Promises OrderFlow's rules of import: insert, update and merge per item, duplicates on insert of
//! what exists, and that a refused item changes nothing. It keeps no time and sends nothing; the
//! actor moves it, the server reads it.

use std::collections::{BTreeMap, VecDeque};

use ferry_world::account::{Effect, EffectKind};
use serde_json::Value;

use super::effect::{effect, refused};
use super::imports::Import;
use super::order::{self, Order, OrderState};
use super::papers::{self, Floor, Kind, Paper};
use super::product::{self, Product};
use super::properties::Properties;
use super::report::{Refusal, Verdict};
use super::stock::Level;

/// Internal numbers start here, so that they are never mistaken for indexes.
const FIRST_ITEM: u64 = 48_211;

#[derive(Debug)]
pub(super) struct Warehouse {
    pub(super) products: BTreeMap<String, Product>,
    pub(super) orders: BTreeMap<String, Order>,
    /// By kind, then reference; what has none is under its own number.
    pub(super) papers: BTreeMap<(Kind, String), Paper>,
    /// By product reference, then site.
    pub(super) levels: BTreeMap<String, BTreeMap<String, Level>>,
    /// What arrived and has not been looked at by the actor.
    pub(super) arrivals: VecDeque<Arrival>,
    /// Whether it makes a second paper of one reference.
    pub(super) takes_repeats: bool,
    next_item: u64,
}

/// Something the warehouse now has to act on.
#[derive(Clone, Debug)]
pub(super) enum Arrival {
    Product(String),
    Order(String),
    /// This order was cancelled, by a client or by the warehouse itself; its store is told of either.
    /// It shows the reference it was cancelled under.
    Cancellation(Box<Order>),
}

/// What an import may hold depends on the module it was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Module {
    /// `remotewarehouse`: products, returns, purchase orders, campaigns, stock moves.
    Warehouse,
    /// `remoteorder`: orders.
    Order,
}

#[derive(Clone, Copy)]
enum Operation {
    Insert,
    Update,
    Merge,
}

impl Operation {
    fn parse(text: &str) -> Result<Self, Refusal> {
        match text {
            "insert" => Ok(Self::Insert),
            "update" => Ok(Self::Update),
            "merge" => Ok(Self::Merge),
            _ => Err(Refusal::invalid(format!("there is no import operation {text}"))),
        }
    }
}

/// How an item that was not refused ended.
enum Ended {
    Taken { item: u64, kind: EffectKind },
    Duplicate,
}

impl Warehouse {
    pub(super) const fn new() -> Self {
        Self {
            products: BTreeMap::new(),
            orders: BTreeMap::new(),
            papers: BTreeMap::new(),
            levels: BTreeMap::new(),
            arrivals: VecDeque::new(),
            takes_repeats: false,
            next_item: FIRST_ITEM,
        }
    }

    /// Applies one item. The import gets the reference found among its properties if its attribute
    /// names none.
    pub(super) fn import(&mut self, module: Module, import: &mut Import) -> (Verdict, Effect) {
        let paper = Kind::parse(&import.kind);
        let entity = match import.kind.as_str() {
            "product" => "product",
            "order" => "order",
            _ => paper.map_or("item", Kind::name),
        };
        let result = self.take(module, import);
        let key = import.external_reference.clone().unwrap_or_default();
        match result {
            Ok(Ended::Taken { item, kind }) => {
                let named = |paper: &&Paper| paper.item == item;
                let fields = match entity {
                    "product" => self.products.get(&key).map(Product::fields),
                    "order" => self.orders.get(&key).map(Order::fields),
                    _ => self.papers.values().find(named).map(Paper::fields),
                };
                let effect = effect(entity, &key, kind, fields.unwrap_or_default());
                (Verdict::Success { entity, item }, effect)
            }
            Ok(Ended::Duplicate) => {
                let verdict = Verdict::Duplicate {
                    message: format!("{} already exists", capital(entity)),
                    detail: format!("externalReference {key}"),
                };
                (verdict, effect(entity, &key, EffectKind::Duplicate, Value::Null))
            }
            Err(refusal) => {
                let effect = refused(entity, &key, &refusal);
                (Verdict::Failure(refusal), effect)
            }
        }
    }

    fn take(&mut self, module: Module, import: &mut Import) -> Result<Ended, Refusal> {
        let mut properties = Properties::parse(&import.text).map_err(Refusal::invalid)?;
        if let (Module::Warehouse, Some(kind)) = (module, Kind::parse(&import.kind)) {
            let attribute = import.external_reference.as_deref();
            import.external_reference = papers::reference(kind, attribute, &properties)?;
            let operation = Operation::parse(&import.operation)?;
            return self.take_paper(
                operation,
                (kind, import.external_reference.clone()),
                properties,
            );
        }
        let reference = one_reference(import, &mut properties)?;
        import.external_reference = Some(reference.clone());
        let operation = Operation::parse(&import.operation)?;
        match (module, import.kind.as_str()) {
            (Module::Warehouse, "product") => self.take_product(operation, &reference, properties),
            (Module::Order, "order") => self.take_order(operation, reference, properties),
            (_, kind) => {
                Err(Refusal::invalid(format!("import type {kind} is not accepted by this module")))
            }
        }
    }

    fn take_product(
        &mut self,
        operation: Operation,
        reference: &str,
        properties: Properties,
    ) -> Result<Ended, Refusal> {
        match (operation, self.products.get_mut(reference)) {
            (Operation::Insert, Some(_)) => Ok(Ended::Duplicate),
            (Operation::Update, None) => {
                Err(Refusal::missing(format!("Product {reference} not found")))
            }
            (Operation::Update | Operation::Merge, Some(product)) => {
                let mut merged = product.properties.clone();
                merged.overlay(properties);
                product::check(&merged)?;
                let kind = changed(&product.properties, &merged);
                product.properties = merged;
                Ok(Ended::Taken { item: product.item, kind })
            }
            (Operation::Insert | Operation::Merge, None) => {
                product::check(&properties)?;
                let item = self.next_item();
                self.products.insert(reference.to_owned(), Product { item, properties });
                self.arrivals.push_back(Arrival::Product(reference.to_owned()));
                Ok(Ended::Taken { item, kind: EffectKind::Created })
            }
        }
    }

    fn take_order(
        &mut self,
        operation: Operation,
        reference: String,
        properties: Properties,
    ) -> Result<Ended, Refusal> {
        match (operation, self.orders.get_mut(&reference)) {
            (Operation::Insert, Some(_)) => Ok(Ended::Duplicate),
            (Operation::Update, None) => {
                Err(Refusal::missing(format!("Order {reference} not found")))
            }
            (Operation::Update | Operation::Merge, Some(order)) => {
                let kind = change_order(order, properties, &self.products)?;
                Ok(Ended::Taken { item: order.item, kind })
            }
            (Operation::Insert | Operation::Merge, None) => {
                let lines = order::check(&properties, &self.products)?;
                let item = self.next_item();
                let order = Order {
                    item,
                    reference: reference.clone(),
                    state: OrderState::Created,
                    properties,
                    lines,
                    shipments: Vec::new(),
                };
                self.orders.insert(reference.clone(), order);
                self.arrivals.push_back(Arrival::Order(reference));
                Ok(Ended::Taken { item, kind: EffectKind::Created })
            }
        }
    }

    fn take_paper(
        &mut self,
        operation: Operation,
        (kind, reference): (Kind, Option<String>),
        properties: Properties,
    ) -> Result<Ended, Refusal> {
        let floor = Floor { products: &self.products, orders: &self.orders };
        let known = reference.clone().and_then(|name| self.papers.get_mut(&(kind, name)));
        let known =
            known.filter(|_| !self.takes_repeats || !matches!(operation, Operation::Insert));
        match (operation, known) {
            (Operation::Insert, Some(_)) => Ok(Ended::Duplicate),
            (Operation::Update, None) => {
                let name = reference.unwrap_or_default();
                Err(Refusal::missing(format!("{} {name} not found", capital(kind.name()))))
            }
            (Operation::Update | Operation::Merge, Some(paper)) => {
                let mut merged = paper.properties.clone();
                merged.overlay(properties);
                papers::check(kind, reference.as_deref(), &merged, &floor)?;
                let effect = changed(&paper.properties, &merged);
                paper.properties = merged;
                Ok(Ended::Taken { item: paper.item, kind: effect })
            }
            (Operation::Insert | Operation::Merge, None) => {
                papers::check(kind, reference.as_deref(), &properties, &floor)?;
                let item = self.next_item();
                let own = || (kind, item.to_string());
                let named = reference.clone().map(|reference| (kind, reference));
                // A second one of a reference is under its own number.
                let key = named.filter(|key| !self.papers.contains_key(key)).unwrap_or_else(own);
                self.papers.insert(key, Paper { item, reference, properties });
                Ok(Ended::Taken { item, kind: EffectKind::Created })
            }
        }
    }

    /// Cancels an order that has not left. `Ok(None)` when no cancel operation was performed.
    ///
    /// With `frees_reference` the cancelled order gives its reference up, so that an amended order
    /// may be imported under it.
    pub(super) fn cancel(
        &mut self,
        reference: &str,
        frees_reference: bool,
    ) -> Result<Option<Effect>, Refusal> {
        let Some(order) = self.orders.get_mut(reference) else {
            return Err(Refusal::missing(format!("Order {reference} not found")));
        };
        if order.state != OrderState::Created || !order.shipments.is_empty() {
            return Ok(None);
        }
        order.state = OrderState::Cancelled;
        let cancelled = effect("order", reference, EffectKind::Cancelled, order.fields());
        self.arrivals.push_back(Arrival::Cancellation(Box::new(order.clone())));
        if frees_reference && let Some(mut order) = self.orders.remove(reference) {
            order.reference = format!("{reference}_CANCELLED_{}", order.item);
            self.orders.insert(order.reference.clone(), order);
        }
        Ok(Some(cancelled))
    }

    /// The next number of OrderFlow's own; none is given twice.
    pub(super) fn next_item(&mut self) -> u64 {
        let item = self.next_item;
        self.next_item += 1;
        item
    }
}

fn change_order(
    order: &mut Order,
    properties: Properties,
    products: &BTreeMap<String, Product>,
) -> Result<EffectKind, Refusal> {
    let mut merged = order.properties.clone();
    merged.overlay(properties);
    let kind = changed(&order.properties, &merged);
    if kind == EffectKind::Unchanged {
        return Ok(kind);
    }
    if order.state != OrderState::Created || !order.shipments.is_empty() {
        let message = format!("Order {} is {}", order.reference, order.state.name());
        return Err(Refusal::invalid(message));
    }
    order.lines = order::check(&merged, products)?;
    order.properties = merged;
    Ok(kind)
}

fn changed(before: &Properties, after: &Properties) -> EffectKind {
    if before == after { EffectKind::Unchanged } else { EffectKind::Updated }
}

fn capital(entity: &str) -> String {
    let mut letters = entity.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

/// The reference of an item: attribute and property must not contradict each other, and one is
/// enough.
fn one_reference(import: &Import, properties: &mut Properties) -> Result<String, Refusal> {
    let attribute = import.external_reference.as_deref().filter(|text| !text.is_empty());
    match (attribute, properties.get("externalReference")) {
        (Some(attribute), Some(property)) if attribute != property => {
            Err(Refusal::invalid(format!(
                "externalReference is {attribute} in the import and {property} among its properties"
            )))
        }
        (_, Some(property)) => Ok(property.to_owned()),
        (Some(attribute), None) => {
            let attribute = attribute.to_owned();
            properties.set("externalReference", &attribute);
            Ok(attribute)
        }
        (None, None) => Err(Refusal::invalid("externalReference is required")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Arrival, EffectKind, Import, Module, OrderState, Verdict, Warehouse};

    const ORDER: &str = "deliveryCountryCode=GB\norderLine.1.product.externalReference=MUG\n\
        orderLine.1.quantity=2\norderLine.1.shipment=entity:shipment\n\
        shipment.orderItem=entity:order";

    fn send(
        warehouse: &mut Warehouse,
        kind: &str,
        operation: &str,
        reference: &str,
        text: &str,
    ) -> (Verdict, EffectKind) {
        let module = if kind == "order" { Module::Order } else { Module::Warehouse };
        let mut import = Import {
            kind: kind.into(),
            operation: operation.into(),
            external_reference: Some(reference.into()),
            text: text.into(),
        };
        let (verdict, effect) = warehouse.import(module, &mut import);
        (verdict, effect.effect)
    }

    fn with_a_mug() -> Warehouse {
        let mut warehouse = Warehouse::new();
        send(&mut warehouse, "product", "merge", "MUG", "description=Mug\ntype=default");
        warehouse
    }

    #[test]
    fn a_merge_inserts_then_updates_and_keeps_what_it_does_not_name() {
        let mut warehouse = with_a_mug();
        let (verdict, effect) =
            send(&mut warehouse, "product", "merge", "MUG", "barcode=5012345678900");
        assert!(matches!(verdict, Verdict::Success { entity: "product", item: 48_211 }));
        assert_eq!(effect, EffectKind::Updated);
        let properties = &warehouse.products["MUG"].properties;
        assert_eq!(properties.get("description"), Some("Mug"));
        assert_eq!(properties.get("barcode"), Some("5012345678900"));
        assert_eq!(
            send(&mut warehouse, "product", "update", "MUG", "description=Mug").1,
            EffectKind::Unchanged
        );
    }

    #[test]
    fn inserting_what_exists_is_a_duplicate_and_changes_nothing() {
        let mut warehouse = with_a_mug();
        assert_eq!(send(&mut warehouse, "order", "insert", "WEB-1", ORDER).1, EffectKind::Created);
        let other = format!("{ORDER}\ncustomerComment=again");
        let (verdict, effect) = send(&mut warehouse, "order", "insert", "WEB-1", &other);
        assert!(
            matches!(verdict, Verdict::Duplicate { message, .. } if message == "Order already exists")
        );
        assert_eq!(effect, EffectKind::Duplicate);
        assert_eq!(warehouse.orders["WEB-1"].properties.get("customerComment"), None);
    }

    #[test]
    fn updating_what_does_not_exist_is_missing() {
        let mut warehouse = with_a_mug();
        for (kind, entity) in [("product", "Product"), ("order", "Order")] {
            let (verdict, _) = send(&mut warehouse, kind, "update", "NOPE", "a=1");
            let Verdict::Failure(refusal) = verdict else { panic!("{verdict:?}") };
            assert_eq!(refusal.message, format!("{entity} NOPE not found"));
        }
    }

    #[test]
    fn a_refused_update_changes_nothing() {
        let mut warehouse = with_a_mug();
        let (_, effect) = send(&mut warehouse, "product", "merge", "MUG", "weight=heavy");
        assert_eq!(effect, EffectKind::Refused);
        assert_eq!(warehouse.products["MUG"].properties.get("weight"), None);
    }

    #[test]
    fn each_module_takes_only_its_own_types() {
        let mut warehouse = Warehouse::new();
        let mut import = Import {
            kind: "product".into(),
            operation: "merge".into(),
            external_reference: Some("MUG".into()),
            text: "description=Mug\ntype=default".into(),
        };
        let (verdict, _) = warehouse.import(Module::Order, &mut import);
        assert!(matches!(verdict, Verdict::Failure(_)));
        assert!(warehouse.products.is_empty());
    }

    #[test]
    fn a_reference_in_two_places_must_be_the_same() {
        let mut warehouse = Warehouse::new();
        let text = "externalReference=CUP\ndescription=Mug\ntype=default";
        assert_eq!(send(&mut warehouse, "product", "merge", "MUG", text).1, EffectKind::Refused);
        assert_eq!(send(&mut warehouse, "product", "merge", "CUP", text).1, EffectKind::Created);
    }

    #[test]
    fn an_order_is_cancelled_once_and_may_free_its_reference() {
        let mut warehouse = with_a_mug();
        send(&mut warehouse, "order", "insert", "WEB-1", ORDER);
        assert!(warehouse.cancel("NOPE", false).is_err());
        assert!(warehouse.cancel("WEB-1", false).unwrap().is_some());
        assert!(warehouse.cancel("WEB-1", true).unwrap().is_none());
        assert_eq!(warehouse.orders["WEB-1"].state, OrderState::Cancelled);

        send(&mut warehouse, "order", "insert", "WEB-2", ORDER);
        assert!(warehouse.cancel("WEB-2", true).unwrap().is_some());
        assert_eq!(send(&mut warehouse, "order", "insert", "WEB-2", ORDER).1, EffectKind::Created);
        let last = warehouse.arrivals.back();
        assert!(matches!(last, Some(Arrival::Order(reference)) if reference == "WEB-2"));
    }

    #[test]
    fn a_cancelled_order_is_not_changed_but_may_be_sent_again_as_it_is() {
        let mut warehouse = with_a_mug();
        send(&mut warehouse, "order", "merge", "WEB-1", ORDER);
        warehouse.cancel("WEB-1", false).unwrap();
        assert_eq!(send(&mut warehouse, "order", "merge", "WEB-1", ORDER).1, EffectKind::Unchanged);
        let other = format!("{ORDER}\ncustomerComment=again");
        assert_eq!(send(&mut warehouse, "order", "merge", "WEB-1", &other).1, EffectKind::Refused);
    }
}
