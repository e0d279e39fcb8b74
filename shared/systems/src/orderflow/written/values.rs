//! Values: what does not fit is refused before anything is sent, or cut where somebody is told.

use super::*;

#[tokio::test]
async fn a_value_that_does_not_fit_is_refused_before_anything_is_sent() {
    let program = "{purchaseOrder: {supplier: \"x\"}, purchaseOrderLine: [{product: \"MUG\", \
        quantity: \"1\", externalReference: (\"x\" * 41)}]}";
    let import = mapped(Facet::Placed, ImportType::PurchaseOrder, program);
    let own = BTreeMap::from([("purchaseOrderLine.externalReference".to_owned(), 40)]);
    let system = orderflow(OrderflowWrites {
        imports: BTreeMap::from([("it".to_owned(), import)]),
        lengths: BTreeMap::from([(ImportType::PurchaseOrder, own)]),
        ..OrderflowWrites::default()
    });
    let done = apply(&system, &[order("PO-1")], FIRST, []).await;
    let told = "purchaseOrder property purchaseOrderLine.1.externalReference: 41 characters, \
                OrderFlow takes at most 40";
    assert_eq!(
        (failure(&done).kind, failure(&done).detail.as_str()),
        (FailureKind::Validation, told)
    );
}

/// An instance that takes so many characters of a product's description.
fn described(limit: Option<u16>, long_names: LongNames, program: Option<&str>) -> Orderflow {
    let own = limit.map(|limit| ("description".to_owned(), limit)).into_iter().collect();
    let import = program.map(|program| mapped(Facet::Catalogue, ImportType::Product, program));
    orderflow(OrderflowWrites {
        imports: import.map(|import| ("it".to_owned(), import)).into_iter().collect(),
        lengths: BTreeMap::from([(ImportType::Product, own)]),
        long_names,
        ..OrderflowWrites::default()
    })
}

fn named(chars: usize) -> Part {
    part(Facet::Catalogue, &json!({"sku": "MUG", "name": "ü".repeat(chars)}))
}

#[tokio::test]
async fn a_name_is_cut_at_the_length_that_counts_at_this_instance_and_somebody_is_told() {
    for (limit, takes) in [(None, 120), (Some(80), 80), (Some(255), 255)] {
        let system = described(limit, LongNames::Cut, None);
        let done = apply(&system, &[named(takes)], FIRST, [taken("product", &["MUG"])]).await;
        assert_eq!(success(&done).warning, None);
        let done = apply(&system, &[named(takes + 1)], FIRST, [taken("product", &["MUG"])]).await;
        assert!(sent(&done).1.contains(&format!("description={}", "ü".repeat(takes))));
        let length = takes + 1;
        let told = format!(
            "product property description: {length} characters, OrderFlow takes at most {takes}"
        );
        assert_eq!(success(&done).warning, Some(format!("{told}: it is cut there")));
        let system = described(limit, LongNames::Refuse, None);
        let done = apply(&system, &[named(takes + 1)], FIRST, []).await;
        assert_eq!((failure(&done).kind, &failure(&done).detail), (FailureKind::Validation, &told));
    }
}

#[tokio::test]
async fn a_name_that_a_mapping_makes_short_is_not_cut_and_one_that_it_makes_long_is() {
    let short = described(None, LongNames::Refuse, Some("{description: .name[:9]}"));
    let done = apply(&short, &[named(200)], FIRST, [taken("product", &["MUG"])]).await;
    assert_eq!(success(&done).warning, None);
    let long = described(None, LongNames::Cut, Some("{description: (.name * 9)}"));
    let done = apply(&long, &[named(60)], FIRST, [taken("product", &["MUG"])]).await;
    assert!(sent(&done).1.contains(&format!("description={}", "ü".repeat(120))));
    assert!(success(&done).warning.as_ref().unwrap().contains("540 characters"));
}

#[tokio::test]
async fn a_sku_that_orderflow_cannot_hold_is_refused_by_name() {
    for (sku, told) in [
        ("x".repeat(121), "product property externalReference: 121 characters"),
        ("MUG\\RED".to_owned(), "/sku: "),
    ] {
        let done = apply(&by_itself(), &[product(&sku)], FIRST, []).await;
        assert_eq!(failure(&done).kind, FailureKind::Validation);
        assert!(failure(&done).detail.starts_with(told), "{}", failure(&done).detail);
    }
}

#[tokio::test]
async fn a_reference_that_a_mapping_does_not_always_give_is_refused_and_none_put_in_its_place() {
    for (facet, kind, program, key) in [
        (
            Facet::Return,
            ImportType::Return,
            "{return: {externalReference: .authorisation}}",
            "return.externalReference",
        ),
        (
            Facet::Return,
            ImportType::Return,
            "{return: {externalReference: \" \"}}",
            "return.externalReference",
        ),
        (
            Facet::Placed,
            ImportType::PurchaseOrder,
            "{externalReference: .purchase_order_number}",
            "externalReference",
        ),
        (
            Facet::Placed,
            ImportType::StockMoveTask,
            "{externalReference: \"\"}",
            "externalReference",
        ),
    ] {
        let part = if facet == Facet::Return { returned() } else { order("PO-1") };
        let done = apply(&with(mapped(facet, kind, program)), &[part], FIRST, []).await;
        assert_eq!(failure(&done).kind, FailureKind::Validation);
        let detail = &failure(&done).detail;
        assert!(detail.contains(key), "{detail}");
    }
}

#[tokio::test]
async fn a_merge_of_a_change_tells_that_lines_stay() {
    let merge = mapped(Facet::Placed, ImportType::PurchaseOrder, PURCHASE);
    let system = with(OrderflowImport { operation: ImportOperation::Merge, ..merge });
    for (brought, tells) in
        [(Brought::Nothing, false), (Brought::Same, false), (Brought::Other, true)]
    {
        let answers = [taken("purchaseOrder", &["PO-1"])];
        let tried = Try { brought, ..FIRST };
        let done = apply(&system, &[order("PO-1")], tried, answers).await;
        assert_eq!(success(&done).warning.is_some(), tells);
    }
    // Products have none.
    let changed = Try { brought: Brought::Other, ..FIRST };
    let done = apply(&by_itself(), &[product("MUG")], changed, [taken("product", &["MUG"])]).await;
    assert_eq!(success(&done).warning, None);
}

#[test]
fn a_length_of_what_no_import_has_is_an_error_of_the_configuration() {
    let own = BTreeMap::from([("note".to_owned(), 40)]);
    let writes = OrderflowWrites {
        lengths: BTreeMap::from([(ImportType::Return, own)]),
        ..OrderflowWrites::default()
    };
    let told = Orderflow::new(&config(writes)).unwrap_err();
    assert!(told.starts_with("lengths.return.note: "), "{told}");
}
