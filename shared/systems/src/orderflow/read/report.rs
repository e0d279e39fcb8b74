//! Reports that were pulled (OrderFlow reference §4): rows of whatever the instance's report says. A
//! mapping of the configuration makes parts of them; without one they are journalled and skipped.

use ferry_canonical::{Clock, FailureKind, Sequence};
use ferry_mapping::MapError;
use serde_json::Value;

use super::{Document, MESSAGE_ID};
use crate::{BadItem, Draft, Item, draft::PartDraft, json, orderflow::Report, xml::Element};

impl Document<'_> {
    pub(super) fn report(&self, name: &str, report: Option<&Report>) -> Vec<Item> {
        let rows = self.rows();
        let Some(report) = report else {
            let what = format!("report {name} with {} rows", rows.len());
            return vec![self.skip(&what, "no mapping is configured for it")];
        };
        rows.iter()
            .enumerate()
            .map(|(index, (above, row))| {
                let names: Vec<&str> = above.iter().map(|list| list.name.as_str()).collect();
                let pointer = format!("/{}/{}[{}]", names.join("/"), row.name, index + 1);
                let draft = self.row(report, row, &pointer).map_err(|detail| BadItem {
                    kind: FailureKind::Validation,
                    detail,
                    fragment: self.cut_out(above, self.whole(row)),
                    key: None,
                });
                Item { pointer, draft }
            })
            .collect()
    }

    /// What stands in `lines`, where there is such a list, whatever stands beside it; else everything.
    /// With the elements around each, the outermost first.
    fn rows(&self) -> Vec<(Vec<&Element>, &Element)> {
        let (root, all) = (self.root, &self.root.children);
        let lists: Vec<&Element> = all.iter().filter(|child| child.name == "lines").collect();
        if lists.is_empty() {
            return all.iter().map(|row| (vec![root], row)).collect();
        }
        let rows =
            lists.into_iter().flat_map(|list| list.children.iter().map(move |row| (list, row)));
        rows.map(|(list, row)| (vec![root, list], row)).collect()
    }

    fn row(&self, report: &Report, row: &Element, pointer: &str) -> Result<Draft, String> {
        let value = Value::Object(self.rest(row, &[], &[]));
        let mapped = match report.mapping.run(&value) {
            Ok(mapped) => mapped,
            Err(MapError::Nothing) => {
                let reason = format!("mapping {} gives nothing for it", report.name);
                return Ok(Draft::Skip { what: pointer.to_owned(), reason });
            }
            Err(error) => return Err(error.to_string()),
        };
        Ok(Draft::Part(Box::new(PartDraft {
            part: json::part(report.facet, &mapped)?,
            source_id: None,
            sequence: Sequence(self.message_id()?),
            clock: Clock::named(MESSAGE_ID),
            time: None,
        })))
    }
}
