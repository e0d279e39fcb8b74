//! What shops tell of by webhooks: where, signed how, and whether anything is read for it.

use ferry_canonical::Facet;

use super::{
    Findings,
    systems::{fault_of, secret},
};
use crate::raw::{RawConfig, RawOro, RawOroWebhook};

/// What is read where the shop tells of a change, and the first word of its topics.
const HEARD: [(&str, Facet); 2] = [("order", Facet::Placed), ("customer", Facet::Profile)];

pub(super) fn check(name: &str, raw: &RawOro, config: &RawConfig, findings: &mut Findings<'_>) {
    let Some(webhook) = &raw.webhook else { return };
    let key = format!("systems.{name}.webhook");
    secret(&format!("{key}.secret"), &webhook.secret, findings);
    address(name, &format!("{key}.url"), webhook, raw.allow_plain_http, findings);
    if webhook.topics.is_empty() {
        findings.error(&format!("{key}.topics"), "it must name a topic such as order.updated");
    }
    for (index, topic) in webhook.topics.iter().enumerate() {
        let at = format!("{key}.topics[{index}]");
        if webhook.topics.iter().take(index).any(|other| other == topic) {
            findings.error(&at, "it is named twice");
        } else if let Some(fault) = fault_of_topic(name, topic, config) {
            findings.error(&at, fault);
        }
    }
}

fn address(
    name: &str,
    key: &str,
    webhook: &RawOroWebhook,
    allow_plain_http: bool,
    findings: &mut Findings<'_>,
) {
    if let Some(fault) = fault_of(&webhook.url, allow_plain_http) {
        findings.error(key, fault);
    } else if !webhook.url.ends_with(&format!("/push/{name}")) {
        let message = format!(
            "the producer hears it at /push/{name} only: whatever is in front must lead there"
        );
        findings.warning(key, message);
    }
}

fn fault_of_topic(name: &str, topic: &str, config: &RawConfig) -> Option<String> {
    let (alias, what) = topic.split_once('.').unwrap_or((topic, ""));
    let Some((_, facet)) = HEARD.iter().find(|(known, _)| *known == alias) else {
        return Some(
            "Ferry reads orders and customers of a shop: expected order.… or customer.…, such \
             as order.updated"
                .to_owned(),
        );
    };
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    if what.is_empty() || !what.bytes().all(is_word) {
        return Some("expected what happens to it, such as order.updated".to_owned());
    }
    if what == "deleted" {
        return Some("nothing is done about what a shop removes".to_owned());
    }
    let is_read =
        |facet: Facet| config.routes.iter().any(|route| route.from == name && route.facet == facet);
    (!is_read(*facet))
        .then(|| format!("no route brings {facet} from {name}, so nothing would be read for it"))
}
