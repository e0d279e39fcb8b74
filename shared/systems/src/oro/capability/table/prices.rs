//! What is done with the prices of a shop that answers so.

use super::*;
use crate::scan::RowSaid;

const PRODUCTS: &str = "GET /products?filter[sku]=";
const PRICES: &str = "GET /productprices?filter[priceList]=1&filter[product]=";

fn price(sku: &str, values: &[&str]) -> Part {
    let prices: Vec<Value> = values
        .iter()
        .enumerate()
        .map(|(from, value)| {
            json!({"quantity": from + 1, "unit": "item", "value": value, "currency": "EUR"})
        })
        .collect();
    let price = json!({"sku": sku, "list": "retail", "prices": prices}).to_string();
    Part::from_json(Facet::Price, price.as_bytes()).unwrap()
}

fn products(skus: &[(&str, &str)]) -> Answer {
    let row = |(id, sku): &(&str, &str)| row("products", id, json!({ "sku": sku }), Value::Null);
    let keys: Vec<&str> = skus.iter().map(|(_, sku)| *sku).collect();
    let rows: Vec<Value> = skus.iter().map(row).collect();
    answer(&format!("{PRODUCTS}{}&", keys.join(",")), 200, &json!({ "data": rows }))
}

impl Cell<'_> {
    async fn priced(&self, script: Vec<Answer>, parts: &[Part], recalled: &[Part]) -> Vec<String> {
        let shop = Shop::answering(script);
        let subjects: Vec<_> = parts.iter().map(Part::subject).collect();
        let writes = parts.iter().zip(&subjects);
        let writes: Vec<Write<'_>> =
            writes.map(|(part, subject)| Write { recalled, ..write(subject, part) }).collect();
        for answer in self.shop().apply(&shop.conversation(), &writes).await {
            answer.unwrap();
        }
        shop.written()
    }

    /// What is there already is not written.
    pub(super) async fn reads_prices(&self) {
        assert_eq!((self.answer, self.does), ("200", "reads what stands there"));
        let there = row(
            "productprices",
            "a-1",
            json!({"quantity": 1, "value": "5.0000", "currency": "EUR"}),
            json!({"product": {"type": "products", "id": "1"},
                "unit": {"type": "productunits", "id": "item"}}),
        );
        let script = vec![products(&[("1", "A")]), self.to(PRICES, &json!({"data": [there]}))];
        assert!(self.priced(script, &[price("A", &["5"])], &[]).await.is_empty());
    }

    pub(super) async fn walks_over_prices(&self) {
        assert_eq!(self.does, "says the whole list");
        let products = json!({"data": [row("products", "1", json!({"sku": "A"}), Value::Null)]});
        let price = row(
            "productprices",
            "a-1",
            json!({"quantity": 1, "value": "5.0000", "currency": "EUR"}),
            json!({"product": {"type": "products", "id": "1"},
                "unit": {"type": "productunits", "id": "item"}}),
        );
        let shop = Shop::answering([
            answer("GET /products?sort=id", 200, &products),
            self.to(PRICES, &json!({"data": [price]})),
            answer(PRICES, 200, &none()),
        ]);
        let ask = ScanAsk { endpoint: "productprices", after: None, as_of: None };
        let page = oro().scan(&shop.conversation(), &ask).await.unwrap();
        shop.asked();
        assert!(matches!(page.rows[0].said, RowSaid::State(_)), "{:?}", page.rows);
    }

    pub(super) async fn makes_a_price(&self) {
        assert_eq!(self.does, "makes one by itself");
        let made = json!({"data": made("productprices", "a-1")});
        let script = vec![
            products(&[("1", "A")]),
            answer(PRICES, 200, &none()),
            self.to("POST /productprices", &made),
        ];
        assert_eq!(self.priced(script, &[price("A", &["5"])], &[]).await.len(), 1);
    }

    pub(super) async fn makes_prices(&self) {
        let mut script = vec![products(&[("1", "A"), ("2", "B")]), answer(PRICES, 200, &none())];
        let operation = json!({"data": row("asyncoperations", "1", json!({"status": "success",
            "summary": {"createCount": 2, "updateCount": 0, "errorCount": 0}}), Value::Null)});
        let is_later = match self.does {
            "asks for it later" => {
                script.push(answer("PATCH /productprices", 202, &operation));
                script.push(answer("GET /asyncoperations/1", 200, &operation));
                true
            }
            "reads the answer" => {
                let rows =
                    json!({"data": [made("productprices", "a-1"), made("productprices", "b-1")]});
                script.push(self.to("PATCH /productprices", &rows));
                false
            }
            _ => self.ill(),
        };
        // What may be answered 400 although it is written is never asked for so.
        assert!(is_later || self.answer == "200", "{}", self.answer);
        self.priced(script, &[price("A", &["5"]), price("B", &["6"])], &[]).await;
    }

    pub(super) async fn removes_prices(&self) {
        assert_eq!(self.does, "takes it for removed");
        let there = row(
            "productprices",
            "a-1",
            json!({"quantity": 1, "value": "5.0000", "currency": "EUR"}),
            json!({"product": {"type": "products", "id": "1"},
                "unit": {"type": "productunits", "id": "item"}}),
        );
        let script = vec![
            products(&[("1", "A")]),
            answer(PRICES, 200, &json!({"data": [there]})),
            self.to("DELETE /productprices/a-1", &none()),
        ];
        let written = self.priced(script, &[price("A", &[])], &[price("A", &["5"])]).await;
        assert_eq!(written, ["DELETE /productprices/a-1 "]);
    }
}
