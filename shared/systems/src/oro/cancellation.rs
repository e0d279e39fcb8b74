//! `order.cancellation`: the order's status, where the shop lets it be written.
//!
//! Without "Enable External Status Management" Oro ignores a written status without a word
//! (OroCommerce reference §6), so the answer is read for what came of it.

use ferry_canonical::order::OrderCancellation;

use super::{
    ORDERS,
    client::{Api, Call},
    document::{self, Resource},
    orders,
};
use crate::target::{Applied, Effect, Failure, Write};

const CANCELLED: &str = "cancelled";

pub(super) async fn apply(
    api: &Api<'_>,
    write: &Write<'_>,
    cancellation: &OrderCancellation,
) -> Result<Applied, Failure> {
    if !api.oro.config.external_status_management {
        return Ok(applied(
            write.target_id.map(str::to_owned),
            skipped("external_status_management is off for this shop"),
        ));
    }
    let found = orders::find(api, write, &cancellation.order, "").await?;
    if document::one(found.order(), "status") == Some(CANCELLED) {
        return Ok(applied(Some(found.id), Effect::AlreadySo));
    }
    let change = Resource::with_id(ORDERS, &found.id).one("status", "orderstatuses", CANCELLED);
    let said = api.ask(&Call::change("cancel order", change, Vec::new())).await?;
    let answer = document::rows(&said.document).first();
    let status = answer.and_then(|order| document::one(order, "status"));
    let effect = match status {
        Some(CANCELLED) => Effect::Updated,
        Some(_) | None => skipped("Oro took the request but left the order's status as it is"),
    };
    Ok(applied(Some(found.id), effect))
}

fn skipped(why: &str) -> Effect {
    Effect::Skipped(format!(
        "Oro does not take cancellations: {why}; cancel the order in the shop by hand, or switch on \
         \"Enable External Status Management\" there and external_status_management here"
    ))
}

fn applied(target_id: Option<String>, effect: Effect) -> Applied {
    Applied { effect, target_id, warning: None }
}
