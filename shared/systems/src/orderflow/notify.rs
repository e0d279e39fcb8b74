//! Telling OrderFlow that the shop has something, so that it fetches it itself (OrderFlow reference
//! §2.1, §4).
//!
//! Being told twice is harmless. Whether OrderFlow has fetched it is not known here: it answers that it
//! will, or that it does nothing.

use ferry_canonical::{Facet, FailureKind};
use ferry_http::{Conversation, Method};

use super::{Orderflow, answer, detail};
use crate::{
    Answer, Applied, Effect, Failure, Write,
    url::encode,
    xml::{self, Element},
};

/// What OrderFlow says under a status of 200 when it ignores a notification.
const IGNORED: &str = "Result 'no_operation'";

/// Tells of each, one after the other.
pub(super) async fn all(
    system: &Orderflow,
    conversation: &Conversation,
    writes: &[Write<'_>],
) -> Vec<Answer> {
    let mut answers = Vec::with_capacity(writes.len());
    for write in writes {
        answers.push(one(system, conversation, write).await.into());
    }
    answers
}

async fn one(
    system: &Orderflow,
    conversation: &Conversation,
    write: &Write<'_>,
) -> Result<Applied, Failure> {
    let reference = &write.subject.id;
    if write.subject.facet == Facet::Catalogue {
        let known = is_known(system, conversation, reference).await?;
        let action = if known { "modified" } else { "created" };
        let path = ("/remotewarehouse/product/update.xml", "product");
        tell(system, conversation, path, (reference, action)).await?;
        return Ok(applied(if known { Effect::Updated } else { Effect::Created }));
    }
    if write.read_first && detail::read(system, conversation, reference).await?.is_some() {
        return Ok(applied(Effect::AlreadySo));
    }
    let path = ("/remoteorder/order/update.xml", "order");
    tell(system, conversation, path, (reference, "created")).await?;
    Ok(applied(Effect::Created))
}

/// Whether OrderFlow has the product: of references that are asked for, it shows those it knows.
async fn is_known(
    system: &Orderflow,
    conversation: &Conversation,
    sku: &str,
) -> Result<bool, Failure> {
    let path = format!("/remotewarehouse/inventory.xml?externalReferences={}", encode(sku));
    let request = system.request("read product", Method::Get, &path, "");
    let answer = conversation.send(request).await;
    let response = answer.map_err(|error| Failure::unanswered(&error, false))?;
    if !(200..=299).contains(&response.status) {
        return Err(Failure { unread: false, ..answer::refused(&response) });
    }
    let root = xml::parse(&response.body).map_err(|error| {
        let detail = format!("the inventory cannot be read: {error}");
        Failure::new(FailureKind::Unavailable, detail).with_response(&response)
    })?;
    if root.name != "inventory" {
        return Err(Failure { unread: false, ..answer::whole_request_error(&response, &root) });
    }
    let is_it = |row: &Element| row.attribute("externalReference") == Some(sku);
    Ok(root.children.iter().any(is_it))
}

async fn tell(
    system: &Orderflow,
    conversation: &Conversation,
    (path, entity): (&str, &str),
    (reference, action): (&str, &str),
) -> Result<(), Failure> {
    let (channel, organisation) = (&system.config.channel, &system.config.organisation);
    let path = format!(
        "{path}?channel={}&organisation={}&thirdPartyReference={}&event={entity}.{action}\
         &action={action}",
        encode(channel),
        encode(organisation),
        encode(reference)
    );
    let operation = if entity == "order" { "notify order" } else { "notify product" };
    let request = system.request(operation, Method::Post, &path, "");
    let answer = conversation.send(request).await;
    let response = answer.map_err(|error| Failure::unanswered(&error, true))?;
    if !(200..=299).contains(&response.status) {
        return Err(answer::refused(&response));
    }
    let root = xml::parse(&response.body).map_err(|error| {
        let detail = format!("the answer to a notification cannot be read: {error}");
        let failure = Failure::new(FailureKind::Unavailable, detail).with_response(&response);
        Failure { unread: true, ..failure }
    })?;
    // Its name is not documented; what refuses the request as a whole has names and children.
    if root.name == "error" || !root.children.is_empty() {
        return Err(answer::whole_request_error(&response, &root));
    }
    let text = root.text.trim();
    if text.contains(IGNORED) {
        let text: String = text.chars().take(300).collect();
        let detail = format!("OrderFlow ignores the notification: {text}");
        let failure = Failure::new(FailureKind::Rejected, detail).with_response(&response);
        let rule = Some("orderflow: no_operation".to_owned());
        return Err(Failure { rule, ..failure });
    }
    Ok(())
}

const fn applied(effect: Effect) -> Applied {
    Applied { effect, target_id: None, warning: None }
}
