//! The as-of times of files: what orders what they say.
//!
//! A file's is the time it was written, in milliseconds. No two files of a source share one, or the
//! lines of both would be ordered as if they were one file's: a file that finds its time taken steps
//! past all that are taken there, because it came later. The times are given before anything of the
//! files is made durable, and are kept, so that a file which is read twice says the same twice.
//!
//! That holds for a file that is there a second time as well. One of the name and content that the
//! last one of its name had keeps that one's time: what it says is where it was said first, and
//! changes nothing. What targets change by themselves is said again by a file that is newer.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use ferry_store::Cursors;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How many runs of taken times are remembered; the oldest are forgotten first.
const TAKEN_MAX: usize = 128;
/// How many files are remembered that are done, by their names.
const DONE_MAX: usize = 256;

/// What a source has given away. Times are milliseconds since the epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Given {
    /// First and last of each run of times without a gap, in order.
    taken: Vec<(i64, i64)>,
    /// The last file of each name.
    files: BTreeMap<String, File>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct File {
    /// Of its content.
    #[serde(default)]
    digest: String,
    /// Nanoseconds.
    modified: i128,
    as_of: i64,
    /// How often it was there before.
    #[serde(default)]
    before: u32,
    /// All of it is durable, or it was taken away.
    #[serde(default)]
    is_done: bool,
    /// It came over HTTP, and is in no folder.
    #[serde(default)]
    is_uploaded: bool,
}

/// A file that is to have its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its kind and its name.
    pub(crate) name: String,
    pub(crate) digest: String,
    pub(crate) modified: Timestamp,
    /// Whether it says what targets change by themselves.
    pub(crate) restates: bool,
    /// Whether it came over HTTP.
    pub(crate) is_uploaded: bool,
}

/// A file's place among all that its source says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) as_of: Timestamp,
    /// How often a file of this name and content was done before it.
    pub(crate) before: u32,
}

impl Place {
    /// What there is to say of it.
    pub(crate) fn told(self) -> Option<String> {
        let told = "its content was there before under this name, and keeps its as-of time";
        (self.before > 0).then(|| format!("{told}, {}", self.as_of))
    }
}

/// Changes what is remembered of a source's files, durably. `None`: another producer has changed it
/// meanwhile, and nothing is changed.
pub(crate) async fn change<S: Cursors, T>(
    store: &S,
    source: &str,
    change: impl FnOnce(&mut Given) -> T,
) -> anyhow::Result<Option<T>> {
    let name = cursor(source);
    let from = store.cursor(&name).await.context("reading the as-of times")?;
    let mut given = match &from {
        Some(text) => serde_json::from_str(text).context("reading the as-of times")?,
        None => Given::default(),
    };
    let changed = change(&mut given);
    let to = serde_json::to_string(&given).context("writing the as-of times")?;
    if from.as_ref() == Some(&to) {
        return Ok(Some(changed));
    }
    let moved = store.move_cursor(&name, from.as_deref(), &to).await;
    Ok(moved.context("writing the as-of times")?.then_some(changed))
}

/// The name of what is remembered, and of the lease on the folder.
pub(crate) fn cursor(source: &str) -> String {
    format!("folder/{source}")
}

impl Given {
    /// The files with their places, oldest first. Files of one time are told apart by their names.
    pub(crate) fn give(&mut self, mut found: Vec<Found>) -> Vec<(Found, Place)> {
        found.sort_by(|one, two| (one.modified, &one.name).cmp(&(two.modified, &two.name)));
        let mut given: Vec<(Found, Place)> = found
            .into_iter()
            .map(|found| {
                let place = self.place(&found);
                (found, place)
            })
            .collect();
        given.sort_by_key(|(_, place)| place.as_of);
        self.forget();
        given
    }

    /// A file is moved away: the next of its name is another one.
    pub(crate) fn done(&mut self, name: &str) {
        if let Some(file) = self.files.get_mut(name) {
            file.is_done = true;
        }
    }

    /// What was dropped and is not there any more was moved away, by whomever.
    pub(crate) fn only(&mut self, names: &BTreeSet<String>) {
        for (name, file) in &mut self.files {
            file.is_done |= !file.is_uploaded && !names.contains(name);
        }
    }

    fn place(&mut self, found: &Found) -> Place {
        let modified = found.modified.as_nanosecond();
        let same = self.files.get(&found.name).filter(|file| {
            file.digest == found.digest && (!found.restates || modified <= file.modified)
        });
        let (as_of, before) = match same {
            Some(file) => (file.as_of, file.before.saturating_add(u32::from(file.is_done))),
            None => (self.take(found.modified.as_millisecond()), 0),
        };
        let digest = found.digest.clone();
        let is_uploaded = found.is_uploaded;
        let file = File { digest, modified, as_of, before, is_done: false, is_uploaded };
        self.files.insert(found.name.clone(), file);
        let as_of = Timestamp::from_millisecond(as_of).unwrap_or(Timestamp::UNIX_EPOCH);
        Place { as_of, before }
    }

    /// The oldest that are done. An upload that never was may not come again.
    fn forget(&mut self) {
        let done = self.files.iter().filter(|(_, file)| file.is_done || file.is_uploaded);
        let mut done: Vec<(i64, String)> =
            done.map(|(name, file)| (file.as_of, name.clone())).collect();
        done.sort();
        done.truncate(done.len().saturating_sub(DONE_MAX));
        for (_, name) in done {
            self.files.remove(&name);
        }
    }

    /// The time, or the first after it that is not taken.
    fn take(&mut self, own: i64) -> i64 {
        let at = self.taken.partition_point(|(first, _)| *first <= own);
        let before = at.checked_sub(1).and_then(|index| self.taken.get_mut(index));
        let time = match before {
            Some((_, last)) if *last >= own => {
                *last = last.saturating_add(1);
                *last
            }
            Some(_) | None => {
                self.taken.insert(at, (own, own));
                own
            }
        };
        // Runs that touch are one.
        self.taken.dedup_by(|later, earlier| {
            let touch = later.0 <= earlier.1.saturating_add(1);
            earlier.1 = if touch { earlier.1.max(later.1) } else { earlier.1 };
            touch
        });
        self.taken.drain(..self.taken.len().saturating_sub(TAKEN_MAX));
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, millis: i64, content: &str) -> Found {
        Found {
            name: name.to_owned(),
            digest: content.to_owned(),
            modified: Timestamp::from_millisecond(millis).unwrap(),
            restates: false,
            is_uploaded: false,
        }
    }

    fn give_all(given: &mut Given, found: Vec<Found>) -> Vec<(String, i64, u32)> {
        // As after a restart.
        let text = serde_json::to_string(given).unwrap();
        *given = serde_json::from_str(&text).unwrap();
        let places = given.give(found).into_iter();
        places.map(|(found, p)| (found.name, p.as_of.as_millisecond(), p.before)).collect()
    }

    /// Gives files of contents of their own by name and millisecond, which are the only ones there.
    fn give(given: &mut Given, files: &[(&str, i64)]) -> Vec<(String, i64)> {
        given.only(&files.iter().map(|(name, _)| (*name).to_owned()).collect());
        let content = |name: &str, millis: i64| format!("{name} {millis}");
        let files =
            files.iter().map(|(name, millis)| found(name, *millis, &content(name, *millis)));
        let places = give_all(given, files.collect()).into_iter();
        places.map(|(name, as_of, _)| (name, as_of)).collect()
    }

    fn named(files: &[(&str, i64)]) -> Vec<(String, i64)> {
        files.iter().map(|(name, millis)| ((*name).to_owned(), *millis)).collect()
    }

    #[test]
    fn files_of_one_moment_are_told_apart_by_their_names() {
        let files = [("c", 9), ("b", 5), ("a", 5), ("d", 5)];
        let expected = [("a", 5), ("b", 6), ("d", 7), ("c", 9)];
        assert_eq!(give(&mut Given::default(), &files), named(&expected));
    }

    #[test]
    fn a_file_that_comes_later_steps_past_all_that_share_its_time() {
        let mut given = Given::default();
        give(&mut given, &[("b", 5), ("c", 5)]);
        assert_eq!(give(&mut given, &[("a", 5)]), named(&[("a", 7)]));
        assert_eq!(give(&mut given, &[("a2", 6)]), named(&[("a2", 8)]));
        // The run meets one that was taken before it.
        assert_eq!(give(&mut given, &[("d", 10)]), named(&[("d", 10)]));
        assert_eq!(give(&mut given, &[("e", 5)]), named(&[("e", 9)]));
        assert_eq!(give(&mut given, &[("f", 5)]), named(&[("f", 11)]));
        // An older file stays older, however late it comes.
        assert_eq!(give(&mut given, &[("g", 1)]), named(&[("g", 1)]));
    }

    #[test]
    fn a_file_keeps_its_time_until_another_content_has_its_name() {
        let mut given = Given::default();
        let one = || vec![found("a", 5, "one")];
        assert_eq!(give_all(&mut given, one()), [("a".to_owned(), 5, 0)]);
        // Read again after a kill, with another file beside it.
        let both = vec![found("b", 5, "two"), found("a", 5, "one")];
        let places = [("a".to_owned(), 5, 0), ("b".to_owned(), 6, 0)];
        assert_eq!(give_all(&mut given, both), places);
        // Moved away, and there once more, also if it was copied later on.
        given.done("a");
        assert_eq!(give_all(&mut given, vec![found("a", 99, "one")]), [("a".to_owned(), 5, 1)]);
        // It was moved away, and nobody lived to say so.
        given.only(&BTreeSet::new());
        assert_eq!(give_all(&mut given, one()), [("a".to_owned(), 5, 2)]);
        // A correction of the same moment, and the same content again after it.
        assert_eq!(give_all(&mut given, vec![found("a", 5, "other")]), [("a".to_owned(), 7, 0)]);
        assert_eq!(give_all(&mut given, vec![found("a", 200, "one")]), [("a".to_owned(), 200, 0)]);
    }

    #[test]
    fn what_targets_change_by_themselves_is_said_again_by_a_file_that_is_newer() {
        let mut given = Given::default();
        let levels = |millis| vec![Found { restates: true, ..found("stock", millis, "levels") }];
        assert_eq!(give_all(&mut given, levels(5)), [("stock".to_owned(), 5, 0)]);
        given.done("stock");
        assert_eq!(give_all(&mut given, levels(5)), [("stock".to_owned(), 5, 1)]);
        given.done("stock");
        assert_eq!(give_all(&mut given, levels(6)), [("stock".to_owned(), 6, 0)]);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_keeps_what_is_not_done() {
        let mut given = Given::default();
        give_all(&mut given, vec![found("pending", 1, "x")]);
        for millis in 0..1_000 {
            let name = format!("done {millis}");
            give_all(&mut given, vec![found(&name, 10 * millis, "x")]);
            given.done(&name);
        }
        give_all(&mut given, Vec::new());
        assert_eq!((given.taken.len(), given.files.len()), (TAKEN_MAX, DONE_MAX + 1));
        assert!(given.files.contains_key("pending"));
        assert_eq!(give(&mut given, &[("b", 9_990)]), named(&[("b", 9_991)]));
    }

    #[test]
    fn an_upload_that_was_cut_off_is_the_same_when_it_is_sent_again() {
        let mut given = Given::default();
        let upload = |millis| vec![Found { is_uploaded: true, ..found("a", millis, "one") }];
        assert_eq!(give_all(&mut given, upload(5)), [("a".to_owned(), 5, 0)]);
        // Its folder is looked at meanwhile.
        given.only(&BTreeSet::new());
        assert_eq!(give_all(&mut given, upload(9)), [("a".to_owned(), 5, 0)]);
        given.done("a");
        assert_eq!(give_all(&mut given, upload(12)), [("a".to_owned(), 5, 1)]);
    }

    #[test]
    fn times_that_were_given_before_files_had_a_digest_can_be_read() {
        let text = r#"{"taken":[[5,5]],"files":{"a":{"bytes":1,"modified":5000000,"as_of":5}}}"#;
        let mut given: Given = serde_json::from_str(text).unwrap();
        assert_eq!(give_all(&mut given, vec![found("a", 5, "one")]), [("a".to_owned(), 6, 0)]);
    }
}
