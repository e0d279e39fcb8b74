//! The workshop: cargo x demo | test | sim | tidy.

fn main() {}
