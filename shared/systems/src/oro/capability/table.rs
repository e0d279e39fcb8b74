//! The table of what each version answers (`tests/oro/capabilities.toml`), and what is done with a
//! shop that answers so, cell by cell.

mod prices;
mod products;

use std::{fs, path::Path};

use ferry_canonical::{Facet, Part};
use ferry_http::{HttpError, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::{
    oro::{
        Oro,
        scripted::{Shop, answer, config, errors, keyless, oro, row, write},
    },
    scan::ScanAsk,
    target::Write,
};

const TABLE: &str = include_str!("../../../../../tests/oro/capabilities.toml");
const PAGE: &str = "ops/docs/oro/capabilities.md";

type Answer = (String, Result<Response, HttpError>);

#[derive(Deserialize)]
struct Table {
    versions: Vec<String>,
    row: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    resource: String,
    operation: String,
    answers: Vec<String>,
    ferry: Vec<String>,
}

/// One cell: what the shop answers, and what is done.
struct Cell<'a> {
    row: &'a Row,
    answer: &'a str,
    does: &'a str,
    /// Whether a shop of the version finds customers by their number.
    has_numbers: bool,
}

impl Cell<'_> {
    fn is_taken(&self) -> bool {
        self.answer.starts_with('2')
    }

    /// The cell's answer to `request`; where it is a yes, with `said`.
    fn to(&self, request: &str, said: &Value) -> Answer {
        let (status, title) = self.answer.split_once(' ').unwrap_or((self.answer, ""));
        let status = status.parse().unwrap();
        if self.is_taken() { answer(request, status, said) } else { errors(request, status, title) }
    }

    fn shop(&self) -> Oro {
        if self.has_numbers { oro() } else { keyless() }
    }

    async fn runs(&self) {
        match (self.row.resource.as_str(), self.row.operation.as_str()) {
            ("customers", "find by number") => self.finds_customers().await,
            ("customers", "create with a number") => self.creates_customers().await,
            ("customers", "create with people") => self.creates_people().await,
            ("customers", "change in a list") => self.changes_many().await,
            ("orders", "poll") => self.polls().await,
            ("orders", "walk over all") => self.walks_over_orders().await,
            ("orders", "set the shipping status") => self.sets_the_status().await,
            ("ordershippingtrackings", _) => self.tracks().await,
            ("orders", "create, marked external") => self.places().await,
            ("products", "create in a list") => self.makes_products().await,
            ("products", "set the availability") => self.sets_availability().await,
            ("products", "add a unit") => self.adds_a_unit().await,
            ("products", _) => self.names_products().await,
            ("inventorylevels", "set in a list") => self.sets_levels().await,
            ("inventorylevels", "create") => self.waits_for_levels().await,
            ("productprices", "find on a list") => self.reads_prices().await,
            ("productprices", "walk over by products") => self.walks_over_prices().await,
            ("productprices", "create") => self.makes_a_price().await,
            ("productprices", "create in a list") => self.makes_prices().await,
            ("productprices", "delete") => self.removes_prices().await,
            ("webhooktopics", _) => self.hears().await,
            other => panic!("nobody runs {other:?}"),
        }
    }

    fn ill(&self) -> ! {
        panic!("{} of {}: nobody does `{}`", self.row.operation, self.row.resource, self.does)
    }

    async fn finds_customers(&self) {
        let numbers = "GET /customers?filter[externalId]=ferry";
        let found = match self.does {
            "finds it by its number" => "GET /customers?filter[externalId]=C-1",
            "finds it by its people's emails" => "GET /customerusers?filter[email]=jo",
            _ => self.ill(),
        };
        let script = [self.to(numbers, &none()), errors(found, 503, "")];
        let shop = Shop::answering(script);
        let part = customer();
        let (subject, oro) = (part.subject(), Oro::new(&config()).unwrap());
        let doubted = Write { read_first: true, ..write(&subject, &part) };
        oro.apply(&shop.conversation(), &[doubted]).await.pop().unwrap().unwrap_err();
        shop.asked();
    }

    /// What a new customer is sent with.
    async fn created(&self) -> Vec<String> {
        let made = |request, kind, id| answer(request, 201, &json!({"data": made(kind, id)}));
        let mut script = vec![made("POST /customers", "customers", "7")];
        if self.has_numbers {
            script.push(made("POST /customerusers", "customerusers", "8"));
        }
        let shop = Shop::answering(script);
        let part = customer();
        let answers =
            self.shop().apply(&shop.conversation(), &[write(&part.subject(), &part)]).await;
        for answer in answers {
            answer.unwrap();
        }
        shop.written()
    }

    async fn creates_customers(&self) {
        let has_number = self.created().await[0].contains(r#""externalId":"C-1""#);
        assert_eq!(has_number, self.is_taken(), "what is refused is not sent");
        assert_eq!(self.does, if has_number { "sends it" } else { "sends no number" });
    }

    async fn creates_people(&self) {
        assert!(self.is_taken());
        let sent = self.created().await;
        match self.does {
            "in one request" => assert!(sent.len() == 1 && sent[0].contains(r#""included":["#)),
            "one after the other" => assert!(sent.len() == 2 && !sent[0].contains("included")),
            _ => self.ill(),
        }
    }

    async fn changes_many(&self) {
        let there = |id: &str| row("customers", id, json!({"name": "Acme"}), Value::Null);
        let rows = json!({"data": [there("7"), there("8")]});
        let operation = json!({"data": row("asyncoperations", "1", json!({"status": "success",
            "summary": {"createCount": 0, "updateCount": 2, "errorCount": 0}}), Value::Null)});
        let said = if self.answer == "202" { &operation } else { &rows };
        let mut script = vec![
            answer("GET /customers?filter[id]=7,8", 200, &rows),
            answer("GET /customeraddresses", 200, &none()),
            answer("GET /customerusers", 200, &none()),
            self.to("PATCH /customers", said),
        ];
        match self.does {
            "follows the operation" => {
                script.push(answer("GET /asyncoperations/1", 200, &operation));
            }
            "reads the answer" => {}
            _ => self.ill(),
        }
        let shop = Shop::answering(script);
        let profile = json!({"number": "C-1", "name": "Beta"}).to_string();
        let part = Part::from_json(Facet::Profile, profile.as_bytes()).unwrap();
        let subject = part.subject();
        let writes = ["7", "8"].map(|id| Write { target_id: Some(id), ..write(&subject, &part) });
        // Numbers are known of both already: this is about lists.
        let answers = keyless().apply(&shop.conversation(), &writes).await;
        for answer in answers {
            answer.unwrap();
        }
        shop.asked();
    }

    async fn polls(&self) {
        let mut script = vec![self.to("GET /orders?sort=updatedAt,id", &none())];
        match self.does {
            "by the last change" => {}
            "by creation" => {
                script.push(answer("GET /orders?sort=createdAt,id", 200, &none()));
            }
            _ => self.ill(),
        }
        let shop = Shop::answering(script);
        oro().poll(&shop.conversation(), ORDERS, None).await.unwrap();
        shop.asked();
    }

    async fn walks_over_orders(&self) {
        assert_eq!(self.does, "where `scan.orders` is said");
        let shop = Shop::answering([self.to("GET /orders?sort=id&page[size]=3&include=", &none())]);
        let ask = ScanAsk { endpoint: ORDERS, after: None, as_of: None };
        let page = oro().scan(&shop.conversation(), &ask).await.unwrap();
        shop.asked();
        assert!(page.rows.is_empty());
    }

    /// What is written of a shipment to an order of a shop of this version.
    async fn shipped(&self) -> Vec<String> {
        let relations = if self.is_taken() { json!({"shippingStatus": null}) } else { json!({}) };
        let order = row("orders", "1", json!({"identifier": "WEB-1"}), relations);
        let done = |request| answer(request, 200, &json!({"data": {}}));
        let mut script = vec![
            answer("GET /orders?filter[identifier]", 200, &json!({"data": [order]})),
            done("POST /ordershippingtrackings"),
        ];
        if self.is_taken() {
            script.push(done("PATCH /orders/1"));
        }
        let shop = Shop::answering(script);
        let shipment = json!({"order": "WEB-1", "reference": "S-1", "state": "x", "despatched": true,
            "tracking": [{"number": "T-1"}], "lines": []});
        let part = Part::from_json(Facet::Shipment, shipment.to_string().as_bytes()).unwrap();
        let answers = oro().apply(&shop.conversation(), &[write(&part.subject(), &part)]).await;
        for answer in answers {
            answer.unwrap();
        }
        shop.written()
    }

    async fn sets_the_status(&self) {
        let is_set = self.shipped().await.len() == 2;
        assert_eq!(self.does, if is_set { "sets it" } else { "not" });
    }

    async fn tracks(&self) {
        let tracking = self.shipped().await.swap_remove(0);
        let is_listed = tracking.contains(r#""orders":{"data":[{"#);
        assert_eq!(is_listed, self.is_taken(), "what is refused is not sent");
        assert_eq!(self.does, if is_listed { "by `orders`" } else { "by `order`" });
    }

    async fn places(&self) {
        let made = json!({"data": made("orders", "1")});
        let customer = row("customers", "5", json!({"externalId": "C-1"}), Value::Null);
        let mut script = vec![
            answer("GET /customers?filter[externalId]=C-1", 200, &json!({"data": [customer]})),
            self.to("POST /orders", &made),
        ];
        match self.does {
            "sends it" => {}
            "sends it without" => script.push(answer("POST /orders", 201, &made)),
            _ => self.ill(),
        }
        let shop = Shop::answering(script);
        let order = json!({"identifier": "ERP-1", "placed_at": "2026-11-20T08:00:00Z",
            "currency": "USD", "customer": {"number": "C-1"},
            "lines": [{"number": 1, "sku": "MUG-1", "quantity": "1", "unit_price": "5",
                "total": "5"}],
            "totals": {"subtotal": "5", "total": "5"}});
        let part = Part::from_json(Facet::Placed, order.to_string().as_bytes()).unwrap();
        let answers = oro().apply(&shop.conversation(), &[write(&part.subject(), &part)]).await;
        for answer in answers {
            answer.unwrap();
        }
        let is_marked = |sent: &String| sent.contains(r#""external":true"#);
        assert_eq!(shop.written().last().is_some_and(is_marked), self.is_taken());
    }

    /// A list of two is taken at once, or followed to its end.
    async fn many(
        &self,
        mut script: Vec<Answer>,
        list: Answer,
        found: Vec<Answer>,
        parts: [Part; 2],
    ) {
        let operation = |status: &str| {
            json!({"data": row("asyncoperations", "1", json!({"status": status, "summary":
                {"createCount": 1, "updateCount": 1, "errorCount": 0}}), Value::Null)})
        };
        match self.does {
            "follows the operation" => {
                assert_eq!(self.answer, "202");
                script.push(answer(&list.0, 202, &operation("new")));
                script.push(answer("GET /asyncoperations/1", 200, &operation("success")));
                script.extend(found);
            }
            "reads the answer" => {
                assert_eq!(self.answer, "200");
                script.push(list);
            }
            _ => self.ill(),
        }
        let shop = Shop::answering(script);
        let subjects = [parts[0].subject(), parts[1].subject()];
        let writes = [write(&subjects[0], &parts[0]), write(&subjects[1], &parts[1])];
        for answer in oro().apply(&shop.conversation(), &writes).await {
            answer.unwrap();
        }
        shop.asked();
    }

    async fn makes_products(&self) {
        let product = |id: &str, sku: &str| row("products", id, json!({ "sku": sku }), Value::Null);
        let rows = json!({"data": [product("1", "A"), product("2", "B")]});
        let part = |sku: &str| {
            let catalogue = json!({"sku": sku, "name": "Tea"}).to_string();
            Part::from_json(Facet::Catalogue, catalogue.as_bytes()).unwrap()
        };
        let found = vec![answer("GET /products?filter[sku]=A,B", 200, &rows)];
        let list = answer("PATCH /products", 200, &rows);
        self.many(Vec::new(), list, found, [part("A"), part("B")]).await;
    }

    async fn sets_levels(&self) {
        let product = |id: &str, sku: &str| row("products", id, json!({ "sku": sku }), Value::Null);
        let level = |id: &str| {
            row(
                "inventorylevels",
                id,
                json!({}),
                json!({"product": {"type": "products", "id": id}}),
            )
        };
        let levels = json!({"data": [level("1"), level("2")]});
        let script = vec![
            answer(
                "GET /products?filter[sku]=A,B",
                200,
                &json!({"data": [product("1", "A"), product("2", "B")]}),
            ),
            answer("GET /inventorylevels?filter[product]=1,2", 200, &levels),
        ];
        let list = answer("PATCH /inventorylevels", 200, &levels);
        self.many(script, list, Vec::new(), [stock("A"), stock("B")]).await;
    }

    /// A level is the shop's to make.
    async fn waits_for_levels(&self) {
        assert_eq!((self.answer, self.does), ("405", "waits for it"));
        let product = row("products", "1", json!({"sku": "A"}), Value::Null);
        let shop = Shop::answering([
            answer("GET /products?filter[sku]=A", 200, &json!({"data": [product]})),
            answer("GET /inventorylevels", 200, &none()),
        ]);
        let part = stock("A");
        let subject = part.subject();
        let answers = oro().apply(&shop.conversation(), &[write(&subject, &part)]).await;
        let failure = answers.into_iter().next().unwrap().unwrap_err();
        assert_eq!(failure.kind, FailureKind::MissingReference);
    }

    async fn names_products(&self) {
        let attributes = if self.is_taken() { json!({"dbId": 1}) } else { json!({}) };
        let product = row("products", "1", attributes, Value::Null);
        let shop = Shop::answering([answer("GET /products", 200, &json!({"data": [product]}))]);
        let (oro, conversation) = (oro(), shop.conversation());
        let named = names_by_sku(&oro.api(&conversation)).await.unwrap().unwrap();
        assert_eq!(self.does == "names it so", named.contains("named by SKU"));
        assert_eq!(self.does == "looks it up", named.contains("looked up by SKU"));
    }

    async fn hears(&self) {
        let shop = Shop::answering([self.to("GET /webhooktopics", &none())]);
        let (oro, conversation) = (oro(), shop.conversation());
        let has_webhooks = has(&oro.api(&conversation), "webhooktopics", Vec::new()).await.unwrap();
        assert_eq!(has_webhooks, Some(self.is_taken()));
        assert_eq!(self.does, if self.is_taken() { "polls, and hears them" } else { "polls" });
    }
}

fn none() -> Value {
    json!({"data": []})
}

fn made(kind: &str, id: &str) -> Value {
    row(kind, id, json!({}), Value::Null)
}

fn stock(sku: &str) -> Part {
    let stock = json!({"sku": sku, "site": "A", "available": "1"}).to_string();
    Part::from_json(Facet::Stock, stock.as_bytes()).unwrap()
}

fn customer() -> Part {
    let profile = json!({"number": "C-1", "name": "Acme", "contacts": [
        {"id": "P-1", "first_name": "Jo", "last_name": "Li", "email": "jo@acme.example"}]});
    Part::from_json(Facet::Profile, profile.to_string().as_bytes()).unwrap()
}

fn table() -> Table {
    toml_edit::de::from_str(TABLE).unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_cell_of_the_table_is_as_it_says() {
    let table = table();
    let find = table.row.iter().find(|row| row.operation == "find by number").unwrap();
    for row in &table.row {
        let cells = row.answers.iter().zip(&row.ferry);
        assert_eq!((row.answers.len(), row.ferry.len()), (table.versions.len(), row.answers.len()));
        for ((answer, does), numbers) in cells.zip(&find.answers) {
            let has_numbers = numbers == "200";
            Cell { row, answer, does, has_numbers }.runs().await;
        }
    }
}

fn page(table: &Table) -> String {
    let mut page = "# What OroCommerce answers, by version, and what Ferry does\n\n\
        Made of [tests/oro/capabilities.toml](../../../tests/oro/capabilities.toml), of which every cell is run against \
        the simulated\nshop and against the client. What a shop of yours can, `ferry check` says.\n\n"
        .to_owned();
    page.push_str(&line(["resource", "operation"], table.versions.iter().map(String::clone)));
    page.push_str(&line(["---", "---"], table.versions.iter().map(|_| "---".to_owned())));
    for row in &table.row {
        let cells = row.answers.iter().zip(&row.ferry);
        let cells = cells.map(|(answer, does)| format!("{answer}: {does}"));
        page.push_str(&line([&row.resource, &row.operation], cells));
    }
    page
}

fn line(head: [&str; 2], cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = head.map(str::to_owned).into_iter().chain(cells).collect();
    format!("| {} |\n", cells.join(" | "))
}

#[test]
fn the_page_is_made_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(PAGE);
    let made = page(&table());
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(committed, made, "{PAGE} differs: run with UPDATE_SCHEMAS=1");
}
