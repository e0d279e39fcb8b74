//! Batches that are worked on later.

use std::thread;
use std::time::Duration;

use ferry_world::account::{Effect, EffectKind};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Desk, Reply, client, customer, installed, order, product};
use crate::control::Control;
use crate::oro::operations::Work;
use crate::oro::serve::Front;
use crate::oro::shop::{Installed, Shop};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// A shop whose workers take a minute for a chunk, and where nobody waits for them.
fn slow(workers: usize) -> Desk {
    let work = Work { workers, chunk: MINUTE, kept: SignedDuration::from_hours(24) };
    let shop = Shop::new(client(1_000_000), Installed { work, ..installed() });
    Desk::of(Front::new(shop, None, Control::new()).patient(Duration::ZERO))
}

fn now() -> Timestamp {
    crate::control::now()
}

fn after(minutes: i64) -> Timestamp {
    now() + SignedDuration::from_mins(minutes)
}

/// So many customers, of whom those whose index is bad have no name.
fn customers(count: usize, bad: &[usize]) -> Value {
    let item = |index: usize| {
        let name = if bad.contains(&index) { String::new() } else { format!("Acme {index}") };
        json!({"type": "customers", "attributes": {"name": name, "externalId": format!("C-{index}")}})
    };
    json!({"data": (0..count).map(item).collect::<Vec<_>>()})
}

fn operation(desk: &Desk, id: &str) -> Value {
    desk.get(&format!("asyncoperations/{id}")).body["data"]["attributes"].clone()
}

fn summary(desk: &Desk, id: &str) -> [u64; 5] {
    let summary = &operation(desk, id)["summary"];
    ["readCount", "writeCount", "errorCount", "createCount", "updateCount"]
        .map(|name| summary[name].as_u64().unwrap_or_else(|| panic!("{name}: {summary}")))
}

/// Of each error its id, status and pointer.
fn errors(reply: &Reply) -> Vec<(&str, u64, &str)> {
    let told = reply.body["data"].as_array().unwrap_or_else(|| panic!("{}", reply.body));
    told.iter()
        .map(|error| {
            let attributes = &error["attributes"];
            let pointer = attributes["source"]["pointer"].as_str().unwrap_or_default();
            let status = attributes["status"].as_u64().unwrap_or_default();
            (error["id"].as_str().unwrap(), status, pointer)
        })
        .collect()
}

fn count(desk: &Desk, resource: &str) -> usize {
    desk.get(&format!("{resource}?page[size]=-1")).ids().len()
}

#[test]
fn an_operation_is_new_until_a_worker_takes_it_and_running_until_its_last_chunk() {
    let desk = slow(1);
    let taken = desk.patch("customers", &customers(150, &[]));
    assert_eq!((taken.status, taken.id().as_str()), (202, "1"));
    let place = "content-location: http://shop.test/admin/api/asyncoperations/1\r\n";
    assert!(taken.head.contains(place), "{}", taken.head);
    assert_eq!(taken.body["data"]["attributes"]["entityType"], "customers");
    let states = [-1, 0, 1, 2].map(|minutes| {
        if minutes >= 0 {
            desk.front.work(after(minutes) + SignedDuration::from_secs(5));
        }
        let told = operation(&desk, "1");
        (
            told["status"].as_str().unwrap().to_owned(),
            told["progress"].clone(),
            count(&desk, "customers"),
        )
    });
    let state = |status: &str, progress, count| (status.to_owned(), progress, count);
    assert_eq!(
        states,
        [
            state("new", Value::Null, 0),
            state("running", json!(0), 0),
            state("running", json!(0.5), 100),
            state("success", json!(1), 150),
        ]
    );
    assert_eq!(summary(&desk, "1"), [150, 150, 0, 150, 0]);
    assert!(errors(&desk.get("asyncoperations/1/errors")).is_empty());
}

#[test]
fn good_items_of_a_chunk_are_kept_beside_bad_ones() {
    let desk = slow(1);
    desk.patch("customers", &customers(120, &[3, 7, 101]));
    desk.front.work(now());
    desk.front.work(after(10));
    desk.front.work(after(20));
    let name = |index: usize| format!("/data/{index}/attributes/name");
    let (three, seven, last) = (name(3), name(7), name(101));
    assert_eq!(
        errors(&desk.get("asyncoperations/1/errors")),
        [("1-1-1", 400, three.as_str()), ("1-1-2", 400, &seven), ("1-2-1", 400, &last)]
    );
    assert_eq!(operation(&desk, "1")["status"], "success");
    assert_eq!(summary(&desk, "1"), [120, 117, 3, 117, 0]);
    assert_eq!(count(&desk, "customers"), 117);
}

#[test]
fn what_is_wrong_with_one_item_is_told_with_its_place_also_where_it_has_none_of_its_own() {
    let desk = slow(1);
    desk.post("customers", &customer("Acme", "C-1"));
    let items = json!({"data": [
        {"type": "customers", "attributes": {"name": "Twin", "externalId": "C-1"}},
        {"type": "orders", "attributes": {"name": "Stranger"}},
        {"attributes": {"name": "Nobody"}},
        {"type": "customers", "meta": {"update": true}, "attributes": {"name": "Whose"}},
        {"type": "customers", "id": "99", "meta": {"update": true}, "attributes": {"name": "Gone"}},
        {"type": "customers", "attributes": {"name": "Odd", "colour": "red"}},
        {"type": "customers", "id": "1", "meta": {"update": true}, "attributes": {"name": "Better"}}]});
    desk.patch("customers", &items);
    desk.front.work(now());
    desk.front.work(after(1));
    let reply = desk.get("asyncoperations/1/errors");
    let mut told: Vec<_> =
        errors(&reply).into_iter().map(|(_, status, place)| (place, status)).collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("/data/0", 400),
            ("/data/1", 400),
            ("/data/2", 400),
            ("/data/3", 400),
            ("/data/4", 404),
            ("/data/5", 400)
        ]
    );
    assert_eq!(desk.get("customers/1").body["data"]["attributes"]["name"], "Better");
    assert_eq!(summary(&desk, "1"), [7, 1, 6, 0, 1]);
}

#[test]
fn an_item_whose_included_resource_is_bad_is_left_out_alone() {
    let desk = slow(1);
    let item = |index: usize| {
        json!({"type": "products", "attributes": {"sku": format!("MUG-{index}")},
            "relationships": product("", "", false)["data"]["relationships"].clone()})
    };
    let mut items = json!({"data": [], "included": []});
    for (index, unit) in ["item", "barrel", "kg"].into_iter().enumerate() {
        let document = product("", "Kubek", false).to_string();
        let text = document
            .replace("\"n\"", &format!("\"n{index}\""))
            .replace("\"u\"", &format!("\"u{index}\""));
        let mut document: Value = serde_json::from_str(&text).unwrap();
        let mut product = item(index);
        product["relationships"] = document["data"]["relationships"].take();
        document["included"][1]["relationships"]["unit"]["data"]["id"] = json!(unit);
        items["data"].as_array_mut().unwrap().push(product);
        items["included"]
            .as_array_mut()
            .unwrap()
            .extend(document["included"].as_array().unwrap().clone());
    }
    desk.patch("products", &items);
    desk.front.work(now());
    desk.front.work(after(1));
    assert_eq!(
        errors(&desk.get("asyncoperations/1/errors")),
        [("1-1-1", 400, "/included/3/relationships/unit/data")]
    );
    assert_eq!(desk.get("products?filter[sku]=MUG-0,MUG-1,MUG-2").ids().len(), 2);
}

#[test]
fn a_chunk_holds_a_hundred_items_and_fifty_included() {
    let desk = slow(1);
    let mut items = json!({"data": [], "included": []});
    for index in 0..60 {
        let group = format!("g{index}");
        items["data"]
            .as_array_mut()
            .unwrap()
            .push(json!({"type": "customers", "attributes": {"name": "A"},
            "relationships": {"group": {"data": {"type": "customergroups", "id": group}}}}));
        items["included"]
            .as_array_mut()
            .unwrap()
            .push(json!({"type": "customergroups", "id": group,
            "attributes": {"name": group}}));
    }
    desk.patch("customers", &items);
    desk.front.work(now());
    desk.front.work(after(1));
    assert_eq!((count(&desk, "customers"), count(&desk, "customergroups")), (50, 50));
    desk.front.work(after(2));
    assert_eq!((count(&desk, "customers"), count(&desk, "customergroups")), (60, 60));
}

#[test]
fn what_cannot_be_read_is_taken_and_fails_and_nothing_at_all_is_refused() {
    let desk = slow(1);
    let bearer = format!("Bearer {}", desk.token);
    let headers = [("authorization", bearer.as_str()), ("content-type", super::JSON_API)];
    let send = |body: &str| desk.raw("PATCH", "/admin/api/customers", &headers, body.as_bytes());
    assert_eq!(send("{\"data\": [{test}]}").status, 202);
    desk.front.work(now());
    assert_eq!(operation(&desk, "1")["status"], "failed");
    assert_eq!(summary(&desk, "1"), [0, 0, 1, 0, 0]);
    let reply = desk.get("asyncoperations/1/errors");
    assert_eq!(errors(&reply), [("1-0-1", 0, "")]);
    assert_eq!(reply.body["data"][0]["attributes"]["status"], Value::Null);
    assert_eq!(reply.body["data"][0]["attributes"]["title"], "async operation exception");
    for nothing in ["", "{}", "[]"] {
        assert_eq!(
            send(nothing).errors(),
            (400, vec![("request data constraint", "")]),
            "{nothing}"
        );
    }
}

#[test]
fn errors_come_by_pages_and_operations_only_one_by_one() {
    let desk = slow(1);
    desk.patch("customers", &customers(5, &[0, 1, 2, 3, 4]));
    desk.front.work(now());
    desk.front.work(after(1));
    let first = desk.get("asyncoperations/1/errors?page[size]=2");
    assert_eq!(errors(&first).len(), 2);
    let next = first.body["links"]["next"].as_str().unwrap();
    let next = desk.get(next.strip_prefix("http://shop.test/admin/api/").unwrap());
    assert_eq!(errors(&next)[0].0, "1-1-3");
    let last = desk.get("asyncoperations/1/errors?page[size]=2&page[number]=3");
    assert_eq!((errors(&last).len(), last.body["links"]["next"].is_null()), (1, true));
    assert_eq!(desk.get("asyncoperations").status, 404);
    assert_eq!(desk.send("DELETE", "asyncoperations/1", &[], None).status, 405);
    assert_eq!(desk.get("asyncoperations/2/errors").status, 404);
}

#[test]
fn a_sync_batch_that_takes_too_long_becomes_an_operation_and_still_happens() {
    let desk = slow(1);
    let reply = desk.batch("customers", &customers(2, &[]));
    assert_eq!((reply.status, reply.id().as_str()), (202, "1"));
    assert_eq!(count(&desk, "customers"), 0);
    desk.front.work(now());
    desk.front.work(after(1));
    assert_eq!(count(&desk, "customers"), 2);
    assert_eq!(operation(&desk, "1")["status"], "success");
    assert_eq!(summary(&desk, "1"), [2, 2, 0, 2, 0]);
}

#[test]
fn a_sync_batch_that_failed_after_its_answer_has_written_nothing_and_says_why() {
    let desk = slow(1);
    assert_eq!(desk.batch("customers", &customers(2, &[1])).status, 202);
    desk.front.work(now());
    desk.front.work(after(1));
    assert_eq!(count(&desk, "customers"), 0);
    assert_eq!(summary(&desk, "1"), [2, 0, 1, 0, 0]);
    let reply = desk.get("asyncoperations/1/errors");
    assert_eq!(errors(&reply), [("1-1-1", 400, "/data/1/attributes/name")]);
}

#[test]
fn a_sync_batch_in_time_is_answered_with_its_rows_and_its_operation_is_gone() {
    let work = Work { workers: 1, chunk: MINUTE, kept: SignedDuration::from_hours(24) };
    let shop = Shop::new(client(1_000_000), Installed { work, ..installed() });
    let front = Front::new(shop, None, Control::new()).patient(Duration::from_mins(5));
    let desk = Desk::of(front);
    let reply = thread::scope(|scope| {
        let asked = scope.spawn(|| desk.batch("customers", &customers(2, &[])));
        while !asked.is_finished() {
            desk.front.work(now());
            desk.front.work(after(2));
            thread::yield_now();
        }
        asked.join().unwrap()
    });
    assert_eq!((reply.status, reply.ids()), (200, vec!["1", "2"]));
    assert_eq!(desk.get("asyncoperations/1").status, 404);
}

#[test]
fn a_sync_batch_goes_before_what_waits_already() {
    let desk = slow(1);
    desk.patch("customers", &customers(1, &[]));
    desk.patch(
        "customers",
        &json!({"data": [{"type": "customers", "attributes": {"name": "Late"}}]}),
    );
    let sync = json!({"data": [{"type": "customers", "attributes": {"name": "Early"}}]});
    assert_eq!(desk.batch("customers", &sync).status, 202);
    desk.front.work(now());
    desk.front.work(after(1));
    let reply = desk.get("customers");
    assert_eq!(reply.ids().len(), 1);
    assert_eq!(reply.body["data"][0]["attributes"]["name"], "Early");
}

#[test]
fn paused_workers_take_nothing_and_finish_nothing_until_they_go_on() {
    let desk = slow(2);
    let order = |word: &str| desk.raw("POST", &format!("/_sim/workers/{word}"), &[], b"").status;
    desk.patch("customers", &customers(1, &[]));
    desk.front.work(now());
    assert_eq!(order("pause"), 204);
    desk.patch("customers", &customers(1, &[]));
    desk.front.work(after(5));
    assert_eq!(operation(&desk, "1")["status"], "running");
    assert_eq!(operation(&desk, "2")["status"], "new");
    assert_eq!(order("resume"), 204);
    desk.front.work(after(5));
    assert_eq!(operation(&desk, "1")["status"], "success");
    assert_eq!(operation(&desk, "2")["status"], "running");
    assert_eq!(order("dance"), 404);
}

#[test]
fn an_operation_that_is_too_old_is_gone() {
    let desk = slow(0);
    desk.patch("customers", &customers(1, &[]));
    let at = |hours| {
        desk.at(now() + SignedDuration::from_hours(hours), "GET", "asyncoperations/1", &Value::Null)
    };
    assert_eq!((at(5).status, at(30).status), (200, 404));
}

#[test]
fn what_a_worker_does_is_in_the_history_when_it_happens() {
    let control = Control::new();
    let work = Work { workers: 1, chunk: MINUTE, kept: SignedDuration::from_hours(24) };
    let shop = Shop::new(client(1_000_000), Installed { work, ..installed() });
    let desk = Desk::of(Front::new(shop, None, control.clone()).patient(Duration::ZERO));
    desk.patch("customers", &customers(2, &[1]));
    let told = |effects: &[Effect]| -> Vec<(String, EffectKind)> {
        effects.iter().map(|effect| (effect.key.clone(), effect.effect)).collect()
    };
    desk.front.work(now());
    assert!(control.entries().iter().all(|entry| entry.effects.is_empty()));
    desk.front.work(after(1));
    let entry = control.entries().pop().unwrap();
    assert_eq!((entry.method.as_str(), entry.path.as_str()), ("ACTOR", "operation 1"));
    let mut effects = told(&entry.effects);
    effects.sort_by(|one, two| one.0.cmp(&two.0));
    assert_eq!(
        effects,
        [("C-0".to_owned(), EffectKind::Created), ("C-1".to_owned(), EffectKind::Refused)]
    );
}

#[test]
fn where_workers_take_no_time_a_sync_batch_needs_no_operation() {
    let desk = Desk::open();
    assert_eq!(desk.batch("customers", &customers(2, &[])).status, 200);
    assert_eq!(desk.patch("customers", &customers(1, &[])).id(), "1");
    desk.front.work(now());
    assert_eq!(operation(&desk, "1")["status"], "success");
}

#[test]
fn without_sync_batches_the_mode_means_nothing() {
    let desk = Desk::of_version("6.0.3");
    let item = json!({"data": [{"type": "customers", "attributes": {"name": "Acme"}}]});
    assert_eq!(desk.batch("customers", &item).status, 202);
    assert_eq!(Desk::of_version("6.0.4").batch("customers", &item).status, 200);
    let odd = [("x-mode", "soon")];
    assert_eq!(desk.send("PATCH", "customers", &odd, Some(&item)).status, 202);
    let refused = Desk::open().send("PATCH", "customers", &odd, Some(&item));
    assert_eq!(refused.errors(), (400, vec![("invalid header value exception", "")]));
}

#[test]
fn a_batch_creates_only_what_the_resource_lets_be_created() {
    let desk = Desk::open();
    desk.post("customers", &customer("Acme", "C-1"));
    desk.post("products", &product("MUG-1", "Kubek", false));
    desk.post("orders", &order("WEB-1", "1", "MUG-1"));
    let reply = desk.batch(
        "inventorylevels",
        &json!({"data": [{"type": "inventorylevels", "attributes": {"quantity": "5"}}]}),
    );
    assert_eq!(reply.errors(), (405, vec![("action not allowed exception", "/data/0")]));
}

#[test]
fn an_item_that_brings_along_what_cannot_be_read_is_not_written_and_not_told_of() {
    let desk = slow(1);
    let address = |id: &str| {
        json!({"type": "customeraddresses", "id": id, "relationships": {
            "country": {"data": {"type": "countries", "id": "BE"}}},
        "attributes": {"street": "Kaai", "city": "Gent", "postalCode": "9000", "organization": "A"}})
    };
    let customer = |name: &str, ids: &[&str]| {
        let ids: Vec<_> =
            ids.iter().map(|id| json!({"type": "customeraddresses", "id": id})).collect();
        json!({"type": "customers", "attributes": {"name": name}, "relationships": {"addresses": {"data": ids}}})
    };
    let mut empty = address("c");
    empty["attributes"] = json!({});
    let body = json!({"data": [customer("Acme", &["a"]), customer("Oy", &["b", "c"])],
        "included": [address("a"), address("b"), empty]});
    desk.patch("customers", &body);
    desk.front.work(now());
    desk.front.work(after(1));
    let told = desk.get("asyncoperations/1/errors");
    let places: Vec<_> = told.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["attributes"]["source"]["pointer"])
        .collect();
    assert_eq!(places, ["/included/2/attributes"], "{}", told.body);
    assert_eq!((count(&desk, "customers"), count(&desk, "customeraddresses")), (1, 1));
}
