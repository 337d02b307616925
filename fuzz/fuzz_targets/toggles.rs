#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| configbus_switches::fuzzing::toggles(data));
