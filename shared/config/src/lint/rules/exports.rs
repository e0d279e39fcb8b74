//! Exports: what they bring, where it goes, and whether it would ever go.

use std::path::Path;

use ferry_canonical::Facet;

use super::{
    Findings, imports, schedules,
    systems::{fault_of, mapping, secret},
};
use crate::{
    export::{ExportFormat, NUMBER},
    raw::{RawConfig, RawExport, RawExportHttp, RawExportSftp, RawSystem},
};

/// With the number, what every file system takes.
const NAME_BYTES_MAX: usize = 120;

pub(super) fn check(
    (name, raw): (&str, &RawExport),
    config: &RawConfig,
    base_dir: &Path,
    findings: &mut Findings<'_>,
) {
    let key = format!("systems.{name}");
    content(&key, raw, config, findings);
    parts(&key, raw, base_dir, findings);
    way(&key, raw, findings);
    times(&key, raw, findings);
    if let Some(name) = &raw.name
        && let Some(fault) = fault_of_name(name)
    {
        findings.error(&format!("{key}.name"), fault);
    }
    if raw.timeout.0.is_zero() {
        findings.error(&format!("{key}.timeout"), "no document can arrive in no time");
    }
}

/// Whether a document of it has the facet.
pub(super) fn takes(raw: &RawExport, facet: Facet, config: &RawConfig) -> bool {
    match raw.format {
        ExportFormat::Csv | ExportFormat::Xml => raw.parts.values().any(|part| part.facet == facet),
        // A cancellation is a call, and no import.
        ExportFormat::Orderflow => match imported(raw, config) {
            Some(RawSystem::Orderflow(orderflow)) => {
                facet != Facet::Cancellation && imports::takes(orderflow, facet)
            }
            Some(_) | None => false,
        },
    }
}

fn imported<'a>(raw: &RawExport, config: &'a RawConfig) -> Option<&'a RawSystem> {
    config.systems.get(raw.imports_of.as_ref()?)
}

fn content(key: &str, raw: &RawExport, config: &RawConfig, findings: &mut Findings<'_>) {
    let own = |format| raw.format == format;
    let fields = [
        ("columns", !raw.columns.is_empty(), ExportFormat::Csv, "csv"),
        ("head", raw.head.is_some(), ExportFormat::Xml, "xml"),
        ("tail", raw.tail.is_some(), ExportFormat::Xml, "xml"),
        ("imports_of", raw.imports_of.is_some(), ExportFormat::Orderflow, "orderflow"),
    ];
    for (field, said, format, word) in fields {
        if said && !own(format) {
            findings.error(&format!("{key}.{field}"), format!("only `{word}` has it"));
        }
    }
    if own(ExportFormat::Csv) && raw.columns.is_empty() {
        findings.error(key, "csv needs `columns`");
    }
    for (index, column) in raw.columns.iter().enumerate() {
        if column.is_empty() || raw.columns.iter().take(index).any(|other| other == column) {
            let message = "a column has a name, and no other has the same";
            findings.error(&format!("{key}.columns[{index}]"), message);
        }
    }
    if own(ExportFormat::Orderflow)
        && !matches!(imported(raw, config), Some(RawSystem::Orderflow(_)))
    {
        let message = "`imports_of` has to name an OrderFlow system, whose documents these are";
        findings.error(key, message);
    }
}

fn parts(key: &str, raw: &RawExport, base_dir: &Path, findings: &mut Findings<'_>) {
    let named = raw.format != ExportFormat::Orderflow;
    if named && raw.parts.is_empty() {
        findings.error(key, "it brings nothing: name a facet and its mapping under `parts`");
    }
    if !named && !raw.parts.is_empty() {
        let message = "what OrderFlow takes is said by the system that `imports_of` names";
        findings.error(&format!("{key}.parts"), message);
    }
    let mut seen = Vec::new();
    for (name, part) in &raw.parts {
        let key = format!("{key}.parts.{name}");
        if seen.contains(&part.facet) {
            let message = format!("another part of this export brings {} already", part.facet);
            findings.error(&format!("{key}.facet"), message);
        }
        seen.push(part.facet);
        mapping(&key, &part.mapping, base_dir, findings);
    }
}

fn way(key: &str, raw: &RawExport, findings: &mut Findings<'_>) {
    match (&raw.folder, &raw.http, &raw.sftp) {
        (None, None, None) => {
            findings.error(key, "nothing says where to: `folder`, `http` or `sftp`");
        }
        (Some(folder), None, None) if folder.as_os_str().is_empty() => {
            findings.error(&format!("{key}.folder"), "it must be the path of a folder");
        }
        (Some(_), None, None) => {}
        (None, Some(http), None) => address(&format!("{key}.http"), http, findings),
        (None, None, Some(sftp)) => account(&format!("{key}.sftp"), sftp, findings),
        _ => findings.error(key, "`folder`, `http` and `sftp` exclude each other"),
    }
}

fn address(key: &str, raw: &RawExportHttp, findings: &mut Findings<'_>) {
    if let Some(fault) = fault_of(&raw.url, raw.allow_plain_http) {
        findings.error(&format!("{key}.url"), fault);
    }
    if let Some(bearer) = &raw.bearer {
        secret(&format!("{key}.bearer"), bearer, findings);
    }
}

fn account(key: &str, raw: &RawExportSftp, findings: &mut Findings<'_>) {
    for (field, text) in [("host", &raw.host), ("user", &raw.user)] {
        if text.is_empty() || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            findings.error(&format!("{key}.{field}"), "it must be a name, without white space");
        }
    }
    match (&raw.password, &raw.key) {
        (Some(_), Some(_)) => findings.error(key, "`password` and `key` exclude each other"),
        (None, None) => findings.error(key, "nothing shows who we are: `password` or `key`"),
        (Some(password), None) => secret(&format!("{key}.password"), password, findings),
        (None, Some(login)) => secret(&format!("{key}.key"), login, findings),
    }
    if raw.host_keys.is_empty() {
        let message = "without a key that the server may show none can be trusted: take what \
                       `ssh-keyscan HOST | ssh-keygen -lf -` prints, once its owner has confirmed it";
        findings.error(&format!("{key}.host_keys"), message);
    }
    for (index, host_key) in raw.host_keys.iter().enumerate() {
        if !is_fingerprint(host_key) {
            let message = "it must be SHA256: and 43 characters, as `ssh-keygen -lf` prints it";
            findings.error(&format!("{key}.host_keys[{index}]"), message);
        }
    }
}

/// Whether it is a fingerprint by its form: base64 of 32 bytes, without padding.
fn is_fingerprint(text: &str) -> bool {
    let is_base64 = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/');
    text.strip_prefix("SHA256:").is_some_and(|hash| hash.len() == 43 && hash.bytes().all(is_base64))
}

fn times(key: &str, raw: &RawExport, findings: &mut Findings<'_>) {
    let timed = schedules::check(key, &raw.schedule(), findings) || raw.flush_after.is_some();
    if !timed && raw.flush_at.is_none() {
        let message = "nothing says when: `every`, `cron`, `flush_at` or `flush_after`";
        findings.error(key, message);
    } else if !timed {
        let message = "the last parts of a day wait until others come: say `flush_after` as well";
        findings.warning(&format!("{key}.flush_at"), message);
    }
}

fn fault_of_name(name: &str) -> Option<&'static str> {
    if !name.contains(NUMBER) {
        Some("it must hold {number}: two documents of one name would be taken for one")
    } else if name.starts_with('.') || name.contains(['/', '\\']) {
        Some("it must be the name of a file, without a folder, and not hidden")
    } else if name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        Some("it must have at most 120 bytes, and none of them a control character")
    } else {
        None
    }
}
