//! Reports that were pulled (OrderFlow reference §4): rows of whatever the instance's report says. A
//! mapping of the configuration makes parts of them; without one they are journalled and skipped.
//!
//! A part is a whole state. Rows that are of one state (a return's lines) go into the mapping together,
//! as the configuration groups them; where several rows still say the same part, none of them does.

use std::collections::BTreeMap;

use ferry_canonical::{Clock, FailureKind, Sequence};
use ferry_mapping::MapError;
use serde_json::Value;

use super::{Document, MESSAGE_ID};
use crate::{BadItem, Draft, Item, draft::PartDraft, json, orderflow::Report, xml::Element};

/// One row of a report.
struct Row<'a> {
    /// The elements around it, the outermost first.
    above: Vec<&'a Element>,
    element: &'a Element,
    pointer: String,
}

/// What some rows say together.
struct Said<'a> {
    rows: Vec<Row<'a>>,
    draft: Result<Draft, String>,
}

impl Document<'_> {
    pub(super) fn report(&self, name: &str, report: Option<&Report>) -> Vec<Item> {
        let rows = self.rows();
        let Some(report) = report else {
            let what = format!("report {name} with {} rows", rows.len());
            return vec![self.skip(&what, "no mapping is configured for it")];
        };
        let mut said: Vec<Said<'_>> = Vec::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for rows in self.grouped(rows, &report.group) {
            let draft = self.state(report, &rows);
            let Some(subject) = subject(&draft) else {
                said.push(Said { rows, draft });
                continue;
            };
            let place = *places.entry(subject.clone()).or_insert(said.len());
            match said.get_mut(place) {
                None => said.push(Said { rows, draft }),
                Some(first) if is_same(&first.draft, &draft) => {
                    said.push(Said { rows, draft: Ok(repeated(&subject)) });
                }
                Some(first) => {
                    first.rows.extend(rows);
                    first.draft = Err(contradicted(first.rows.len(), &subject));
                }
            }
        }
        said.into_iter().map(|said| self.item(said)).collect()
    }

    fn item(&self, said: Said<'_>) -> Item {
        let first = said.rows.first();
        let draft = said.draft.map_err(|detail| {
            let rows = said.rows.iter().map(|row| self.whole(row.element));
            let above = first.map_or(&[][..], |first| first.above.as_slice());
            let fragment = self.cut_out(above, &rows.collect::<Vec<_>>().concat());
            BadItem { kind: FailureKind::Validation, detail, fragment, key: None }
        });
        Item { pointer: first.map_or_else(String::new, |first| first.pointer.clone()), draft }
    }

    /// What stands in `lines`, where there is such a list, whatever stands beside it; else everything.
    fn rows(&self) -> Vec<Row<'_>> {
        let (root, all) = (self.root, &self.root.children);
        let lists: Vec<&Element> = all.iter().filter(|child| child.name == "lines").collect();
        let rows: Vec<(Vec<&Element>, &Element)> = if lists.is_empty() {
            all.iter().map(|row| (vec![root], row)).collect()
        } else {
            let rows =
                lists.into_iter().flat_map(|list| list.children.iter().map(move |row| (list, row)));
            rows.map(|(list, row)| (vec![root, list], row)).collect()
        };
        rows.into_iter()
            .enumerate()
            .map(|(index, (above, element))| {
                let names: Vec<&str> = above.iter().map(|list| list.name.as_str()).collect();
                let pointer = format!("/{}/{}[{}]", names.join("/"), element.name, index + 1);
                Row { above, element, pointer }
            })
            .collect()
    }

    /// Rows that have these fields in common, in the order of the first of each; without fields each
    /// row by itself.
    fn grouped<'r>(&self, rows: Vec<Row<'r>>, fields: &[String]) -> Vec<Vec<Row<'r>>> {
        if fields.is_empty() {
            return rows.into_iter().map(|row| vec![row]).collect();
        }
        let mut groups: Vec<Vec<Row<'r>>> = Vec::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for row in rows {
            let all = self.rest(row.element, &[], &[]);
            let key: Vec<Option<&Value>> = fields.iter().map(|field| all.get(field)).collect();
            let key = serde_json::to_string(&key).unwrap_or_default();
            let place = *places.entry(key).or_insert(groups.len());
            match groups.get_mut(place) {
                Some(group) => group.push(row),
                None => groups.push(vec![row]),
            }
        }
        groups
    }

    /// What the mapping makes of a row, or of a group of them.
    fn state(&self, report: &Report, rows: &[Row<'_>]) -> Result<Draft, String> {
        let mut values = rows.iter().map(|row| Value::Object(self.rest(row.element, &[], &[])));
        let value = if report.group.is_empty() {
            values.next().unwrap_or_default()
        } else {
            Value::Array(values.collect())
        };
        let mapped = match report.mapping.run(&value) {
            Ok(mapped) => mapped,
            Err(MapError::Nothing) => {
                let what = rows.first().map(|row| row.pointer.clone()).unwrap_or_default();
                let reason = format!("mapping {} gives nothing for it", report.name);
                return Ok(Draft::Skip { what, reason });
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

fn subject(draft: &Result<Draft, String>) -> Option<String> {
    match draft {
        Ok(Draft::Part(draft)) => Some(draft.part.subject().to_string()),
        Ok(Draft::Removed(_) | Draft::Skip { .. }) | Err(_) => None,
    }
}

fn is_same(first: &Result<Draft, String>, other: &Result<Draft, String>) -> bool {
    match (first, other) {
        (Ok(Draft::Part(first)), Ok(Draft::Part(other))) => first.part == other.part,
        (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
    }
}

fn repeated(subject: &str) -> Draft {
    let reason = "another row of the report says exactly this";
    Draft::Skip { what: subject.to_owned(), reason: reason.to_owned() }
}

fn contradicted(rows: usize, subject: &str) -> String {
    format!(
        "{rows} rows say {subject}, and not the same of it: a part is a whole state; \
         let `group` of the report name what the rows of one part have in common"
    )
}
