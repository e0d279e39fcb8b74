//! Two systems that have the same customers, and people at both who change them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Asked, Said};

pub(crate) const ENDS: [&str; 2] = ["erp.test", "crm.test"];

#[derive(Debug)]
struct Row {
    number: String,
    name: u32,
    updated: Timestamp,
}

/// What one system has.
#[derive(Debug, Default)]
struct End {
    /// One number twice is what must never be.
    rows: Vec<Row>,
    /// When each was last looked up.
    looked: BTreeMap<String, Timestamp>,
    /// When somebody here last changed each.
    changed: BTreeMap<String, Timestamp>,
}

#[derive(Debug)]
struct Word {
    at: Timestamp,
    end: usize,
    name: u32,
}

/// A write, by what the one who wrote had seen.
#[derive(Debug)]
enum Write {
    Newer,
    /// Somebody has changed it here since it was looked up.
    Unseen,
    /// What is written was said before what he had seen.
    Stale,
}

#[derive(Debug, Default)]
pub(crate) struct People {
    ends: [End; 2],
    /// What somebody said of each, in order, and at which end.
    said: BTreeMap<String, Vec<Word>>,
    /// Of which it is not known which change stands: one was written over by somebody who had looked
    /// before it was made, as a system without conditional writes allows, or something was set back.
    unknown: BTreeSet<String>,
    /// Writes of what was older than what the one who wrote had seen.
    stale: Vec<String>,
}

impl People {
    /// Where it is not yet, it is changed where it is. Who saves what is at both ends already says
    /// nothing. Where it is at one end only, or was said at the other once, nobody could tell whether he
    /// does, and so nobody saves.
    pub(crate) fn change(&mut self, number: &str, end: usize, name: u32, now: Timestamp) {
        let has = |end: &End| end.rows.iter().any(|row| row.number == number);
        let there = self.ends.get(end).is_some_and(has) || !self.ends.iter().any(has);
        let end = if there { end } else { 1 - end };
        let alike = self.ends.iter().all(|end| end.names(number) == [name]);
        let said = self.said.entry(number.to_owned()).or_default();
        let Some(here) = self.ends.get_mut(end) else { return };
        if alike {
            here.set(number, name, now);
        } else if here.names(number) != [name]
            && said.iter().all(|word| word.name != name || word.end == end)
        {
            // Who sets back what was never heard of has changed nothing.
            if said.iter().any(|word| word.name == name) {
                self.unknown.insert(number.to_owned());
            }
            here.set(number, name, now);
            here.changed.insert(number.to_owned(), now);
            said.push(Word { at: now, end, name });
        }
    }

    pub(crate) fn answer(&mut self, host: &str, asked: &Asked, now: Timestamp) -> Said {
        let mut ends = ENDS.iter().zip(&mut self.ends);
        let Some((_, end)) = ends.find(|(name, _)| **name == host) else {
            return Said::no(404, "no such host");
        };
        let path = asked.path.split('?').next().unwrap_or_default();
        let number = path.trim_start_matches("/customers").trim_start_matches('/');
        let body: Value = serde_json::from_str(&asked.body).unwrap_or(Value::Null);
        let text = |field: &str| body.get(field).and_then(Value::as_str);
        let name = text("name").and_then(|name| name.strip_prefix("Ada v")?.parse().ok());
        match (asked.method, number, name) {
            ("GET", "", _) => end.list(asked),
            ("GET", number, _) => end.look(number, now),
            ("POST", "", Some(name)) => {
                let number = text("number").unwrap_or_default().to_owned();
                end.rows.push(Row { number, name, updated: now });
                Said { status: 201, body: String::new() }
            }
            ("PATCH", number, Some(_)) if end.names(number).is_empty() => {
                Said::no(404, "no such customer")
            }
            ("PATCH", number, Some(name)) => {
                let said = self.said.get(number).map(Vec::as_slice).unwrap_or_default();
                match end.judge(number, name, said) {
                    Write::Unseen => drop(self.unknown.insert(number.to_owned())),
                    Write::Stale if !self.unknown.contains(number) => {
                        self.stale.push(format!("{number} became v{name} at {host} again"));
                    }
                    Write::Stale | Write::Newer => {}
                }
                end.set(number, name, now);
                Said::ok("")
            }
            _ => Said::no(400, "no name"),
        }
    }

    /// What must hold at the end: both ends have every customer once, and alike, and of two changes
    /// the later stands.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let mut wrong = self.stale.clone();
        for (number, said) in &self.said {
            let found = self.ends.each_ref().map(|end| end.names(number));
            let last: Vec<u32> = said.last().map(|word| word.name).into_iter().collect();
            let [here, there] = &found;
            let known = !self.unknown.contains(number);
            if here.len() != 1 || here != there || (known && *here != last) {
                wrong.push(format!("customer {number} is {found:?}; what was said: {said:?}"));
            }
        }
        wrong
    }
}

impl End {
    fn set(&mut self, number: &str, name: u32, updated: Timestamp) {
        match self.rows.iter_mut().find(|row| row.number == number) {
            Some(row) => (row.name, row.updated) = (name, updated),
            None => self.rows.push(Row { number: number.to_owned(), name, updated }),
        }
    }

    fn names(&self, number: &str) -> Vec<u32> {
        self.rows.iter().filter(|row| row.number == number).map(|row| row.name).collect()
    }

    fn judge(&self, number: &str, name: u32, said: &[Word]) -> Write {
        let (changed, looked) = (self.changed.get(number), self.looked.get(number));
        let meant = said.iter().rev().find(|word| word.name == name).map(|word| &word.at);
        match () {
            () if changed > looked => Write::Unseen,
            () if meant < changed => Write::Stale,
            () => Write::Newer,
        }
    }

    fn look(&mut self, number: &str, now: Timestamp) -> Said {
        self.looked.insert(number.to_owned(), now);
        match self.rows.iter().find(|row| row.number == number) {
            Some(row) => Said::ok(row.document().to_string()),
            None => Said::no(404, "no such customer"),
        }
    }

    fn list(&self, asked: &Asked) -> Said {
        let number = |name: &str| asked.parameter(name).and_then(|text| text.parse::<usize>().ok());
        let since = asked.parameter("since").and_then(|text| text.parse::<Timestamp>().ok());
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        rows.retain(|row| since.is_none_or(|since| row.updated >= since));
        rows.sort_by_key(|row| (row.updated, &row.number));
        let (page, size): (usize, usize) =
            (number("page").unwrap_or(1), number("size").unwrap_or(5));
        let page = rows.into_iter().skip(page.saturating_sub(1) * size).take(size);
        let rows: Vec<Value> = page.map(Row::document).collect();
        Said::ok(json!({"rows": rows}).to_string())
    }
}

impl Row {
    fn document(&self) -> Value {
        let (name, updated) = (format!("Ada v{}", self.name), self.updated.to_string());
        json!({"number": self.number, "name": name, "updated_at": updated})
    }
}
