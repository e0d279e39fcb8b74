//! The checks OrderFlow makes on single property values.
//!
//! Decimals are kept as the text they came as; these functions only say whether a text is one.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::properties::Properties;
use super::report::Refusal;

/// Digits of a decimal: whole part and fraction without its trailing zeros.
struct Decimal<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
}

fn decimal(text: &str) -> Option<Decimal<'_>> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let numeric = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !numeric(whole) || !fraction.is_none_or(numeric) {
        return None;
    }
    Some(Decimal { negative, whole, fraction: fraction.unwrap_or_default().trim_end_matches('0') })
}

/// A quantity above zero, whole unless `divisible`.
pub(super) fn quantity(name: &str, text: &str, divisible: bool) -> Result<(), Refusal> {
    let Some(decimal) = decimal(text) else {
        return Err(Refusal::invalid(format!("{name} is not a number: {text}")));
    };
    let zero = decimal.whole.bytes().all(|digit| digit == b'0') && decimal.fraction.is_empty();
    if decimal.negative || zero {
        return Err(Refusal::invalid(format!("{name} must be greater than zero: {text}")));
    }
    if !divisible && !decimal.fraction.is_empty() {
        return Err(Refusal::invalid(format!("{name} must be a whole number of units: {text}")));
    }
    Ok(())
}

/// Refuses keys of `names` that have a value which is not a decimal.
pub(super) fn decimals(properties: &Properties, names: &[&str]) -> Result<(), Refusal> {
    for name in names {
        if let Some(text) = properties.get(name)
            && decimal(text).is_none()
        {
            return Err(Refusal::invalid(format!("{name} is not a number: {text}")));
        }
    }
    Ok(())
}

/// Refuses keys of `names` that have a value which is not a time stamp. Both forms in use are taken:
/// `yyyy-MM-dd HH:mm:ss` and the same with `T` (OrderFlow reference §1).
pub(super) fn times(properties: &Properties, names: &[&str]) -> Result<(), Refusal> {
    for name in names {
        let Some(text) = properties.get(name) else { continue };
        let form = if text.contains('T') { "%Y-%m-%dT%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
        if DateTime::strptime(form, text).is_err() {
            return Err(Refusal::invalid(format!("{name} is not a time stamp: {text}")));
        }
    }
    Ok(())
}

/// Refuses keys of `names` that have a value which is neither a day nor a time stamp.
pub(super) fn dates(properties: &Properties, names: &[&str]) -> Result<(), Refusal> {
    for name in names {
        let Some(text) = properties.get(name) else { continue };
        if Date::strptime("%Y-%m-%d", text).is_err() {
            times(properties, &[name])?;
        }
    }
    Ok(())
}

/// Refuses a value of another length or with other characters than `length` capital letters.
pub(super) fn letters(properties: &Properties, name: &str, length: usize) -> Result<(), Refusal> {
    let Some(text) = properties.get(name) else { return Ok(()) };
    if text.len() == length && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(());
    }
    Err(Refusal::invalid(format!("{name} must be {length} capital letters: {text}")))
}

/// Refuses a value longer than its column. A line break is one character, not the token it is sent
/// as.
pub(super) fn lengths(properties: &Properties, columns: &[(&str, usize)]) -> Result<(), Refusal> {
    for (name, length_max) in columns {
        let length =
            properties.get(name).map_or(0, |text| text.replace("[BR]", "\n").chars().count());
        if length > *length_max {
            let message = format!("{name} is {length} characters long, at most {length_max} fit");
            return Err(Refusal::invalid(message));
        }
    }
    Ok(())
}

pub(super) fn required<'a>(properties: &'a Properties, name: &str) -> Result<&'a str, Refusal> {
    properties.get(name).ok_or_else(|| Refusal::invalid(format!("{name} is required")))
}

/// The instance's clock as OrderFlow writes it: local time without a zone.
pub(super) fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::{decimals, lengths, letters, local, quantity, times};
    use crate::orderflow::properties::Properties;

    fn of(text: &str) -> Properties {
        Properties::parse(text).unwrap()
    }

    #[test]
    fn units_are_counted_whole_and_weights_may_be_divided() {
        for whole in ["1", "144", "2.0", "2.000"] {
            assert!(quantity("quantity", whole, false).is_ok(), "{whole}");
        }
        assert!(quantity("quantity", "2.5", true).is_ok());
        for bad in ["0.3333", "2.5", "0", "0.0", "-1", "", "many", "1e3", "1.", ".5", "+1"] {
            assert!(quantity("quantity", bad, false).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refusal_names_the_property() {
        let refusal = decimals(&of("taxCode=T1\ntax=a lot"), &["price", "tax"]).unwrap_err();
        assert_eq!(refusal.message, "tax is not a number: a lot");
        let refusal = lengths(&of("type=éé"), &[("type", 1)]).unwrap_err();
        assert_eq!(refusal.message, "type is 2 characters long, at most 1 fit");
    }

    #[test]
    fn both_forms_of_a_time_stamp_are_taken_and_no_other() {
        assert!(
            times(&of("a=2024-03-01 09:15:00\nb=2024-03-01T09:15:00"), &["a", "b", "c"]).is_ok()
        );
        for bad in
            ["2024-03-01", "2024-03-01T09:15:00Z", "01.03.2024 09:15:00", "2024-13-01 00:00:00"]
        {
            assert!(times(&of(&format!("a={bad}")), &["a"]).is_err(), "{bad}");
        }
    }

    #[test]
    fn codes_are_capital_letters_of_their_length() {
        assert!(letters(&of("c=GB"), "c", 2).is_ok());
        assert!(letters(&of("c=gb"), "c", 2).is_err());
        assert!(letters(&of("c=GBR"), "c", 2).is_err());
    }

    #[test]
    fn time_is_written_local_and_without_a_zone() {
        let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(local("2024-07-01T09:15:00Z".parse().unwrap(), &zone), "2024-07-01 10:15:00");
    }
}
