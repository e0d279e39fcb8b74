//! A document as it is made of what waits.

use ferry_canonical::Part;
use ferry_store::{Exports, KeptPart, NewDocument, StoreError, Waiting};
use ferry_systems::export::{Export, Rendered};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::limits;

/// What came of making one.
pub(super) enum Made {
    /// All that waits is in it, but for what could not be rendered.
    All { left: Option<String> },
    /// More waits than fitted in.
    Some,
    /// Another loader was quicker.
    Elsewhere,
}

#[derive(Debug, Default)]
pub(super) struct Draft {
    body: Vec<u8>,
    rows: u64,
    parts: Vec<KeptPart>,
    passed: Vec<KeptPart>,
    unrendered: u64,
    /// Why the first of them could not be rendered.
    because: Option<String>,
    pub(super) is_full: bool,
}

impl Draft {
    /// Of what waits for `name`, the longest waiting first, as much as fits in.
    pub(super) async fn of<S: Exports>(
        store: &S,
        name: &str,
        export: &Export,
    ) -> Result<Self, StoreError> {
        let mut draft = Self { body: export.head(), ..Self::default() };
        let mut after: Option<Waiting> = None;
        loop {
            let page = store.waiting(name, after.as_ref(), limits::EXPORT_PAGE).await?;
            let Some(last) = page.last().cloned() else { return Ok(draft) };
            for waits in page {
                if draft.is_at_its_end(export) {
                    draft.is_full = true;
                    return Ok(draft);
                }
                draft.take(export, waits);
            }
            after = Some(last);
        }
    }

    /// What is passed over takes memory as well, until it is written down.
    fn is_at_its_end(&self, export: &Export) -> bool {
        let parts_max = usize::try_from(export.config().parts_max).unwrap_or(usize::MAX);
        let parts = self.parts.len().saturating_add(self.passed.len());
        parts >= parts_max || self.body.len() >= limits::EXPORT_BYTES
    }

    fn take(&mut self, export: &Export, waits: Waiting) {
        let Waiting { part, document, .. } = waits;
        let read = Part::from_json(part.subject.facet, document.as_bytes());
        let rendered = match read {
            Ok(read) => export.render(&read).map_err(|failure| failure.detail),
            Err(error) => Err(error.to_string()),
        };
        match rendered {
            Ok(Rendered::Rows { text, count, .. }) => {
                self.body.extend_from_slice(&text);
                self.rows = self.rows.saturating_add(count);
                self.parts.push(part);
            }
            Ok(Rendered::Nothing(_)) => self.passed.push(part),
            Err(because) => {
                self.unrendered += 1;
                self.because.get_or_insert(because);
            }
        }
    }

    /// What the mapping has no row for any more.
    pub(super) fn passed_over(&self) -> Vec<KeptPart> {
        self.passed.clone()
    }

    /// What stays where it is, in a sentence.
    pub(super) fn left(&self) -> Option<String> {
        let because = self.because.as_ref()?;
        let count = self.unrendered;
        Some(format!(
            "{count} of the waiting parts can't be rendered; the first of them: {because}"
        ))
    }

    /// None without a row.
    pub(super) fn document(
        mut self,
        target: &str,
        (number, id): (u64, Uuid),
        export: &Export,
    ) -> Option<NewDocument> {
        if self.parts.is_empty() {
            return None;
        }
        self.body.extend_from_slice(&export.tail());
        Some(NewDocument {
            target: target.to_owned(),
            number,
            id,
            name: export.name(number),
            media_type: export.media_type().to_owned(),
            sha256: hexadecimal(&Sha256::digest(&self.body)),
            body: self.body,
            rows: self.rows,
            parts: self.parts,
        })
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}
