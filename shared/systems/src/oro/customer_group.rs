//! The customer group that a customer's group is by name. One that is not there is made.
//!
//! Oro takes a second group of the same name, so that whoever makes one does so alone: under a lease
//! that all loaders of the shop share. A creation without an answer keeps the lease until it can't
//! take effect any more.

use std::{sync::PoisonError, time::Duration};

use serde_json::Value;
use uuid::Uuid;

use super::{
    client::{Api, Call},
    customer::created,
    document::{self, Resource},
    problem::No,
};
use crate::target::Failure;

pub(super) const GROUPS: &str = "customergroups";
/// Pace, a renewed token and a second try hold a request up no longer than this beyond its deadlines.
const HELD_UP_MAX: Duration = Duration::from_mins(1);

/// The group's id.
pub(super) async fn id_of(api: &Api<'_>, name: &str) -> Result<String, Failure> {
    let name = document::kept(name);
    if let Some(id) = known(api, name) {
        return Ok(id);
    }
    let limits = &api.oro.config.limits;
    // With a fresh token, a request is sent twice.
    let request = HELD_UP_MAX + limits.timeout.0 * 2;
    let creation = request + limits.settle_after.0;
    // Names are of any length, and of any characters.
    let lease = format!("customer group {}", Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()));
    let alone = api.conversation.alone(&lease, request + creation).await;
    let alone = alone.map_err(|error| Failure::unanswered(&error, false))?;
    if let Some(id) = known(api, name) {
        alone.over().await;
        return Ok(id);
    }
    let made = match look_up(api, name).await {
        Ok(None) => {
            alone.covers(creation).map_err(|error| Failure::unanswered(&error, false))?;
            create(api, name).await
        }
        Ok(Some(id)) => Ok(id),
        Err(no) => Err(no.failure),
    };
    if made.as_ref().is_err_and(|failure| failure.unread) {
        return made;
    }
    if let Ok(id) = &made {
        groups(api).insert(name.to_owned(), id.clone());
    }
    alone.over().await;
    made
}

/// Groups that were removed are looked up again.
pub(super) fn forget(api: &Api<'_>) {
    groups(api).clear();
}

fn groups<'a>(api: &Api<'a>) -> std::sync::MutexGuard<'a, super::Groups> {
    api.oro.groups.lock().unwrap_or_else(PoisonError::into_inner)
}

fn known(api: &Api<'_>, name: &str) -> Option<String> {
    groups(api).get(name).cloned()
}

async fn look_up(api: &Api<'_>, name: &str) -> Result<Option<String>, No> {
    let query = vec![("filter[name]", name.to_owned())];
    let document = api.list("look up customer group", GROUPS, query).await?;
    let named = |row: &&Value| document::text(row, "name") == Some(name);
    let found = document::rows(&document).iter().find(named).and_then(document::id);
    Ok(found.map(str::to_owned))
}

async fn create(api: &Api<'_>, name: &str) -> Result<String, Failure> {
    let group = Resource::new(GROUPS).attribute("name", name);
    let call = Call::create("create customer group", group, Vec::new());
    created(&api.ask(&call).await?.document)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oro::scripted::{Shop, answer, oro, row};

    #[tokio::test]
    async fn a_group_is_looked_up_by_the_name_that_the_shop_keeps() {
        let there = json!({"data": [row(GROUPS, "5", json!({"name": "Retail"}), Value::Null)]});
        let shop =
            Shop::answering([answer("GET /customergroups?filter[name]=Retail", 200, &there)]);
        let (oro, conversation) = (oro(), shop.conversation());
        let api = Api { oro: &oro, conversation: &conversation };
        assert_eq!(id_of(&api, " Retail\u{a0}").await.unwrap(), "5");
        shop.asked();
    }
}
