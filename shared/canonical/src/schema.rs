//! JSON Schemas of the parts and of the envelope, generated from the types.
//!
//! The committed copies are in `schemas/`; a test compares them, and rewrites them where the
//! variable `UPDATE_SCHEMAS` is set. A schema describes what Ferry writes. Readers of events must
//! pass over fields and attributes that they do not know, so none is closed.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

use crate::{
    customer::CustomerProfile,
    entity::Facet,
    event::{self, SCHEMA_BASE},
    order::{OrderCancellation, OrderPlaced, OrderReturn, OrderShipment},
    price::ProductPrice,
    product::{ProductCatalogue, ProductStock},
    removal,
};

/// The file of the envelope's schema.
pub const EVENT_FILE: &str = "event.v1.json";

/// The file of the schema of what is gone.
pub const REMOVAL_FILE: &str = "removal.v1.json";

/// `order.placed.v1.json`: the end of `dataschema`, and the committed file's name.
pub fn file_name(facet: Facet) -> String {
    format!("{}.{facet}.v1.json", facet.entity())
}

/// The schema of what an event of `facet` carries as `data`.
pub fn of_part(facet: Facet) -> Value {
    let file = file_name(facet);
    match facet {
        Facet::Profile => of_type::<CustomerProfile>(&file),
        Facet::Placed => of_type::<OrderPlaced>(&file),
        Facet::Shipment => of_type::<OrderShipment>(&file),
        Facet::Cancellation => of_type::<OrderCancellation>(&file),
        Facet::Return => of_type::<OrderReturn>(&file),
        Facet::Catalogue => of_type::<ProductCatalogue>(&file),
        Facet::Stock => of_type::<ProductStock>(&file),
        Facet::Price => of_type::<ProductPrice>(&file),
    }
}

/// The schema of the envelope.
pub fn of_event() -> Value {
    of_type::<event::Wire<'static>>(EVENT_FILE)
}

/// The schema of a removal, which is an envelope alone.
pub fn of_removal() -> Value {
    of_type::<removal::Wire>(REMOVAL_FILE)
}

/// Every schema with its file's name.
pub fn all() -> Vec<(String, Value)> {
    let parts = Facet::ALL.into_iter().map(|facet| (file_name(facet), of_part(facet)));
    let envelopes = [(EVENT_FILE.to_owned(), of_event()), (REMOVAL_FILE.to_owned(), of_removal())];
    parts.chain(envelopes).collect()
}

/// For serialisation: optional fields are left out, never null.
fn of_type<T: JsonSchema>(file: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("$id".to_owned(), Value::from(format!("{SCHEMA_BASE}/{file}")));
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn the_committed_schemas_describe_exactly_these_types() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
        let update = std::env::var_os("UPDATE_SCHEMAS").is_some();
        for (file, schema) in all() {
            let generated = serde_json::to_string_pretty(&schema).unwrap() + "\n";
            let path = folder.join(&file);
            if update {
                fs::write(&path, &generated).unwrap();
            }
            let committed = fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(committed, generated, "{file} differs: run with UPDATE_SCHEMAS=1");
        }
        let files = fs::read_dir(folder).unwrap().count();
        assert_eq!(files, Facet::ALL.len() + 2, "a schema without a type");
    }

    #[test]
    fn an_event_has_no_attribute_that_its_schema_does_not_name() {
        let schema = of_event();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap();
        for (_, text) in crate::golden::samples() {
            let event: Value = serde_json::from_str(&text).unwrap();
            for name in event.as_object().unwrap().keys() {
                assert!(properties.contains_key(name), "{name}");
            }
            for name in schema.get("required").and_then(Value::as_array).unwrap() {
                assert!(event.get(name.as_str().unwrap()).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn schemas_stay_open_for_later_fields() {
        for (file, schema) in all() {
            let text = schema.to_string();
            assert!(!text.contains(r#""additionalProperties":false"#), "{file}");
        }
    }
}
