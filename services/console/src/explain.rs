//! What happened to one entity, in sentences.

use std::collections::BTreeMap;

use ferry_store::{AppliedPart, DeadSummary, EntityView, JournalRow};
use serde::Serialize;

use crate::targets::TargetRow;

/// What `GET /api/v1/explain/{entity}/{id}` answers.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    /// What a person reads first.
    sentences: Vec<String>,
    ids: BTreeMap<String, String>,
    parts: Vec<AppliedPart>,
    dead: Vec<DeadSummary>,
    journal: Vec<JournalRow>,
}

impl Answer {
    /// `targets`: those an entity of this kind goes to.
    pub(crate) fn new(entity: &str, id: &str, view: EntityView, targets: &[TargetRow]) -> Self {
        let mut sentences: Vec<String> =
            view.parts.iter().map(|part| applied(entity, id, part)).collect();
        sentences.extend(view.busy.iter().map(|target| {
            format!(
                "At {target} it is being written, or its last answer was lost and is read again."
            )
        }));
        sentences.extend(view.dead.iter().map(dead));
        if sentences.is_empty() {
            sentences.push(format!(
                "Nothing of {entity} {id} has been applied anywhere; the journal below is all there is."
            ));
        }
        let stopped = targets.iter().filter_map(|target| target.sentence.as_ref());
        sentences
            .extend(stopped.map(|sentence| format!("What is still to come waits: {sentence}.")));
        Self { sentences, ids: view.ids, parts: view.parts, dead: view.dead, journal: view.journal }
    }
}

fn applied(entity: &str, id: &str, part: &AppliedPart) -> String {
    let name = match &part.part {
        Some(name) => format!("{} {name}", part.facet),
        None => part.facet.clone(),
    };
    format!(
        "The {name} of {entity} {id} from {} ended as {} at {} on {} (sequence {}).",
        part.source,
        part.outcome,
        part.target,
        part.applied_at,
        part.sequence.trim_start_matches('0')
    )
}

fn dead(letter: &DeadSummary) -> String {
    format!(
        "Dead letter {} from {} ({}): {} {}",
        letter.id, letter.origin, letter.kind, letter.detail, letter.sentence
    )
}
