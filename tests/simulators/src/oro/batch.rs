//! Synchronous batches: `PATCH /{resource}` with `X-Mode: sync`, all or nothing (reference §5).
//!
//! Asynchronous batches are not simulated: a request without the mode is told so with 501, which no
//! real shop answers, so that nobody takes it for the shop's word.

use serde_json::{Value, json};

use super::answer::Answer;
use super::calls::append_included;
use super::changes;
use super::document::{self, Primary};
use super::plan::Mode;
use super::problem::Problem;
use super::render::resource;
use super::shop::{Call, Shop};
use super::version::Feature;
use super::write::{Written, write};

const PRIMARY_MAX: usize = 100;
const INCLUDED_MAX: usize = 50;

impl Shop {
    pub(super) fn batch(&mut self, call: &Call<'_>) -> Result<Answer, Vec<Problem>> {
        match call.request.header("x-mode") {
            "sync" if call.terms.dialect.has(Feature::SyncBatch) => {}
            "" | "async" => {
                let detail = "Only X-Mode: sync is simulated.";
                return Err(vec![Problem::new(501, "not simulated", detail)]);
            }
            other => {
                let detail = format!("The \"{other}\" mode is not supported.");
                return Err(vec![Problem::constraint("request data", detail)]);
            }
        }
        let document = document::parse(&call.request.body, Primary::List)?;
        for (what, found, most) in [
            ("primary", document.primary.len(), PRIMARY_MAX),
            ("included", document.included.len(), INCLUDED_MAX),
        ] {
            if found > most {
                let detail = format!(
                    "The data limit for the synchronous operation exceeded. The maximum number of \
                     {what} records that can be processed is {most}."
                );
                return Err(vec![Problem::constraint("request data", detail)]);
            }
        }
        match write(&mut self.store, call.terms, &document, call.kind, &Mode::Batch) {
            Ok(written) => Ok(self.batch_answer(call, &written)),
            Err(problems) => Ok(Answer::refusal(&problems)
                .with_effects(changes::refused(&document, call.kind, None, &problems))),
        }
    }

    fn batch_answer(&self, call: &Call<'_>, written: &[Written]) -> Answer {
        let mut items = Vec::new();
        for primary in written.iter().filter(|written| written.primary) {
            let Some(record) = self.store.get(primary.kind, &primary.id) else { continue };
            let mut item = resource(&self.store, record, &call.view);
            if let Some(sent) = &primary.sent {
                item.insert("meta".to_owned(), json!({"dataId": sent}));
            }
            items.push(Value::Object(item));
        }
        let mut body = json!({ "data": items });
        append_included(&mut body, self.included(written, &call.view));
        Answer::document(200, body).with_effects(self.effects())
    }
}
