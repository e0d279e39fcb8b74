//! Documents as the vendor's PHP client and the public .NET client write them, with values of our own:
//! every import type, the query parameters of every call, and the awkward parts of either.

use super::*;

/// Its verbatim strings hold lone carriage returns, spaces around `=`, a property said twice, and a `>`.
const DOTNET_ORDER: &str = "\n  <imports>\n <import type='order' operation='insert' \
    externalReference='NET-1'>\n    state=created\n    validated=true\n    customerComment=Tom &amp; Jo\n\
    currency=GBP\r    placed=2024-03-01 09:15:00\n    channel=web\r    \
    shipment.deliverySuggestionCode=STD\r    shipment.orderItem=entity:order\r    \n\
    deliveryAddressLine1=1 High Street\n    deliveryAddressLine2=\n    deliveryCountryCode=GB\n\
    invoiceEveningPhoneNumber=>\n    orderLine.1.product.externalReference=X-1\n\
    orderLine.1.quantity=2\n    orderLine.1.totalPriceGross=12.50\n    orderLine.1.state=created\n\
    orderLine.1.totalPriceGross=12.50      \r     orderLine.1.shipment=entity:shipment\n\
    orderAttribute.1.name=\n    orderAttribute.1.orderItem=\n </import> \n </imports>\n ";

const DOTNET_PURCHASE: &str = "\n <imports>\n  <import type='purchaseOrder' operation='insert'\n\
    externalReference = 'PO-1'>\n    purchaseOrder.supplierReference = S-17\n\
    purchaseOrder.supplier = Acme\n    purchaseOrder.expectedDeliveryDate = 2024-03-20\n    \n\
    purchaseOrderLine.1.product = X-1\n    purchaseOrderLine.1.quantity = 144\n\
    purchaseOrderLine.1.purchaseOrder = entity:purchaseOrder\n\
    purchaseOrderLine.1.externalReference = PO-1-1\n </import>\n </imports>";

const DOTNET_RETURN: &str = "\n <imports>\n <import type='return' operation='insert'>\n\
    return.orderReference = NET-1\n    return.authorisation = \n    return.authorised = true\n\
    return.type = goods_damaged\n    return.note =\n    returnLine.1.quantity = 1\n\
    returnLine.1.reason = F\n    returnLine.1.condition = Product damaged\n\
    returnLine.1.product = X-1\n    returnLine.1.returnItem =return\n </import>\n </imports>";

const DOTNET_CAMPAIGN: &str = "\n <imports>\n <import type='campaign' operation='insert' \
    externalReference='C-1'>\n    externalReference = C-1\n    name = Spring\n    channel = web\n\
    startDate = 2024-03-01 00:00:00\n    state = \n    campaignLine.1.quantity = 5\n\
    campaignLine.1.product.externalReference = X-1\n    campaignLine.1.campaign = campaign\n \
    </import>\n </imports> ";

const PHP_RETURN: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<imports><import type=\"return\" \
    operation=\"insert\" externalReference=\"RMA-7\"><![CDATA[return.externalReference=RMA-7\n\
    return.authorisation=A-7\nreturn.authorised=1\nreturn.type=unknown\nreturnLine.1.quantity=1\n\
    returnLine.1.reason=A\nreturnLine.1.product=X-1\nreturnLine.1.returnItem=return\n]]></import>\
    </imports>\n";

const STOCK_MOVE: &str = "<imports><import type=\"stockMoveTask\" operation=\"insert\" \
    externalReference=\"MOVE-1\">externalReference=MOVE-1\ntaskDefinition=external_adjustment\n\
    site=LEEDS\nstockMoveLine.1.product=X-1\nstockMoveLine.1.suggestedQuantity=3\n\
    stockMoveLine.1.stockMoveTask=stockMoveTask</import></imports>";

/// Both scopes in the query, as the vendor's client puts them on every call, and Basic alone.
async fn asked(scene: &Scene, target: &str, body: &str) -> String {
    let ferry = Credentials { user: "ferry".into(), password: "secret".into() };
    let joint = if target.contains('?') { '&' } else { '?' };
    let url = format!("{}/web/{target}{joint}channel=web&organisation=acme", scene.base);
    let request = Request::post(url)
        .header("authorization", ferry.basic())
        .body(Body::from(body.to_owned()))
        .unwrap();
    let (status, _, body) = scene.send(request).await;
    assert_eq!(status, StatusCode::OK);
    body
}

async fn imported(scene: &Scene, module: &str, body: &str) -> String {
    asked(scene, &format!("{module}/imports/importitems.xml"), body).await
}

#[tokio::test]
async fn every_import_of_both_clients_is_taken() {
    let scene = scene(100, 0).await;
    scene.import("remotewarehouse", &product("X-1", false)).await;
    let answer = imported(&scene, "remoteorder", DOTNET_ORDER).await;
    assert!(answer.contains("<import type=\"order\" operation=\"insert\" externalReference=\"NET-1\" entity=\"order\""), "{answer}");
    for (body, head) in [
        (DOTNET_PURCHASE, "type=\"purchaseOrder\" operation=\"insert\" externalReference=\"PO-1\""),
        (DOTNET_CAMPAIGN, "type=\"campaign\" operation=\"insert\" externalReference=\"C-1\""),
        (PHP_RETURN, "type=\"return\" operation=\"insert\" externalReference=\"RMA-7\""),
        (STOCK_MOVE, "type=\"stockMoveTask\" operation=\"insert\" externalReference=\"MOVE-1\""),
        // It says nothing of a reference, and hears of none.
        (DOTNET_RETURN, "type=\"return\" operation=\"insert\" entity=\"return\""),
    ] {
        let answer = imported(&scene, "remotewarehouse", body).await;
        assert!(answer.contains(&format!("<importSuccesses><import {head}")), "{head} in {answer}");
    }
    let orders: Vec<SeenImportedOrder> = scene.json("/_sim/state/orders").await;
    assert_eq!(orders[0].properties["shipment.deliverySuggestionCode"], "STD");
    for (collection, count) in
        [("returns", 2), ("purchase_orders", 1), ("campaigns", 1), ("stock_moves", 1)]
    {
        let papers: Vec<serde_json::Value> = scene.json(&format!("/_sim/state/{collection}")).await;
        assert_eq!(papers.len(), count, "{collection}");
    }
}

#[tokio::test]
async fn an_import_that_is_there_is_a_duplicate_and_one_that_lacks_something_a_failure() {
    let scene = scene(100, 0).await;
    let lacking = imported(&scene, "remotewarehouse", STOCK_MOVE).await;
    assert!(
        lacking.contains("<failureMessage>Product X-1 not found</failureMessage>"),
        "{lacking}"
    );
    assert!(lacking.contains("<failureDetail>rtd.exceptions.MissingDataException</failureDetail>"));
    scene.import("remotewarehouse", &product("X-1", false)).await;
    imported(&scene, "remotewarehouse", STOCK_MOVE).await;
    let again = imported(&scene, "remotewarehouse", STOCK_MOVE).await;
    assert!(
        again.contains("<duplicateMessage>StockMoveTask already exists</duplicateMessage>"),
        "{again}"
    );
    let merged = STOCK_MOVE.replace("\"insert\"", "\"merge\"").replace("=3", "=4");
    let merged = imported(&scene, "remotewarehouse", &merged).await;
    assert!(merged.contains("<importSuccesses><import "), "{merged}");
    let moves: Vec<serde_json::Value> = scene.json("/_sim/state/stock_moves").await;
    assert_eq!(moves[0]["properties"]["stockMoveLine.1.suggestedQuantity"], "4");
}

#[tokio::test]
async fn the_vendors_client_cancels_notifies_and_asks_for_details_by_post() {
    let scene = scene(100, 0).await;
    scene.import("remotewarehouse", &product("X-1", false)).await;
    imported(&scene, "remoteorder", DOTNET_ORDER).await;
    let order = asked(&scene, "remoteorder/order/detail.xml?externalReference=NET-1", "").await;
    assert!(order.contains("<order externalReference=\"NET-1\" state=\"created\">"), "{order}");
    let notified = asked(
        &scene,
        "remoteorder/order/update.xml?thirdPartyReference=NET-2&event=order.created&action=created",
        "",
    )
    .await;
    assert!(notified.contains("Result &apos;queued&apos; for order NET-2"), "{notified}");
    // The .NET client's way to say that the reference is to be free again.
    let cancel = "remoteorder/order/cancel.xml?externalReference=NET-1\
                  &cancelChangesExternalReference=True";
    let cancelled = asked(&scene, cancel, "").await;
    assert!(cancelled.contains("<message>Order NET-1 has been cancelled</message>"), "{cancelled}");
    let again = imported(&scene, "remoteorder", DOTNET_ORDER).await;
    assert!(again.contains("<importSuccesses><import "), "{again}");
}

#[tokio::test]
async fn a_scripted_answer_takes_the_place_of_an_import_or_of_its_answer() {
    let scene = scene(100, 0).await;
    for (kind, applied) in [("say", 0), ("apply_then_say", 1)] {
        let fault = serde_json::json!({"kind": kind, "status": 200, "content_type": "text/html",
            "body": "<html><body><h2>ERROR</h2><p>too busy</p></body></html>"});
        scene.call(Method::POST, "/_sim/faults", &fault.to_string()).await;
        let answer = scene.import("remotewarehouse", &product("X-1", false)).await;
        assert!(answer.ends_with("<h2>ERROR</h2><p>too busy</p></body></html>"), "{answer}");
        let products: Vec<SeenImportedProduct> = scene.json("/_sim/state/products").await;
        assert_eq!(products.len(), applied, "{kind}");
    }
}

#[tokio::test]
async fn an_instance_may_take_one_reference_twice_where_nobody_has_said_that_it_does_not() {
    let scene = scene_with(100, 0, true).await;
    scene.import("remotewarehouse", &product("X-1", false)).await;
    for count in 1..3 {
        let answer = imported(&scene, "remotewarehouse", STOCK_MOVE).await;
        assert!(answer.contains("<importSuccesses><import "), "{answer}");
        let moves: Vec<serde_json::Value> = scene.json("/_sim/state/stock_moves").await;
        assert_eq!(moves.len(), count);
    }
    let merged = STOCK_MOVE.replace("\"insert\"", "\"merge\"").replace("=3", "=4");
    imported(&scene, "remotewarehouse", &merged).await;
    let moves: Vec<serde_json::Value> = scene.json("/_sim/state/stock_moves").await;
    assert_eq!(moves.len(), 2);
    imported(&scene, "remoteorder", DOTNET_ORDER).await;
    let again = imported(&scene, "remoteorder", DOTNET_ORDER).await;
    assert!(again.contains("<importDuplicates><import "), "{again}");
}
