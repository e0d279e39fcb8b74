//! The loader's entry point.

fn main() {}
