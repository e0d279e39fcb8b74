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
    let rule = tell(system, conversation, path, (reference, "created")).await?;
    Ok(Applied { rule, ..applied(Effect::Created, None) })
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
    let rule = tell(system, conversation, path, (sku, action)).await?;
    Ok(Applied { rule, ..applied(effect, warning) })
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
    if let Err(failure) = answer::judged(&system.rules, &response) {
        return hidden(failure);
    }
    let is_it = |row: &Element| row.attribute("externalReference") == Some(sku);
    match xml::parse(&response.body) {
        Ok(root) if root.name == "inventory" => {
            Ok(if root.children.iter().any(is_it) { Seen::There } else { Seen::Absent })
        }
        root => hidden(answer::not_understood(&response, "a look", root.as_ref())),
    }
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
) -> Result<Option<String>, Failure> {
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
    let told = answer::told(&system.rules, &response, answer::NOTIFICATION);
    told.map(|judged| judged.map(|judged| judged.rule)).map_err(|failure| {
        if failure.kind == FailureKind::Rejected && answer::is_accepted(&response) {
            let detail = format!("OrderFlow does not take the notification: {}", failure.detail);
            return Failure { detail, ..failure };
        }
        failure
    })
}

const fn applied(effect: Effect, warning: Option<String>) -> Applied {
    Applied { effect, target_id: None, warning, rule: None }
}
