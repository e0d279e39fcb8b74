//! The prices of a product on one list of the shop as the canonical facet `price`.

use ferry_canonical::{
    Facet, Part,
    price::{Price, ProductPrice},
    value::{Currency, Extensions},
};
use serde_json::Value;

use super::{document, read::Bad};
use crate::draft::{Draft, Item};

/// The product's id in the shop and its prices on the list that the row names.
pub(super) fn prices(row: &Value) -> Result<(String, Part), Bad> {
    let id = document::one(row, "product").ok_or_else(|| Bad::new("product", "a product's id"))?;
    let text = |name| document::text(row, name).map(str::to_owned);
    let said = row.get("prices").and_then(Value::as_array);
    let said = said.ok_or_else(|| Bad::new("prices", "a list"))?.iter().enumerate();
    let mut prices = said.map(|(at, said)| price(said, at)).collect::<Result<Vec<_>, _>>()?;
    // The shop lists them by ids that say nothing.
    let key = |price: &Price| (price.unit.clone(), price.currency.clone(), price.quantity.clone());
    prices.sort_by_key(key);
    let part = Part::ProductPrice(ProductPrice {
        sku: text("sku").ok_or_else(|| Bad::new("sku", "a text that is not empty"))?,
        list: text("list").ok_or_else(|| Bad::new("list", "a text that is not empty"))?,
        prices,
        extensions: Extensions::new(),
    });
    // What a price may be is said once, where parts are read.
    let read = Part::from_json(Facet::Price, part.to_json().as_bytes());
    let part = read.map_err(|error| Bad(error.to_string()))?;
    Ok((id.to_owned(), part))
}

fn price(said: &Value, at: usize) -> Result<Price, Bad> {
    let field = |name: &str| format!("prices[{at}].{name}");
    let number = |name: &str| {
        document::number(said, name).ok_or_else(|| Bad::new(&field(name), "a decimal"))
    };
    let unit = document::one(said, "unit").map(str::to_owned);
    let currency = document::text(said, "currency").and_then(|code| Currency::parse(code).ok());
    Ok(Price {
        quantity: number("quantity")?,
        unit: Some(unit.ok_or_else(|| Bad::new(&field("unit"), "a unit's code"))?),
        value: number("value")?,
        currency: currency
            .ok_or_else(|| Bad::new(&field("currency"), "an ISO 4217 currency such as EUR"))?,
    })
}

/// Whether it says that its product has no price on its list.
pub(super) fn has_none(item: &Item) -> bool {
    match &item.draft {
        Ok(Draft::Part(draft)) => {
            matches!(&draft.part, Part::ProductPrice(price) if price.prices.is_empty())
        }
        Ok(Draft::Removed(_) | Draft::Skip { .. }) | Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(prices: &Value) -> Value {
        json!({"type": "productprices", "id": "5/2", "attributes": {"sku": "CUP-1", "list": "trade"},
            "relationships": {"product": {"data": {"type": "products", "id": "5"}}},
            "prices": prices})
    }

    fn price(id: &str, said: &Value, unit: &str) -> Value {
        json!({"type": "productprices", "id": id, "attributes": said, "relationships":
            {"unit": {"data": {"type": "productunits", "id": unit}}}})
    }

    fn told(prices: &Value) -> Result<Value, String> {
        let (product, part) = prices_of(prices)?;
        assert_eq!(product, "5");
        Ok(serde_json::from_str(&part.to_json()).unwrap())
    }

    fn prices_of(prices: &Value) -> Result<(String, Part), String> {
        super::prices(&row(prices)).map_err(|Bad(detail)| detail)
    }

    #[test]
    fn prices_are_said_in_an_order_of_their_own_in_whatever_order_the_shop_lists_them() {
        let of = |quantity: u32, value: &str| json!({"quantity": quantity, "value": value, "currency": "EUR"});
        let (one, ten) =
            (price("b-2", &of(1, "9.9000"), "item"), price("a-2", &of(10, "8"), "item"));
        let set = price("c-2", &of(1, "50"), "set");
        let said = told(&json!([set, ten, one])).unwrap();
        assert_eq!(said, told(&json!([one, ten, set])).unwrap());
        assert_eq!(
            said["prices"],
            json!([
                {"quantity": "1", "unit": "item", "value": "9.9", "currency": "EUR"},
                {"quantity": "10", "unit": "item", "value": "8", "currency": "EUR"},
                {"quantity": "1", "unit": "set", "value": "50", "currency": "EUR"},
            ])
        );
        assert_eq!((&said["sku"], &said["list"]), (&json!("CUP-1"), &json!("trade")));
        assert_eq!(told(&json!([])).unwrap()["prices"], json!([]));
    }

    #[test]
    fn a_price_that_is_none_is_named() {
        let fine = json!({"quantity": 1, "value": "9", "currency": "EUR"});
        for (name, value, detail) in [
            ("quantity", json!("some"), "prices[0].quantity: expected a decimal"),
            ("quantity", json!(0), "/prices/0/quantity: `0` is not more than 0"),
            ("value", Value::Null, "prices[0].value: expected a decimal"),
            ("value", json!("-1"), "/prices/0/value: `-1` is less than 0"),
            ("currency", json!("euro"), "prices[0].currency: expected an ISO 4217 currency"),
        ] {
            let mut said = fine.clone();
            said[name] = value;
            let no = told(&json!([price("a-2", &said, "item")])).unwrap_err();
            assert!(no.contains(detail), "{no}");
        }
        let unitless = json!({"type": "productprices", "id": "a-2", "attributes": fine});
        let no = told(&json!([unitless])).unwrap_err();
        assert!(no.contains("prices[0].unit: expected a unit's code"), "{no}");
    }
}
