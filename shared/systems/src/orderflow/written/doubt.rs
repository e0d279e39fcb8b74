//! Imports whose answer was lost, or that OrderFlow has already: what is sent again, and whose it is.

use super::*;

const MOVE: &str = "{taskDefinition: \"adjust\", \
    stockMoveLine: [.lines[] | {product: .sku, suggestedQuantity: .quantity}]}";

fn duplicate(kind: &str, reference: &str) -> Response {
    ok(&format!(
        "<importResult><importDuplicates><import type=\"{kind}\" externalReference=\"{reference}\"/>\
         </importDuplicates></importResult>"
    ))
}

fn that_refuses_duplicates(import: OrderflowImport) -> Orderflow {
    with(OrderflowImport { refuses_duplicates: true, ..import })
}

#[tokio::test]
async fn a_duplicate_is_ours_only_where_this_content_was_sent_before() {
    let system = that_refuses_duplicates(import(Facet::Return, ImportType::Return));
    let warned = async |tried: Try<'_>| {
        let done = apply(&system, &[returned()], tried, [duplicate("return", "R-33")]).await;
        assert_eq!(success(&done).effect, Effect::AlreadySo);
        success(&done).warning.is_some()
    };
    assert!(warned(FIRST).await);
    // The first try was refused for want of its order: somebody else has brought it since.
    assert!(warned(Try { attempt: 2, ..FIRST }).await);
    // A return of another reference was lost.
    assert!(warned(Try { read_first: true, ..FIRST }).await);
    assert!(!warned(LOST).await);
    // What OrderFlow calls the order says nothing of its returns.
    assert!(!warned(Try { target_id: Some("48211"), ..LOST }).await);
}

#[tokio::test]
async fn a_duplicate_of_what_has_changed_is_no_success_but_for_an_order() {
    let first = Try { brought: Brought::Other, ..FIRST };
    let lost = Try { brought: Brought::Other, ..LOST };
    let purchases = mapped(Facet::Placed, ImportType::PurchaseOrder, PURCHASE);
    let purchases = that_refuses_duplicates(purchases);
    for tried in [first, lost] {
        let answers = [duplicate("purchaseOrder", "PO-1")];
        let done = apply(&purchases, &[order("PO-1")], tried, answers).await;
        let refusal = failure(&done);
        assert_eq!(refusal.kind, FailureKind::Rejected);
        assert_eq!(refusal.rule.as_deref(), Some("orderflow: importDuplicates"));
        assert!(refusal.detail.contains("keeps what it has"), "{}", refusal.detail);
    }
    let answers = [duplicate("order", "WEB-1")];
    let done = apply(&by_itself(), &[order("WEB-1")], first, answers).await;
    assert!(success(&done).warning.is_some());
    // Its first state may be there, or this one.
    let done = apply(&by_itself(), &[order("WEB-1")], lost, [detail("created")]).await;
    assert!(success(&done).warning.is_some());
    let done = apply(&by_itself(), &[order("WEB-1")], LOST, [detail("created")]).await;
    assert_eq!(success(&done).warning, None);
}

#[tokio::test]
async fn what_orderflow_might_take_twice_is_never_sent_again_after_a_lost_answer() {
    let campaign = mapped(Facet::Placed, ImportType::Campaign, "{name: \"Spring\"}");
    let campaign = OrderflowImport { operation: ImportOperation::Insert, ..campaign };
    for (system, part, named) in [
        (by_itself(), returned(), "return R-33"),
        (
            with(mapped(Facet::Placed, ImportType::PurchaseOrder, PURCHASE)),
            order("PO-1"),
            "purchaseOrder PO-1",
        ),
        (
            with(mapped(Facet::Placed, ImportType::StockMoveTask, MOVE)),
            order("M-1"),
            "stockMoveTask M-1",
        ),
        (with(campaign), order("C-1"), "campaign C-1"),
    ] {
        for brought in [Brought::Same, Brought::Other] {
            let again = Try { brought, ..LOST };
            let done = apply(&system, std::slice::from_ref(&part), again, []).await;
            let told = format!("an import of {named} had no answer");
            assert_eq!(failure(&done).kind, FailureKind::Ambiguous);
            assert!(failure(&done).detail.starts_with(&told), "{}", failure(&done).detail);
        }
        assert_eq!(system.batch_max(part.facet()), 1);
    }
}

#[tokio::test]
async fn somebody_who_sends_a_letter_again_has_looked_where_nobody_else_can() {
    let again = Try { doubt: Doubt::LookedInto, ..LOST };
    let done = apply(&by_itself(), &[returned()], again, [taken("return", &["R-33"])]).await;
    assert_eq!(success(&done).effect, Effect::Created);
    let done = apply(&by_itself(), &[order("WEB-1")], again, [detail("created")]).await;
    assert_eq!(success(&done).effect, Effect::AlreadySo);
}

#[tokio::test]
async fn a_merge_after_a_lost_answer_is_sent_again_and_so_is_an_insert_that_is_known_to_be_refused()
{
    let merge = mapped(Facet::Placed, ImportType::StockMoveTask, MOVE);
    let merge = OrderflowImport { operation: ImportOperation::Merge, ..merge };
    let insert = mapped(Facet::Placed, ImportType::StockMoveTask, MOVE);
    for system in [with(merge), that_refuses_duplicates(insert)] {
        let answers = [taken("stockMoveTask", &["M-1"])];
        let done = apply(&system, &[order("M-1")], LOST, answers).await;
        assert!(success(&done).warning.is_none());
        assert_eq!(system.batch_max(Facet::Placed), 25);
    }
}

#[tokio::test]
async fn what_orderflow_might_take_twice_is_sent_alone_and_once_also_when_a_request_is_refused() {
    let system = with(mapped(Facet::Placed, ImportType::StockMoveTask, MOVE));
    let refused = ok("<r><exception>java.lang.Oops</exception></r>");
    let answers = [refused, taken("stockMoveTask", &["M-2"])];
    let done = apply(&system, &["M-1", "M-2"].map(order), FIRST, answers).await;
    let imports: Vec<_> =
        done.asked.iter().map(|asked| asked.1.matches("<import ").count()).collect();
    assert_eq!(imports, [1, 1]);
    assert_eq!(done.results[0].as_ref().unwrap_err().kind, FailureKind::Rejected);
    assert!(done.results[1].is_ok());
}

#[tokio::test]
async fn a_row_of_requests_ends_at_the_first_that_is_not_answered() {
    let program = "{externalReference: \"ALL\", name: .identifier}";
    let system = with(mapped(Facet::Placed, ImportType::Campaign, program));
    let gateway = Response { status: 502, headers: Vec::new(), body: "gone".to_owned().into() };
    let done = apply(&system, &["1", "2", "3"].map(order), FIRST, [gateway]).await;
    assert_eq!(done.asked.len(), 1);
    for (place, result) in done.results.iter().enumerate() {
        let failure = result.as_ref().unwrap_err();
        assert_eq!((failure.kind, failure.unread), (FailureKind::Unavailable, place == 0));
    }
}

#[tokio::test]
async fn only_the_entity_itself_is_called_what_orderflow_calls_the_import() {
    let done = apply(&by_itself(), &[returned()], FIRST, [taken("return", &["R-33"])]).await;
    assert_eq!(success(&done).target_id, None);
    let done = apply(&by_itself(), &[order("WEB-1")], FIRST, [taken("order", &["WEB-1"])]).await;
    assert_eq!(success(&done).target_id.as_deref(), Some("0"));
}

#[test]
fn what_takes_a_request_of_its_own_is_no_row() {
    let told = OrderflowImport {
        deliver_by: DeliverBy::Notification,
        ..import(Facet::Catalogue, ImportType::Product)
    };
    let system = with(told);
    let rows = [Facet::Cancellation, Facet::Catalogue, Facet::Placed].map(|f| system.batch_max(f));
    assert_eq!(rows, [1, 1, 25]);
}
