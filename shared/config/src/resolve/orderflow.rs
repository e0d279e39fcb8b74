//! What OrderFlow is written.

use super::Reader;
use crate::{
    ConfigError,
    orderflow::{OrderflowImport, OrderflowWrites, ReturnWords},
    raw::{RawOrderflow, RawOrderflowImport, RawReturnWords},
};

/// Takes what `raw` says about writing.
pub(super) fn writes(
    reader: &Reader<'_>,
    key: &str,
    raw: &mut RawOrderflow,
) -> Result<OrderflowWrites, ConfigError> {
    let imports = std::mem::take(&mut raw.imports).into_iter().map(|(name, raw)| {
        let resolved = import(reader, &format!("{key}.imports.{name}"), &raw)?;
        Ok((name, resolved))
    });
    let RawReturnWords { types, reasons, conditions } = std::mem::take(&mut raw.returns);
    Ok(OrderflowWrites {
        imports: imports.collect::<Result<_, ConfigError>>()?,
        returns: ReturnWords { types, reasons, conditions },
        lengths: std::mem::take(&mut raw.lengths),
        site: raw.site.take(),
        long_names: raw.long_names,
    })
}

fn import(
    reader: &Reader<'_>,
    key: &str,
    raw: &RawOrderflowImport,
) -> Result<OrderflowImport, ConfigError> {
    let mapping = raw.mapping.as_ref();
    let mapping = mapping.map(|file| reader.mapping(&format!("{key}.mapping"), file));
    Ok(OrderflowImport {
        facet: raw.facet,
        kind: raw.kind,
        operation: raw.operation.unwrap_or(raw.kind.own_operation()),
        mapping: mapping.transpose()?,
        deliver_by: raw.deliver_by,
        refuses_duplicates: raw.refuses_duplicates,
    })
}
