//! What a shop tells whom: its webhooks, looked at, made and removed for a person who asked for it
//! (OroCommerce reference §7). No service does any of it by itself.

use ferry_canonical::FailureKind;
use ferry_http::{Conversation, Method};
use serde_json::Value;

use super::{
    Oro,
    client::{Api, Call},
    document::{self, Resource},
    problem,
};
use crate::target::Failure;

const WEBHOOKS: &str = "webhooks";
const TOPICS: &str = "webhooktopics";
/// Only type and id of what has changed: the rest is read, and need not travel.
const FORMAT: &str = "thin";
/// More of them than any shop has.
const PAGE: &str = "500";

/// One webhook of a shop.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Webhook {
    pub id: String,
    pub url: String,
    pub topic: String,
    pub format: String,
    pub enabled: bool,
}

impl Oro {
    pub async fn webhooks(&self, conversation: &Conversation) -> Result<Vec<Webhook>, Failure> {
        let rows = self.all("list webhooks", WEBHOOKS, conversation).await?;
        Ok(rows.iter().filter_map(webhook).collect())
    }

    /// What the shop announces.
    pub async fn webhook_topics(
        &self,
        conversation: &Conversation,
    ) -> Result<Vec<String>, Failure> {
        let rows = self.all("list topics of webhooks", TOPICS, conversation).await?;
        Ok(rows.iter().filter_map(document::id).map(str::to_owned).collect())
    }

    /// Has the shop tell of this topic, at the configured address and signed with the configured secret,
    /// which a shop never shows and never changes again.
    pub async fn register(
        &self,
        conversation: &Conversation,
        topic: &str,
    ) -> Result<Webhook, Failure> {
        let Some(config) = &self.config.webhook else {
            return Err(Failure::unsupported("no webhook is configured for this system"));
        };
        let resource = Resource::new(WEBHOOKS)
            .attribute("notificationUrl", config.url.as_str())
            .attribute("secret", config.secret.reveal())
            .attribute("enabled", true)
            .one("topic", TOPICS, topic)
            .one("format", "webhookformats", FORMAT);
        let api = Api { oro: self, conversation };
        let said = api.ask(&Call::create("register a webhook", resource, Vec::new())).await;
        let made = document::rows(&said?.document).first().and_then(webhook);
        made.ok_or_else(|| {
            let detail = "the shop does not say which webhook it made: look at them again";
            Failure::new(FailureKind::Internal, detail)
        })
    }

    /// Ends a webhook; one that is not there is none that is left.
    pub async fn unregister(&self, conversation: &Conversation, id: &str) -> Result<(), Failure> {
        let (method, id) = (Method::Delete, Some(id.to_owned()));
        let call = Call { method, id, ..Call::read("remove a webhook", WEBHOOKS) };
        let response = Api { oro: self, conversation }.send(&call).await?;
        match response.status {
            200..=299 | 404 => Ok(()),
            _ => Err(problem::refused(&response, &call).into()),
        }
    }

    async fn all(
        &self,
        operation: &'static str,
        resource: &'static str,
        conversation: &Conversation,
    ) -> Result<Vec<Value>, Failure> {
        let query = vec![("page[size]", PAGE.to_owned())];
        let said = Api { oro: self, conversation }.list(operation, resource, query).await;
        let said = said.map_err(|no| match no.failure {
            failure if failure.kind == FailureKind::Unsupported => Failure {
                detail: "this shop has no webhooks: OroCommerce has them from 6.1.10 and 7.0.2 on"
                    .to_owned(),
                ..failure
            },
            failure => failure,
        })?;
        Ok(document::rows(&said).to_vec())
    }
}

fn webhook(row: &Value) -> Option<Webhook> {
    let named = |relation| document::one(row, relation).unwrap_or_default().to_owned();
    Some(Webhook {
        id: document::id(row)?.to_owned(),
        url: document::text(row, "notificationUrl").unwrap_or_default().to_owned(),
        topic: named("topic"),
        format: named("format"),
        enabled: document::attribute(row, "enabled").and_then(Value::as_bool) == Some(true),
    })
}

#[cfg(test)]
mod tests {
    use ferry_config::{Secret, system::OroWebhook};
    use serde_json::json;

    use super::*;
    use crate::oro::scripted::{Shop, answer, bytes, config, errors, oro, row};

    fn found(id: &str) -> Value {
        row(
            "webhooks",
            id,
            json!({"notificationUrl": "https://ferry.example/push/shop", "enabled": true}),
            json!({"topic": {"type": "webhooktopics", "id": "order.updated"},
                "format": {"type": "webhookformats", "id": "thin"}}),
        )
    }

    fn listening() -> Oro {
        let webhook = OroWebhook {
            url: "https://ferry.example/push/shop".to_owned(),
            secret: Secret::new("between us"),
            topics: vec!["order.updated".to_owned()],
        };
        Oro::new(&ferry_config::system::OroConfig { webhook: Some(webhook), ..config() }).unwrap()
    }

    #[tokio::test]
    async fn a_webhook_is_registered_thin_and_signed_and_removed_once() {
        let shop = Shop::answering([
            answer("POST /webhooks", 201, &json!({"data": found("7")})),
            answer("GET /webhooks?page[size]=500", 200, &json!({"data": [found("7")]})),
            bytes("DELETE /webhooks/7", 204, ""),
            errors("DELETE /webhooks/7", 404, "not found http exception"),
            errors("DELETE /webhooks/7", 403, "access denied exception"),
        ]);
        let (oro, conversation) = (listening(), shop.conversation());
        let made = oro.register(&conversation, "order.updated").await.unwrap();
        assert_eq!((made.id.as_str(), made.format.as_str(), made.enabled), ("7", "thin", true));
        assert_eq!(oro.webhooks(&conversation).await.unwrap(), [made]);
        oro.unregister(&conversation, "7").await.unwrap();
        oro.unregister(&conversation, "7").await.unwrap();
        let no = oro.unregister(&conversation, "7").await.unwrap_err();
        assert_eq!(no.kind, FailureKind::Rejected);
        let sent = shop.written().remove(0);
        assert!(
            sent.contains(r#""secret":"between us""#) && sent.contains(r#""id":"thin""#),
            "{sent}"
        );
    }

    #[tokio::test]
    async fn a_shop_of_before_there_were_webhooks_says_which_version_has_them() {
        let shop = Shop::answering([errors("GET /webhooktopics", 404, "entity type constraint")]);
        let no = oro().webhook_topics(&shop.conversation()).await.unwrap_err();
        assert!(no.detail.contains("from 6.1.10 and 7.0.2 on"), "{}", no.detail);
    }
}
