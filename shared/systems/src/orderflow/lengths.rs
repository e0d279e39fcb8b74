//! How long a value may be (OrderFlow reference §3.2): what is documented, and what the configuration
//! knows of this instance.

use std::collections::BTreeMap;

use ferry_config::orderflow::ImportType;

use super::{
    grammar::{self, invalid, plain},
    properties::{self, Properties},
};
use crate::Failure;

/// What the configuration says, by type and plain name.
pub(super) type Lengths = BTreeMap<ImportType, BTreeMap<String, u16>>;

/// A product's reference, and its description.
const PRODUCT_TEXT: usize = 120;

/// The columns of a product whose widths are known.
fn documented(kind: ImportType, plain: &str) -> Option<usize> {
    if kind != ImportType::Product {
        // Wherever a line names a product, it does so by the product's own reference.
        let names = plain.ends_with(".product") || plain.ends_with(".product.externalReference");
        return names.then_some(PRODUCT_TEXT);
    }
    match plain {
        "externalReference" | "description" | "type" | "barcode" | "imageReference" => {
            Some(PRODUCT_TEXT)
        }
        "thirdPartyReference" => Some(100),
        "packagingDescription"
        | "harmonisedSystemCode"
        | "customsDescription"
        | "productComposition" => Some(255),
        _ => None,
    }
}

/// The characters that a property takes, by its plain name: as this instance is configured, else as it
/// is documented.
pub(super) fn limit(kind: ImportType, plain: &str, configured: &Lengths) -> Option<usize> {
    let own = configured.get(&kind).and_then(|lengths| lengths.get(plain));
    own.map(|own| usize::from(*own)).or_else(|| documented(kind, plain))
}

/// Refuses a value that is longer than its column, by its name.
pub(super) fn check(
    kind: ImportType,
    (reference, properties): (&str, &Properties),
    configured: &Lengths,
) -> Result<(), Failure> {
    // Where no property repeats it, it is the import's attribute of that name.
    let attribute =
        grammar::reference_key(kind).is_none().then_some(("externalReference", reference));
    for (key, value) in attribute.into_iter().chain(properties.iter()) {
        let Some(limit) = limit(kind, &plain(key), configured) else { continue };
        let length = properties::length(value);
        if length > limit {
            return Err(invalid(kind, key, &too_long(length, limit)));
        }
    }
    Ok(())
}

pub(super) fn too_long(length: usize, limit: usize) -> String {
    format!("{length} characters, OrderFlow takes at most {limit}")
}

/// Refuses lengths of what no import of their type has.
pub(super) fn known(configured: &Lengths) -> Result<(), String> {
    let named = configured.iter().flat_map(|(kind, all)| all.keys().map(move |name| (*kind, name)));
    for (kind, name) in named {
        let attribute = name == "externalReference" && grammar::reference_key(kind).is_none();
        if !attribute {
            grammar::plain_shape(kind, name)
                .map_err(|reason| format!("lengths.{kind}.{name}: {reason}"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ferry_canonical::FailureKind;

    use super::*;

    fn checked(kind: ImportType, key: &str, value: &str, configured: &Lengths) -> Option<String> {
        let mut properties = Properties::default();
        properties.put(key, value);
        let failure = check(kind, ("PO-1001", &properties), configured).err()?;
        assert_eq!(failure.kind, FailureKind::Validation);
        Some(failure.detail)
    }

    #[test]
    fn every_documented_column_takes_its_length_and_no_more() {
        for (kind, key, limit) in [
            (ImportType::Product, "externalReference", 120),
            (ImportType::Product, "description", 120),
            (ImportType::Product, "type", 120),
            (ImportType::Product, "barcode", 120),
            (ImportType::Product, "imageReference", 120),
            (ImportType::Product, "thirdPartyReference", 100),
            (ImportType::Product, "packagingDescription", 255),
            (ImportType::Product, "harmonisedSystemCode", 255),
            (ImportType::Product, "customsDescription", 255),
            (ImportType::Product, "productComposition", 255),
            (ImportType::Order, "orderLine.2.product.externalReference", 120),
            (ImportType::Return, "returnLine.1.product", 120),
        ] {
            let none = Lengths::new();
            assert_eq!(checked(kind, key, &"ü".repeat(limit), &none), None);
            let told = checked(kind, key, &"ü".repeat(limit + 1), &none).unwrap();
            let (length, name) = (limit + 1, kind.as_str());
            assert_eq!(
                told,
                format!(
                    "{name} property {key}: {length} characters, OrderFlow takes at most {limit}"
                )
            );
        }
    }

    #[test]
    fn a_line_break_is_one_character_and_not_the_token_it_is_sent_as() {
        let text = format!("{}\n{}", "x".repeat(60), "x".repeat(59));
        assert_eq!(checked(ImportType::Product, "description", &text, &Lengths::new()), None);
    }

    #[test]
    fn an_instances_own_lengths_count_for_every_line_and_before_the_documented_ones() {
        let own = |key: &str, length| {
            let lengths = BTreeMap::from([(key.to_owned(), length)]);
            Lengths::from([(ImportType::Order, lengths.clone()), (ImportType::Product, lengths)])
        };
        let comment = own("orderLine.description", 3);
        let told = checked(ImportType::Order, "orderLine.7.description", "long", &comment).unwrap();
        assert!(told.contains("orderLine.7.description: 4 characters"), "{told}");
        assert_eq!(checked(ImportType::Order, "customerComment", "long", &comment), None);
        let barcode = own("barcode", 200);
        assert_eq!(checked(ImportType::Product, "barcode", &"1".repeat(150), &barcode), None);
    }

    #[test]
    fn a_reference_that_is_an_attribute_only_has_a_length_too() {
        let own = |length| BTreeMap::from([("externalReference".to_owned(), length)]);
        let lengths = |length| Lengths::from([(ImportType::PurchaseOrder, own(length))]);
        let told = |length| {
            let key = "purchaseOrder.supplier";
            checked(ImportType::PurchaseOrder, key, "Acme", &lengths(length))
        };
        assert_eq!(told(7), None);
        let expected =
            "purchaseOrder property externalReference: 7 characters, OrderFlow takes at most 6";
        assert_eq!(told(6).as_deref(), Some(expected));
    }

    #[test]
    fn a_length_of_what_no_import_has_is_refused_by_name() {
        let known = |kind, name: &str| {
            known(&Lengths::from([(kind, BTreeMap::from([(name.to_owned(), 9)]))]))
        };
        for (kind, name) in [
            (ImportType::Order, "customerComment"),
            (ImportType::Order, "orderLine.product.externalReference"),
            (ImportType::Order, "shipment.site"),
            (ImportType::PurchaseOrder, "externalReference"),
            (ImportType::PurchaseOrder, "purchaseOrderLine.externalReference"),
            (ImportType::Return, "return.note"),
        ] {
            assert_eq!(known(kind, name), Ok(()), "{name}");
        }
        for (kind, name) in [
            (ImportType::Order, "orderline.description"),
            (ImportType::Return, "note"),
            (ImportType::Product, "product.description"),
            (ImportType::Product, "de scription"),
        ] {
            let told = known(kind, name).unwrap_err();
            assert!(told.starts_with(&format!("lengths.{kind}.{name}: ")), "{told}");
        }
    }
}
