//! Who and what is in a shop already, as far as it tells one from another: for links that a person
//! makes before the first sync.

use ferry_canonical::{Entity, FailureKind};
use ferry_http::Conversation;
use serde_json::Value;

use super::{
    Oro,
    client::{Api, Call, Query},
    customer::{self, CUSTOMERS},
    customer_user, document,
};
use crate::target::Failure;

const PRODUCTS: &str = "products";

/// One customer or product of a shop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resident {
    /// The shop's own id.
    pub id: String,
    /// The number or SKU that it carries; [`Oro::key`] says how a canonical one is carried.
    pub key: Option<String>,
    pub name: String,
    /// Of its users.
    pub emails: Vec<String>,
}

impl Oro {
    /// How a customer's number, or a product's SKU, stands in the shop.
    pub fn key(entity: Entity, id: &str) -> String {
        match entity {
            Entity::Customer => customer::external_id(id),
            Entity::Product | Entity::Order => id.to_owned(),
        }
    }

    /// All customers or products, page by page behind the last id.
    pub async fn residents(
        &self,
        conversation: &Conversation,
        entity: Entity,
    ) -> Result<Vec<Resident>, Failure> {
        let (resource, only): (_, Query) = match entity {
            Entity::Customer => (CUSTOMERS, vec![("include", "users".to_owned())]),
            Entity::Product => (PRODUCTS, vec![("fields[products]", "sku".to_owned())]),
            Entity::Order => {
                return Err(Failure::unsupported("orders are known by their identifiers"));
            }
        };
        let api = Api { oro: self, conversation };
        let (mut residents, mut behind) = (Vec::new(), None::<String>);
        loop {
            let mut query = only.clone();
            query.push(("sort", "id".to_owned()));
            query.push(("page[size]", self.config.page_size.to_string()));
            query.extend(behind.clone().map(|id| ("filter[id][gt]", id)));
            let said = api.ask(&Call { query, ..Call::read("list for links", resource) }).await?;
            let rows = document::rows(&said.document);
            residents.extend(rows.iter().filter_map(|row| resident(&said.document, row)));
            // Nobody needs the pages that were read.
            drop(conversation.take());
            let last = rows.last().and_then(document::id).map(str::to_owned);
            if rows.len() < usize::from(self.config.page_size) || last.is_none() {
                return Ok(residents);
            }
            // Ids are numbers: the longer one is greater.
            let place = |id: &Option<String>| id.as_ref().map(|id| (id.len(), id.clone()));
            if place(&last) <= place(&behind) {
                let detail = format!("Oro lists {resource} without regard to `filter[id]`");
                return Err(Failure::new(FailureKind::Unavailable, detail));
            }
            behind = last;
        }
    }
}

fn resident(document: &Value, row: &Value) -> Option<Resident> {
    let text = |name| document::text(row, name).map(str::to_owned);
    let users = document::many(row, "users").into_iter();
    let users = users
        .filter_map(|id| document::included(document, "customerusers", id))
        .filter(|user| !customer_user::is_guest(user));
    Some(Resident {
        id: document::id(row)?.to_owned(),
        key: text("externalId").or_else(|| text("sku")),
        name: text("name").unwrap_or_default(),
        emails: users.filter_map(|user| document::text(user, "email").map(str::to_owned)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oro::scripted::{Shop, answer, oro, row};

    fn customer(id: &str, number: Option<&str>, user: Option<&str>) -> Value {
        let users: Vec<Value> =
            user.iter().map(|id| json!({"type": "customerusers", "id": id})).collect();
        row("customers", id, json!({"name": "Acme", "externalId": number}), json!({"users": users}))
    }

    #[tokio::test]
    async fn everybody_is_listed_page_by_page_with_what_tells_them_apart() {
        let ada = row("customerusers", "9", json!({"email": "ada@acme.example"}), Value::Null);
        let guest = json!({"email": "guest@acme.example", "isGuest": true});
        let guest = row("customerusers", "8", guest, Value::Null);
        let shop = Shop::answering([
            answer(
                "GET /customers?include=users&sort=id&page[size]=3",
                200,
                &json!({"data": [customer("1", Some("C-1"), None), customer("2", None, Some("9")),
                    customer("10", Some(""), Some("8"))], "included": [ada, guest]}),
            ),
            answer(
                "GET /customers?include=users&sort=id&page[size]=3&filter[id][gt]=10",
                200,
                &json!({"data": [customer("11", None, None)]}),
            ),
        ]);
        let found = oro().residents(&shop.conversation(), Entity::Customer).await.unwrap();
        let ids: Vec<_> = found.iter().map(|row| (row.id.as_str(), row.key.as_deref())).collect();
        assert_eq!(ids, [("1", Some("C-1")), ("2", None), ("10", None), ("11", None)]);
        assert_eq!(found[1].emails, ["ada@acme.example"]);
        assert_eq!(found[2].emails, [""; 0], "a guest is nobody's user");
        assert_eq!(shop.asked().len(), 2);
    }

    #[test]
    fn a_number_is_looked_for_as_the_shop_carries_it() {
        assert_eq!(Oro::key(Entity::Customer, "C-1"), "C-1");
        assert_eq!(Oro::key(Entity::Customer, &"9".repeat(40)).len(), 36);
        assert_eq!(Oro::key(Entity::Product, "A,B"), "A,B");
    }
}
