use proptest::prelude::*;

use super::*;

fn read(json: &str) -> Result<Decimal, serde_json::Error> {
    serde_json::from_str(json)
}

#[test]
fn one_number_has_one_text() {
    for (text, expected) in [
        ("12.50", "12.5"),
        ("0012", "12"),
        (".5", "0.5"),
        ("5.", "5"),
        ("-0.0", "0"),
        ("-0.10", "-0.1"),
        (" 7 ", "7"),
        ("000", "0"),
    ] {
        assert_eq!(Decimal::parse(text).unwrap().as_str(), expected, "{text}");
    }
}

#[test]
fn what_is_no_decimal_is_refused() {
    for text in ["", "-", ".", "-.", "1,5", "1e3", "+1", "--1", "1.2.3", "NaN", "inf", "0x1", "१"]
    {
        assert!(Decimal::parse(text).is_err(), "{text}");
    }
    assert!(Decimal::parse(&"9".repeat(30)).is_ok());
    assert!(Decimal::parse(&"9".repeat(31)).is_err());
}

#[test]
fn a_json_number_becomes_the_decimal_it_shows() {
    for (json, expected) in [
        ("12.5", "12.5"),
        ("0.1", "0.1"),
        ("-3", "-3"),
        ("1e3", "1000"),
        ("1e-7", "0.0000001"),
        ("18446744073709551615", "18446744073709551615"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("2.0", "2"),
        ("-0.0", "0"),
    ] {
        assert_eq!(read(json).unwrap().as_str(), expected, "{json}");
    }
}

#[test]
fn a_number_with_a_huge_exponent_is_refused_and_never_expanded() {
    for json in ["1e300", "-1e300", "1e-300", "1e999999999", "\"1e300\"", "123456789e30"] {
        assert!(read(json).is_err(), "{json}");
    }
    for json in ["null", "true", "[1]", "{}"] {
        assert!(read(json).is_err(), "{json}");
    }
}

#[test]
fn codes_are_checked_as_far_as_they_can_be() {
    assert!(Country::parse("GB").is_ok());
    for text in ["UK", "gb", "", " ", "G", "GB DE", "B C"] {
        assert!(Country::parse(text).is_err(), "{text}");
    }
    assert!(Currency::parse("EUR").is_ok());
    for text in ["eur", "EURO", "€", ""] {
        assert!(Currency::parse(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn a_decimal_reads_as_it_is_written(text in "-?[0-9]{1,15}(\\.[0-9]{1,15})?") {
        let decimal = Decimal::parse(&text).unwrap();
        prop_assert_eq!(Decimal::parse(decimal.as_str()).unwrap(), decimal.clone());
        let json = serde_json::to_string(&decimal).unwrap();
        prop_assert_eq!(read(&json).unwrap(), decimal);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
        let _ = (Decimal::parse(&text), Country::parse(&text), Currency::parse(&text));
    }

    #[test]
    fn a_number_of_fifteen_digits_keeps_every_one(digits in 1_u64..1_000_000_000_000_000, scale in 0_usize..9) {
        let digits = format!("{digits:0>10}");
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let text = format!("{whole}.{fraction}0");
        let number = text.trim_start_matches('0');
        let number = if number.starts_with('.') { format!("0{number}") } else { number.to_owned() };
        prop_assert_eq!(read(&number).unwrap(), Decimal::parse(&text).unwrap());
    }

    #[test]
    fn no_float_makes_the_reader_panic(number in any::<f64>()) {
        let _ = serde_json::to_string(&number).map(|json| read(&json));
    }
}
