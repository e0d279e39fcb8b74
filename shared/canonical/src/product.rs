//! What is known of a product: its catalogue entry and its stock. Its prices are in
//! [`price`](crate::price).

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::{
    limits,
    value::{Country, Currency, Decimal, Extensions},
};

/// The facet `catalogue`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductCatalogue {
    pub sku: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_description: Option<String>,
    /// `item`, `set`, `kg`: the source's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Further units that it is sold by, at most 20 and no two of one unit. One of `unit` itself says
    /// how that is sold.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "units")]
    pub units: Vec<ProductUnit>,
    #[serde(default)]
    pub status: ProductStatus,
    /// Whether it can be had, where its source says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability: Option<Availability>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_kg: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_cm: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width_cm: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height_cm: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub barcode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_of_origin: Option<Country>,
    /// The list price, as catalogues carry it; price lists are a facet of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    #[serde(default, skip_serializing_if = "Extensions::is_empty")]
    pub extensions: Extensions,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProductStatus {
    #[default]
    Enabled,
    Disabled,
}

/// Of what is for sale, whether it can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    InStock,
    OutOfStock,
    /// It will not come again.
    Discontinued,
}

/// A unit that a product is sold by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductUnit {
    /// `item`, `set`, `kg`: the source's word.
    pub unit: String,
    /// Digits after the point of its quantities, at most 10.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "precision")]
    pub precision: Option<u8>,
    /// How many of the product's `unit` it holds; more than 0.
    #[serde(deserialize_with = "more_than_nothing")]
    pub conversion_rate: Decimal,
    /// Whether customers buy by it.
    #[serde(default = "yes")]
    pub sell: bool,
}

const fn yes() -> bool {
    true
}

fn precision<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
    let precision = Option::<u8>::deserialize(deserializer)?;
    match precision {
        Some(digits) if digits > 10 => {
            Err(D::Error::custom(format_args!("{digits} digits after the point are more than 10")))
        }
        precision => Ok(precision),
    }
}

pub(crate) fn more_than_nothing<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Decimal, D::Error> {
    let number = Decimal::deserialize(deserializer)?;
    if number.is_negative() || number.is_zero() {
        return Err(D::Error::custom(format_args!("`{number}` is not more than 0")));
    }
    Ok(number)
}

fn units<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ProductUnit>, D::Error> {
    let units = Vec::<ProductUnit>::deserialize(deserializer)?;
    if units.len() > limits::UNITS {
        let (found, most) = (units.len(), limits::UNITS);
        return Err(D::Error::custom(format_args!("{found} units are more than {most}")));
    }
    let mut seen = BTreeSet::new();
    match units.iter().enumerate().find(|(_, unit)| !seen.insert(&unit.unit)) {
        Some((index, ProductUnit { unit, .. })) => {
            Err(D::Error::custom(format_args!("units[{index}] is another one of {unit}")))
        }
        None => Ok(units),
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Money {
    pub amount: Decimal,
    pub currency: Currency,
}

/// The facet `stock`: one part per site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductStock {
    pub sku: String,
    pub site: String,
    /// What can be sold from this site.
    pub available: Decimal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocated: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_order: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Extensions::is_empty")]
    pub extensions: Extensions,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{Facet, Part};

    fn read(units: &serde_json::Value) -> Result<Part, String> {
        let json = json!({"sku": "A", "name": "Cup", "units": units}).to_string();
        Part::from_json(Facet::Catalogue, json.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_further_unit_says_how_many_of_the_first_one_it_holds() {
        let Ok(Part::ProductCatalogue(cup)) = read(&json!([{"unit": "set", "conversion_rate": 6}]))
        else {
            panic!("a cup");
        };
        let [set] = cup.units.as_slice() else { panic!("one") };
        assert_eq!((set.conversion_rate.as_str(), set.precision, set.sell), ("6", None, true));
        let nothing = read(&json!([{"unit": "set", "conversion_rate": 0}])).unwrap_err();
        assert!(nothing.contains("/units/0/conversion_rate: `0` is not more than 0"), "{nothing}");
        let fine =
            read(&json!([{"unit": "kg", "conversion_rate": 1, "precision": 11}])).unwrap_err();
        assert!(fine.contains("/units/0/precision"), "{fine}");
        assert!(read(&json!([{"unit": "set"}])).unwrap_err().contains("conversion_rate"));
    }

    #[test]
    fn no_two_units_are_of_one_word_and_none_are_more_than_the_limit() {
        let unit = |unit: &str| json!({"unit": unit, "conversion_rate": 2});
        let twice = read(&json!([unit("set"), unit("box"), unit("set")])).unwrap_err();
        assert!(twice.contains("units[2] is another one of set"), "{twice}");
        let many: serde_json::Value = (0..21).map(|n| unit(&n.to_string())).collect();
        assert!(read(&many).unwrap_err().contains("21 units are more than 20"));
    }
}
