#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| configbus_hooks::fuzzing::rules(data));
