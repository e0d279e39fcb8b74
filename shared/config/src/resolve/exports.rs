//! Exports, with their mappings and secrets read.

use std::{collections::BTreeMap, path::Path};

use super::{Reader, schedule_of};
use crate::{
    ConfigError, HumanDuration, SystemConfig,
    export::{
        ExportConfig, ExportContent, ExportFormat, ExportHttp, ExportPart, ExportWay, NUMBER,
    },
    raw::{RawExport, RawExportPart, RawSystem},
    system::Limits,
};

/// The loader's write to an export renders a part, and nobody is asked.
const RENDERING: HumanDuration = HumanDuration::from_secs(5);

/// `systems` has every system but the exports.
pub(super) fn resolve(
    reader: &Reader<'_>,
    name: &str,
    raw: RawExport,
    systems: &BTreeMap<String, SystemConfig>,
) -> Result<ExportConfig, ConfigError> {
    let key = format!("systems.{name}");
    let ending = raw.format.ending();
    let bearer = raw.http.as_ref().and_then(|http| http.bearer.as_ref());
    let bearer = bearer.map(|secret| reader.secret(&format!("{key}.http.bearer"), secret));
    let way = match (&raw.folder, &raw.http) {
        (_, Some(http)) => ExportWay::Http(ExportHttp {
            url: super::without_trailing_slash(&http.url),
            method: http.method,
            bearer: bearer.transpose()?,
        }),
        (folder, None) => {
            ExportWay::Folder(reader.path(folder.as_deref().unwrap_or(Path::new(""))))
        }
    };
    Ok(ExportConfig {
        schedule: schedule_of(&raw.schedule()),
        name: raw.name.clone().unwrap_or_else(|| format!("{name}-{NUMBER}.{ending}")),
        way,
        flush_at: raw.flush_at,
        flush_after: raw.flush_after,
        parts_max: raw.parts_max,
        overdue_after: raw.overdue_after,
        timeout: raw.timeout,
        limits: Limits { timeout: RENDERING, settle_after: RENDERING, ..Limits::default() },
        content: content(reader, &key, raw, systems)?,
    })
}

fn content(
    reader: &Reader<'_>,
    key: &str,
    raw: RawExport,
    systems: &BTreeMap<String, SystemConfig>,
) -> Result<ExportContent, ConfigError> {
    let parts = parts(reader, key, raw.parts)?;
    let orderflow = raw.imports_of.as_ref().and_then(|name| systems.get(name));
    Ok(match (raw.format, orderflow) {
        (ExportFormat::Orderflow, Some(SystemConfig::Orderflow(config))) => {
            ExportContent::Orderflow(Box::new(config.clone()))
        }
        (ExportFormat::Csv, _) => {
            ExportContent::Csv { columns: raw.columns, delimiter: raw.delimiter, parts }
        }
        // The lint lets no OrderFlow documents pass that are nobody's.
        (ExportFormat::Xml | ExportFormat::Orderflow, _) => {
            let (head, tail) = (raw.head.unwrap_or_default(), raw.tail.unwrap_or_default());
            ExportContent::Xml { head, tail, parts }
        }
    })
}

fn parts(
    reader: &Reader<'_>,
    key: &str,
    raw: BTreeMap<String, RawExportPart>,
) -> Result<BTreeMap<String, ExportPart>, ConfigError> {
    raw.into_iter()
        .map(|(name, part)| {
            let mapping = reader.mapping(&format!("{key}.parts.{name}.mapping"), &part.mapping)?;
            Ok((name, ExportPart { facet: part.facet, mapping }))
        })
        .collect()
}

/// The exports among the systems; the rest stays.
pub(super) fn taken(systems: &mut BTreeMap<String, RawSystem>) -> Vec<(String, RawExport)> {
    let (exports, others) = std::mem::take(systems)
        .into_iter()
        .partition::<Vec<_>, _>(|(_, system)| matches!(system, RawSystem::Export(_)));
    *systems = others.into_iter().collect();
    let export = |(name, system)| match system {
        RawSystem::Export(raw) => Some((name, *raw)),
        RawSystem::Orderflow(_) | RawSystem::Oro(_) | RawSystem::Rest(_) | RawSystem::Files(_) => {
            None
        }
    };
    exports.into_iter().filter_map(export).collect()
}
