//! What goes with a product, alone and in a list, against a shop that answers from a script.

use std::sync::Arc;

use ferry_canonical::{Facet, Part};
use ferry_config::system::OroConfig;
use ferry_http::{HttpError, Response};

use super::*;
use crate::{
    oro::{
        Oro,
        scripted::{Shop, answer, config, row, write},
    },
    target::{Applied, Effect, Write},
};

type Answer = (String, Result<Response, HttpError>);

fn part(sku: &str, more: &Value) -> Part {
    let mut catalogue = json!({"sku": sku, "name": "Cup", "unit": "item"});
    catalogue.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Part::from_json(Facet::Catalogue, catalogue.to_string().as_bytes()).unwrap()
}

fn units() -> Value {
    json!({"units": [
        {"unit": "item", "conversion_rate": 1, "precision": 1, "sell": false},
        {"unit": "set", "conversion_rate": "6"},
        {"unit": "kg", "conversion_rate": "2.5", "precision": 2, "sell": false}]})
}

/// Product 55 is sold by the item, and by the set that holds four of them; the shop says that it is out
/// of stock, and in category 3.
fn there(request: &str, ids: &[&str]) -> Answer {
    let (mut rows, mut included) = (Vec::new(), Vec::new());
    for id in ids {
        let ids = [format!("{id}1"), format!("{id}2"), format!("{id}9")];
        let [item, set, name] = &ids;
        rows.push(row(
            "products",
            id,
            json!({"status": "enabled", "sku": format!("S-{id}")}),
            json!({"names": [{"type": "productnames", "id": name}],
                "primaryUnitPrecision": {"type": PRECISIONS, "id": item},
                "unitPrecisions": [{"type": PRECISIONS, "id": item}, {"type": PRECISIONS, "id": set}],
                "inventory_status": {"type": STATUSES, "id": "out_of_stock"},
                "category": {"type": CATEGORIES, "id": "3"}}),
        ));
        let precision = |id: &str, unit: &str, rate: u8| {
            let unit = json!({"unit": {"type": "productunits", "id": unit}});
            row(PRECISIONS, id, json!({"precision": 0, "conversionRate": rate, "sell": true}), unit)
        };
        let name =
            row("productnames", name, json!({"string": "Cup"}), json!({"localization": null}));
        included.extend([precision(item, "item", 1), precision(set, "set", 4), name]);
    }
    let data = if request.contains("/products/") { rows.swap_remove(0) } else { rows.into() };
    answer(request, 200, &json!({"data": data, "included": included}))
}

fn probe() -> Answer {
    let other = row("products", "1", json!({"sku": "X"}), Value::Null);
    answer("GET /products?page[size]=1", 200, &json!({"data": [other]}))
}

fn configured() -> OroConfig {
    let defaults = [
        ("manageInventory", ProductDefault::Fallback("systemConfig".to_owned())),
        ("backOrder", ProductDefault::Value("1".to_owned())),
        ("tags", ProductDefault::Values(vec!["new".to_owned()])),
    ];
    let defaults = defaults.map(|(name, default)| (name.to_owned(), default));
    OroConfig {
        categories: [("Cups".to_owned(), "7".to_owned())].into(),
        product_defaults: defaults.into(),
        ..config()
    }
}

async fn applied(
    config: &OroConfig,
    shop: &Arc<Shop>,
    parts: &[(Part, Option<&str>)],
) -> Vec<Applied> {
    let subjects: Vec<_> = parts.iter().map(|(part, _)| part.subject()).collect();
    let writes = parts.iter().zip(&subjects);
    let writes: Vec<Write<'_>> = writes
        .map(|((part, id), subject)| Write { target_id: *id, ..write(subject, part) })
        .collect();
    let oro = Oro::new(config).unwrap();
    let answers = oro.apply(&shop.conversation(), &writes).await;
    answers.into_iter().map(Result::unwrap).collect()
}

/// What is written of one change of product 55, alone, and as one of two in a list.
async fn changed(config: &OroConfig, more: &Value) -> [String; 2] {
    let part = || part("S-55", more);
    let alone = Shop::answering([
        probe(),
        there("GET /products/55?include=names", &["55"]),
        there("PATCH /products/55", &["55"]),
    ]);
    applied(config, &alone, &[(part(), Some("55"))]).await;
    let second = self::part("S-66", more);
    let both = Shop::answering([
        there("GET /products?filter[id]=55,66", &["55", "66"]),
        there("PATCH /products", &["55", "66"]),
    ]);
    applied(config, &both, &[(part(), Some("55")), (second, Some("66"))]).await;
    [alone.written().join("\n"), both.written().join("\n")]
}

/// A shop that is asked for one change of product 55 and has nothing to change.
async fn unchanged(config: &OroConfig, more: &Value) -> Applied {
    let shop = Shop::answering([probe(), there("GET /products/55?include=names", &["55"])]);
    let mut applied = applied(config, &shop, &[(part("S-55", more), Some("55"))]).await;
    shop.asked();
    applied.remove(0)
}

#[tokio::test]
async fn a_new_product_has_its_units_its_category_and_the_configured_values() {
    let mut more = units();
    more["availability"] = json!("discontinued");
    more["category"] = json!("Cups");
    let made = json!({"data": row("products", "55", json!({"sku": "S-55"}), Value::Null)});
    let shop = Shop::answering([probe(), answer("POST /products", 201, &made)]);
    let applied = applied(&configured(), &shop, &[(part("S-55", &more), None)]).await;
    assert_eq!((&applied[0].effect, &applied[0].warning), (&Effect::Created, &None));
    insta::assert_snapshot!(shop.written().join("\n"), @r#"POST /products {"data":{"type":"products","attributes":{"sku":"S-55","status":"enabled"},"relationships":{"names":{"data":[{"type":"productnames","id":"new-names"}]},"attributeFamily":{"data":{"type":"attributefamilies","id":"1"}},"primaryUnitPrecision":{"data":{"type":"productunitprecisions","id":"new-unit"}},"unitPrecisions":{"data":[{"type":"productunitprecisions","id":"new-unit"},{"type":"productunitprecisions","id":"units[1]"},{"type":"productunitprecisions","id":"units[2]"}]},"inventory_status":{"data":{"type":"prodinventorystatuses","id":"discontinued"}},"category":{"data":{"type":"categories","id":"7"}},"backOrder":{"data":{"type":"entityfieldfallbackvalues","id":"new-backOrder"}},"manageInventory":{"data":{"type":"entityfieldfallbackvalues","id":"new-manageInventory"}},"tags":{"data":{"type":"entityfieldfallbackvalues","id":"new-tags"}}}},"included":[{"type":"productnames","id":"new-names","attributes":{"string":"Cup"}},{"type":"productunitprecisions","id":"new-unit","attributes":{"precision":1,"conversionRate":1,"sell":false},"relationships":{"unit":{"data":{"type":"productunits","id":"item"}}}},{"type":"productunitprecisions","id":"units[1]","attributes":{"precision":0,"conversionRate":"6","sell":true},"relationships":{"unit":{"data":{"type":"productunits","id":"set"}}}},{"type":"productunitprecisions","id":"units[2]","attributes":{"precision":2,"conversionRate":"2.5","sell":false},"relationships":{"unit":{"data":{"type":"productunits","id":"kg"}}}},{"type":"entityfieldfallbackvalues","id":"new-backOrder","attributes":{"scalarValue":"1"}},{"type":"entityfieldfallbackvalues","id":"new-manageInventory","attributes":{"fallback":"systemConfig"}},{"type":"entityfieldfallbackvalues","id":"new-tags","attributes":{"arrayValue":["new"]}}]}"#);
}

#[tokio::test]
async fn a_further_unit_is_added_or_changed_beside_those_that_are_there() {
    let [alone, both] = changed(&config(), &units()).await;
    insta::assert_snapshot!(alone, @r#"PATCH /products/55 {"data":{"type":"products","id":"55","relationships":{"unitPrecisions":{"data":[{"type":"productunitprecisions","id":"551"},{"type":"productunitprecisions","id":"552"},{"type":"productunitprecisions","id":"units[2]"}]}}},"included":[{"type":"productunitprecisions","id":"552","meta":{"update":true},"attributes":{"conversionRate":"6"}},{"type":"productunitprecisions","id":"units[2]","attributes":{"precision":2,"conversionRate":"2.5","sell":false},"relationships":{"unit":{"data":{"type":"productunits","id":"kg"}}}}]}"#);
    for kept in [r#""id":"551"},"#, r#""id":"661"},"#, r#""id":"552"},"#, r#""id":"662"},"#] {
        assert!(both.contains(kept), "{kept} in {both}");
    }
    assert!(
        both.contains(r#""id":"0-units[2]""#) && both.contains(r#""id":"1-units[2]""#),
        "{both}"
    );
}

#[tokio::test]
async fn what_people_of_the_shop_have_set_stays_unless_the_source_says_it() {
    let kept = unchanged(&configured(), &json!({})).await;
    assert_eq!((kept.effect, kept.warning), (Effect::AlreadySo, None));
    let same = json!({"availability": "out_of_stock"});
    assert_eq!(unchanged(&config(), &same).await.effect, Effect::AlreadySo);
    let said = json!({"availability": "in_stock", "category": "Cups"});
    for written in changed(&configured(), &said).await {
        assert!(written.contains(
            r#""inventory_status":{"data":{"type":"prodinventorystatuses","id":"in_stock"}}"#
        ));
        assert!(
            written.contains(r#""category":{"data":{"type":"categories","id":"7"}}"#),
            "{written}"
        );
        assert!(!written.contains("unitPrecisions") && !written.contains("backOrder"), "{written}");
    }
}

#[tokio::test]
async fn a_category_that_is_not_configured_is_left_with_a_warning() {
    let kept = unchanged(&configured(), &json!({"category": "Mugs"})).await;
    assert_eq!(kept.effect, Effect::AlreadySo);
    let warning =
        "category `Mugs` is none of those that `categories` in ferry.toml names: it is left";
    assert_eq!(kept.warning.as_deref(), Some(warning));
    let unnamed = unchanged(&config(), &json!({"category": "Mugs"})).await;
    assert_eq!(unnamed.warning, None, "without any, a category is the shop's own matter");
}

#[tokio::test]
async fn a_unit_that_the_shop_refuses_is_named_by_its_place() {
    let refused = json!({"errors": [{"status": "400", "title": "form constraint",
        "detail": "The entity does not exist.",
        "source": {"pointer": "/included/2/relationships/unit/data"}}]});
    let shop = Shop::answering([probe(), answer("POST /products", 400, &refused)]);
    let part = part("S-55", &units());
    let subject = part.subject();
    let oro = Oro::new(&config()).unwrap();
    let answers = oro.apply(&shop.conversation(), &[write(&subject, &part)]).await;
    let failure = answers.into_iter().next().unwrap().unwrap_err();
    assert!(failure.detail.starts_with("units[1].unit: "), "{}", failure.detail);
}
