//! jq programs: compiled once, bounded, testable.
