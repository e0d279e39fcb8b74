//! Writing to OrderFlow: one import request for several writes, one answer each.

use ferry_canonical::{Disposition, Entity, FailureKind, Part, Reference};
use ferry_http::{Conversation, Method};

use super::{
    Orderflow, amend,
    answer::{self, Answers, ImportAnswer},
    detail, order, product,
    properties::{Import, document},
};
use crate::{Answer, Applied, Effect, Failure, Write};

/// Imports every write that makes a document; the others fail on their own.
pub(super) async fn import(
    system: &Orderflow,
    conversation: &Conversation,
    writes: &[Write<'_>],
) -> Vec<Answer> {
    let mut ended: Vec<Option<Answer>> = Vec::new();
    let mut imports = Vec::new();
    for write in writes {
        match prepare(system, conversation, write).await {
            Ok(Prepared::Import(import)) => {
                imports.push(import);
                ended.push(None);
            }
            Ok(Prepared::Ended(answer)) => ended.push(Some(answer)),
            Err(failure) => ended.push(Some(Err(failure).into())),
        }
    }
    let mut answers = ask(system, conversation, &imports).await.into_iter();
    let mut sent = imports.iter();
    ended
        .into_iter()
        .zip(writes)
        .map(|(answer, write)| {
            answer.unwrap_or_else(|| match (sent.next(), answers.next()) {
                (Some(import), Some(Ok(answers))) => settle(import, write, &answers).into(),
                (_, Some(Err(failure))) => Err(failure).into(),
                (None, Some(Ok(_))) | (_, None) => {
                    Err(Failure::new(FailureKind::Internal, "an import was not sent")).into()
                }
            })
        })
        .collect()
}

/// One answer per import. A request that is refused as a whole says nothing about most of its
/// imports: they are asked about one by one.
async fn ask(
    system: &Orderflow,
    conversation: &Conversation,
    imports: &[Import],
) -> Vec<Result<Answers, Failure>> {
    if imports.is_empty() {
        return Vec::new();
    }
    match send(system, conversation, imports).await {
        Err(failure) if imports.len() > 1 && is_about_one(&failure) => {
            let mut answers = Vec::with_capacity(imports.len());
            for import in imports {
                answers.push(send(system, conversation, std::slice::from_ref(import)).await);
            }
            answers
        }
        answer => imports.iter().map(|_| answer.clone()).collect(),
    }
}

/// Whether a refusal of the whole request may be the fault of one import in it.
fn is_about_one(failure: &Failure) -> bool {
    let final_or_ours = match failure.kind.disposition() {
        Disposition::DeadLetter | Disposition::RetryFew | Disposition::RetryReference => true,
        Disposition::Retry | Disposition::RetryAfterRead | Disposition::PauseTarget => false,
    };
    final_or_ours && !failure.unread
}

enum Prepared {
    Import(Import),
    /// There is nothing to import, or it was imported alone.
    Ended(Answer),
}

/// Imports one alone.
pub(super) async fn one(
    system: &Orderflow,
    conversation: &Conversation,
    import: &Import,
    write: &Write<'_>,
) -> Result<Applied, Failure> {
    let answers = send(system, conversation, std::slice::from_ref(import)).await?;
    settle(import, write, &answers)
}

async fn prepare(
    system: &Orderflow,
    conversation: &Conversation,
    write: &Write<'_>,
) -> Result<Prepared, Failure> {
    match write.part {
        Part::ProductCatalogue(catalogue) => {
            // A merge writes the whole state again: there is nothing to read first.
            product::import(catalogue).map(Prepared::Import)
        }
        Part::OrderPlaced(placed) => {
            let import = order::import(placed, &system.zone)?;
            if let Some(amending) = &write.amending {
                let change = (write, amending);
                let ended = amend::amend(system, conversation, change, import).await;
                return Ok(Prepared::Ended(ended));
            }
            let reference = &placed.identifier;
            if write.read_first && detail::read(system, conversation, reference).await?.is_some() {
                let effect = Effect::AlreadySo;
                let applied = Applied { effect, target_id: None, warning: None };
                return Ok(Prepared::Ended(Ok(applied).into()));
            }
            Ok(Prepared::Import(import))
        }
        Part::CustomerProfile(_)
        | Part::OrderShipment(_)
        | Part::OrderCancellation(_)
        | Part::OrderReturn(_)
        | Part::ProductStock(_) => Err(Failure::unsupported("OrderFlow does not take this facet")),
    }
}

async fn send(
    system: &Orderflow,
    conversation: &Conversation,
    imports: &[Import],
) -> Result<Answers, Failure> {
    // Orders belong to a channel, products to an organisation (OrderFlow reference §1).
    let (operation, path) = match imports.first().map(|import| import.kind) {
        Some("order") => ("import order", "/remoteorder/imports/importitems.xml"),
        _ => ("import product", "/remotewarehouse/imports/importitems.xml"),
    };
    let request = system.request(operation, Method::Post, path, &document(imports));
    match conversation.send(request).await {
        Ok(response) => answer::imports(&response),
        Err(error) => Err(Failure::unanswered(&error, true)),
    }
}

/// The product that a refusal of an order names: OrderFlow says which one it lacks in words only
/// (OrderFlow reference §3.5), so the order's own SKUs are looked for in them. The longest one counts,
/// because one SKU may begin with another.
fn lacking(failure: &Failure, write: &Write<'_>) -> Option<Box<Reference>> {
    let (FailureKind::MissingReference, Part::OrderPlaced(placed)) = (failure.kind, write.part)
    else {
        return None;
    };
    let named = placed.lines.iter().filter(|line| names(&failure.detail, &line.sku));
    let longest = named.max_by_key(|line| line.sku.len())?;
    Reference::new(Entity::Product, &longest.sku).ok().map(Box::new)
}

/// Whether `sku` stands in `text` with nothing of a SKU around it.
fn names(text: &str, sku: &str) -> bool {
    let of_sku = |found: char| found.is_alphanumeric() || found == '-' || found == '_';
    !sku.is_empty()
        && text.match_indices(sku).any(|(start, _)| {
            let (before, rest) = text.split_at(start);
            let after = rest.get(sku.len()..).unwrap_or_default();
            !before.ends_with(of_sku) && !after.starts_with(of_sku)
        })
}

fn settle(import: &Import, write: &Write<'_>, answers: &Answers) -> Result<Applied, Failure> {
    let key = (import.kind.to_owned(), import.reference.clone());
    match answers.get(&key) {
        Some(ImportAnswer::Success { item }) => {
            let effect =
                if import.operation == "insert" { Effect::Created } else { Effect::Updated };
            Ok(Applied { effect, target_id: item.clone(), warning: None })
        }
        Some(ImportAnswer::Duplicate { message }) => {
            // After a try of ours it is that try's success; on a first try somebody else was here.
            let ours = write.attempt > 1 || write.read_first;
            let warning = format!("OrderFlow has it already and keeps what it has: {message}");
            let warning = (!ours).then_some(warning);
            Ok(Applied { effect: Effect::AlreadySo, target_id: None, warning })
        }
        Some(ImportAnswer::Failure { message, detail }) => {
            let failure = answer::item_failure(message, detail, 200);
            Err(Failure { missing: lacking(&failure, write), ..failure })
        }
        None => Err(unmentioned()),
    }
}

/// OrderFlow answered, so that its breaker has no part in this, and what it did is not known.
fn unmentioned() -> Failure {
    let detail = "OrderFlow's answer says nothing about this import";
    let failure = Failure::new(FailureKind::Conflict, detail);
    Failure { unread: true, status: Some(200), ..failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sku_is_found_in_words_only_as_a_whole() {
        assert!(names("Product MUG-1 not found (rtd.exceptions.MissingDataException)", "MUG-1"));
        assert!(names("MUG", "MUG"));
        assert!(names("no product 'MUG'", "MUG"));
        for (text, sku) in [("Product MUG-10 not found", "MUG-1"), ("SMUG", "MUG"), ("x", "")] {
            assert!(!names(text, sku), "{sku} in {text}");
        }
    }
}
