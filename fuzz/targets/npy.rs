#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| hierarch_readers::read("npy", input));
