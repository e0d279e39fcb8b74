//! Journal rows of one call: every exchange, under every entity it was about.

use ferry_canonical::FailureKind;
use ferry_http::Exchange;
use ferry_store::{Direction, JournalEntry};
use ferry_systems::{Applied, Effect, Failure};

use crate::{act::Called, act::Work, target::Target};

/// One row per exchange and work that it was about; the bodies stand in the first one's rows.
pub(crate) fn rows(target: &Target, called: &Called) -> Vec<JournalEntry> {
    let mut rows = Vec::with_capacity(called.exchanges.len() * called.works.len());
    for (index, (work, result)) in called.works.iter().zip(&called.results).enumerate() {
        let about = |exchange: &&Exchange| exchange.is_about(index);
        for exchange in called.exchanges.iter().filter(about) {
            let first = exchange.about.as_ref().and_then(|works| works.first().copied());
            rows.push(row(target, work, result, exchange, index == first.unwrap_or(0)));
        }
        let last = called.exchanges.iter().rfind(about);
        rows.extend(conflict(target, work, result, last));
    }
    rows
}

fn row(
    target: &Target,
    work: &Work,
    result: &Result<Applied, Failure>,
    exchange: &Exchange,
    bodies: bool,
) -> JournalEntry {
    let lead = work.leads().next();
    let (status, answer) = match &exchange.answer {
        Ok((status, body)) => (Some(*status), String::from_utf8_lossy(body).into_owned()),
        Err(error) => (None, error.clone()),
    };
    let request = String::from_utf8_lossy(&exchange.request_body).into_owned();
    JournalEntry {
        at: exchange.started_at,
        direction: Direction::Out,
        system: target.name.clone(),
        operation: format!("{} ({} {})", exchange.operation, exchange.method, exchange.url),
        route: lead.map(|lead| lead.route.name.clone()),
        entity: lead.map(|lead| lead.event.subject.entity().to_string()),
        entity_id: Some(work.grant.entity_id.clone()),
        part: lead.map(part),
        event_id: lead.map(|lead| lead.event.id),
        record_id: lead.map(|lead| lead.event.causation_id),
        attempt: lead.map(|lead| lead.history.attempt),
        status,
        duration: Some(exchange.duration),
        result: word(result).to_owned(),
        detail: sentence(result),
        rule: rule(result).map(str::to_owned),
        request: (bodies && !request.is_empty()).then_some(request),
        response: (bodies && !answer.is_empty()).then_some(answer),
        key: None,
    }
}

/// A row that the store does not take as it is: what it was about.
pub(crate) fn reduced(row: JournalEntry) -> JournalEntry {
    JournalEntry {
        operation: "a call".to_owned(),
        detail: Some("what was said cannot be stored".to_owned()),
        entity_id: None,
        part: None,
        rule: None,
        request: None,
        response: None,
        key: None,
        ..row
    }
}

/// Where two changes met: both of them, and which stands.
fn conflict(
    target: &Target,
    work: &Work,
    result: &Result<Applied, Failure>,
    last: Option<&Exchange>,
) -> Option<JournalEntry> {
    let met = work.met.as_ref().filter(|met| met.meeting.is_conflict())?;
    let exchange = last?;
    Some(JournalEntry {
        operation: "conflict (ours, theirs)".to_owned(),
        status: None,
        duration: None,
        result: FailureKind::Conflict.as_str().to_owned(),
        detail: met.because.clone(),
        request: Some(met.part.to_json()),
        response: met.held.as_ref().map(|held| held.part.to_json()),
        ..row(target, work, result, exchange, false)
    })
}

fn part(lead: &crate::delivery::InHand) -> String {
    let subject = &lead.event.subject;
    match &subject.part {
        Some(part) => format!("{}/{part}", subject.facet),
        None => subject.facet.to_string(),
    }
}

fn word(result: &Result<Applied, Failure>) -> &'static str {
    match result {
        Ok(Applied { effect: Effect::Skipped(_), .. }) => "skipped",
        Ok(_) => "delivered",
        Err(failure) => failure.kind.as_str(),
    }
}

/// The response rule that says so.
pub(crate) fn rule(result: &Result<Applied, Failure>) -> Option<&str> {
    match result {
        Ok(applied) => applied.rule.as_deref(),
        Err(failure) => failure.rule.as_deref(),
    }
}

/// What a person reads beside the word.
pub(crate) fn sentence(result: &Result<Applied, Failure>) -> Option<String> {
    match result {
        Ok(Applied { effect: Effect::Skipped(reason), .. }) => Some(reason.clone()),
        Ok(applied) => applied.warning.clone(),
        Err(failure) => Some(failure.detail.clone()),
    }
}
