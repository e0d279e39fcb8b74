//! See `ferry_systems::oro::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime of one thread");
    let _entered = runtime.enter();
    ferry_systems::oro::fuzz::answers(body);
});
