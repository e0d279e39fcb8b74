//! The simulators' entry point.

fn main() {}
