//! Cancelling an order at OrderFlow (OrderFlow reference §2.1, §4): as a step of our own, or because it
//! was cancelled elsewhere.

use ferry_canonical::{Entity, FailureKind};
use ferry_http::{Conversation, Method, Response};

use super::{Orderflow, answer, detail};
use crate::{Applied, Effect, Failure, Write, xml};

/// What a cancellation came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cancelled {
    /// With the rule that says so, where one does.
    Done(Option<String>),
    /// A 200 that says no, in OrderFlow's words.
    NotPerformed(Box<Failure>),
}

/// Cancels the order; `frees` its reference, or leaves it with the cancelled order. An order that is
/// not there is [`FailureKind::MissingReference`].
pub(super) async fn cancel(
    system: &Orderflow,
    conversation: &Conversation,
    reference: &str,
    frees: bool,
) -> Result<Cancelled, Failure> {
    let encoded = crate::url::encode(reference);
    let path = format!(
        "/remoteorder/order/cancel.xml?externalReference={encoded}\
         &cancelChangesExternalReference={frees}"
    );
    let request = system.request("cancel order", Method::Post, &path, "");
    let answer = conversation.send(request).await;
    let response = answer.map_err(|error| Failure::unanswered(&error, true))?;
    match answer::told(&system.rules, &response, answer::CANCELLATION) {
        Ok(judged) => Ok(Cancelled::Done(judged.map(|judged| judged.rule))),
        Err(no) if no.kind == FailureKind::Rejected && is_message(&response) => {
            Ok(Cancelled::NotPerformed(Box::new(no)))
        }
        Err(failure) => Err(failure),
    }
}

/// Whether it answers about the order, and refuses no request as a whole.
fn is_message(response: &Response) -> bool {
    let (_, is_message) = answer::CANCELLATION;
    answer::is_accepted(response) && xml::parse(&response.body).is_ok_and(|root| is_message(&root))
}

/// Brings the cancellation of an order.
pub(super) async fn one(
    system: &Orderflow,
    conversation: &Conversation,
    write: &Write<'_>,
) -> Result<Applied, Failure> {
    let reference = &write.subject.id;
    let missing = |failure: Failure| {
        let named = Failure::missing(Entity::Order, reference, "");
        Failure { missing: named.missing, ..failure }
    };
    if write.read_first && is_cancelled(system, conversation, reference).await? {
        return Ok(applied(Effect::AlreadySo));
    }
    match cancel(system, conversation, reference, false).await {
        Ok(Cancelled::Done(rule)) => Ok(Applied { rule, ..applied(Effect::Updated) }),
        Ok(Cancelled::NotPerformed(refusal)) => {
            // What is cancelled already is not cancelled again, and that is no refusal.
            if is_cancelled(system, conversation, reference).await? {
                return Ok(applied(Effect::AlreadySo));
            }
            let detail =
                format!("OrderFlow does not cancel the order any more: {}", refusal.detail);
            Err(Failure { detail, ..*refusal })
        }
        Err(failure) if failure.kind == FailureKind::MissingReference => Err(missing(failure)),
        Err(failure) => Err(failure),
    }
}

/// An order that is not there is not cancelled: it may be on its way.
async fn is_cancelled(
    system: &Orderflow,
    conversation: &Conversation,
    reference: &str,
) -> Result<bool, Failure> {
    let detail = detail::read(system, conversation, reference).await?;
    Ok(detail.is_some_and(|detail| detail.is_cancelled()))
}

const fn applied(effect: Effect) -> Applied {
    Applied { effect, target_id: None, warning: None, rule: None }
}
