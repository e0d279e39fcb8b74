//! What an operation of an earlier call may still write: nobody writes over it before it has ended.
//!
//! The caller of that call may be gone. The ledger knows what was put off, and the shop whether it has
//! ended (OroCommerce reference §5).

use std::collections::BTreeMap;

use ferry_canonical::FailureKind;
use ferry_http::Conversation;

use super::{
    Oro,
    batch::follow::{Stand, stand},
    client::Api,
};
use crate::target::Failure;

/// Why each has to wait, where it does. Only what is in doubt is asked about: also what is only looked at,
/// since what a look shows may be written over yet.
pub(super) async fn waits(
    oro: &Oro,
    conversation: &Conversation,
    doubts: &[bool],
) -> Vec<Option<Failure>> {
    let mut waits: Vec<Option<Failure>> = doubts.iter().map(|_| None).collect();
    let in_doubt: Vec<usize> =
        doubts.iter().enumerate().filter(|(_, doubt)| **doubt).map(|(place, _)| place).collect();
    if in_doubt.is_empty() {
        return waits;
    }
    let operations = match conversation.about(in_doubt.iter().copied()).operations().await {
        Ok(operations) => operations,
        Err(error) => {
            let failure = Failure::unanswered(&error, false);
            put(&mut waits, &in_doubt, &failure);
            return waits;
        }
    };
    let mut by_operation: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, operations) in in_doubt.into_iter().zip(operations) {
        for operation in operations {
            by_operation.entry(operation).or_default().push(place);
        }
    }
    for (operation, places) in by_operation {
        let conversation = conversation.about(places.iter().copied());
        let api = Api { oro, conversation: &conversation };
        match stand(&api, &operation).await {
            Ok(Stand::Ended(_) | Stand::Gone) => conversation.has_ended(&operation).await,
            Ok(Stand::Runs) => put(&mut waits, &places, &runs(&operation)),
            Err(failure) => put(&mut waits, &places, &failure),
        }
    }
    waits
}

fn put(waits: &mut [Option<Failure>], places: &[usize], failure: &Failure) {
    for place in places {
        if let Some(wait) = waits.get_mut(*place) {
            *wait = Some(failure.clone());
        }
    }
}

fn runs(operation: &str) -> Failure {
    let detail = format!(
        "operation {operation} of the shop may still write this, and has not ended: see that the shop's \
         message consumers run"
    );
    Failure { served: true, ..Failure::new(FailureKind::Unavailable, detail) }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use ferry_canonical::{Facet, Part};
    use ferry_http::{HttpError, LedgerPort, Response, Subjects};
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        Applied, Effect, Look, Write,
        oro::scripted::{Ledger, Shop, answer, bytes, oro, row, write},
    };

    const NUMBERS: [&str; 2] = ["C-1", "C-2"];

    fn parts() -> Vec<Part> {
        let part = |number: &&str| {
            let profile = json!({"number": number, "name": "Acme"}).to_string();
            Part::from_json(Facet::Profile, profile.as_bytes()).unwrap()
        };
        NUMBERS.iter().map(part).collect()
    }

    fn conversation(shop: &Arc<Shop>, ledger: &Arc<Ledger>) -> Conversation {
        let ledger: Arc<dyn LedgerPort> = Arc::clone(ledger) as Arc<dyn LedgerPort>;
        let ids = NUMBERS.map(str::to_owned).to_vec();
        let subjects = Subjects { entity: "customer", ids, in_bulk: false };
        shop.conversation().among("shop", ledger).writing(subjects)
    }

    async fn applied(
        shop: &Arc<Shop>,
        ledger: &Arc<Ledger>,
        in_doubt: bool,
    ) -> Vec<Result<Applied, Failure>> {
        let parts = parts();
        let subjects: Vec<_> = parts.iter().map(Part::subject).collect();
        let writes: Vec<Write<'_>> = parts
            .iter()
            .zip(&subjects)
            .map(|(part, subject)| Write { read_first: in_doubt, ..write(subject, part) })
            .collect();
        oro().apply(&conversation(shop, ledger), &writes).await
    }

    fn operation(status: &str) -> (String, Result<Response, HttpError>) {
        let summary = json!({"createCount": 2, "updateCount": 0, "errorCount": 0});
        let said = json!({"status": status, "summary": summary});
        let operation = row("asyncoperations", "5", said, Value::Null);
        answer("GET /asyncoperations/5", 200, &json!({ "data": operation }))
    }

    fn put_off() -> (String, Result<Response, HttpError>) {
        let operation = json!({"data": row("asyncoperations", "5", json!({}), Value::Null)});
        answer("PATCH /customers", 202, &operation)
    }

    fn both_there() -> Vec<(String, Result<Response, HttpError>)> {
        let customer = |(number, id): (&str, &str)| {
            let said = json!({"externalId": number, "name": "Acme",
                "updatedAt": "2026-01-02T00:00:00Z"});
            row("customers", id, said, Value::Null)
        };
        let both: Vec<Value> = NUMBERS.into_iter().zip(["71", "72"]).map(customer).collect();
        let none = json!({"data": []});
        vec![
            answer("GET /customers?filter[externalId]=C-1,C-2", 200, &json!({ "data": both })),
            answer("GET /customeraddresses", 200, &none),
            answer("GET /customerusers", 200, &none),
        ]
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_killed_loader_had_put_off_is_not_written_over_before_the_shop_has_ended_it() {
        let ledger = Arc::<Ledger>::default();
        // Killed between two looks at the operation.
        let shop = Shop::answering([put_off(), operation("new")]);
        let killed =
            tokio::time::timeout(Duration::from_millis(500), applied(&shop, &ledger, false));
        assert!(killed.await.is_err());
        shop.asked();
        assert_eq!(ledger.operations().into_keys().collect::<Vec<_>>(), NUMBERS);

        // The next one finds it under way, and writes nothing.
        let shop = Shop::answering([operation("running")]);
        for answer in applied(&shop, &ledger, true).await {
            let failure = answer.unwrap_err();
            assert_eq!((failure.kind, failure.unread), (FailureKind::Unavailable, false));
            assert!(failure.detail.contains("operation 5"), "{}", failure.detail);
        }
        shop.asked();

        // It has ended: what it made is found, and it is forgotten.
        let shop = Shop::answering([operation("success")].into_iter().chain(both_there()));
        let answers = applied(&shop, &ledger, true).await;
        let so = |answer: &Result<Applied, Failure>| {
            answer.as_ref().unwrap().effect == Effect::AlreadySo
        };
        assert!(answers.iter().all(so), "{answers:?}");
        shop.asked();
        assert_eq!(ledger.operations().len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_operation_that_the_shop_knows_no_more_writes_no_more() {
        let ledger = Arc::<Ledger>::default();
        let shop = Shop::answering([]);
        conversation(&shop, &ledger).put_off("5").await;
        let gone = bytes("GET /asyncoperations/5", 404, "");
        let shop = Shop::answering([gone].into_iter().chain(both_there()));
        assert!(applied(&shop, &ledger, true).await.iter().all(Result::is_ok));
        assert_eq!(ledger.operations().len(), 0);
        shop.asked();
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_followed_to_its_end_is_not_remembered_and_nobody_asks_where_nothing_is_in_doubt()
     {
        let ledger = Arc::<Ledger>::default();
        // Left by somebody who died behind its end: a look for it would be an unexpected request.
        conversation(&Shop::answering([]), &ledger).put_off("4").await;
        let shop = Shop::answering(
            [put_off(), operation("success")].into_iter().chain(both_there().into_iter().take(1)),
        );
        assert!(applied(&shop, &ledger, false).await.iter().all(Result::is_ok));
        let left = ledger.operations().into_values().flatten();
        assert_eq!(left.collect::<Vec<_>>(), ["4", "4"]);
        shop.asked();
    }

    #[tokio::test(start_paused = true)]
    async fn of_two_operations_the_end_of_one_is_not_the_end_of_the_other() {
        let ledger = Arc::<Ledger>::default();
        for operation in ["4", "5"] {
            conversation(&Shop::answering([]), &ledger).put_off(operation).await;
        }
        let gone = bytes("GET /asyncoperations/4", 404, "");
        let shop = Shop::answering([gone, operation("running")]);
        assert!(applied(&shop, &ledger, true).await.iter().all(Result::is_err));
        let left = ledger.operations().into_values().flatten();
        assert_eq!(left.collect::<Vec<_>>(), ["5", "5"]);
        shop.asked();
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_looked_at_in_doubt_waits_for_its_operation_as_well() {
        let ledger = Arc::<Ledger>::default();
        conversation(&Shop::answering([]), &ledger).put_off("5").await;
        let parts = parts();
        let subjects: Vec<_> = parts.iter().map(Part::subject).collect();
        let look = |(subject, in_doubt)| Look { subject, target_id: None, in_doubt };
        let looks: Vec<Look<'_>> = subjects.iter().zip([true, false]).map(look).collect();
        let page = both_there().into_iter().take(1);
        let shop = Shop::answering([operation("running")].into_iter().chain(page));
        let seen = oro().look(&conversation(&shop, &ledger), &looks).await;
        assert!(seen[0].as_ref().is_err_and(|failure| failure.served), "{seen:?}");
        assert!(seen[1].is_ok(), "{seen:?}");
        shop.asked();
    }
}
