//! Finding the order a warehouse or an ERP speaks of.

use ferry_canonical::Entity;
use serde_json::Value;

use super::{
    ORDERS,
    client::{Api, Call, Query},
    document,
};
use crate::target::{Failure, Write};

/// An order with what was asked to come with it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) id: String,
    pub(super) document: Value,
}

impl Found {
    pub(super) fn order(&self) -> &Value {
        document::rows(&self.document).first().unwrap_or(&Value::Null)
    }
}

/// An order that is not there may still come.
pub(super) async fn find(
    api: &Api<'_>,
    write: &Write<'_>,
    identifier: &str,
    include: &'static str,
) -> Result<Found, Failure> {
    look_up(api, write, identifier, include).await?.ok_or_else(|| {
        let detail = format!("order `{identifier}` is not in the shop");
        Failure::missing(Entity::Order, identifier, detail)
    })
}

/// By the ledger's id, else by identifier.
pub(super) async fn look_up(
    api: &Api<'_>,
    write: &Write<'_>,
    identifier: &str,
    include: &'static str,
) -> Result<Option<Found>, Failure> {
    let with = |mut query: Query| {
        if !include.is_empty() {
            query.push(("include", include.to_owned()));
        }
        query
    };
    if let Some(id) = write.target_id {
        let call = Call {
            id: Some(id.to_owned()),
            query: with(Vec::new()),
            ..Call::read("read order", ORDERS)
        };
        if let Some(document) = api.find(&call).await? {
            return Ok(Some(Found { id: id.to_owned(), document }));
        }
    }
    let query = with(vec![("filter[identifier]", document::kept(identifier).to_owned())]);
    let mut document = api.list("look up order", ORDERS, query).await?;
    let Some(order) = document::named(document::rows(&document), "identifier", identifier).cloned()
    else {
        return Ok(None);
    };
    let id = document::id(&order).unwrap_or_default().to_owned();
    if let Some(member) = document.get_mut("data") {
        *member = order;
    }
    Ok(Some(Found { id, document }))
}
