//! Batches: `PATCH /{resource}` (OroCommerce reference §5).
//!
//! With `X-Mode: sync` the request waits for a worker, and what it is answered is the rows. Where a
//! worker has nothing else to do and takes no time, it is answered at once; in all other cases there
//! is an operation.

use serde_json::{Value, json};

use super::answer::Answer;
use super::calls::{append_included, included};
use super::changes;
use super::document::{self, Document, Primary};
use super::find::no_price_list;
use super::operations::{Brought, accepted, loose};
use super::permissions::Right;
use super::plan::Mode;
use super::problem::Problem;
use super::render::{View, resource};
use super::schema::Kind;
use super::shop::{Call, Shop};
use super::store::Store;
use super::version::Feature;
use super::write::{Written, write};

const PRIMARY_MAX: usize = 100;
const INCLUDED_MAX: usize = 50;

impl Shop {
    pub(super) fn batch(&mut self, call: &Call<'_>) -> Result<Answer, Vec<Problem>> {
        for right in [Right::Create, Right::View] {
            call.terms.rights.allow(Kind::AsyncOperations, right)?;
        }
        let body = &call.request.body;
        document::not_empty(body)?;
        let sync = call.terms.dialect.has(Feature::SyncBatch);
        match call.request.header("x-mode") {
            "sync" if sync => self.synchronous(call),
            "" | "async" => Ok(self.later(call, Brought::Unread(body.clone()))),
            _ if sync => {
                let detail = "The accepted values for the \"X-Mode\" are \"sync\" or \"async\".";
                Err(vec![Problem::new(400, "invalid header value exception", detail)])
            }
            _ => Ok(self.later(call, Brought::Unread(body.clone()))),
        }
    }

    fn synchronous(&mut self, call: &Call<'_>) -> Result<Answer, Vec<Problem>> {
        let document = document::parse(&call.request.body, Primary::List)?;
        for (found, most, section, records) in [
            (document.primary.len(), PRIMARY_MAX, "", "records"),
            (
                document.included.len(),
                INCLUDED_MAX,
                " for the section \"included\"",
                "included records",
            ),
        ] {
            if found > most {
                let detail = format!(
                    "The data limit for the synchronous operation exceeded{section}. The maximum \
                     number of {records} that can be processed by the synchronous operation is \
                     {most}."
                );
                return Err(vec![Problem::constraint("request data", detail)]);
            }
        }
        let loose = loose(&document, &[]);
        if !loose.is_empty() {
            return Ok(refused(&document, call.kind, &loose));
        }
        if !self.operations.is_idle() {
            return Ok(self.later(call, Brought::Whole(document)));
        }
        Ok(match write(&mut self.store, call.terms, &document, call.kind, &Mode::Batch) {
            // They are written; it is the list for the answer that cannot be asked for.
            Ok(_) if self.answers_no_prices(call) => {
                Answer::refusal(&[no_price_list()]).with_effects(self.effects())
            }
            Ok(written) => answer(&self.store, &call.view, &written),
            Err(problems) => refused(&document, call.kind, &problems),
        })
    }

    fn answers_no_prices(&self, call: &Call<'_>) -> bool {
        call.kind == Kind::ProductPrices && !self.has(Feature::PriceAnswers)
    }

    fn later(&mut self, call: &Call<'_>, brought: Brought) -> Answer {
        let waits = matches!(brought, Brought::Whole(_));
        let id = self.operations.take(&mut self.store, call, brought);
        let answer = accepted(&self.store, call, &id);
        Answer { waits: waits.then_some(id), ..answer }
    }
}

/// The rows that were written, in the order of the document, and what that did.
pub(super) fn answer(store: &Store, view: &View, written: &[Written]) -> Answer {
    let mut items = Vec::new();
    for primary in written.iter().filter(|written| written.primary) {
        let Some(record) = store.get(primary.kind, &primary.id) else { continue };
        let mut item = resource(store, record, view);
        if let Some(sent) = &primary.sent {
            item.insert("meta".to_owned(), json!({"dataId": sent}));
        }
        items.push(Value::Object(item));
    }
    let mut body = json!({ "data": items });
    append_included(&mut body, included(store, written, view));
    Answer::document(200, body).with_effects(changes::of(store))
}

pub(super) fn refused(document: &Document, kind: Kind, problems: &[Problem]) -> Answer {
    let effects = changes::refused(document, kind, None, problems);
    Answer::refusal(problems).with_effects(effects)
}
