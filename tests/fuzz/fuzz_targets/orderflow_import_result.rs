//! See `ferry_systems::orderflow::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| ferry_systems::orderflow::fuzz::import_result(body));
