//! A product as OrderFlow keeps it (OrderFlow reference §3.2).
//!
//! Promises that a stored product has its mandatory fields within their column widths. What OrderFlow
//! would do with fields the reference does not list is not known; they are stored and mean nothing.

use serde_json::{Value, json};

use super::properties::Properties;
use super::report::Refusal;
use super::values;

/// Column widths that are known, in characters.
const COLUMNS: [(&str, usize); 10] = [
    ("externalReference", 120),
    ("description", 120),
    ("type", 120),
    ("barcode", 120),
    ("imageReference", 120),
    ("thirdPartyReference", 100),
    ("packagingDescription", 255),
    ("harmonisedSystemCode", 255),
    ("customsDescription", 255),
    ("productComposition", 255),
];
const DECIMALS: [&str; 13] = [
    "priceNet",
    "priceGross",
    "tax",
    "costNet",
    "costGross",
    "costTax",
    "weight",
    "length",
    "width",
    "height",
    "area",
    "volume",
    "quantityOnOrder",
];

#[derive(Clone, Debug)]
pub(super) struct Product {
    /// OrderFlow's own number.
    pub(super) item: u64,
    pub(super) properties: Properties,
}

impl Product {
    /// Whether order lines may name fractions of it.
    pub(super) fn divisible(&self) -> bool {
        matches!(self.properties.get("quantityType"), Some("weight" | "volume"))
    }

    /// As the history and the state show it.
    pub(super) fn fields(&self) -> Value {
        let properties = &self.properties;
        json!({
            "externalReference": properties.get("externalReference"),
            "properties": properties.all(),
        })
    }
}

/// Checks the properties a product would have after the import.
pub(super) fn check(properties: &Properties) -> Result<(), Refusal> {
    for name in ["externalReference", "description", "type"] {
        values::required(properties, name)?;
    }
    values::lengths(properties, &COLUMNS)?;
    values::decimals(properties, &DECIMALS)?;
    values::letters(properties, "currency", 3)?;
    one_of(properties, "quantityType", &["unit", "weight", "volume"])?;
    one_of(properties, "displayUnits", &["kilogram", "gram", "milligram", "litre", "millilitre"])?;
    for flag in ["activated", "sellable", "fragile", "dangerous"] {
        // The PHP client says 1, and leaves out what is false.
        one_of(properties, flag, &["true", "false", "1"])?;
    }
    Ok(())
}

fn one_of(properties: &Properties, name: &str, known: &[&str]) -> Result<(), Refusal> {
    match properties.get(name) {
        Some(value) if !known.contains(&value) => {
            Err(Refusal::invalid(format!("{name} has no value {value}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::orderflow::properties::Properties;

    const GOOD: &str = "externalReference=MUG\ndescription=Red mug\ntype=default";

    fn refusal(more: &str) -> String {
        let properties = Properties::parse(&format!("{GOOD}\n{more}")).unwrap();
        check(&properties).unwrap_err().message
    }

    #[test]
    fn reference_description_and_type_are_all_that_is_needed() {
        assert!(check(&Properties::parse(GOOD).unwrap()).is_ok());
        for name in ["externalReference", "description", "type"] {
            let lines = GOOD.lines().filter(|line| !line.starts_with(name));
            let text = lines.collect::<Vec<_>>().join("\n");
            let refusal = check(&Properties::parse(&text).unwrap()).unwrap_err();
            assert_eq!(refusal.message, format!("{name} is required"));
        }
    }

    #[test]
    fn a_description_of_121_characters_does_not_fit_and_one_of_120_does() {
        let text = |n: usize| {
            format!("externalReference=MUG\ntype=default\ndescription={}", "ü".repeat(n))
        };
        assert!(check(&Properties::parse(&text(120)).unwrap()).is_ok());
        let refusal = check(&Properties::parse(&text(121)).unwrap()).unwrap_err();
        assert_eq!(refusal.message, "description is 121 characters long, at most 120 fit");
    }

    #[test]
    fn numbers_flags_and_vocabularies_are_checked() {
        assert_eq!(refusal("weight=heavy"), "weight is not a number: heavy");
        assert_eq!(refusal("activated=yes"), "activated has no value yes");
        assert_eq!(refusal("quantityType=item"), "quantityType has no value item");
        assert!(check(&Properties::parse(&format!("{GOOD}\nsellable=1")).unwrap()).is_ok());
        assert_eq!(refusal("currency=Pounds"), "currency must be 3 capital letters: Pounds");
    }
}
