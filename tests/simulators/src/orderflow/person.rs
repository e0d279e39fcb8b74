//! What a person in the warehouse does: `POST /_sim/orders/{reference}/despatch` and
//! `PUT /_sim/stock/{product}/{site}/{available}`. 404 where there is nothing to do it to.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{post, put};
use ferry_world::account::Effect;

use crate::control::{Effects, now};

use super::instance::Instance;

pub(super) fn routes() -> Router<Arc<Instance>> {
    Router::new()
        .route("/_sim/orders/{reference}/despatch", post(despatch))
        .route("/_sim/stock/{product}/{site}/{available}", put(count))
}

async fn despatch(
    State(instance): State<Arc<Instance>>,
    Path(reference): Path<String>,
) -> Response {
    done(instance.on_the_floor(now(), |actor, floor| actor.despatch(&reference, floor)))
}

async fn count(
    State(instance): State<Arc<Instance>>,
    Path((product, site, available)): Path<(String, String, u32)>,
) -> Response {
    let count = |actor: &mut super::actor::Actor, floor: &mut super::actor::Floor<'_>| {
        actor.count(&product, &site, available, floor)
    };
    done(instance.on_the_floor(now(), count))
}

fn done((done, effects): (bool, Vec<Effect>)) -> Response {
    let status = if done { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND };
    let mut response = status.into_response();
    response.extensions_mut().insert(Effects(effects));
    response
}
