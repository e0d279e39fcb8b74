//! When a source is polled.

use super::{added, changed};

const EVERY: &str = "every = \"30s\"";

/// What is told of the route of orders when it is polled like this, without lines.
fn polled(times: &str) -> Vec<String> {
    let found = changed(EVERY, times);
    found.iter().map(|told| told.split_once(": ").unwrap().1.to_owned()).collect()
}

#[test]
fn a_pattern_is_as_good_as_an_interval() {
    for times in [
        "cron = \"*/2 * * * *\"",
        "cron = \"0 30 2 * * MON-FRI\"\ntime_zone = \"Europe/London\"\ncatch_up = \"skip\"",
    ] {
        assert_eq!(polled(times), [""; 0], "{times}");
    }
}

#[test]
fn what_no_clock_would_ever_show_is_told_by_its_key() {
    let cases = [
        ("cron = \"61 * * * *\"", "routes[0].cron: `61 * * * *` is not a cron pattern"),
        ("cron = \"hourly, please\"", "routes[0].cron: `hourly, please` is not a cron pattern"),
        (
            "cron = \"0 2 * * *\"\ntime_zone = \"Mars/Olympus\"",
            "routes[0].time_zone: it is not an IANA time zone such as Europe/London",
        ),
        (
            "every = \"30s\"\ntime_zone = \"Europe/London\"",
            "routes[0].time_zone: only `cron` is about a clock",
        ),
        (
            "every = \"30s\"\ncron = \"0 2 * * *\"",
            "routes[0].every: `every` and `cron` exclude each other",
        ),
    ];
    for (times, expected) in cases {
        let told = polled(times);
        assert!(matches!(&told[..], [one] if one.starts_with(expected)), "{times}: {told:?}");
    }
}

#[test]
fn a_drop_folder_has_intervals_only() {
    let told = added(
        r#"
[systems.catalogue]
kind = "files"
folder = "drop"

[systems.catalogue.files.products]
pattern = "*.csv"
format = "csv"
facet = "catalogue"
mapping = "Cargo.toml"

[[routes]]
name = "catalogue"
from = "catalogue"
entity = "product"
facet = "catalogue"
cron = "0 2 * * *"
to = ["shop"]
"#,
    );
    let expected = "routes[2].cron: a drop folder is looked at in intervals: say `every`";
    assert!(told.iter().any(|told| told.ends_with(expected)), "{told:?}");
}
