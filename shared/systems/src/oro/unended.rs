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
use crate::target::{Failure, Write};

/// Why a write has to wait, for each. Only what is in doubt is asked about.
pub(super) async fn waits(
    oro: &Oro,
    conversation: &Conversation,
    writes: &[Write<'_>],
) -> Vec<Option<Failure>> {
    let mut waits: Vec<Option<Failure>> = writes.iter().map(|_| None).collect();
    let in_doubt: Vec<usize> = (0..writes.len())
        .filter(|place| writes.get(*place).is_some_and(|write| write.read_first))
        .collect();
    if in_doubt.is_empty() {
        return waits;
    }
    let operations = match conversation.about(in_doubt.iter().copied()).operations().await {
        Ok(operations) => operations,
        Err(error) => {
            let failure = Failure::unanswered(&error, false);
            return writes.iter().map(|_| Some(failure.clone())).collect();
        }
    };
    let mut by_operation: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, operation) in in_doubt.into_iter().zip(operations) {
        if let Some(operation) = operation {
            by_operation.entry(operation).or_default().push(place);
        }
    }
    for (operation, places) in by_operation {
        let conversation = conversation.about(places.iter().copied());
        let api = Api { oro, conversation: &conversation };
        let failure = match stand(&api, &operation).await {
            Ok(Stand::Ended(_) | Stand::Gone) => {
                conversation.put_off(None).await;
                continue;
            }
            Ok(Stand::Runs) => runs(&operation),
            Err(failure) => failure,
        };
        for place in places {
            if let Some(wait) = waits.get_mut(place) {
                *wait = Some(failure.clone());
            }
        }
    }
    waits
}

fn runs(operation: &str) -> Failure {
    let detail = format!(
        "operation {operation} of the shop may still write this, and has not ended: do its message \
         consumers run?"
    );
    Failure::new(FailureKind::Unavailable, detail)
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use ferry_canonical::{Facet, Part};
    use ferry_http::{HttpError, LedgerPort, Response, Subjects};
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        Applied, Effect,
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
            row("customers", id, json!({"externalId": number, "name": "Acme"}), Value::Null)
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
        conversation(&shop, &ledger).put_off(Some("5")).await;
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
        let shop = Shop::answering(
            [put_off(), operation("success")].into_iter().chain(both_there().into_iter().take(1)),
        );
        assert!(applied(&shop, &ledger, false).await.iter().all(Result::is_ok));
        assert_eq!(ledger.operations().len(), 0);
        shop.asked();
    }
}
