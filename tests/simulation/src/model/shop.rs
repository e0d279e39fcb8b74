//! A shop: products with a name, each with one stock level, and orders.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Asked, Said, orders::Orders, plan::UNITS};

#[derive(Debug, Default)]
struct Product {
    sku: String,
    name: String,
    level: String,
}

#[derive(Debug, Default)]
pub(crate) struct Shop {
    /// By number; one SKU twice is what must never be.
    products: BTreeMap<u64, Product>,
    /// Every name a product was set to, by SKU.
    names: BTreeMap<String, Vec<u32>>,
    /// Every level a product was set to, by SKU, as the versions of its sites.
    levels: BTreeMap<String, Vec<[u64; 2]>>,
    pub(crate) orders: Orders,
}

impl Shop {
    pub(crate) fn answer(&mut self, asked: &Asked) -> Said {
        if asked.path == "/oauth2-token" {
            return Said::ok(json!({"access_token": "t", "expires_in": 3_600}).to_string());
        }
        let path = asked.path.split('?').next().unwrap_or_default();
        let mut words = path.trim_start_matches("/admin/api/").split('/');
        let (resource, id) = (words.next().unwrap_or_default(), words.next());
        let id = id.and_then(|id| id.parse::<u64>().ok());
        let body: Value = serde_json::from_str(&asked.body).unwrap_or(Value::Null);
        match (asked.method, resource, id) {
            ("GET", "products", None) => self.list(asked),
            ("GET", "products", Some(id)) => self.read(id),
            ("POST", "products", None) => self.create(&body),
            ("PATCH", "products", Some(id)) => self.rename(id, &body),
            ("GET", "inventorylevels", None) => self.level(asked),
            ("PATCH", "inventorylevels", Some(id)) => self.set_level(id, &body),
            ("GET", "orders", None) => self.orders.list(asked),
            ("GET", "orders", Some(id)) => self.orders.read(id),
            ("PATCH", "orders", Some(id)) => self.orders.change(id, &body),
            ("POST", "ordershippingtrackings", None) => self.orders.track(&body),
            ("PATCH", "products" | "inventorylevels", None) => self.write_all(resource, &body),
            _ => problem(404, "not found http exception"),
        }
    }

    /// A list is written as a whole or not at all.
    fn write_all(&mut self, resource: &str, body: &Value) -> Said {
        let items = body.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
        let updated = |item: &Value| {
            item.pointer("/meta/update")?;
            item.get("id")?.as_str()?.parse::<u64>().ok()
        };
        let gone = |item: &Value| updated(item).is_some_and(|id| !self.products.contains_key(&id));
        if let Some(place) = items.iter().position(gone) {
            let error = json!({"status": "404", "title": "not found http exception",
                "source": {"pointer": format!("/data/{place}")}});
            return Said::no(404, json!({"errors": [error]}).to_string());
        }
        let mut rows = Vec::new();
        for item in &items {
            let alone = json!({"data": item, "included": linked(item, body)});
            let said = match (resource, updated(item)) {
                ("products", Some(id)) => self.rename(id, &alone),
                ("products", None) => self.create(&alone),
                (_, Some(id)) => self.set_level(id, &alone),
                (_, None) => return problem(405, "method not allowed"),
            };
            let mut said: Value = serde_json::from_str(&said.body).unwrap_or_default();
            let Some(Value::Object(mut row)) = said.get_mut("data").map(Value::take) else {
                continue;
            };
            row.insert("meta".to_owned(), json!({"dataId": item.get("id")}));
            rows.push(row);
        }
        Said::ok(json!({ "data": rows }).to_string())
    }

    fn list(&self, asked: &Asked) -> Said {
        let (skus, ids) = (asked.many("filter[sku]"), asked.many("filter[id]"));
        let rows = self.products.iter().filter(|(id, product)| {
            let named =
                |skus: &Vec<String>| skus.iter().any(|sku| product.sku.eq_ignore_ascii_case(sku));
            skus.as_ref().is_none_or(named)
                && ids.as_ref().is_none_or(|ids| ids.contains(&id.to_string()))
        });
        let (rows, names): (Vec<Value>, Vec<Value>) =
            rows.take(500).map(|(id, product)| (product.row(*id), product.text(*id))).unzip();
        Said::ok(json!({"data": rows, "included": names}).to_string())
    }

    fn read(&self, id: u64) -> Said {
        let Some(product) = self.products.get(&id) else {
            return problem(404, "not found http exception");
        };
        Said::ok(json!({"data": product.row(id), "included": [product.text(id)]}).to_string())
    }

    fn create(&mut self, body: &Value) -> Said {
        let sku = body.pointer("/data/attributes/sku").and_then(Value::as_str).unwrap_or_default();
        let id = u64::try_from(self.products.len()).unwrap_or(0) + 1;
        let product = Product {
            sku: sku.to_owned(),
            name: name_in(body).unwrap_or_default(),
            level: "0".to_owned(),
        };
        self.names.entry(product.sku.clone()).or_default().push(version(&product.name));
        let said = json!({"data": product.row(id)}).to_string();
        self.products.insert(id, product);
        Said { status: 201, body: said }
    }

    fn rename(&mut self, id: u64, body: &Value) -> Said {
        let Some(product) = self.products.get_mut(&id) else {
            return problem(404, "not found http exception");
        };
        if let Some(name) = name_in(body) {
            self.names.entry(product.sku.clone()).or_default().push(version(&name));
            product.name = name;
        }
        Said::ok(json!({"data": product.row(id)}).to_string())
    }

    /// The level of a product has the product's number.
    fn level(&self, asked: &Asked) -> Said {
        let ids = asked.many("filter[product]").unwrap_or_default();
        let found = ids.iter().filter_map(|id| {
            let id = id.parse::<u64>().ok()?;
            Some((id, self.products.get(&id)?))
        });
        let (levels, products): (Vec<Value>, Vec<Value>) =
            found.map(|(id, product)| (product.level_row(id), product.row(id))).unzip();
        Said::ok(json!({"data": levels, "included": products}).to_string())
    }

    fn set_level(&mut self, id: u64, body: &Value) -> Said {
        let Some(product) = self.products.get_mut(&id) else {
            return problem(404, "not found http exception");
        };
        let quantity = body.pointer("/data/attributes/quantity").and_then(Value::as_str);
        let Some(quantity) = quantity else { return problem(400, "quantity") };
        quantity.clone_into(&mut product.level);
        let sum: u64 = quantity.parse().unwrap_or(u64::MAX);
        let versions = [sum % UNITS[1], sum / UNITS[1]];
        self.levels.entry(product.sku.clone()).or_default().push(versions);
        Said::ok(json!({"data": {"type": "inventorylevels", "id": id.to_string()}}).to_string())
    }

    /// How often each SKU is there.
    pub(crate) fn count(&self) -> BTreeMap<String, u32> {
        let mut count = BTreeMap::new();
        for product in self.products.values() {
            *count.entry(product.sku.clone()).or_default() += 1;
        }
        count
    }

    pub(crate) fn names(&self) -> &BTreeMap<String, Vec<u32>> {
        &self.names
    }

    pub(crate) fn levels(&self) -> &BTreeMap<String, Vec<[u64; 2]>> {
        &self.levels
    }
}

impl Product {
    fn text(&self, id: u64) -> Value {
        json!({"type": "productnames", "id": format!("{id}1"),
            "attributes": {"string": self.name},
            "relationships": {"localization": {"data": null}}})
    }

    fn level_row(&self, id: u64) -> Value {
        json!({"type": "inventorylevels", "id": id.to_string(),
            "attributes": {"quantity": self.level},
            "relationships": {
                "product": {"data": {"type": "products", "id": id.to_string()}},
                "productUnitPrecision": {"data":
                    {"type": "productunitprecisions", "id": format!("{id}2")}}}})
    }

    fn row(&self, id: u64) -> Value {
        let of = |kind: &str, suffix: u8| json!({"type": kind, "id": format!("{id}{suffix}")});
        json!({"type": "products", "id": id.to_string(),
            "attributes": {"sku": self.sku, "status": "enabled"},
            "relationships": {
                "names": {"data": [of("productnames", 1)]},
                "primaryUnitPrecision": {"data": of("productunitprecisions", 2)}}})
    }
}

/// What of a list's included resources one of its items names.
fn linked(item: &Value, body: &Value) -> Vec<Value> {
    let relations = item.get("relationships").and_then(Value::as_object);
    let linkages = relations.into_iter().flat_map(|all| all.values());
    let named: Vec<&Value> = linkages
        .filter_map(|linkage| linkage.get("data"))
        .flat_map(|data| data.as_array().map_or_else(|| vec![data], |all| all.iter().collect()))
        .collect();
    let same = |one: &Value, other: &Value, name| one.get(name) == other.get(name);
    let is_named = |included: &&Value| {
        named.iter().any(|name| same(name, included, "type") && same(name, included, "id"))
    };
    let included = body.get("included").and_then(Value::as_array);
    included.into_iter().flatten().filter(is_named).cloned().collect()
}

fn name_in(body: &Value) -> Option<String> {
    let included = body.get("included")?.as_array()?;
    let name = included.iter().find(|resource| resource["type"] == "productnames")?;
    name.pointer("/attributes/string")?.as_str().map(str::to_owned)
}

fn version(name: &str) -> u32 {
    name.rsplit('v').next().and_then(|version| version.parse().ok()).unwrap_or(0)
}

pub(super) fn problem(status: u16, title: &str) -> Said {
    let status_text = status.to_string();
    Said::no(status, json!({"errors": [{"status": status_text, "title": title}]}).to_string())
}
