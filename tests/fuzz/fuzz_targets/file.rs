//! See `ferry_systems::files::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| ferry_systems::files::fuzz::file(body));
