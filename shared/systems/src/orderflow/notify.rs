//! Telling OrderFlow that the shop has something, so that it fetches it itself (OrderFlow reference
//! §2.1, §4).
//!
//! Being told twice is harmless. Whether OrderFlow has fetched it is not known here: it answers that it
//! will, or that it does nothing. An order that it has is not told of again.

use ferry_canonical::{Brought, Disposition, Facet, FailureKind};
use ferry_config::system::ChangedOrders;
use ferry_http::{Conversation, Method};

use super::{
    Orderflow, answer,
    detail::{self, Detail},
    making::{self, Made},
};
use crate::{
    Applied, Effect, Failure, Write,
    url::encode,
    xml::{self, Element},
};

/// What OrderFlow says under a status of 200 when it ignores a notification.
const IGNORED: &str = "Result 'no_operation'";

/// Tells of one.
pub(super) async fn one(
    system: &Orderflow,
    conversation: &Conversation,
    write: &Write<'_>,
) -> Result<Applied, Failure> {
    let reference = &write.subject.id;
    if write.subject.facet == Facet::Catalogue {
        return product(system, conversation, reference).await;
    }
    if let Some(detail) = detail::read(system, conversation, reference).await? {
        return fetched(system, write, &detail);
    }
    let path = ("/remoteorder/order/update.xml", "order");
    tell(system, conversation, path, (reference, "created")).await?;
    Ok(applied(Effect::Created, None))
}

/// OrderFlow has the order. There is no notification of a change (OrderFlow reference §2.1), and one that
/// it was created would be of no use: what is done is what `changed_orders` says of an order that cannot
/// be changed.
fn fetched(system: &Orderflow, write: &Write<'_>, detail: &Detail) -> Result<Applied, Failure> {
    if write.brought != Brought::Other {
        return Ok(applied(Effect::AlreadySo, None));
    }
    let told = "OrderFlow has fetched the order, and cannot be told that it has changed";
    let lines = match making::make(system, write.part) {
        Ok(Made::Import(import)) => Some(detail::lines_of(&import)),
        Ok(Made::Skipped(_)) | Err(_) => None,
    };
    // It may have fetched it after the change.
    if lines.is_some_and(|lines| lines == detail.lines) {
        let warning = format!("{told}; its lines are the same");
        return Ok(applied(Effect::AlreadySo, Some(warning)));
    }
    match system.config.changed_orders {
        ChangedOrders::Leave => Ok(applied(Effect::AlreadySo, Some(told.to_owned()))),
        ChangedOrders::Amend => Err(Failure::new(FailureKind::Rejected, told)),
    }
}

async fn product(
    system: &Orderflow,
    conversation: &Conversation,
    sku: &str,
) -> Result<Applied, Failure> {
    let seen = see(system, conversation, sku).await?;
    let (action, effect, warning) = match seen {
        Seen::There => ("modified", Effect::Updated, None),
        Seen::Absent => ("created", Effect::Created, None),
        Seen::Hidden(reason) => {
            let warning =
                format!("OrderFlow was told of a change, whether it has it or not: {reason}");
            ("modified", Effect::Updated, Some(warning))
        }
    };
    let path = ("/remotewarehouse/product/update.xml", "product");
    tell(system, conversation, path, (sku, action)).await?;
    Ok(applied(effect, warning))
}

/// What OrderFlow shows of a product.
enum Seen {
    There,
    Absent,
    /// It does not say; the sentence says why.
    Hidden(String),
}

/// Of references that are asked for, the inventory shows those OrderFlow knows.
async fn see(system: &Orderflow, conversation: &Conversation, sku: &str) -> Result<Seen, Failure> {
    if sku.contains(',') {
        let reason = "its reference holds a comma, which the inventory takes for two references";
        return Ok(Seen::Hidden(reason.to_owned()));
    }
    let request = system.request("read product", Method::Get, &system.inventory_of(sku), "");
    let answer = conversation.send(request).await;
    let response = answer.map_err(|error| Failure::unanswered(&error, false))?;
    if !(200..=299).contains(&response.status) {
        return hidden(answer::refused(&response));
    }
    let root = xml::parse(&response.body).map_err(|error| {
        let detail = format!("the inventory cannot be read: {error}");
        Failure::new(FailureKind::Unavailable, detail).with_response(&response)
    })?;
    if root.name != "inventory" {
        return hidden(answer::whole_request_error(&response, &root));
    }
    let is_it = |row: &Element| row.attribute("externalReference") == Some(sku);
    Ok(if root.children.iter().any(is_it) { Seen::There } else { Seen::Absent })
}

/// A refused look tells nothing of the product; one that was not answered is tried again.
fn hidden(failure: Failure) -> Result<Seen, Failure> {
    match failure.kind.disposition() {
        Disposition::DeadLetter | Disposition::RetryReference => Ok(Seen::Hidden(failure.detail)),
        Disposition::Retry
        | Disposition::RetryAfterRead
        | Disposition::RetryFew
        | Disposition::PauseTarget => Err(Failure { unread: false, ..failure }),
    }
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
    let root = answer::root(&response, "a notification")?;
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

const fn applied(effect: Effect, warning: Option<String>) -> Applied {
    Applied { effect, target_id: None, warning }
}
