//! A source that pushes: it sends a document again and again until it hears 200.

use std::sync::Arc;

use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};

use crate::{
    fault::{Fault, Hop},
    sim::{Sim, lock},
};

/// A document at a producer's door, and where its status goes.
#[derive(Debug)]
pub(crate) struct Push {
    pub(crate) document: String,
    pub(crate) status: oneshot::Sender<u16>,
}

/// Sends one document until it was acknowledged.
pub(crate) async fn send(sim: Arc<Sim>, number: u64, document: String) {
    let mix = Arc::clone(&sim.mix);
    let strikes = |fault| mix.strike(Hop::SourceToProducer, &[fault]).is_some();
    if strikes(Fault::Reorder) {
        sim.say(format!("push {number} waits for later ones"));
        sleep(sim.chance.millis(100..20_000)).await;
    }
    let mut copies = 1 + u32::from(strikes(Fault::Duplicate));
    while copies > 0 {
        sleep(sim.chance.millis(1..30)).await;
        if strikes(Fault::Refuse) {
            sleep(sim.chance.millis(500..3_000)).await;
            continue;
        }
        let status = knock(&sim, &document).await;
        let deaf = strikes(Fault::ApplyThenFail);
        let shown = status.map_or("no answer".to_owned(), |status| status.to_string());
        let unheard = if deaf { ", which is not heard" } else { "" };
        sim.say(format!("push {number} → {shown}{unheard}"));
        if status == Some(200) && !deaf {
            copies -= 1;
            sim.models().warehouse.told(number);
        } else {
            sleep(sim.chance.millis(500..3_000)).await;
        }
    }
}

/// The status of one try; none where nobody answered.
async fn knock(sim: &Sim, document: &str) -> Option<u16> {
    let doors: Vec<mpsc::Sender<Push>> = lock(&sim.doors).values().cloned().collect();
    let door = sim.chance.pick(&doors)?;
    let (status, answer) = oneshot::channel();
    door.send(Push { document: document.to_owned(), status }).await.ok()?;
    answer.await.ok()
}
