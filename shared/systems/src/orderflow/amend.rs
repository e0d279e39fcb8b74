//! An order that changed after its import: cancelled, its reference freed, and imported again
//! (OrderFlow reference §3.3).
//!
//! It looks before it cancels: what has left the warehouse, or was cancelled there by somebody, stays
//! as it is and the change is refused. It says of each try how far it came, so that a later one goes
//! on instead of beginning. Between the two requests the order is not at OrderFlow; a re-import that
//! is refused says so.

use ferry_canonical::{Doubt, FailureKind, Part, Stands, Step, Steps};
use ferry_http::Conversation;

use super::{
    Orderflow,
    cancel::{self, Cancelled},
    detail::{self, Detail, Lines},
    import,
    making::{self, Made},
    properties::Import,
};
use crate::{Amending, Answer, Applied, Effect, Failure, Write};

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
    /// An answer about the very order was lost, not one about what else is known of it: a return, a
    /// cancellation.
    doubted: bool,
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
    if known.equal && !known.doubted && known.amending == Step::None {
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
        Decision::Amend => match free(system, conversation, &new.reference).await {
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
    let made = |all: &[Part]| all.iter().map(|part| import_of(system, part)).collect();
    let earlier: Option<Vec<Import>> = amending.earlier.and_then(made);
    Known {
        amending: amending.begun,
        stands: amending.stands,
        doubted: write.doubt != Doubt::None,
        equal: earlier
            .as_ref()
            .is_some_and(|all| !all.is_empty() && all.iter().all(|one| one == new)),
        lines: detail::lines_of(new),
        earlier: earlier.map(|all| all.iter().map(detail::lines_of).collect()),
    }
}

/// What was imported of it, as far as it is made of it today.
fn import_of(system: &Orderflow, part: &Part) -> Option<Import> {
    match making::make(system, part) {
        Ok(Made::Import(import)) => Some(import),
        Ok(Made::Skipped(_)) | Err(_) => None,
    }
}

fn decide(known: &Known, detail: Option<&Detail>) -> Decision {
    let Some(detail) = detail else {
        if known.amending != Step::None || known.doubted {
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
    if detail.is_cancelled() {
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

/// Cancels the order and frees its reference.
async fn free(
    system: &Orderflow,
    conversation: &Conversation,
    reference: &str,
) -> Result<(), Failure> {
    match cancel::cancel(system, conversation, reference, true).await {
        Ok(Cancelled::Done(_)) => Ok(()),
        Ok(Cancelled::NotPerformed(refusal)) => {
            let detail = format!(
                "OrderFlow does not cancel the order any more, so that what changed in it cannot be \
                 imported: {}",
                refusal.detail
            );
            Err(Failure { detail, ..*refusal })
        }
        // It was there a moment ago: somebody was faster.
        Err(failure) if failure.kind == FailureKind::MissingReference => {
            Err(Failure { kind: FailureKind::Conflict, ..failure })
        }
        Err(failure) => Err(failure),
    }
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
    Applied { effect, target_id: None, warning: None, rule: None }
}

#[cfg(test)]
mod tests;
