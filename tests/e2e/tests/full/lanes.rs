//! A backfill beside live traffic.

use std::time::Duration;

use ferry_e2e::{Installation, Simulator, Systems, lane::Lanes};

const BULK: usize = 50_000;

#[test]
fn a_backfill_of_fifty_thousand_delays_live_traffic_little_and_is_not_starved_by_it() {
    let shop = Simulator::shop();
    let systems = Systems { shop: &shop.url, ..Systems::default() };
    let ferry = Installation::new("lanes", systems, &[]);
    let _loader = ferry.run("loader");
    let foreign = ferry.foreign();
    let every = Duration::from_millis(50);
    let lanes = Lanes { ferry: &ferry, shop: &shop, foreign: &foreign, every };
    let measured = lanes.measure(200, BULK);
    eprintln!("{BULK} bulk events: {measured:?}");
    let bound = (measured.live_quiet_p95 * 2).max(Duration::from_millis(250));
    assert!(measured.live_loaded_p95 <= bound, "{measured:?}");
    assert!(measured.bulk_loaded >= 0.3 * measured.bulk_solo, "{measured:?}");
}
