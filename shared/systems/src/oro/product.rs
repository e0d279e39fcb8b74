//! `product.catalogue`: created with everything Oro needs, changed only where it differs.

use ferry_canonical::{FailureKind, product::ProductCatalogue};
use serde_json::Value;

use super::{
    client::{Api, Call},
    document,
    problem::No,
    product_form, reads_first,
};
use crate::target::{Applied, Effect, Failure, Write};

pub(super) const PRODUCTS: &str = "products";
pub(super) const INCLUDE: &str = "names,shortDescriptions,descriptions,primaryUnitPrecision,\
                                  primaryUnitPrecision.unit,unitPrecisions";

pub(super) async fn apply(
    api: &Api<'_>,
    write: &Write<'_>,
    catalogue: &ProductCatalogue,
) -> Result<Applied, Failure> {
    let by_sku = names_by_sku(api, &catalogue.sku).await?;
    let known = write.target_id.is_some() || reads_first(write);
    if known && let Some(found) = find(api, write, catalogue, by_sku).await? {
        return update(api, catalogue, &found, by_sku).await;
    }
    match create(api, catalogue, by_sku).await {
        Ok(applied) => Ok(applied),
        Err(no) if no.duplicate => match find(api, write, catalogue, by_sku).await? {
            Some(found) => {
                let updated = update(api, catalogue, &found, by_sku).await;
                updated.map(|applied| Applied { rule: no.failure.rule, ..applied })
            }
            None => Err(no.failure),
        },
        Err(no) => Err(no.failure),
    }
}

/// The number of the product with this SKU.
pub(super) async fn number_of(api: &Api<'_>, sku: &str) -> Result<Option<String>, Failure> {
    let query = vec![
        ("filter[sku]", document::kept(sku).to_owned()),
        ("fields[products]", "sku".to_owned()),
    ];
    let document = api.list("look up product", PRODUCTS, query).await?;
    let row = document::named(document::rows(&document), "sku", sku);
    Ok(row.and_then(document::id).map(str::to_owned))
}

/// Whether this shop names products by SKU (EXT ID): asked once a product is there to show it, and
/// only for SKUs that may stand in an address (OroCommerce reference §4.4, its detection is
/// inferred).
async fn names_by_sku(api: &Api<'_>, sku: &str) -> Result<bool, Failure> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if sku.starts_with('.') || !sku.bytes().all(plain) {
        return Ok(false);
    }
    if let Some(known) = api.oro.names_by_sku.get() {
        return Ok(*known);
    }
    let query = vec![("page[size]", "1".to_owned())];
    let call = Call { query, by_ext_id: true, ..Call::read("probe ext id", PRODUCTS) };
    let said = match api.ask(&call).await {
        Ok(said) => said,
        // A client that is bound to the plain API view is refused this one (reference §2).
        Err(no) if no.failure.kind == FailureKind::Rejected => {
            api.oro.names_by_sku.set(false).ok();
            return Ok(false);
        }
        Err(no) => return Err(no.failure),
    };
    let Some(product) = document::rows(&said.document).first() else { return Ok(false) };
    let shown = document::attribute(product, "dbId").is_some();
    // Somebody else may have learnt the same meanwhile.
    api.oro.names_by_sku.set(shown).ok();
    Ok(shown)
}

/// The product as it is, with its texts and unit.
async fn find(
    api: &Api<'_>,
    write: &Write<'_>,
    catalogue: &ProductCatalogue,
    by_sku: bool,
) -> Result<Option<Value>, Failure> {
    let id = if by_sku {
        Some(document::kept(&catalogue.sku).to_owned())
    } else {
        match write.target_id {
            Some(id) if !reads_first(write) => Some(id.to_owned()),
            Some(_) | None => number_of(api, &catalogue.sku).await?,
        }
    };
    let Some(id) = id else { return Ok(None) };
    let call = Call {
        id: Some(id),
        by_ext_id: by_sku,
        query: vec![("include", INCLUDE.to_owned())],
        ..Call::read("read product", PRODUCTS)
    };
    Ok(api.find(&call).await?)
}

/// Oro answers an EXT ID product with its number beside the SKU.
fn number(product: Option<&Value>) -> Option<String> {
    let product = product?;
    match document::attribute(product, "dbId") {
        Some(number) => Some(number.to_string()),
        None => document::id(product).map(str::to_owned),
    }
}

async fn create(api: &Api<'_>, catalogue: &ProductCatalogue, by_sku: bool) -> Result<Applied, No> {
    let config = &api.oro.config;
    let (product, included) = product_form::new(config, catalogue, by_sku);
    let call = Call { by_ext_id: by_sku, ..Call::create("create product", product, included) };
    let said = api.ask(&call).await?;
    let target_id = number(document::rows(&said.document).first());
    let warning = product_form::warning(config, catalogue, None);
    Ok(Applied { effect: Effect::Created, target_id, warning, rule: None })
}

async fn update(
    api: &Api<'_>,
    catalogue: &ProductCatalogue,
    found: &Value,
    by_sku: bool,
) -> Result<Applied, Failure> {
    let product = document::rows(found).first().unwrap_or(&Value::Null);
    let target_id = number(Some(product));
    let (config, there) = (&api.oro.config, (product, found));
    let warning = product_form::warning(config, catalogue, Some(there));
    let Some((change, included)) = product_form::change(config, catalogue, there) else {
        return Ok(Applied { effect: Effect::AlreadySo, target_id, warning, rule: None });
    };
    let call = Call { by_ext_id: by_sku, ..Call::change("update product", change, included) };
    api.ask(&call).await?;
    Ok(Applied { effect: Effect::Updated, target_id, warning, rule: None })
}

#[cfg(test)]
mod tests {
    use ferry_canonical::Part;
    use serde_json::json;

    use super::*;
    use crate::oro::scripted::{Shop, answer, errors, oro, row, write};

    fn part() -> Part {
        let catalogue =
            json!({"sku": "SKU-1", "name": "Cup", "description": "<p>A cup</p>", "unit": "item"});
        Part::from_json(ferry_canonical::Facet::Catalogue, catalogue.to_string().as_bytes())
            .unwrap()
    }

    /// The product as the shop has it; `id` and `extra` tell the two ways of naming apart.
    fn there(id: &str, extra: &Value) -> Value {
        let mut attributes = json!({"status": "enabled"});
        attributes.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let text = |kind: &str, id: &str, attributes: Value, localization: Value| {
            row(kind, id, attributes, json!({"localization": localization}))
        };
        json!({
            "data": row("products", id, attributes, json!({
                "names": [{"type": "productnames", "id": "10"}, {"type": "productnames", "id": "11"}],
                "descriptions": [{"type": "productdescriptions", "id": "12"}],
                "primaryUnitPrecision": {"type": "productunitprecisions", "id": "13"}})),
            "included": [
                text("productnames", "10", json!({"string": "Tasse"}), json!({"type": "localizations", "id": "2"})),
                text("productnames", "11", json!({"string": "Cup"}), Value::Null),
                text("productdescriptions", "12", json!({"wysiwyg": {"value": "<p>A cup</p>"}}), Value::Null),
                row("productunitprecisions", "13", json!({}), json!({"unit": {"type": "productunits", "id": "item"}})),
            ]
        })
    }

    fn probe(attributes: Value) -> (String, Result<ferry_http::Response, ferry_http::HttpError>) {
        let rows = json!({"data": [row("products", "1", attributes, Value::Null)]});
        answer("GET /products?page[size]=1", 200, &rows)
    }

    async fn apply(
        shop: &std::sync::Arc<Shop>,
        part: &Part,
        id: Option<&str>,
    ) -> Result<Applied, Failure> {
        let subject = part.subject();
        let write = Write { target_id: id, ..write(&subject, part) };
        oro().apply(&shop.conversation(), &[write]).await.pop().unwrap()
    }

    fn applied(effect: Effect, id: &str) -> Applied {
        Applied { effect, target_id: Some(id.to_owned()), warning: None, rule: None }
    }

    #[tokio::test]
    async fn a_new_product_has_everything_oro_needs() {
        let made = json!({"data": row("products", "55", json!({"sku": "SKU-1"}), Value::Null)});
        let shop =
            Shop::answering([probe(json!({"sku": "X"})), answer("POST /products", 201, &made)]);
        assert_eq!(apply(&shop, &part(), None).await.unwrap(), applied(Effect::Created, "55"));
        insta::assert_snapshot!(shop.written().join("\n"), @r#"
        POST /products {"data":{"type":"products","attributes":{"sku":"SKU-1","status":"enabled"},"relationships":{"names":{"data":[{"type":"productnames","id":"new-names"}]},"descriptions":{"data":[{"type":"productdescriptions","id":"new-descriptions"}]},"attributeFamily":{"data":{"type":"attributefamilies","id":"1"}},"primaryUnitPrecision":{"data":{"type":"productunitprecisions","id":"new-unit"}},"unitPrecisions":{"data":[{"type":"productunitprecisions","id":"new-unit"}]},"inventory_status":{"data":{"type":"prodinventorystatuses","id":"in_stock"}}}},"included":[{"type":"productnames","id":"new-names","attributes":{"string":"Cup"}},{"type":"productdescriptions","id":"new-descriptions","attributes":{"wysiwyg":{"value":"<p>A cup</p>","style":null,"properties":null}}},{"type":"productunitprecisions","id":"new-unit","attributes":{"precision":0,"conversionRate":1,"sell":true},"relationships":{"unit":{"data":{"type":"productunits","id":"item"}}}}]}
        "#);
    }

    #[tokio::test]
    async fn where_the_shop_names_products_by_sku_the_number_is_still_what_is_kept() {
        let shop = Shop::answering([
            probe(json!({"dbId": 1})),
            errors("POST /products", 409, "conflict constraint"),
            answer("GET /products/SKU-1?include=names", 200, &there("SKU-1", &json!({"dbId": 55}))),
        ]);
        assert_eq!(apply(&shop, &part(), None).await.unwrap(), applied(Effect::AlreadySo, "55"));
        let by_sku = ("x-integration-type".to_owned(), "ext_id".to_owned());
        assert!(shop.asked().iter().all(|request| request.headers.contains(&by_sku)));
        insta::assert_snapshot!(&shop.written()[0][..80], @r#"
        POST /products {"data":{"type":"products","id":"SKU-1","attributes":{"status":"e
        "#);
    }

    #[tokio::test]
    async fn a_changed_name_is_changed_in_place_beside_the_other_languages() {
        let mut there = there("55", &json!({"sku": "SKU-1"}));
        there["included"][1]["attributes"]["string"] = json!("Mug");
        there["data"]["attributes"]["status"] = json!("disabled");
        let shop = Shop::answering([
            probe(json!({"sku": "X"})),
            answer("GET /products/55?include=names", 200, &there),
            answer("PATCH /products/55", 200, &there),
        ]);
        assert_eq!(
            apply(&shop, &part(), Some("55")).await.unwrap(),
            applied(Effect::Updated, "55")
        );
        insta::assert_snapshot!(shop.written().join("\n"), @r#"
        PATCH /products/55 {"data":{"type":"products","id":"55","attributes":{"status":"enabled"},"relationships":{"names":{"data":[{"type":"productnames","id":"10"},{"type":"productnames","id":"11"}]}}},"included":[{"type":"productnames","id":"11","meta":{"update":true},"attributes":{"string":"Cup"}}]}
        "#);
    }

    #[tokio::test]
    async fn another_unit_is_a_warning_and_not_a_change() {
        let shop = Shop::answering([
            probe(json!({"sku": "X"})),
            answer("GET /products/55", 200, &there("55", &json!({"sku": "SKU-1"}))),
        ]);
        let mut part = part();
        if let Part::ProductCatalogue(catalogue) = &mut part {
            catalogue.unit = Some("kg".to_owned());
        }
        let applied = apply(&shop, &part, Some("55")).await.unwrap();
        assert_eq!(applied.effect, Effect::AlreadySo);
        assert!(applied.warning.unwrap().starts_with("unit is `item` in the shop and `kg`"));
    }

    #[tokio::test]
    async fn an_empty_shop_and_a_sku_with_a_slash_are_not_named_by_sku() {
        let made = json!({"data": row("products", "55", json!({}), Value::Null)});
        let shop = Shop::answering([
            answer("GET /products?page[size]=1", 200, &json!({"data": []})),
            answer("POST /products", 201, &made),
        ]);
        apply(&shop, &part(), None).await.unwrap();
        assert!(shop.written()[0].contains(r#""sku":"SKU-1""#));
        let mut part = part();
        if let Part::ProductCatalogue(catalogue) = &mut part {
            catalogue.sku = "a/b".to_owned();
        }
        let shop = Shop::answering([answer("POST /products", 201, &made)]);
        apply(&shop, &part, None).await.unwrap();
        shop.asked();
    }
}
