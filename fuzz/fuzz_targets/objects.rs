#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| configbus_gitstore::fuzzing::objects(data));
