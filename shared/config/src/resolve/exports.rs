//! Exports, with their mappings and secrets read.

use std::{collections::BTreeMap, path::Path};

use super::{Reader, schedule_of};
use crate::{
    ConfigError, HumanDuration, Secret, SystemConfig,
    export::{
        ExportConfig, ExportContent, ExportFormat, ExportHttp, ExportPart, ExportSftp, ExportWay,
        NUMBER, SftpLogin,
    },
    raw::{RawExport, RawExportHttp, RawExportPart, RawExportSftp, RawResponseRule, RawSystem},
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
    let way = match (&raw.http, &raw.sftp) {
        (Some(http), _) => {
            ExportWay::Http(address(reader, &format!("{key}.http"), http, &raw.responses)?)
        }
        (None, Some(sftp)) => ExportWay::Sftp(account(reader, &format!("{key}.sftp"), sftp)?),
        (None, None) => {
            ExportWay::Folder(reader.path(raw.folder.as_deref().unwrap_or(Path::new(""))))
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

fn address(
    reader: &Reader<'_>,
    key: &str,
    raw: &RawExportHttp,
    responses: &[RawResponseRule],
) -> Result<ExportHttp, ConfigError> {
    let bearer = raw.bearer.as_ref().map(|raw| reader.secret(&format!("{key}.bearer"), raw));
    Ok(ExportHttp {
        url: super::without_trailing_slash(&raw.url),
        method: raw.method,
        bearer: bearer.transpose()?,
        responses: super::rules_of(responses),
    })
}

fn account(reader: &Reader<'_>, key: &str, raw: &RawExportSftp) -> Result<ExportSftp, ConfigError> {
    let secret = |field, raw| reader.secret(&format!("{key}.{field}"), raw);
    let login = match (&raw.password, &raw.key) {
        (_, Some(raw)) => SftpLogin::Key(secret("key", raw)?),
        (Some(raw), None) => SftpLogin::Password(secret("password", raw)?),
        // The lint lets nobody pass who has neither.
        (None, None) => SftpLogin::Password(Secret::new("")),
    };
    Ok(ExportSftp {
        host: raw.host.clone(),
        port: raw.port,
        user: raw.user.clone(),
        login,
        host_keys: raw.host_keys.clone(),
        folder: raw.folder.clone(),
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
