//! `customer.profile`: the customer, its group, its addresses and its people.
//!
//! The customer is written first and known by `externalId`; whatever fails after it is taken up by
//! the next try, which finds the customer and what is there of the rest. Nothing is deleted.

use ferry_canonical::{FailureKind, customer::CustomerProfile};
use serde_json::Value;
use uuid::Uuid;

use super::{
    client::{Api, Call},
    customer_address, customer_user,
    document::{self, Resource},
    problem::No,
    reads_first,
};
use crate::target::{Applied, Effect, Failure, Write};

pub(super) const CUSTOMERS: &str = "customers";
const GROUPS: &str = "customergroups";
/// Width of Oro's `externalId` (OroCommerce reference §0.2).
const EXTERNAL_ID_CHARS_MAX: usize = 36;

pub(super) async fn apply(
    api: &Api<'_>,
    write: &Write<'_>,
    profile: &CustomerProfile,
) -> Result<Applied, Failure> {
    let wanted = wanted(api, profile).await?;
    let answer = apply_wanted(api, write, profile, &wanted).await;
    if let Err(failure) = &answer
        && failure.kind == FailureKind::MissingReference
    {
        // A group that was removed meanwhile is looked up again.
        api.oro.groups.lock().await.clear();
    }
    answer
}

async fn apply_wanted(
    api: &Api<'_>,
    write: &Write<'_>,
    profile: &CustomerProfile,
    wanted: &Resource,
) -> Result<Applied, Failure> {
    let found = match (write.target_id, reads_first(write)) {
        (None, false) => None,
        (None, true) => look_up(api, profile).await?,
        (Some(id), looks) => match read(api, id).await? {
            None if looks => look_up(api, profile).await?,
            None => return Err(gone()),
            found => found,
        },
    };
    if let Some(found) = found {
        return update(api, profile, wanted, &found).await;
    }
    match create(api, wanted).await {
        Ok(id) => {
            complete(api, profile, &id).await?;
            Ok(applied(id, Effect::Created))
        }
        Err(no) if no.duplicate => match look_up(api, profile).await? {
            Some(found) => update(api, profile, wanted, &found).await,
            None => Err(no.failure),
        },
        Err(no) => Err(no.failure),
    }
}

fn applied(id: String, effect: Effect) -> Applied {
    Applied { effect, target_id: Some(id), warning: None }
}

fn gone() -> Failure {
    let detail = "the customer that was linked is not in the shop any more: it is looked up again";
    Failure { status: Some(404), ..Failure::new(FailureKind::Conflict, detail) }
}

/// The text itself where it fits and is no list to a filter, else a uuid made of it, always the
/// same.
pub(super) fn external_id(key: &str) -> String {
    if key.chars().count() <= EXTERNAL_ID_CHARS_MAX && !key.contains(',') {
        key.to_owned()
    } else {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, key.as_bytes()).to_string()
    }
}

async fn wanted(api: &Api<'_>, profile: &CustomerProfile) -> Result<Resource, Failure> {
    let customer = Resource::new(CUSTOMERS)
        .attribute("name", profile.name.as_str())
        .attribute("externalId", external_id(&profile.number));
    Ok(match &profile.group {
        Some(group) => customer.one("group", GROUPS, &self::group(api, group).await?),
        None => customer,
    })
}

/// The group's id. The lock is held until it is known, so that a new group is made once.
async fn group(api: &Api<'_>, name: &str) -> Result<String, Failure> {
    let mut groups = api.oro.groups.lock().await;
    if let Some(id) = groups.get(name) {
        return Ok(id.clone());
    }
    let query = vec![("filter[name]", name.to_owned())];
    let document = api.list("look up customer group", GROUPS, query).await?;
    let named = |row: &&Value| document::text(row, "name") == Some(name);
    let found = document::rows(&document).iter().find(named).and_then(document::id);
    let id = match found {
        Some(id) => id.to_owned(),
        None => {
            let group = Resource::new(GROUPS).attribute("name", name);
            created(&api.ask(&Call::create("create customer group", group, Vec::new())).await?.document)?
        }
    };
    groups.insert(name.to_owned(), id.clone());
    Ok(id)
}

/// The id of what was just created.
fn created(document: &Value) -> Result<String, Failure> {
    let id = document::rows(document).first().and_then(document::id).map(str::to_owned);
    id.ok_or_else(|| {
        let failure = Failure::new(
            FailureKind::Unavailable,
            "Oro answered a creation without an id: it is looked up before the next try",
        );
        Failure { unread: true, ..failure }
    })
}

async fn read(api: &Api<'_>, id: &str) -> Result<Option<Value>, Failure> {
    let call = Call { id: Some(id.to_owned()), ..Call::read("read customer", CUSTOMERS) };
    let document = api.find(&call).await?;
    Ok(document.and_then(|document| document::rows(&document).first().cloned()))
}

async fn look_up(api: &Api<'_>, profile: &CustomerProfile) -> Result<Option<Value>, Failure> {
    let key = external_id(&profile.number);
    let query = vec![("filter[externalId]", key.clone())];
    let document = api.list("look up customer", CUSTOMERS, query).await?;
    let rows = document::rows(&document);
    let ours = |row: &&&Value| document::text(row, "externalId") == Some(key.as_str());
    let ours: Vec<&Value> = rows.iter().filter(|row| ours(&row)).collect();
    match ours.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some((*one).clone())),
        several => Err(Failure::new(
            FailureKind::Ambiguous,
            format!("{} customers of the shop have the number `{}`", several.len(), profile.number),
        )),
    }
}

async fn create(api: &Api<'_>, wanted: &Resource) -> Result<String, No> {
    let call = Call::create("create customer", wanted.clone(), Vec::new());
    Ok(created(&api.ask(&call).await?.document)?)
}

/// Everything that hangs on a customer that was just made.
async fn complete(api: &Api<'_>, profile: &CustomerProfile, id: &str) -> Result<(), Failure> {
    customer_address::apply(api, profile, id, &[]).await?;
    customer_user::apply(api, profile, id, &[]).await?;
    Ok(())
}

async fn update(
    api: &Api<'_>,
    profile: &CustomerProfile,
    wanted: &Resource,
    found: &Value,
) -> Result<Applied, Failure> {
    let id = document::id(found).unwrap_or_default().to_owned();
    let of = ("filter[customer]", id.as_str());
    let addresses = api.list_all("read customer addresses", "customeraddresses", of).await?;
    let users = api.list_all("read customer users", "customerusers", of).await?;
    let mut written = false;
    if let Some(change) = wanted.changes(found) {
        api.ask(&Call::change("update customer", change, Vec::new())).await?;
        written = true;
    }
    written |= customer_address::apply(api, profile, &id, &addresses).await?;
    written |= customer_user::apply(api, profile, &id, &users).await?;
    Ok(applied(id, if written { Effect::Updated } else { Effect::AlreadySo }))
}
