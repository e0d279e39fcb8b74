//! What a product costs: one part per price list.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::{
    limits,
    product::more_than_nothing,
    value::{Currency, Decimal, Extensions},
};

/// The facet `price`: one part per price list, every price of the product on it. A product that has
/// none there any more is said with an empty list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductPrice {
    pub sku: String,
    /// The source's name of the list.
    pub list: String,
    /// At most 200, and no two for one quantity, unit and currency.
    #[serde(deserialize_with = "prices")]
    pub prices: Vec<Price>,
    #[serde(default, skip_serializing_if = "Extensions::is_empty")]
    pub extensions: Extensions,
}

/// What one unit costs to whom buys at least this quantity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Price {
    /// From how many on; more than 0.
    #[serde(default = "one", deserialize_with = "more_than_nothing")]
    pub quantity: Decimal,
    /// `item`, `set`, `kg`: the source's word; without it the product's own unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// At least 0.
    #[serde(deserialize_with = "nothing_or_more")]
    pub value: Decimal,
    pub currency: Currency,
}

fn one() -> Decimal {
    Decimal::from(1)
}

fn nothing_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    let value = Decimal::deserialize(deserializer)?;
    if value.is_negative() {
        return Err(D::Error::custom(format_args!("`{value}` is less than 0")));
    }
    Ok(value)
}

fn prices<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Price>, D::Error> {
    let prices = Vec::<Price>::deserialize(deserializer)?;
    if prices.len() > limits::PRICES {
        let (found, most) = (prices.len(), limits::PRICES);
        return Err(D::Error::custom(format_args!("{found} prices are more than {most}")));
    }
    let mut seen = BTreeSet::new();
    for (index, Price { quantity, unit, currency, .. }) in prices.iter().enumerate() {
        if !seen.insert((quantity, unit, currency)) {
            let unit = unit.as_deref().unwrap_or("the product's unit");
            return Err(D::Error::custom(format_args!(
                "prices[{index}] is another one from {quantity} of {unit} on in {currency}"
            )));
        }
    }
    Ok(prices)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Facet, Part};

    fn read(prices: &serde_json::Value) -> Result<Part, String> {
        let json = json!({"sku": "A", "list": "retail", "prices": prices}).to_string();
        Part::from_json(Facet::Price, json.as_bytes()).map_err(|error| error.to_string())
    }

    fn price(quantity: &str, unit: &str, value: &str) -> serde_json::Value {
        json!({"quantity": quantity, "unit": unit, "value": value, "currency": "EUR"})
    }

    #[test]
    fn a_price_says_at_least_what_it_is_in_which_currency() {
        let Ok(Part::ProductPrice(part)) = read(&json!([{"value": 12.5, "currency": "EUR"}]))
        else {
            panic!("a price");
        };
        let [Price { quantity, unit, value, .. }] = part.prices.as_slice() else { panic!("one") };
        assert_eq!((quantity.as_str(), unit, value.as_str()), ("1", &None, "12.5"));
        assert!(read(&json!([])).is_ok(), "a product may have no price on a list any more");
    }

    #[test]
    fn prices_are_at_least_nothing_for_more_than_nothing() {
        let of = |quantity: &str, value: &str| read(&json!([price(quantity, "item", value)]));
        assert!(of("0.5", "0").is_ok());
        let nothing = of("0", "1").unwrap_err();
        assert!(
            nothing.starts_with("price at /prices/0/quantity: `0` is not more than 0"),
            "{nothing}"
        );
        assert!(of("-1", "1").unwrap_err().contains("/prices/0/quantity"));
        let negative = of("1", "-0.01").unwrap_err();
        assert!(negative.starts_with("price at /prices/0/value: `-0.01` is less than 0"));
    }

    #[test]
    fn no_two_prices_are_for_the_same_quantity_unit_and_currency() {
        let beside = json!([price("1", "item", "2"), price("10", "item", "1"), price("1", "set", "9"),
            {"value": "3", "currency": "USD"}]);
        assert!(read(&beside).is_ok());
        let twice = read(&json!([price("1", "item", "2"), price("1.0", "item", "3")])).unwrap_err();
        assert!(twice.contains("prices[1] is another one from 1 of item on in EUR"), "{twice}");
    }

    #[test]
    fn a_list_has_no_more_prices_of_a_product_than_the_limit() {
        let so_many = |many: usize| {
            read(&(1..=many).map(|from| price(&from.to_string(), "item", "1")).collect())
        };
        assert!(so_many(limits::PRICES).is_ok());
        let more = so_many(limits::PRICES + 1).unwrap_err();
        assert!(more.contains("201 prices are more than 200"), "{more}");
    }
}
