//! `order.cancellation`: the order's status, where the shop lets it be written.
//!
//! Without "Enable External Status Management" Oro ignores a written status without a word
//! (OroCommerce reference §6), so the answer is read for what came of it.

use ferry_canonical::order::OrderCancellation;

use super::{
    ORDERS,
    client::{Api, Call},
    closed,
    document::{self, Resource},
    orders,
};
use crate::target::{Applied, Effect, Failure, Write};

const CANCELLED: &str = "cancelled";

pub(super) async fn apply(
    api: &Api<'_>,
    write: &Write<'_>,
    cancellation: &OrderCancellation,
) -> Result<Applied, Failure> {
    if !api.oro.config.external_status_management {
        return Ok(applied(
            write.target_id.map(str::to_owned),
            skipped("external_status_management is off for this shop"),
        ));
    }
    let found = orders::find(api, write, &cancellation.order, "").await?;
    if document::one(found.order(), "status") == Some(CANCELLED) {
        return Ok(applied(Some(found.id), Effect::AlreadySo));
    }
    let change = Resource::with_id(ORDERS, &found.id).one("status", "orderstatuses", CANCELLED);
    let said = match api.ask(&Call::change("cancel order", change, Vec::new())).await {
        Ok(said) => said,
        Err(no) => {
            return Err(closed::explained(api, &found.id, &cancellation.order, no).await);
        }
    };
    let answer = document::rows(&said.document).first();
    let status = answer.and_then(|order| document::one(order, "status"));
    let effect = match status {
        Some(CANCELLED) => Effect::Updated,
        Some(_) | None => skipped("Oro took the request but left the order's status as it is"),
    };
    Ok(applied(Some(found.id), effect))
}

fn skipped(why: &str) -> Effect {
    Effect::Skipped(format!(
        "Oro does not take cancellations: {why}; cancel the order in the shop by hand, or switch on \
         \"Enable External Status Management\" there and external_status_management here"
    ))
}

fn applied(target_id: Option<String>, effect: Effect) -> Applied {
    Applied { effect, target_id, warning: None, rule: None }
}

#[cfg(test)]
mod tests {
    use ferry_canonical::{FailureKind, Part};
    use serde_json::{Value, json};

    use super::*;
    use crate::oro::{
        Oro,
        scripted::{Shop, answer, config, row, write},
    };

    fn order(status: &str) -> Value {
        row(
            "orders",
            "41",
            json!({"identifier": "web-1"}),
            json!({"status": {"type": "orderstatuses", "id": status}}),
        )
    }

    fn found(status: &str) -> (String, Result<ferry_http::Response, ferry_http::HttpError>) {
        answer("GET /orders?filter[identifier]=WEB-1", 200, &json!({"data": [order(status)]}))
    }

    async fn apply(switch: bool, shop: &std::sync::Arc<Shop>) -> Result<Applied, Failure> {
        let mut config = config();
        config.external_status_management = switch;
        let cancellation = json!({"order": "WEB-1", "cancelled_at": "2026-11-22T09:15:00Z"});
        let part = Part::from_json(
            ferry_canonical::Facet::Cancellation,
            cancellation.to_string().as_bytes(),
        )
        .unwrap();
        let subject = part.subject();
        let oro = Oro::new(&config).unwrap();
        oro.apply(&shop.conversation(), &[write(&subject, &part)]).await.pop().unwrap()
    }

    #[tokio::test]
    async fn without_the_switch_nothing_is_sent_and_the_reason_says_so() {
        let applied = apply(false, &Shop::answering([])).await.unwrap();
        let Effect::Skipped(reason) = applied.effect else { panic!("{applied:?}") };
        assert!(reason.contains("external_status_management is off"));
    }

    #[tokio::test]
    async fn with_the_switch_the_status_is_written_once() {
        let answer = answer("PATCH /orders/41", 200, &json!({"data": order("cancelled")}));
        let shop = Shop::answering([found("open"), answer]);
        assert_eq!(apply(true, &shop).await.unwrap().effect, Effect::Updated);
        insta::assert_snapshot!(shop.written().join("\n"), @r#"
        PATCH /orders/41 {"data":{"type":"orders","id":"41","relationships":{"status":{"data":{"type":"orderstatuses","id":"cancelled"}}}}}
        "#);
        let shop = Shop::answering([found("cancelled")]);
        assert_eq!(apply(true, &shop).await.unwrap().effect, Effect::AlreadySo);
    }

    #[tokio::test]
    async fn a_shop_that_ignores_the_status_is_not_believed() {
        let answer = answer("PATCH /orders/41", 200, &json!({"data": order("open")}));
        let shop = Shop::answering([found("open"), answer]);
        let applied = apply(true, &shop).await.unwrap();
        assert!(matches!(applied.effect, Effect::Skipped(_)), "{applied:?}");
    }

    #[tokio::test]
    async fn an_order_that_is_not_there_may_still_come() {
        let shop = Shop::answering([answer("GET /orders", 200, &json!({"data": []}))]);
        assert_eq!(apply(true, &shop).await.unwrap_err().kind, FailureKind::MissingReference);
    }
}
