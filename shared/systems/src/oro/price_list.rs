//! Which price list of the shop a list of the source is: the one whose id the configuration names, else
//! the one of that name in the shop.
//!
//! Oro has no filter for the name (OroCommerce reference §3: the column has no index), so that all names
//! are read, once for all prices of a call. They are not remembered: a list that was renamed is another
//! one from then on.

use std::collections::{BTreeMap, BTreeSet};

use ferry_canonical::FailureKind;
use serde_json::Value;

use super::{client::Api, document, problem::No};
use crate::target::Failure;

pub(super) const PRICE_LISTS: &str = "pricelists";

/// What each list is called in the shop, or why that is not known.
pub(super) type Lists = BTreeMap<String, Result<String, Failure>>;

pub(super) async fn ids(api: &Api<'_>, names: BTreeSet<&str>) -> Lists {
    let configured = &api.oro.config.price_lists;
    let (known, unknown): (Vec<&str>, Vec<&str>) =
        names.into_iter().partition(|name| configured.contains_key(*name));
    let mut lists: Lists = known
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), Ok(configured.get(name)?.clone()))))
        .collect();
    if unknown.is_empty() {
        return lists;
    }
    let query = vec![("fields[pricelists]", "name".to_owned())];
    let all = api.pages("look up price lists", PRICE_LISTS, query, "").await;
    lists.extend(unknown.into_iter().map(|name| {
        let found = all.as_ref().map_err(No::clone);
        let found = found.map_err(Failure::from).and_then(|all| named(&all.rows, name));
        let found = found.and_then(|id| free(configured, name, id));
        (name.to_owned(), found)
    }));
    lists
}

/// Two lists of the source on one of the shop would take away what the other brings.
fn free(configured: &BTreeMap<String, String>, name: &str, id: String) -> Result<String, Failure> {
    let Some((other, _)) = configured.iter().find(|(_, taken)| **taken == id) else {
        return Ok(id);
    };
    let detail = format!(
        "list: the shop's price list named `{name}` is {id}, which is `{other}` already (price_lists in \
         ferry.toml)"
    );
    Err(Failure::new(FailureKind::Validation, detail))
}

fn named(rows: &[Value], name: &str) -> Result<String, Failure> {
    let mut alike = rows.iter().filter(|row| document::text(row, "name") == Some(name));
    match (alike.next().and_then(document::id), alike.next()) {
        (Some(id), None) => Ok(id.to_owned()),
        (Some(_), Some(_)) => {
            let detail = format!(
                "list: the shop has several price lists named `{name}`: say which one it is \
                 (price_lists in ferry.toml)"
            );
            Err(Failure::new(FailureKind::Validation, detail))
        }
        (None, _) => {
            let detail = format!(
                "list: the shop has no price list named `{name}`, and none is named for it \
                 (price_lists in ferry.toml)"
            );
            Err(Failure::new(FailureKind::MissingReference, detail))
        }
    }
}
