//! Writing to OrderFlow: one import request for several writes, one answer each.

use std::collections::HashSet;

use ferry_canonical::{Brought, Disposition, Doubt, Entity, FailureKind, Reference, Step};
use ferry_config::{
    orderflow::{ImportOperation, ImportType},
    responses::Verdict,
};
use ferry_http::{Conversation, Method};

use super::{
    Orderflow, amend,
    answer::{self, Answers},
    detail, grammar,
    making::{self, Made, Plan},
    properties::{Import, document},
};
use crate::{Amending, Answer, Applied, Effect, Failure, Write, rules::Judged};

const NOT_SENT: &str = "it was not sent: OrderFlow has not answered the import before it";

/// Imports every write that makes a document; the others fail on their own.
pub(super) async fn import(
    system: &Orderflow,
    conversation: &Conversation,
    (plan, writes): (&Plan, &[Write<'_>]),
) -> Vec<Answer> {
    let mut ended: Vec<Option<Answer>> = Vec::new();
    let mut imports = Vec::new();
    for write in writes {
        match prepare(system, conversation, (plan, write)).await {
            Ok(Prepared::Import(import)) => {
                imports.push(import);
                ended.push(None);
            }
            Ok(Prepared::Ended(answer)) => ended.push(Some(answer)),
            Err(failure) => ended.push(Some(Err(failure).into())),
        }
    }
    let mut answers = ask(system, conversation, (plan, &imports)).await.into_iter();
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
/// imports: they are asked about one by one, but for those that are not to be sent twice, which are
/// alone from the first.
async fn ask(
    system: &Orderflow,
    conversation: &Conversation,
    (plan, imports): (&Plan, &[Import]),
) -> Vec<Result<Answers, Failure>> {
    if imports.is_empty() {
        return Vec::new();
    }
    if plan.is_blind() || !are_told_apart(imports) {
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
    // Each behind one that was not answered would hold the call for a whole deadline.
    let mut silent = None;
    for import in imports {
        let answer = match silent {
            Some(kind) => Err(Failure::new(kind, NOT_SENT)),
            None => send(system, conversation, std::slice::from_ref(import)).await,
        };
        silent = silent.or(answer.as_ref().err().filter(|last| is_silence(last)).map(|f| f.kind));
        answers.push(answer);
    }
    answers
}

/// Whether nobody knows what became of a request, or whether there is anybody to ask.
const fn is_silence(failure: &Failure) -> bool {
    failure.unread || matches!(failure.kind, FailureKind::Connection | FailureKind::Timeout)
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
    (plan, write): (&Plan, &Write<'_>),
) -> Result<Prepared, Failure> {
    let made = making::make(system, write.part);
    let import = match (made, &write.amending) {
        (Ok(Made::Import(import)), _) => import,
        (Ok(Made::Skipped(reason)), Some(amending)) if amending.begun != Step::None => {
            return Err(half_done(amending, Failure::new(FailureKind::Rejected, reason)));
        }
        (Ok(Made::Skipped(reason)), _) => return Ok(ended(Effect::Skipped(reason), None)),
        (Err(failure), Some(amending)) if amending.begun != Step::None => {
            return Err(half_done(amending, failure));
        }
        (Err(failure), _) => return Err(failure),
    };
    if let Some(amending) = &write.amending {
        let change = (write, amending);
        let ended = amend::amend(system, conversation, change, import).await;
        return Ok(Prepared::Ended(ended));
    }
    // What an import without an answer has done: a merge or an update does once what it does twice,
    // orders are looked at, an insert that is refused where it is there says so, and of any other
    // nobody knows.
    if write.doubt == Doubt::None || import.operation != ImportOperation::Insert {
        return Ok(Prepared::Import(import));
    }
    if plan.is_blind() && write.doubt == Doubt::Open {
        return Err(unknown(&import));
    }
    let readable = import.kind == ImportType::Order;
    if readable && detail::read(system, conversation, &import.reference).await?.is_some() {
        let other = write.brought == Brought::Other;
        let warning = other.then(|| "OrderFlow has it already, maybe as it was before".to_owned());
        return Ok(ended(Effect::AlreadySo, warning));
    }
    Ok(Prepared::Import(import))
}

/// An earlier try may have cancelled the order, and there is nothing to import in its place.
fn half_done(amending: &Amending<'_>, failure: Failure) -> Failure {
    let is = if amending.begun == Step::Taken { "is" } else { "may be" };
    let detail = &failure.detail;
    let detail = format!("the order {is} cancelled at OrderFlow and not imported again: {detail}");
    Failure { detail, ..failure }
}

/// An insert that may be there, and that OrderFlow may take a second time.
fn unknown(import: &Import) -> Failure {
    let Import { kind, reference, .. } = import;
    let detail = format!(
        "an import of {kind} {reference} had no answer, and a second one might make it twice: look \
         whether it is at OrderFlow; if it is not, send this letter again in its next generation (the \
         runbook on `ambiguous` says how), and if it is, leave the letter as it is"
    );
    Failure::new(FailureKind::Ambiguous, detail)
}

fn ended(effect: Effect, warning: Option<String>) -> Prepared {
    Prepared::Ended(Ok(Applied { effect, target_id: None, warning, rule: None }).into())
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
        Ok(response) => answer::imports(&system.rules, &response),
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
    let answer = answers.of(import.kind.as_str(), &import.reference).ok_or_else(unmentioned)?;
    let Some(judged) = answer.judged else { return Ok(taken(import, write, answer.item, None)) };
    if let Some(kind) = judged.verdict.kind() {
        let failure = answer::item_failure(&judged, kind, answers.status);
        return Err(Failure { missing: lacking(&failure, import), ..failure });
    }
    if judged.verdict == Verdict::Duplicate {
        return duplicate(import, write, judged);
    }
    Ok(taken(import, write, answer.item, Some(judged.rule)))
}

fn taken(
    import: &Import,
    write: &Write<'_>,
    item: Option<String>,
    rule: Option<String>,
) -> Applied {
    let effect = match import.operation {
        ImportOperation::Insert => Effect::Created,
        ImportOperation::Update | ImportOperation::Merge => Effect::Updated,
    };
    // What a part of an entity is called there is no name of the entity.
    let target_id = item.filter(|_| write.subject.part.is_none());
    let warning = import.warning.clone().or_else(|| kept_lines(import, write));
    Applied { effect, target_id, warning, rule }
}

/// A merge takes nothing away: a line that the change no longer has is still there. What the earlier
/// document had is not known here.
fn kept_lines(import: &Import, write: &Write<'_>) -> Option<String> {
    let merged = import.operation != ImportOperation::Insert && write.brought == Brought::Other;
    let told = "OrderFlow keeps lines that the change has taken away, if it has";
    (merged && grammar::has_lines(import.kind)).then(|| told.to_owned())
}

/// OrderFlow has one of this reference, and it stays as it is. It is ours where this content, and no
/// other, was sent before; that it was tried again says nothing.
fn duplicate(import: &Import, write: &Write<'_>, judged: Judged) -> Result<Applied, Failure> {
    let message = judged.message.as_deref().unwrap_or("it exists already");
    let kept = format!("OrderFlow has it already and keeps what it has: {message}");
    let told = match import.kind {
        ImportType::Order | ImportType::Product => true,
        ImportType::Return
        | ImportType::PurchaseOrder
        | ImportType::Campaign
        | ImportType::StockMoveTask => false,
    };
    let warning = match write.brought {
        Brought::Same => None,
        Brought::Nothing => Some(kept),
        Brought::Other if told => Some(kept),
        Brought::Other => {
            let failure = Failure::new(FailureKind::Rejected, kept);
            return Err(Failure { rule: Some(judged.rule), ..failure });
        }
    };
    let rule = Some(judged.rule);
    Ok(Applied { effect: Effect::AlreadySo, target_id: None, warning, rule })
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
