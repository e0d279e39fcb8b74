//! What is done with the products of a shop that answers so.

use super::*;

const PRECISIONS: &str = "productunitprecisions";

/// Product 1, sold by the item and in stock, as the shop has it.
fn there() -> Value {
    let item = json!({"type": PRECISIONS, "id": "1"});
    let product = row(
        "products",
        "1",
        json!({"sku": "MUG-1", "status": "enabled"}),
        json!({"names": [{"type": "productnames", "id": "1"}], "primaryUnitPrecision": item,
            "unitPrecisions": [item],
            "inventory_status": {"type": "prodinventorystatuses", "id": "in_stock"}}),
    );
    let unit = json!({"unit": {"type": "productunits", "id": "item"}});
    let precision =
        row(PRECISIONS, "1", json!({"precision": 0, "conversionRate": 1, "sell": true}), unit);
    let name = row("productnames", "1", json!({"string": "Mug"}), json!({"localization": null}));
    json!({"data": product, "included": [precision, name]})
}

impl Cell<'_> {
    /// What is written of a change that says `more` than the shop has.
    async fn changed(&self, more: &Value) -> String {
        let mut catalogue = json!({"sku": "MUG-1", "name": "Mug", "unit": "item"});
        catalogue.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let part = Part::from_json(Facet::Catalogue, catalogue.to_string().as_bytes()).unwrap();
        let subject = part.subject();
        let shop = Shop::answering([
            answer("GET /products?page[size]=1", 200, &none()),
            answer("GET /products/1?include=names", 200, &there()),
            self.to("PATCH /products/1", &there()),
        ]);
        let known = Write { target_id: Some("1"), ..write(&subject, &part) };
        for answer in self.shop().apply(&shop.conversation(), &[known]).await {
            answer.unwrap();
        }
        shop.written().join("\n")
    }

    pub(super) async fn sets_availability(&self) {
        assert_eq!((self.answer, self.does), ("200", "sets it where its source says it"));
        let said = self.changed(&json!({"availability": "out_of_stock"})).await;
        assert!(said.contains(r#""id":"out_of_stock""#), "{said}");
    }

    pub(super) async fn adds_a_unit(&self) {
        assert_eq!((self.answer, self.does), ("200", "names those that are there"));
        let said = self.changed(&json!({"units": [{"unit": "set", "conversion_rate": 6}]})).await;
        let ids = r#"[{"type":"productunitprecisions","id":"1"},{"type":"productunitprecisions","id":"units[0]"}]"#;
        assert!(said.contains(ids), "{said}");
    }
}
