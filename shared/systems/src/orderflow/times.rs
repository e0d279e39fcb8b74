//! OrderFlow's times: local, without a zone (OrderFlow reference §1).

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// Reads `2024-03-02 16:40:11` or `2024-03-02T16:40:11` as a time of `zone`.
pub(crate) fn parse(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(civil(text)?).compatible().ok()
}

/// The same, without asking when that was.
pub(super) fn civil(text: &str) -> Option<DateTime> {
    text.trim().replacen(' ', "T", 1).parse().ok()
}

/// Writes a time as OrderFlow reads it.
pub(super) fn format(time: Timestamp, zone: &TimeZone) -> String {
    local(time.to_zoned(zone.clone()).datetime())
}

pub(super) fn local(time: DateTime) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_time_is_read_in_its_zone_and_written_back() {
        let london = TimeZone::get("Europe/London").unwrap();
        let summer = parse("2024-07-02 16:40:11", &london).unwrap();
        assert_eq!(summer.to_string(), "2024-07-02T15:40:11Z");
        assert_eq!(format(summer, &london), "2024-07-02 16:40:11");
        assert_eq!(parse("2024-07-02T16:40:11", &london), Some(summer));
        assert_eq!(parse("yesterday", &london), None);
    }
}
