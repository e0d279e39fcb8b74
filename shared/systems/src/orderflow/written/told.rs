//! What OrderFlow is told to do: cancel an order, fetch an order or a product (OrderFlow reference §2.1, §4).

use super::*;

const CANCEL: &str = "POST /remoteorder/order/cancel.xml?externalReference=WEB-1\
                      &cancelChangesExternalReference=false";
const KEPT: &str = "<message>No cancel operation performed for order WEB-1</message>";

#[tokio::test]
async fn order_cancel() {
    let done = apply(&by_itself(), &[cancellation()], FIRST, [ok("<message>done</message>")]).await;
    assert_eq!(done.asked, [(CANCEL.to_owned(), String::new())]);
    assert_eq!(success(&done).effect, Effect::Updated);
    // A 200 that says no is one, unless it is cancelled already.
    let done =
        apply(&by_itself(), &[cancellation()], FIRST, [ok(KEPT), detail("despatched")]).await;
    let refusal = failure(&done);
    assert_eq!(refusal.kind, FailureKind::Rejected);
    assert!(refusal.detail.contains("No cancel operation performed for order WEB-1"));
    assert_eq!(refusal.rule.as_deref(), Some("orderflow: no cancel operation performed"));
    let done = apply(&by_itself(), &[cancellation()], FIRST, [ok(KEPT), detail("cancelled")]).await;
    assert_eq!(success(&done).effect, Effect::AlreadySo);
    // After an answer that was lost it is looked at first.
    let again = LOST;
    let done = apply(&by_itself(), &[cancellation()], again, [detail("cancelled")]).await;
    assert_eq!(success(&done).effect, Effect::AlreadySo);
    // An order that is not there may still come.
    let done = apply(&by_itself(), &[cancellation()], FIRST, [gone()]).await;
    assert_eq!(failure(&done).kind, FailureKind::MissingReference);
    assert_eq!(failure(&done).missing.as_ref().unwrap().to_string(), "order/WEB-1");
}

fn notified(facet: Facet, kind: ImportType) -> Orderflow {
    with(OrderflowImport { deliver_by: DeliverBy::Notification, ..import(facet, kind) })
}

#[tokio::test]
async fn order_notification() {
    let system = notified(Facet::Placed, ImportType::Order);
    let line = "POST /remoteorder/order/update.xml?channel=web%20%26%20co&organisation=acme\
                &thirdPartyReference=WEB-1&event=order.created&action=created";
    let queued = ok("<response>Result 'queued' for order WEB-1</response>");
    let done = apply(&system, &[order("WEB-1")], FIRST, [gone(), queued]).await;
    assert_eq!(done.asked[0].0, "GET /remoteorder/order/detail.xml?externalReference=WEB-1");
    assert_eq!(done.asked[1], (line.to_owned(), String::new()));
    assert_eq!(success(&done).effect, Effect::Created);
    let ignored = ok("<message>Result 'no_operation' for order WEB-1</message>");
    let done = apply(&system, &[order("WEB-1")], FIRST, [gone(), ignored]).await;
    let refusal = failure(&done);
    assert_eq!(refusal.kind, FailureKind::Rejected);
    assert!(refusal.detail.contains("Result 'no_operation' for order WEB-1"), "{}", refusal.detail);
    assert_eq!(refusal.rule.as_deref(), Some("orderflow: no_operation"));
    // What was fetched meanwhile is not asked for again.
    for tried in [FIRST, LOST] {
        let done = apply(&system, &[order("WEB-1")], tried, [detail("created")]).await;
        assert_eq!((&success(&done).effect, &success(&done).warning), (&Effect::AlreadySo, &None));
    }
    assert_eq!(system.amends(Facet::Placed), None);
}

#[tokio::test]
async fn a_changed_order_that_orderflow_has_fetched_is_never_told_of_as_created() {
    let changed = Try { brought: Brought::Other, ..FIRST };
    let lines =
        "<orderLine product=\"MUG\" quantity=\"2\"/><orderLine product=\"TEA\" quantity=\"2.5\"/>";
    let fetched = |lines: &str| {
        ok(&format!(
            "<order externalReference=\"WEB-1\" state=\"created\"><shipments><shipment><orderLines>{lines}\
             </orderLines></shipment></shipments></order>"
        ))
    };
    for (system, dies) in [
        (notified(Facet::Placed, ImportType::Order), false),
        (
            Orderflow {
                config: OrderflowConfig {
                    changed_orders: ChangedOrders::Amend,
                    ..notified(Facet::Placed, ImportType::Order).config
                },
                ..notified(Facet::Placed, ImportType::Order)
            },
            true,
        ),
    ] {
        let answers = [fetched("<orderLine product=\"MUG\" quantity=\"1\"/>")];
        let done = apply(&system, &[order("WEB-1")], changed, answers).await;
        let told = "OrderFlow has fetched the order, and cannot be told that it has changed";
        match &done.results[0] {
            Ok(applied) => assert_eq!((applied.warning.as_deref(), dies), (Some(told), false)),
            Err(failure) => {
                assert_eq!((failure.detail.as_str(), dies), (told, true));
                assert_eq!(failure.kind, FailureKind::Rejected);
            }
        }
        // It was fetched after the change.
        let done = apply(&system, &[order("WEB-1")], changed, [fetched(lines)]).await;
        assert!(success(&done).warning.as_ref().unwrap().contains("its lines are the same"));
    }
}

#[tokio::test]
async fn product_notification() {
    let system = notified(Facet::Catalogue, ImportType::Product);
    let line = |action: &str| {
        format!(
            "POST /remotewarehouse/product/update.xml?channel=web%20%26%20co&organisation=acme\
             &thirdPartyReference=MUG%2F1&event=product.{action}&action={action}"
        )
    };
    let queued = || ok("<result>Result 'queued' for product MUG/1</result>");
    let there = "<inventory><product externalReference=\"MUG/1\" available=\"0\"/></inventory>";
    for (inventory, action, effect) in
        [("<inventory/>", "created", Effect::Created), (there, "modified", Effect::Updated)]
    {
        let done = apply(&system, &[product("MUG/1")], FIRST, [ok(inventory), queued()]).await;
        assert_eq!(
            done.asked[0].0,
            "GET /remotewarehouse/inventory.xml?externalReferences=MUG%2F1"
        );
        assert_eq!(done.asked[1].0, line(action));
        assert_eq!(success(&done).effect, effect);
    }
    // A look that is refused tells nothing; one that has no answer is tried again.
    for refused in [
        ok("<error>site is required</error>"),
        Response { status: 400, headers: Vec::new(), body: "site".to_owned().into() },
    ] {
        let done = apply(&system, &[product("MUG/1")], FIRST, [refused, queued()]).await;
        assert_eq!(done.asked[1].0, line("modified"));
        assert!(success(&done).warning.as_ref().unwrap().contains("site"));
    }
    let down = Response { status: 503, headers: Vec::new(), body: "down".to_owned().into() };
    let done = apply(&system, &[product("MUG/1")], FIRST, [down]).await;
    assert_eq!(failure(&done).kind, FailureKind::Unavailable);
    let done = apply(&system, &[product("MUG,1")], FIRST, [queued()]).await;
    assert!(success(&done).warning.as_ref().unwrap().contains("comma"));
    let ignored = ok("<result>Result 'no_operation' for product MUG/1</result>");
    let done = apply(&system, &[product("MUG/1")], FIRST, [ok(there), ignored]).await;
    assert_eq!(failure(&done).kind, FailureKind::Rejected);
}

#[tokio::test]
async fn an_instance_of_several_sites_is_asked_about_one() {
    let told = OrderflowImport {
        deliver_by: DeliverBy::Notification,
        ..import(Facet::Catalogue, ImportType::Product)
    };
    let system = orderflow(OrderflowWrites {
        imports: BTreeMap::from([("it".to_owned(), told)]),
        site: Some("LEEDS & co".to_owned()),
        ..OrderflowWrites::default()
    });
    let queued = ok("<result>Result 'queued' for product MUG</result>");
    let done = apply(&system, &[product("MUG")], FIRST, [ok("<inventory/>"), queued]).await;
    let look = "GET /remotewarehouse/inventory.xml?externalReferences=MUG&site=LEEDS%20%26%20co";
    assert_eq!(done.asked[0].0, look);
}
