//! A product as an import (OrderFlow reference §3.2).

use ferry_canonical::{
    product::{ProductCatalogue, ProductStatus},
    value::Decimal,
};

use super::properties::{self, Properties};
use crate::Failure;

pub(super) fn properties(catalogue: &ProductCatalogue) -> Result<Properties, Failure> {
    properties::key("/sku", &catalogue.sku)?;
    let mut properties = Properties::default();
    properties.put("externalReference", &catalogue.sku);
    properties.put("description", &catalogue.name);
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
    Ok(properties)
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
}
