//! Which properties an import may have (OrderFlow reference §3.1 to §3.4): the shape of keys, the
//! children of each type, what a child cannot be without, and how it is tied to its parent.
//!
//! Fields are not held against a list: OrderFlow's instances have their own, and what is documented of
//! some types comes from a single client.

use std::collections::{BTreeMap, BTreeSet};

use ferry_canonical::FailureKind;
use ferry_config::orderflow::ImportType;

use super::properties::Properties;
use crate::Failure;

/// `orderLine.1.product.externalReference`.
const SEGMENTS_MAX: usize = 4;

/// What may stand below an import.
struct Children {
    /// Whether fields of its own stand there without a name before them.
    bare: bool,
    one: &'static [Child],
    /// Those that count: `orderLine.1`.
    many: &'static [Child],
}

struct Child {
    name: &'static str,
    /// The field that names its parent, and the parent.
    tie: Option<(&'static str, &'static str)>,
    /// Fields without which it means nothing.
    needs: &'static [&'static str],
    /// Whether an import without any of them means nothing.
    needed: bool,
}

const fn children(kind: ImportType) -> Children {
    match kind {
        ImportType::Product => Children { bare: true, one: &[], many: &[] },
        ImportType::Order => Children {
            bare: true,
            one: &[Child {
                name: "shipment",
                tie: Some(("orderItem", "entity:order")),
                needs: &[],
                needed: true,
            }],
            many: &[
                Child {
                    name: "orderLine",
                    tie: Some(("shipment", "entity:shipment")),
                    needs: &["product.externalReference", "quantity"],
                    needed: true,
                },
                Child {
                    name: "orderAttribute",
                    tie: Some(("orderItem", "entity:order")),
                    needs: &["name"],
                    needed: false,
                },
            ],
        },
        ImportType::Return => Children {
            bare: false,
            one: &[Child { name: "return", tie: None, needs: &[], needed: true }],
            many: &[Child {
                name: "returnLine",
                tie: Some(("returnItem", "return")),
                needs: &["product", "quantity"],
                needed: true,
            }],
        },
        ImportType::PurchaseOrder => Children {
            bare: false,
            one: &[Child { name: "purchaseOrder", tie: None, needs: &[], needed: true }],
            many: &[Child {
                name: "purchaseOrderLine",
                tie: Some(("purchaseOrder", "purchaseOrder")),
                needs: &["product", "quantity"],
                needed: true,
            }],
        },
        ImportType::Campaign => Children {
            bare: true,
            one: &[],
            many: &[Child {
                name: "campaignLine",
                tie: Some(("campaign", "campaign")),
                needs: &["product.externalReference", "quantity"],
                needed: false,
            }],
        },
        ImportType::StockMoveTask => Children {
            bare: true,
            one: &[],
            many: &[Child {
                name: "stockMoveLine",
                tie: Some(("stockMoveTask", "stockMoveTask")),
                needs: &["product", "suggestedQuantity"],
                needed: true,
            }],
        },
    }
}

/// Fields without which an import of this type means nothing.
const fn needs(kind: ImportType) -> &'static [&'static str] {
    match kind {
        ImportType::Product => &["description", "type"],
        ImportType::StockMoveTask => &["taskDefinition"],
        ImportType::Order | ImportType::Return | ImportType::PurchaseOrder => &[],
        ImportType::Campaign => &["name"],
    }
}

/// Whether imports of this type have children that count.
pub(super) const fn has_lines(kind: ImportType) -> bool {
    !children(kind).many.is_empty()
}

/// Where the reference stands among the properties; an import of a purchase order has it as its
/// attribute only.
pub(super) const fn reference_key(kind: ImportType) -> Option<&'static str> {
    match kind {
        ImportType::Product
        | ImportType::Order
        | ImportType::Campaign
        | ImportType::StockMoveTask => Some("externalReference"),
        ImportType::Return => Some("return.externalReference"),
        ImportType::PurchaseOrder => None,
    }
}

/// A key without the number of its line: `orderLine.quantity`.
pub(super) fn plain(key: &str) -> String {
    let segments = key.split('.').enumerate();
    let named = segments.filter(|(place, segment)| *place != 1 || !is_number(segment));
    named.map(|(_, segment)| segment).collect::<Vec<_>>().join(".")
}

/// Ties every child to its parent that does not say so itself.
pub(super) fn tie(kind: ImportType, properties: &mut Properties) {
    let children = children(kind);
    let mut ties = Vec::new();
    for child in children.one.iter().chain(children.many) {
        let Some((field, parent)) = child.tie else { continue };
        for (prefix, fields) in found(child, children.one, properties) {
            if !fields.contains(field) {
                ties.push((format!("{prefix}.{field}"), parent));
            }
        }
    }
    for (key, parent) in ties {
        properties.put(&key, parent);
    }
}

/// The children of this name, each with its fields.
fn found<'p>(
    child: &Child,
    ones: &[Child],
    properties: &'p Properties,
) -> BTreeMap<String, BTreeSet<&'p str>> {
    let single = ones.iter().any(|one| one.name == child.name);
    let mut found: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (key, _) in properties.iter() {
        let Some((head, rest)) = key.split_once('.') else { continue };
        if head != child.name {
            continue;
        }
        let (prefix, field) = match rest.split_once('.') {
            Some((number, field)) if !single => (format!("{head}.{number}"), field),
            Some(_) | None => (head.to_owned(), rest),
        };
        found.entry(prefix).or_default().insert(field);
    }
    found
}

/// Checks keys and what is needed.
pub(super) fn check(kind: ImportType, properties: &Properties) -> Result<(), Failure> {
    let children = children(kind);
    for (key, _) in properties.iter() {
        shape(kind, &children, key).map_err(|reason| invalid(kind, key, &reason))?;
    }
    for field in needs(kind) {
        if properties.get(field).is_none() {
            return Err(invalid(kind, field, "missing, and OrderFlow needs it"));
        }
    }
    for child in children.one.iter().chain(children.many) {
        let found = found(child, children.one, properties);
        if found.is_empty() && child.needed {
            return Err(invalid(kind, child.name, "missing, and OrderFlow needs it"));
        }
        for (prefix, fields) in &found {
            if let Some(field) = child.needs.iter().find(|field| !fields.contains(**field)) {
                let key = format!("{prefix}.{field}");
                return Err(invalid(kind, &key, "missing, and OrderFlow needs it"));
            }
        }
    }
    let authorised = ["return.orderReference", "return.authorisation"];
    if kind == ImportType::Return && authorised.iter().all(|key| properties.get(key).is_none()) {
        let reason = "missing, and without return.orderReference OrderFlow needs it";
        return Err(invalid(kind, "return.authorisation", reason));
    }
    Ok(())
}

/// The same of a name without the number of its line.
pub(super) fn plain_shape(kind: ImportType, name: &str) -> Result<(), String> {
    let children = children(kind);
    let numbered = match name.split_once('.') {
        Some((head, rest)) if children.many.iter().any(|child| child.name == head) => {
            format!("{head}.1.{rest}")
        }
        Some(_) | None => name.to_owned(),
    };
    shape(kind, &children, &numbered)
}

/// `field`, `child.field`, `child.N.field` or `child.N.ref.externalReference`, with N from 1.
fn shape(kind: ImportType, children: &Children, key: &str) -> Result<(), String> {
    let segments: Vec<&str> = key.split('.').collect();
    let fits = |(place, segment): (usize, &&str)| {
        is_name(segment) || (place == 1 && segments.len() > 2 && is_number(segment))
    };
    if segments.len() > SEGMENTS_MAX || !segments.iter().enumerate().all(fits) {
        let expected = "field, child.field, child.N.field or child.N.ref.field, N from 1, of \
                        letters and digits without accents";
        return Err(format!("not the name of a property; expected {expected}"));
    }
    let head = segments.first().copied().unwrap_or_default();
    let names = |children: &[Child]| children.iter().any(|child| child.name == head);
    let numbered = segments.get(1).is_some_and(|segment| is_number(segment));
    let known = match segments.len() {
        1 => children.bare,
        _ if numbered => names(children.many),
        _ => names(children.one),
    };
    if known {
        return Ok(());
    }
    let bare = children.bare.then(|| "fields of its own".to_owned());
    let one = children.one.iter().map(|child| format!("{}.*", child.name));
    let many = children.many.iter().map(|child| format!("{}.N.*", child.name));
    let expected: Vec<String> = bare.into_iter().chain(one).chain(many).collect();
    Err(format!("there is none in an import of {kind}; expected {}", expected.join(", ")))
}

fn is_name(segment: &str) -> bool {
    segment.starts_with(|first: char| first.is_ascii_alphabetic())
        && segment.chars().all(|letter| letter.is_ascii_alphanumeric())
}

fn is_number(segment: &str) -> bool {
    segment.bytes().all(|digit| digit.is_ascii_digit())
        && !segment.starts_with('0')
        && segment.parse::<u32>().is_ok()
}

/// Names the property, and what is wrong with it.
pub(super) fn invalid(kind: ImportType, key: &str, reason: &str) -> Failure {
    const SHOWN_CHARS: usize = 80;
    let shown: String = key.chars().take(SHOWN_CHARS).collect();
    Failure::new(FailureKind::Validation, format!("{kind} property {shown}: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[(&str, &str)]) -> Properties {
        let mut properties = Properties::default();
        for (key, value) in lines {
            properties.put(key, value);
        }
        properties
    }

    const ORDER: [(&str, &str); 3] = [
        ("purchaseOrder.supplier", "Acme"),
        ("purchaseOrderLine.1.product", "MUG"),
        ("purchaseOrderLine.1.quantity", "144"),
    ];

    fn refused(kind: ImportType, lines: &[(&str, &str)]) -> String {
        let failure = check(kind, &of(lines)).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Validation);
        failure.detail
    }

    #[test]
    fn a_key_of_no_documented_shape_is_refused_by_name() {
        for key in [
            "a b",
            "purchaseOrderLine.0.product",
            "purchaseOrderLine.01.product",
            "purchaseOrderLine.1",
            "purchaseOrderLine.1.product.externalReference.x",
            "purchaseOrder.süpplier",
            "purchaseOrder..supplier",
            "purchaseOrder.supplier_reference",
        ] {
            let told = refused(ImportType::PurchaseOrder, &[&ORDER[..], &[(key, "x")]].concat());
            assert!(told.starts_with(&format!("purchaseOrder property {key}: not the")), "{told}");
        }
    }

    #[test]
    fn a_child_of_another_import_is_refused_with_those_that_there_are() {
        for key in ["supplier", "orderLine.1.product", "purchaseOrder.1.site", "shipment.site"] {
            let told = refused(ImportType::PurchaseOrder, &[&ORDER[..], &[(key, "x")]].concat());
            let expected = format!(
                "purchaseOrder property {key}: there is none in an import of purchaseOrder; expected \
                 purchaseOrder.*, purchaseOrderLine.N.*"
            );
            assert_eq!(told, expected);
        }
        let campaign = [("name", "Spring"), ("campaign.name", "Spring")];
        let told = refused(ImportType::Campaign, &campaign);
        assert!(told.ends_with("expected fields of its own, campaignLine.N.*"), "{told}");
    }

    #[test]
    fn what_an_import_cannot_be_without_is_named_when_it_is_missing() {
        for left_out in 0..ORDER.len() {
            let mut lines = ORDER.to_vec();
            let (key, _) = lines.remove(left_out);
            let told = refused(ImportType::PurchaseOrder, &lines);
            let missing = if left_out == 0 { "purchaseOrder" } else { key };
            assert_eq!(
                told,
                format!("purchaseOrder property {missing}: missing, and OrderFlow needs it")
            );
        }
        let task = [("stockMoveLine.1.product", "A"), ("stockMoveLine.1.suggestedQuantity", "1")];
        let told = refused(ImportType::StockMoveTask, &task);
        assert!(told.starts_with("stockMoveTask property taskDefinition: missing"), "{told}");
    }

    #[test]
    fn a_return_names_an_order_or_an_authorisation() {
        let lines = [("returnLine.1.product", "MUG"), ("returnLine.1.quantity", "1")];
        let with = |line: (&str, &str)| {
            let lines = [&[line], &lines[..]].concat();
            check(ImportType::Return, &of(&lines))
        };
        assert_eq!(with(("return.orderReference", "WEB-1")), Ok(()));
        assert_eq!(with(("return.authorisation", "RMA-7")), Ok(()));
        let told = with(("return.type", "unknown")).unwrap_err().detail;
        assert!(told.starts_with("return property return.authorisation: missing"), "{told}");
    }

    #[test]
    fn every_child_is_tied_to_its_parent_once() {
        let mut order = of(&ORDER);
        order.put("purchaseOrderLine.12.product", "TEA");
        order.put("purchaseOrderLine.12.purchaseOrder", "entity:purchaseOrder");
        tie(ImportType::PurchaseOrder, &mut order);
        assert_eq!(order.get("purchaseOrderLine.1.purchaseOrder"), Some("purchaseOrder"));
        assert_eq!(order.get("purchaseOrderLine.12.purchaseOrder"), Some("entity:purchaseOrder"));
        assert_eq!(order.iter().count(), 6);
        let mut order = of(&[("orderLine.1.quantity", "1"), ("orderAttribute.1.name", "x")]);
        order.put("shipment.state", "ready");
        tie(ImportType::Order, &mut order);
        assert_eq!(order.get("shipment.orderItem"), Some("entity:order"));
        assert_eq!(order.get("orderAttribute.1.orderItem"), Some("entity:order"));
        assert_eq!(order.get("orderLine.1.shipment"), Some("entity:shipment"));
    }

    #[test]
    fn a_plain_name_has_no_number() {
        assert_eq!(
            plain("orderLine.12.product.externalReference"),
            "orderLine.product.externalReference"
        );
        assert_eq!(plain("shipment.weight"), "shipment.weight");
    }
}
