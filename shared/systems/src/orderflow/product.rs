//! A product as an import (OrderFlow reference §3.2).

use ferry_canonical::{
    FailureKind,
    product::{ProductCatalogue, ProductStatus},
    value::Decimal,
};
use ferry_config::orderflow::LongNames;

use super::{
    lengths::PRODUCT_TEXT,
    properties::{self, Properties, cut},
};
use crate::Failure;

/// The product's properties, and what a person should know of them.
pub(super) fn properties(
    catalogue: &ProductCatalogue,
    long_names: LongNames,
) -> Result<(Properties, Option<String>), Failure> {
    let length = catalogue.sku.chars().count();
    if length == 0 || length > PRODUCT_TEXT {
        let detail = format!("/sku: {length} characters, OrderFlow takes 1 to {PRODUCT_TEXT}");
        return Err(Failure::new(FailureKind::Validation, detail));
    }
    properties::key("/sku", &catalogue.sku)?;
    let mut properties = Properties::default();
    properties.put("externalReference", &catalogue.sku);
    let (description, warning) = description(&catalogue.name, long_names)?;
    properties.put("description", &description);
    properties.put("type", "default");
    properties.put(
        "activated",
        if catalogue.status == ProductStatus::Enabled { "true" } else { "false" },
    );
    if let Some(unit) = catalogue.unit.as_deref().and_then(weighed) {
        properties.put("quantityType", "weight");
        properties.put("displayUnits", unit);
    }
    properties.put_some("barcode", catalogue.barcode.as_deref());
    properties.put_some("category", catalogue.category.as_deref());
    properties.put_some("userDefined1", catalogue.brand.as_deref());
    if let Some(grams) = catalogue.weight_kg.as_ref().and_then(grams) {
        properties.put("weight", &grams);
        properties.put("weightUnits", "gram");
    }
    properties.put_decimal("length", catalogue.length_cm.as_ref());
    properties.put_decimal("width", catalogue.width_cm.as_ref());
    properties.put_decimal("height", catalogue.height_cm.as_ref());
    let origin = catalogue.country_of_origin.as_ref();
    properties.put_some("countryOfOrigin", origin.map(ferry_canonical::value::Country::as_str));
    if let Some(price) = &catalogue.price {
        properties.put("priceNet", price.amount.as_str());
        properties.put("currency", price.currency.as_str());
    }
    Ok((properties, warning))
}

/// A name is for people: its beginning may stand for it, where somebody is told.
fn description(name: &str, long: LongNames) -> Result<(String, Option<String>), Failure> {
    let length = properties::length(&properties::line(name));
    if length <= PRODUCT_TEXT {
        return Ok((name.to_owned(), None));
    }
    let told = format!("/name: {length} characters, OrderFlow takes at most {PRODUCT_TEXT}");
    match long {
        LongNames::Cut => Ok((cut(name, PRODUCT_TEXT), Some(format!("{told}: it is cut there")))),
        LongNames::Refuse => Err(Failure::new(FailureKind::Validation, told)),
    }
}

/// The display unit of a product that is weighed rather than counted.
fn weighed(unit: &str) -> Option<&'static str> {
    match unit.to_ascii_lowercase().as_str() {
        "kg" | "kilogram" => Some("kilogram"),
        "g" | "gram" => Some("gram"),
        _ => None,
    }
}

/// Kilograms as grams: the point moves three places.
fn grams(kilograms: &Decimal) -> Option<String> {
    let text = kilograms.as_str();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let (thousandths, rest) = fraction.split_at(fraction.len().min(3));
    let moved = format!("{whole}{thousandths:0<3}.{rest}");
    Decimal::parse(&moved).ok().map(|grams| grams.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kilograms_become_grams_without_rounding() {
        let in_grams = |text| grams(&Decimal::parse(text).unwrap()).unwrap();
        assert_eq!(in_grams("0.35"), "350");
        assert_eq!(in_grams("12"), "12000");
        assert_eq!(in_grams("1.2345"), "1234.5");
    }

    #[test]
    fn a_sku_that_orderflow_cannot_hold_is_refused_by_name() {
        for sku in ["x".repeat(121), "MUG\\RED".to_owned()] {
            let json = serde_json::json!({"sku": sku, "name": "n"});
            let catalogue: ProductCatalogue = serde_json::from_value(json).unwrap();
            let failure = properties(&catalogue, LongNames::Cut).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Validation);
            assert!(failure.detail.starts_with("/sku"), "{}", failure.detail);
        }
    }

    #[test]
    fn a_name_that_is_too_long_is_cut_with_a_warning_or_refused() {
        let name = |chars: usize| {
            let json = serde_json::json!({"sku": "MUG", "name": "ü".repeat(chars)});
            serde_json::from_value::<ProductCatalogue>(json).unwrap()
        };
        let (fits, warning) = properties(&name(120), LongNames::Refuse).unwrap();
        assert_eq!((fits.get("description"), warning), (Some("ü".repeat(120).as_str()), None));
        let told = "/name: 121 characters, OrderFlow takes at most 120";
        let (cut, warning) = properties(&name(121), LongNames::Cut).unwrap();
        assert_eq!(cut.get("description"), Some("ü".repeat(120).as_str()));
        assert_eq!(warning.as_deref(), Some(format!("{told}: it is cut there").as_str()));
        let failure = properties(&name(121), LongNames::Refuse).unwrap_err();
        assert_eq!((failure.kind, failure.detail.as_str()), (FailureKind::Validation, told));
    }
}
