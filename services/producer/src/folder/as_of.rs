//! The as-of times of files: what orders what they say.
//!
//! A file's is the time it was written, in milliseconds. No two files of a folder share one, or the
//! lines of both would be ordered as if they were one file's: a file that finds its time taken steps
//! past all that are taken there, because it came later. The times are given before anything of the
//! files is made durable, and are kept, so that a file which is read twice says the same twice.

use std::{collections::BTreeMap, path::PathBuf, time::SystemTime};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Looks, name_of};

/// How many runs of taken times are remembered; the oldest are forgotten first.
const TAKEN_MAX: usize = 128;

/// What a folder has given away. Times are milliseconds since the epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Given {
    /// First and last of each run of times without a gap, in order.
    taken: Vec<(i64, i64)>,
    /// The files that are not moved away, by name.
    files: BTreeMap<String, File>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct File {
    /// What tells it from another of its name.
    bytes: u64,
    modified: i128,
    as_of: i64,
}

impl Given {
    /// The settled files with their as-of times, oldest first. Files of one time are told apart by
    /// their names. What is not there any more is forgotten.
    pub(super) fn give(
        &mut self,
        found: &Looks,
        mut settled: Vec<PathBuf>,
    ) -> Vec<(PathBuf, Timestamp)> {
        let names: BTreeMap<String, (u64, i128)> = found
            .iter()
            .map(|(path, (bytes, modified))| (name_of(path), (*bytes, nanoseconds(*modified))))
            .collect();
        let is_there =
            |name: &String, file: &mut File| names.get(name) == Some(&(file.bytes, file.modified));
        self.files.retain(is_there);
        let look = |path: &PathBuf| names.get(&name_of(path)).copied().unwrap_or_default();
        settled.sort_by_key(|path| (look(path).1, path.clone()));
        let mut given = Vec::with_capacity(settled.len());
        for path in settled {
            let (bytes, modified) = look(&path);
            let as_of = match self.files.get(&name_of(&path)) {
                Some(file) => file.as_of,
                None => self.take(milliseconds(modified)),
            };
            self.files.insert(name_of(&path), File { bytes, modified, as_of });
            given.push((path, as_of));
        }
        given.sort_by_key(|(_, as_of)| *as_of);
        let time = |millis| Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH);
        given.into_iter().map(|(path, as_of)| (path, time(as_of))).collect()
    }

    /// A file is moved away: the next of its name is another one.
    pub(super) fn forget(&mut self, name: &str) {
        self.files.remove(name);
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

fn nanoseconds(time: SystemTime) -> i128 {
    Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH).as_nanosecond()
}

fn milliseconds(nanoseconds: i128) -> i64 {
    Timestamp::from_nanosecond(nanoseconds).unwrap_or(Timestamp::UNIX_EPOCH).as_millisecond()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Looks at files by name and millisecond, all settled.
    fn give(given: &mut Given, files: &[(&str, u64)]) -> Vec<(String, i64)> {
        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        let found: Looks =
            files.iter().map(|(name, millis)| (PathBuf::from(name), (1, at(*millis)))).collect();
        // As after a restart.
        let text = serde_json::to_string(given).unwrap();
        *given = serde_json::from_str(&text).unwrap();
        let times = given.give(&found, found.keys().cloned().collect());
        times.into_iter().map(|(path, as_of)| (name_of(&path), as_of.as_millisecond())).collect()
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
    fn a_file_keeps_its_time_until_it_is_moved_away() {
        let mut given = Given::default();
        give(&mut given, &[("a", 5)]);
        assert_eq!(give(&mut given, &[("a", 5), ("b", 5)]), named(&[("a", 5), ("b", 6)]));
        given.forget("a");
        assert_eq!(give(&mut given, &[("a", 5), ("b", 5)]), named(&[("b", 6), ("a", 7)]));
        // It was moved away, and nobody lived to say so.
        give(&mut given, &[]);
        assert_eq!(give(&mut given, &[("a", 5)]), named(&[("a", 8)]));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut given = Given::default();
        for millis in 0..1_000 {
            give(&mut given, &[("a", 10 * millis)]);
        }
        assert_eq!((given.taken.len(), given.files.len()), (TAKEN_MAX, 1));
        assert_eq!(give(&mut given, &[("b", 9_990)]), named(&[("b", 9_991)]));
    }
}
