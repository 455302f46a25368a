//! Bytes as a table of mounts, to which the row of configfs is added, and in which files of sysfs are looked up.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ugpio_supervisor::inside::check_merging;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = core::str::from_utf8(bytes) {
        check_merging(text);
    }
});
