//! A drop folder and its kinds of file.

use std::path::Path;

use ferry_canonical::Facet;

use super::{Findings, systems::mapping};
use crate::{
    raw::{RawFileKind, RawFiles},
    system::{Encoding, FileColumns, FileFormat},
};

/// What the name of a report ends in.
const REPORT: &str = ".errors.csv";

pub(super) fn check(key: &str, raw: &RawFiles, base_dir: &Path, findings: &mut Findings<'_>) {
    for (name, kind) in &raw.files {
        let key = format!("{key}.files.{name}");
        if let Some(file) = &kind.mapping {
            mapping(&key, file, base_dir, findings);
        }
        if kind.pattern.is_empty() || kind.pattern.contains('/') {
            let message = "it must be the pattern of a name in the folder, without `/`";
            findings.error(&format!("{key}.pattern"), message);
        }
        if kind.pattern.ends_with(REPORT) {
            let message =
                format!("what ends in {REPORT} is a report of Ferry's, and is never read");
            findings.error(&format!("{key}.pattern"), message);
        }
        columns(&key, kind, findings);
        if kind.format == FileFormat::Jsonl {
            json_lines(&key, kind, findings);
        }
    }
}

fn columns(key: &str, kind: &RawFileKind, findings: &mut Findings<'_>) {
    match kind.columns {
        None if kind.mapping.is_none() => {
            let message = "missing; only where `columns` says what they mean none is needed";
            findings.error(&format!("{key}.mapping"), message);
        }
        Some(FileColumns::Orders) if kind.facet != Facet::Placed => {
            let message = format!("`orders` are the facet placed, not {}", kind.facet);
            findings.error(&format!("{key}.columns"), message);
        }
        None | Some(FileColumns::Orders) => {}
    }
    let Some(zone) = &kind.time_zone else { return };
    if kind.columns.is_none() {
        let message = "it means nothing without `columns`: a mapping reads times by itself";
        findings.error(&format!("{key}.time_zone"), message);
    } else if jiff::tz::TimeZone::get(zone).is_err() {
        let message = "it is not an IANA time zone such as Europe/London";
        findings.error(&format!("{key}.time_zone"), message);
    }
}

fn json_lines(key: &str, kind: &RawFileKind, findings: &mut Findings<'_>) {
    if kind.delimiter.is_some() {
        findings.error(&format!("{key}.delimiter"), "only csv has one, this is jsonl");
    }
    if kind.columns.is_some() {
        findings.error(&format!("{key}.columns"), "only csv has them, this is jsonl");
    }
    if kind.encoding.is_some_and(|encoding| encoding != Encoding::Utf8) {
        findings.error(&format!("{key}.encoding"), "JSON is utf-8");
    }
}
