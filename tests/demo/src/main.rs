//! Runs the main job: simulators, services, a live view and the account at the end.

fn main() {}
