//! The JSON Schema of the file: for editors, and for the lint's walk over unknown keys.

use crate::raw::RawConfig;

/// JSON Schema (draft 2020-12) of the whole file.
pub fn json_schema() -> serde_json::Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12();
    settings.into_generator().into_root_schema_for::<RawConfig>().to_value()
}
