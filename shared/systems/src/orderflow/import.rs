//! Writing to OrderFlow: one import request for several writes, one answer each.

use std::collections::HashSet;

use ferry_canonical::{Disposition, Entity, FailureKind, Reference};
use ferry_config::orderflow::{ImportOperation, ImportType};
use ferry_http::{Conversation, Method};

use super::{
    Orderflow, amend,
    answer::{self, Answers, ImportAnswer},
    detail, grammar,
    making::{self, Made},
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
    if !are_told_apart(imports) {
        return ask_each(system, conversation, imports).await;
    }
    match send(system, conversation, imports).await {
        Err(failure) if imports.len() > 1 && is_about_one(&failure) => {
            ask_each(system, conversation, imports).await
        }
        answer => imports.iter().map(|_| answer.clone()).collect(),
    }
}

async fn ask_each(
    system: &Orderflow,
    conversation: &Conversation,
    imports: &[Import],
) -> Vec<Result<Answers, Failure>> {
    let mut answers = Vec::with_capacity(imports.len());
    for import in imports {
        answers.push(send(system, conversation, std::slice::from_ref(import)).await);
    }
    answers
}

/// Whether each import finds its own result in one answer: a mapping may call two by one name.
fn are_told_apart(imports: &[Import]) -> bool {
    let names: HashSet<(ImportType, &str)> =
        imports.iter().map(|import| (import.kind, import.reference.as_str())).collect();
    names.len() == imports.len()
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
    let import = match making::make(system, write.part)? {
        Made::Import(import) => import,
        Made::Skipped(reason) => return Ok(ended(Effect::Skipped(reason))),
    };
    if let Some(amending) = &write.amending {
        let change = (write, amending);
        let ended = amend::amend(system, conversation, change, import).await;
        return Ok(Prepared::Ended(ended));
    }
    // Orders can be read; of everything else the same import says what became of the last one: a
    // merge does once what it does twice, and an insert of what is there is a duplicate.
    let readable = import.kind == ImportType::Order && import.operation == ImportOperation::Insert;
    if write.read_first
        && readable
        && detail::read(system, conversation, &import.reference).await?.is_some()
    {
        return Ok(ended(Effect::AlreadySo));
    }
    Ok(Prepared::Import(import))
}

fn ended(effect: Effect) -> Prepared {
    Prepared::Ended(Ok(Applied { effect, target_id: None, warning: None }).into())
}

async fn send(
    system: &Orderflow,
    conversation: &Conversation,
    imports: &[Import],
) -> Result<Answers, Failure> {
    const WAREHOUSE: &str = "/remotewarehouse/imports/importitems.xml";
    let kind = imports.first().map_or(ImportType::Product, |import| import.kind);
    // Orders belong to a channel, everything else to an organisation (OrderFlow reference §1).
    let (operation, path) = match kind {
        ImportType::Order => ("import order", "/remoteorder/imports/importitems.xml"),
        ImportType::Product => ("import product", WAREHOUSE),
        ImportType::Return => ("import return", WAREHOUSE),
        ImportType::PurchaseOrder => ("import purchase order", WAREHOUSE),
        ImportType::Campaign => ("import campaign", WAREHOUSE),
        ImportType::StockMoveTask => ("import stock move", WAREHOUSE),
    };
    let request = system.request(operation, Method::Post, path, &document(imports));
    match conversation.send(request).await {
        Ok(response) => answer::imports(&response),
        Err(error) => Err(Failure::unanswered(&error, true)),
    }
}

/// What a refusal names that OrderFlow lacks: it says so in words only (OrderFlow reference §3.5), so the
/// import's own references are looked for in them. The longest one counts, because one may begin with
/// another.
fn lacking(failure: &Failure, import: &Import) -> Option<Box<Reference>> {
    if failure.kind != FailureKind::MissingReference {
        return None;
    }
    let references = import.properties.iter().filter_map(|(key, value)| {
        let entity = match grammar::plain(key).as_str() {
            "return.orderReference" => Entity::Order,
            plain if plain.ends_with(".product") => Entity::Product,
            plain if plain.ends_with(".product.externalReference") => Entity::Product,
            _ => return None,
        };
        names(&failure.detail, value).then_some((entity, value))
    });
    let (entity, longest) = references.max_by_key(|(_, value)| value.len())?;
    Reference::new(entity, longest).ok().map(Box::new)
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
    let key = (import.kind.as_str().to_owned(), import.reference.clone());
    match answers.get(&key) {
        Some(ImportAnswer::Success { item }) => {
            let effect = match import.operation {
                ImportOperation::Insert => Effect::Created,
                ImportOperation::Update | ImportOperation::Merge => Effect::Updated,
            };
            Ok(Applied { effect, target_id: item.clone(), warning: import.warning.clone() })
        }
        Some(ImportAnswer::Duplicate { message }) => {
            // After a try of ours it is that try's success; what somebody else has brought, or we
            // ourselves with an earlier state, keeps what it has.
            let retried = write.attempt > 1 || write.read_first;
            let ours = retried && write.target_id.is_none();
            let warning = format!("OrderFlow has it already and keeps what it has: {message}");
            let warning = (!ours).then_some(warning);
            Ok(Applied { effect: Effect::AlreadySo, target_id: None, warning })
        }
        Some(ImportAnswer::Failure { message, detail }) => {
            let failure = answer::item_failure(message, detail, 200);
            Err(Failure { missing: lacking(&failure, import), ..failure })
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
