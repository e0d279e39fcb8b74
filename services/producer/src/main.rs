//! The producer's entry point.

fn main() {}
