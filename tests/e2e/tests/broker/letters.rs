//! What the console makes of its queues, whatever lies in them.

use ferry_e2e::{Installation, Letter, Systems, event, wait_for, wait_until};
use serde_json::Value;

use crate::{SOON, poison, raw};

fn letters(ferry: &Installation, console: &str) -> Vec<Value> {
    let output = ferry.ask(&["--json", "dead", "ls", "--console", console]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn letters_that_no_library_reads_are_stored_and_those_behind_them_too() {
    let ferry = Installation::new("letters", Systems::default(), &[]);
    let console = ferry.run("console");
    let foreign = ferry.foreign();
    let queue = ferry.named("load.shop.order.dead");
    let broken = poison::broken();
    for (what, id, table) in &broken {
        raw::put(ferry.broker.url(), &queue, id, table, what.as_bytes());
    }
    let facts = ferry.named("facts");
    raw::put(ferry.broker.url(), &facts, b"\xff", b"", b"no fact");
    foreign.put(&queue, &Letter::new(vec![b'x'; 17 * 1024 * 1024]).with_id(&event::fresh_id()));
    for origin in ["load.shop.order", "load.shop.product", "transform"] {
        let letter = Letter::new(origin).with_id(&event::fresh_id());
        foreign.publish(&ferry.named("dead"), origin, &letter);
    }
    let count = broken.len() + 1 + 3;
    let stored = wait_for("every letter to be stored", SOON, || {
        Some(letters(&ferry, &console.url)).filter(|letters| letters.len() == count)
    });
    let of_orders = stored.iter().filter(|letter| letter["origin"] == "load.shop.order");
    assert_eq!(of_orders.count(), broken.len() + 2, "{stored:?}");
    for queue in [queue, facts, ferry.named("transform.dead")] {
        wait_until("the queue to be empty", SOON, || foreign.ready(&queue) == 0);
    }
}
