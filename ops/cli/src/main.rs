//! ferry: the hand of operators and integrators.

fn main() {}
