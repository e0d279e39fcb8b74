//! The transformer's entry point.

fn main() {}
