//! An order that Oro takes no change of any more.
//!
//! Oro refuses every change of an order that is closed or cancelled with the words it has for a
//! missing permission (OroCommerce reference §6). Only the order itself says which of the two it is.

use super::{
    ORDERS,
    client::{Api, Call},
    document,
    problem::No,
};
use crate::target::Failure;

/// Why a change of the order was refused. The order is read once where it may be that it is closed.
pub(super) async fn explained(api: &Api<'_>, id: &str, identifier: &str, no: No) -> Failure {
    let failure = no.failure;
    if failure.status != Some(403) {
        return failure;
    }
    let call = Call {
        id: Some(id.to_owned()),
        query: vec![("fields[orders]", "internalStatus".to_owned())],
        ..Call::read("read why", ORDERS)
    };
    let Ok(Some(document)) = api.find(&call).await else { return failure };
    let order = document::rows(&document).first();
    let status = order.and_then(|order| document::one(order, "internalStatus")).unwrap_or_default();
    if !matches!(status, "closed" | "cancelled") {
        return failure;
    }
    let detail = format!(
        "order `{identifier}` is {status} in the shop, which takes no change of it any more: what is \
         to stand there has to come before that"
    );
    Failure { detail, ..failure }
}
