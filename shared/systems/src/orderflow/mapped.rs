//! What a mapping of this installation says of an import: JSON in, properties out.
//!
//! Members of objects become `child.field`, members of a list at the top `child.1`, `child.2` and so on.
//! A time as canonical parts have them is written as OrderFlow reads times. `null` takes a property
//! away that Ferry would have sent.

use ferry_canonical::FailureKind;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value};

use super::{grammar, properties, times};
use crate::Failure;

/// Properties as the mapping has them; none in place of those to be taken away.
pub(super) type Mapped = Vec<(String, Option<String>)>;

pub(super) fn properties(name: &str, document: &Value, zone: &TimeZone) -> Result<Mapped, Failure> {
    let reader = Reader { name, zone };
    let Value::Object(members) = document else {
        return Err(reader.refuse("", "expected an object of properties"));
    };
    let mut mapped = Mapped::new();
    for (key, value) in members {
        match value {
            Value::Array(items) => reader.list(key, items, &mut mapped)?,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => reader.member(key, value, &mut mapped)?,
        }
    }
    Ok(mapped)
}

struct Reader<'a> {
    name: &'a str,
    zone: &'a TimeZone,
}

impl Reader<'_> {
    fn list(&self, key: &str, items: &[Value], mapped: &mut Mapped) -> Result<(), Failure> {
        for (index, item) in items.iter().enumerate() {
            let key = format!("{key}.{}", index + 1);
            let Value::Object(members) = item else {
                return Err(self.refuse(&key, "expected an object of properties"));
            };
            self.object(&key, members, mapped)?;
        }
        Ok(())
    }

    fn object(
        &self,
        key: &str,
        members: &Map<String, Value>,
        mapped: &mut Mapped,
    ) -> Result<(), Failure> {
        let mut all = members.iter();
        all.try_for_each(|(name, value)| self.member(&format!("{key}.{name}"), value, mapped))
    }

    fn member(&self, key: &str, value: &Value, mapped: &mut Mapped) -> Result<(), Failure> {
        let text = match value {
            Value::Object(members) => return self.object(key, members, mapped),
            Value::Array(_) => {
                return Err(self.refuse(key, "a list stands at the top only"));
            }
            Value::Null => None,
            Value::Bool(truth) => Some(truth.to_string()),
            Value::Number(number) => Some(number.to_string()),
            Value::String(text) if is_key(key) => Some(self.key(key, text)?),
            Value::String(text) => Some(self.text(text)),
        };
        mapped.push((key.to_owned(), text));
        Ok(())
    }

    /// A key goes as it is, or not at all.
    fn key(&self, key: &str, text: &str) -> Result<String, Failure> {
        if !text.is_empty() {
            properties::key(&format!("mapping {}: {key}", self.name), text)?;
        }
        Ok(text.to_owned())
    }

    fn text(&self, text: &str) -> String {
        match text.parse::<Timestamp>() {
            Ok(time) => times::format(time, self.zone),
            Err(_) => text.to_owned(),
        }
    }

    fn refuse(&self, key: &str, reason: &str) -> Failure {
        let at = if key.is_empty() { String::new() } else { format!("{key}: ") };
        Failure::new(FailureKind::Validation, format!("mapping {}: {at}{reason}", self.name))
    }
}

/// Whether the value names something at OrderFlow, by which it is found there.
fn is_key(key: &str) -> bool {
    let plain = grammar::plain(key);
    let field = plain.rsplit('.').next().unwrap_or_default();
    ["product", "externalReference", "orderReference"].contains(&field)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mapped(document: &Value) -> Result<Mapped, Failure> {
        let london = TimeZone::get("Europe/London").unwrap();
        properties("po.jq", document, &london)
    }

    #[test]
    fn objects_and_lists_become_the_keys_of_the_grammar() {
        let document = json!({
            "externalReference": "C-1",
            "shipment.site": "LEEDS",
            "purchaseOrder": {"supplier": "Acme", "expectedDeliveryDate": "2024-07-01T08:00:00Z"},
            "orderLine": [
                {"product": {"externalReference": "MUG"}, "quantity": 2},
                {"product": {"externalReference": "TEA"}, "quantity": "2.5", "fragile": false},
            ],
            "customerComment": null,
        });
        let mut mapped = mapped(&document).unwrap();
        mapped.sort();
        let mapped: Vec<_> = mapped.iter().map(|(k, v)| (k.as_str(), v.as_deref())).collect();
        assert_eq!(
            mapped,
            [
                ("customerComment", None),
                ("externalReference", Some("C-1")),
                ("orderLine.1.product.externalReference", Some("MUG")),
                ("orderLine.1.quantity", Some("2")),
                ("orderLine.2.fragile", Some("false")),
                ("orderLine.2.product.externalReference", Some("TEA")),
                ("orderLine.2.quantity", Some("2.5")),
                ("purchaseOrder.expectedDeliveryDate", Some("2024-07-01 09:00:00")),
                ("purchaseOrder.supplier", Some("Acme")),
                ("shipment.site", Some("LEEDS")),
            ]
        );
    }

    #[test]
    fn what_is_no_object_of_properties_is_refused_with_its_place() {
        for (document, told) in [
            (json!([]), "mapping po.jq: expected an object of properties"),
            (json!({"orderLine": ["MUG"]}), "mapping po.jq: orderLine.1: expected an object"),
            (json!({"a": {"b": [1]}}), "mapping po.jq: a.b: a list stands at the top only"),
        ] {
            let failure = mapped(&document).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Validation);
            assert!(failure.detail.starts_with(told), "{}", failure.detail);
        }
    }

    #[test]
    fn a_key_that_would_come_to_orderflow_as_another_one_is_refused_before_it_is_rewritten() {
        let of = |key: &str, value: &str| mapped(&json!({ key: value }));
        for key in [
            "orderLine.1.product.externalReference",
            "purchaseOrderLine.2.product",
            "return.orderReference",
            "externalReference",
        ] {
            for value in ["MUG\\RED", " MUG", "MUG\n1"] {
                let failure = of(key, value).unwrap_err();
                assert_eq!(failure.kind, FailureKind::Validation);
                let told = format!("mapping po.jq: {key}: {value:?} cannot be a key");
                assert!(failure.detail.starts_with(&told), "{}", failure.detail);
            }
            // It looks like a time, and is a name.
            let name = "2024-07-01T08:00:00Z";
            assert_eq!(of(key, name).unwrap(), [(key.to_owned(), Some(name.to_owned()))]);
        }
        assert!(of("customerComment", "C:\\MUG").is_ok());
    }
}
