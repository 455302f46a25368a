//! `read` on a chip file whose watches are v1.

use gpiolib::Errno;

use crate::common::Rig;
use crate::common::make::{INPUT, lines};

#[test]
fn row_082_sizes_are_measured_in_v2_records_after_the_first() {
    let mut rig = Rig::new(4);
    let (chip, watcher) = (rig.open(), rig.open());
    rig.watch_v1(watcher, 0).unwrap();
    for (len, given) in [
        (104, 104),
        (391, 104),
        (392, 208),
        (495, 208),
        (496, 312),
        (600, 416),
        (2000, 1040),
    ] {
        for _ in 0..5 {
            let line = rig.get_line(chip, lines(&[0], INPUT)).unwrap();
            rig.close(line);
        }
        assert_eq!(rig.read_len(watcher, len), Ok(given), "{len}");
        while rig.read(watcher, 4096).is_ok() {}
    }
}

#[test]
fn too_small_is_einval_once_a_record_is_there() {
    let mut rig = Rig::new(4);
    let (chip, watcher) = (rig.open(), rig.open());
    rig.watch_v1(watcher, 0).unwrap();
    assert_eq!(rig.read(watcher, 1), Err(Errno::EAGAIN));
    rig.get_line(chip, lines(&[0], INPUT)).unwrap();
    assert_eq!(rig.read(watcher, 103), Err(Errno::EINVAL));
    assert_eq!(rig.read_len(watcher, 104), Ok(104));
}
