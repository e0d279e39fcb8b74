//! An order that changed after its import: cancelled, its reference freed, and imported again
//! (OrderFlow reference §3.3).
//!
//! It looks before it cancels: what has left the warehouse, or was cancelled there by somebody, stays
//! as it is and the change is refused. It says of each try how far it came, so that a later one goes
//! on instead of beginning. Between the two requests the order is not at OrderFlow; a re-import that
//! is refused says so.

use ferry_canonical::{FailureKind, Part, Stands, Step, Steps};
use ferry_http::{Conversation, Method};

use super::{
    Orderflow, answer,
    detail::{self, Detail, Lines},
    import, order,
    properties::Import,
};
use crate::{Amending, Answer, Applied, Effect, Failure, Write, xml};

/// What is done about a change.
#[derive(Debug, PartialEq, Eq)]
enum Decision {
    /// OrderFlow has it.
    AlreadySo,
    /// The order is not there, by our own doing.
    Import,
    Amend,
    /// The sentence says why not.
    Refuse(String),
}

/// What is known before OrderFlow is looked at.
struct Known {
    amending: Step,
    stands: Stands,
    /// An answer was lost.
    read_first: bool,
    /// Nothing that may stand there would be imported in another way.
    equal: bool,
    lines: Lines,
    /// The lines of everything else that may stand there; absent where one of them cannot be read.
    earlier: Option<Vec<Lines>>,
}

/// Brings the change of an order that was imported before.
pub(super) async fn amend(
    system: &Orderflow,
    conversation: &Conversation,
    (write, amending): (&Write<'_>, &Amending<'_>),
    new: Import,
) -> Answer {
    let known = known(system, (write, amending), &new);
    if known.equal && !known.read_first && known.amending == Step::None {
        return Ok(applied(Effect::AlreadySo)).into();
    }
    let detail = match detail::read(system, conversation, &new.reference).await {
        Ok(detail) => detail,
        Err(failure) => return Err(failure).into(),
    };
    let refuted = detail.as_ref().is_some_and(|detail| refutes(&known, detail));
    let steps = Steps { own: Step::None, refuted };
    match decide(&known, detail.as_ref()) {
        Decision::AlreadySo => Answer { result: Ok(applied(Effect::AlreadySo)), steps },
        Decision::Refuse(sentence) => {
            Answer { result: Err(Failure::new(FailureKind::Rejected, sentence)), steps }
        }
        Decision::Import => {
            let gone = known.amending == Step::Taken;
            Answer { result: import_again(system, conversation, (write, new), gone).await, steps }
        }
        Decision::Amend => match cancel(system, conversation, &new.reference).await {
            Ok(()) => {
                let result = import_again(system, conversation, (write, new), true).await;
                Answer { result, steps: Steps { own: Step::Taken, refuted } }
            }
            Err(failure) => {
                let own = if failure.unread { Step::Unread } else { Step::None };
                Answer { result: Err(failure), steps: Steps { own, refuted } }
            }
        },
    }
}

fn known(
    system: &Orderflow,
    (write, amending): (&Write<'_>, &Amending<'_>),
    new: &Import,
) -> Known {
    let earlier =
        amending.earlier.and_then(|all| all.iter().map(placed).collect::<Option<Vec<_>>>());
    let same = |placed: &&ferry_canonical::order::OrderPlaced| {
        order::import(placed, &system.zone).is_ok_and(|earlier| earlier == *new)
    };
    Known {
        amending: amending.begun,
        stands: amending.stands,
        read_first: write.read_first,
        equal: earlier.as_ref().is_some_and(|all| !all.is_empty() && all.iter().all(same)),
        lines: placed(write.part).map(detail::lines_of).unwrap_or_default(),
        earlier: earlier.map(|all| all.into_iter().map(detail::lines_of).collect()),
    }
}

fn placed(part: &Part) -> Option<&ferry_canonical::order::OrderPlaced> {
    match part {
        Part::OrderPlaced(placed) => Some(placed),
        Part::CustomerProfile(_)
        | Part::OrderShipment(_)
        | Part::OrderCancellation(_)
        | Part::OrderReturn(_)
        | Part::ProductCatalogue(_)
        | Part::ProductStock(_) => None,
    }
}

fn decide(known: &Known, detail: Option<&Detail>) -> Decision {
    let Some(detail) = detail else {
        if known.amending != Step::None || known.read_first {
            return Decision::Import;
        }
        return Decision::Refuse(
            "the order was imported and is not at OrderFlow any more: it was cancelled there under \
             another reference, or removed; it is not imported again"
                .to_owned(),
        );
    };
    let told_apart = || {
        let other = |earlier: &Lines| *earlier != detail.lines;
        let none = |all: &Vec<Lines>| all.iter().all(other);
        detail.lines == known.lines && known.earlier.as_ref().is_some_and(none)
    };
    let is_so = match known.stands {
        Stands::Written => true,
        Stands::Either => told_apart(),
        Stands::Earlier => false,
    };
    if is_so || known.equal {
        return Decision::AlreadySo;
    }
    if detail.state.eq_ignore_ascii_case("cancelled") {
        return Decision::Refuse(
            "the order was cancelled at OrderFlow; what changed in it since is not imported"
                .to_owned(),
        );
    }
    if let Some((reference, state)) = &detail.shipped {
        return Decision::Refuse(format!(
            "shipment {reference} of the order is {state}; what changed in the order since its \
             import cannot be brought to OrderFlow any more"
        ));
    }
    Decision::Amend
}

/// Whether what stands there shows that no earlier try in doubt has cancelled: nothing is imported
/// behind a cancellation without an answer, and of two contents the lines may tell which it is.
fn refutes(known: &Known, detail: &Detail) -> bool {
    match (known.stands, known.amending) {
        (Stands::Earlier, Step::Unread) => true,
        (Stands::Either, Step::Begun) => {
            let only = known.earlier.as_deref().unwrap_or_default();
            *only == [detail.lines.clone()] && detail.lines != known.lines
        }
        (Stands::Earlier | Stands::Either | Stands::Written, _) => false,
    }
}

/// Cancels the order and frees its reference (OrderFlow reference §2.1, §4).
async fn cancel(
    system: &Orderflow,
    conversation: &Conversation,
    reference: &str,
) -> Result<(), Failure> {
    let encoded = crate::url::encode(reference);
    let path = format!(
        "/remoteorder/order/cancel.xml?externalReference={encoded}&cancelChangesExternalReference=true"
    );
    let request = system.request("cancel order", Method::Post, &path, "");
    let answer = conversation.send(request).await;
    let response = answer.map_err(|error| Failure::unanswered(&error, true))?;
    if !(200..=299).contains(&response.status) {
        return Err(answer::refused(&response));
    }
    let root = xml::parse(&response.body).map_err(|error| {
        let detail = format!("the answer to a cancellation cannot be read: {error}");
        let failure = Failure::new(FailureKind::Unavailable, detail).with_response(&response);
        Failure { unread: true, ..failure }
    })?;
    if root.name != "message" {
        let failure = answer::whole_request_error(&response, &root);
        // It was there a moment ago: somebody was faster.
        let gone = failure.kind == FailureKind::MissingReference;
        let kind = if gone { FailureKind::Conflict } else { failure.kind };
        return Err(Failure { kind, ..failure });
    }
    let text = root.text.trim();
    if text.contains("No cancel operation performed") {
        let text: String = text.chars().take(300).collect();
        let detail = format!(
            "OrderFlow does not cancel the order any more, so that what changed in it cannot be \
             imported: {text}"
        );
        return Err(Failure::new(FailureKind::Rejected, detail).with_response(&response));
    }
    Ok(())
}

/// Imports the order where none is, `gone` by a cancellation of our own.
async fn import_again(
    system: &Orderflow,
    conversation: &Conversation,
    (write, new): (&Write<'_>, Import),
    gone: bool,
) -> Result<Applied, Failure> {
    match import::one(system, conversation, &new, write).await {
        Ok(Applied { effect: Effect::AlreadySo, .. }) if gone => {
            let detail = "the order is cancelled at OrderFlow and not imported again: OrderFlow \
                          has not freed its reference";
            Err(Failure::new(FailureKind::Rejected, detail))
        }
        Ok(Applied { effect: Effect::AlreadySo, .. }) => {
            let detail = "OrderFlow did not show the order and says that it has it";
            Err(Failure::new(FailureKind::Conflict, detail))
        }
        Ok(done) => Ok(Applied { effect: Effect::Updated, ..done }),
        Err(failure) if gone => {
            let detail = &failure.detail;
            let detail =
                format!("the order is cancelled at OrderFlow and not imported again: {detail}");
            Err(Failure { detail, ..failure })
        }
        Err(failure) => Err(failure),
    }
}

const fn applied(effect: Effect) -> Applied {
    Applied { effect, target_id: None, warning: None }
}

#[cfg(test)]
mod tests;
