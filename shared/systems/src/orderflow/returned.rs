//! A return as an import (OrderFlow reference §3.4). Whether a refund is asked for has no place there.

use std::collections::BTreeMap;

use ferry_canonical::{FailureKind, order::OrderReturn};
use ferry_config::orderflow::ReturnWords;
use jiff::tz::TimeZone;

use super::{
    properties::{self, Properties},
    times,
};
use crate::Failure;

/// The return's properties; what ties its lines to it is added to every import.
pub(super) fn properties(
    returned: &OrderReturn,
    words: &ReturnWords,
    zone: &TimeZone,
) -> Result<Properties, Failure> {
    if returned.lines.is_empty() {
        let detail = "/lines: missing; OrderFlow cannot take back what nobody names";
        return Err(Failure::new(FailureKind::Validation, detail));
    }
    properties::key("/reference", &returned.reference)?;
    properties::key("/order", &returned.order)?;
    let mut properties = Properties::default();
    properties.put("return.externalReference", &returned.reference);
    properties.put("return.orderReference", &returned.order);
    properties.put_some("return.authorisation", returned.authorisation.as_deref());
    let authorised = returned.authorised.map(|authorised| authorised.to_string());
    properties.put_some("return.authorised", authorised.as_deref());
    let kind = said("/kind", returned.kind.as_deref(), words.types.as_ref())?;
    properties.put_some("return.type", kind);
    let returned_at = returned.returned_at.map(|time| times::format(time, zone));
    properties.put_some("return.returnDate", returned_at.as_deref());
    properties.put_some("return.site", returned.site.as_deref());
    properties.put_some("return.note", returned.note.as_deref());
    for (index, line) in returned.lines.iter().enumerate() {
        let at = |field: &str| format!("/lines/{index}/{field}");
        properties::key(&at("sku"), &line.sku)?;
        let reason = said(&at("reason"), line.reason.as_deref(), words.reasons.as_ref())?;
        let condition =
            said(&at("condition"), line.condition.as_deref(), words.conditions.as_ref())?;
        let key = |field: &str| format!("returnLine.{}.{field}", index + 1);
        properties.put(&key("product"), &line.sku);
        properties.put(&key("quantity"), line.quantity.as_str());
        properties.put_some(&key("reason"), reason);
        properties.put_some(&key("condition"), condition);
    }
    Ok(properties)
}

/// This instance's word for the source's.
fn said<'w>(
    field: &str,
    word: Option<&'w str>,
    table: Option<&'w BTreeMap<String, String>>,
) -> Result<Option<&'w str>, Failure> {
    let (Some(word), Some(table)) = (word, table) else { return Ok(word) };
    let own = table.get(word).or_else(|| table.values().find(|own| *own == word));
    own.map(|own| Some(own.as_str())).ok_or_else(|| {
        let expected: Vec<&str> = table.keys().map(String::as_str).collect();
        let expected = expected.join(", ");
        // The word itself may be what a customer wrote.
        let detail = format!(
            "{field}: there is no word at OrderFlow for what it says; expected one of {expected}, as \
             `returns` in the configuration lists them"
        );
        Failure::new(FailureKind::Validation, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn returned() -> OrderReturn {
        let json = r#"{"order":"WEB-1001","reference":"RMA-7","kind":"damaged","authorised":true,
            "authorisation":"A-7","site":"LEEDS","returned_at":"2024-07-01T08:15:00Z",
            "note":"wet\nbox","lines":[{"sku":"MUG-RED","quantity":"1.0","reason":"broken",
            "condition":"Product damaged","refund":true}]}"#;
        serde_json::from_str(json).unwrap()
    }

    fn words(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
    }

    fn lines(words: &ReturnWords) -> Result<Vec<String>, Failure> {
        let london = TimeZone::get("Europe/London").unwrap();
        let properties = properties(&returned(), words, &london)?;
        Ok(properties.iter().map(|(key, value)| format!("{key}={value}")).collect())
    }

    #[test]
    fn a_return_becomes_the_documented_properties() {
        let expected = [
            "return.externalReference=RMA-7",
            "return.orderReference=WEB-1001",
            "return.authorisation=A-7",
            "return.authorised=true",
            "return.type=damaged",
            "return.returnDate=2024-07-01 09:15:00",
            "return.site=LEEDS",
            "return.note=wet[BR]box",
            "returnLine.1.product=MUG-RED",
            "returnLine.1.quantity=1",
            "returnLine.1.reason=broken",
            "returnLine.1.condition=Product damaged",
        ];
        assert_eq!(lines(&ReturnWords::default()).unwrap(), expected);
    }

    #[test]
    fn words_of_the_source_become_words_of_the_instance() {
        let words = ReturnWords {
            types: Some(words(&[("damaged", "goods_damaged")])),
            reasons: Some(words(&[("broken", "F")])),
            conditions: Some(words(&[("used", "Product damaged")])),
        };
        let lines = lines(&words).unwrap();
        for line in ["return.type=goods_damaged", "returnLine.1.reason=F"] {
            assert!(lines.iter().any(|found| found == line), "{lines:?}");
        }
        // A word that is the instance's already stays.
        assert!(lines.iter().any(|found| found == "returnLine.1.condition=Product damaged"));
    }

    #[test]
    fn a_word_that_no_table_knows_is_refused_with_those_it_knows_and_not_repeated() {
        let told = lines(&ReturnWords {
            reasons: Some(words(&[("late", "G"), ("wrong", "C")])),
            ..ReturnWords::default()
        });
        let failure = told.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Validation);
        let expected = "/lines/0/reason: there is no word at OrderFlow for what it says; expected one \
                        of late, wrong, as";
        assert!(failure.detail.starts_with(expected), "{}", failure.detail);
        assert!(!failure.detail.contains("broken"), "{}", failure.detail);
    }
}
