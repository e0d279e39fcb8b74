//! What a kind of file can be, and what contradicts itself.

use super::added;

/// What is told of one kind of file, without lines; of its route nothing is.
fn kind(settings: &str) -> Vec<String> {
    let told = added(&format!(
        r#"
[systems.drop]
kind = "files"
folder = "drop"

[systems.drop.files.all]
{settings}

[[routes]]
name = "dropped"
from = "drop"
entity = "product"
facet = "stock"
to = ["shop"]
"#
    ));
    let of_the_kind = |told: &String| {
        let (_, rest) = told.split_once("systems.drop.files.all.")?;
        Some(rest.to_owned())
    };
    told.iter().filter_map(of_the_kind).collect()
}

#[test]
fn columns_that_say_what_they_mean_need_no_mapping() {
    let orders = "pattern = \"*.csv\"\nformat = \"csv\"\nfacet = \"placed\"\n";
    for settings in [
        "columns = \"orders\"",
        "columns = \"orders\"\ntime_zone = \"Europe/London\"\ndelimiter = \";\"",
        "columns = \"orders\"\nmapping = \"Cargo.toml\"\nencoding = \"utf-16\"\ndelimiter = \"tab\"",
        "mapping = \"Cargo.toml\"\nencoding = \"iso-8859-1\"\ndelimiter = \"|\"",
    ] {
        assert_eq!(kind(&format!("{orders}{settings}")), [""; 0], "{settings}");
    }
}

#[test]
fn settings_that_contradict_each_other_are_told_by_their_key() {
    let cases = [
        ("pattern = \"*\"\nformat = \"csv\"\nfacet = \"placed\"", "mapping: missing; only where"),
        (
            "pattern = \"*\"\nformat = \"csv\"\nfacet = \"stock\"\ncolumns = \"orders\"",
            "columns: `orders` are the facet placed, not stock",
        ),
        (
            "pattern = \"*\"\nformat = \"csv\"\nfacet = \"placed\"\ncolumns = \"orders\"\ntime_zone = \"Mars\"",
            "time_zone: it is not an IANA time zone",
        ),
        (
            "pattern = \"*\"\nformat = \"csv\"\nfacet = \"stock\"\nmapping = \"m.jq\"\ntime_zone = \"UTC\"",
            "time_zone: it means nothing without `columns`",
        ),
        (
            "pattern = \"*\"\nformat = \"jsonl\"\nfacet = \"stock\"\nmapping = \"m.jq\"\ndelimiter = \",\"",
            "delimiter: only csv has one",
        ),
        (
            "pattern = \"*\"\nformat = \"jsonl\"\nfacet = \"placed\"\ncolumns = \"orders\"",
            "columns: only csv has them",
        ),
        (
            "pattern = \"*\"\nformat = \"jsonl\"\nfacet = \"stock\"\nmapping = \"m.jq\"\nencoding = \"utf-16\"",
            "encoding: JSON is utf-8",
        ),
        (
            "pattern = \"*.errors.csv\"\nformat = \"csv\"\nfacet = \"stock\"\nmapping = \"m.jq\"",
            "pattern: what ends in .errors.csv",
        ),
    ];
    for (settings, expected) in cases {
        let told = kind(settings);
        assert!(told.iter().any(|told| told.starts_with(expected)), "{settings}: {told:?}");
    }
}
