//! A backfill beside live traffic; `cargo x test --full` has the large one.

use std::time::Duration;

use ferry_e2e::{Installation, Simulator, Systems, lane::Lanes};
use serde_json::json;

#[test]
fn live_traffic_does_not_stand_in_line_behind_a_backfill_and_does_not_starve_it() {
    let shop = Simulator::shop();
    let systems = Systems { shop: &shop.url, ..Systems::default() };
    let ferry = Installation::new("lanes", systems, &[]);
    let _loader = ferry.run("loader");
    shop.fault(&json!({"kind": "slow", "stall_ms": 20, "count": 1_000_000, "method": "POST",
        "path_prefix": "/admin/api/customers"}));
    let foreign = ferry.foreign();
    let every = Duration::from_millis(50);
    let lanes = Lanes { ferry: &ferry, shop: &shop, foreign: &foreign, every };
    let measured = lanes.measure(20, 2_000);
    // In one line with it, the median would wait for half of it.
    assert!(measured.live_loaded_p95 < measured.bulk_took / 4, "{measured:?}");
    assert!(measured.bulk_loaded >= 0.3 * measured.bulk_solo, "{measured:?}");
}
