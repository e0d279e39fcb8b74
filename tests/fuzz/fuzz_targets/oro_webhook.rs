//! See `ferry_systems::oro::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| ferry_systems::oro::fuzz::webhook(body));
