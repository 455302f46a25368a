//! What later releases than 6.12 have, in the first of them and not in the one before.

use gpiolib::{Direction, Label, LineInfo, Offset};

use super::*;

const V6_13: Release = Release::new(6, 13, 99);
const V6_14: Release = Release::new(6, 14, 0);
const V7_0: Release = Release::new(7, 0, 99);
const V7_1: Release = Release::new(7, 1, 0);
const V7_3: Release = Release::new(7, 3, 4);

/// A device with a bank of four lines, its `line1` with a hog.
fn hogged(release: Release) -> Mounted {
    let mut at = of_release(release);
    at.dirs(&["d", "d/b", "d/b/line1", "d/b/line1/hog"]);
    at.store("d/b/num_lines", "4").unwrap();
    at
}

fn info(at: &Mounted, offset: u32) -> LineInfo {
    let line = at.chip().device().line(Offset::new(offset)).unwrap();
    line.info()
}

#[test]
fn lines_have_valid_from_6_14_on() {
    let mut at = of_release(V6_13);
    at.dirs(&["d", "d/b"]);
    assert_eq!(at.mkdir("d/b/line0").unwrap(), vec![b"name"]);
    assert_eq!(at.mkdir("d/b/line0/valid"), Err(Errno::EINVAL));
    for release in [V6_14, V7_3] {
        let mut at = of_release(release);
        at.dirs(&["d", "d/b"]);
        assert_eq!(at.mkdir("d/b/line0").unwrap(), vec![&b"name"[..], b"valid"]);
        assert_eq!(at.mkdir("d/b/line0/valid"), Err(Errno::EEXIST));
        assert_eq!(at.show("d/b/line0/valid"), "1\n");
    }
}

#[test]
fn what_valid_takes() {
    let mut at = of_release(V6_14);
    at.dirs(&["d", "d/b", "d/b/line0"]);
    for (text, answer, shown) in [
        ("0", Ok(1), "0\n"),
        ("1\n", Ok(2), "1\n"),
        ("n", Ok(1), "0\n"),
        ("y", Ok(1), "1\n"),
        ("no", Ok(2), "0\n"),
        ("on", Ok(2), "1\n"),
        ("off", Ok(3), "0\n"),
        ("true", Ok(4), "1\n"),
        ("false", Ok(5), "0\n"),
        ("2", Err(Errno::EINVAL), "0\n"),
        ("", Err(Errno::EFAULT), "0\n"),
        ("x", Err(Errno::EINVAL), "0\n"),
        ("-1", Err(Errno::EINVAL), "0\n"),
        (" 1", Err(Errno::EINVAL), "0\n"),
    ] {
        assert_eq!(at.store("d/b/line0/valid", text), answer, "{text:?}");
        assert_eq!(at.show("d/b/line0/valid"), shown, "{text:?}");
    }
}

#[test]
fn an_invalid_line_is_used_and_cannot_be_requested() {
    let mut at = of_release(V6_14);
    at.dirs(&["d", "d/b", "d/b/line1", "d/b/line9"]);
    at.store("d/b/num_lines", "2").unwrap();
    at.store("d/b/line1/valid", "no").unwrap();
    at.store("d/b/line9/valid", "no").unwrap();
    at.store("d/live", "1").unwrap();
    let line = at.chip().device().line(Offset::new(1)).unwrap();
    let refused = line.request("test").unwrap_err();
    assert_eq!(refused.errno(), Errno::EINVAL);
    assert_eq!((line.info().used, line.info().consumer), (true, None));
    assert_eq!(line.info().config.direction, Some(Direction::Input));
}

#[test]
fn a_live_line_stays_as_valid_as_it_is_until_the_next_time() {
    let mut at = of_release(V6_14);
    at.dirs(&["d", "d/b", "d/b/line0"]);
    at.store("d/live", "1").unwrap();
    assert_eq!(at.store("d/b/line0/valid", "0"), Ok(1));
    assert!(!info(&at, 0).used);
    at.store("d/live", "0").unwrap();
    at.store("d/live", "1").unwrap();
    assert!(info(&at, 0).used);
}

#[test]
fn hogs_have_active_low_from_7_1_on() {
    let mut at = of_release(V7_0);
    at.dirs(&["d", "d/b", "d/b/line1"]);
    let made = at.mkdir("d/b/line1/hog").unwrap();
    assert_eq!(made, vec![&b"name"[..], b"direction"]);
    assert_eq!(at.mkdir("d/b/line1/hog/active_low"), Err(Errno::EPERM));
    for release in [V7_1, V7_3] {
        let mut at = hogged(release);
        assert_eq!(at.show("d/b/line1/hog/active_low"), "0\n");
        assert_eq!(at.mkdir("d/b/line1/hog/active_low"), Err(Errno::EEXIST));
        for (text, answer, shown) in [
            ("1\n", Ok(2), "1\n"),
            ("y", Ok(1), "1\n"),
            ("2", Err(Errno::EINVAL), "1\n"),
            ("", Err(Errno::EFAULT), "1\n"),
            ("off", Ok(3), "0\n"),
        ] {
            assert_eq!(at.store("d/b/line1/hog/active_low", text), answer);
            assert_eq!(at.show("d/b/line1/hog/active_low"), shown);
        }
        at.store("d/live", "1").unwrap();
        for text in ["0", "x"] {
            let busy = at.store("d/b/line1/hog/active_low", text);
            assert_eq!(busy, Err(Errno::EBUSY));
        }
    }
}

#[test]
fn an_active_low_hog_drives_the_other_level() {
    for (direction, level, meant) in [
        ("output-high", Level::Low, Direction::Output),
        ("output-low", Level::High, Direction::Output),
        ("input", Level::Low, Direction::Input),
    ] {
        let mut at = hogged(V7_1);
        at.store("d/b/line1/hog/direction", direction).unwrap();
        at.store("d/b/line1/hog/active_low", "1").unwrap();
        at.store("d/live", "1").unwrap();
        assert_eq!(at.chip().level(Offset::new(1)), Ok(level), "{direction}");
        let config = info(&at, 1).config;
        assert!(config.active_low, "{direction}");
        assert_eq!(config.direction, Some(meant));
    }
}

#[test]
fn a_hog_beyond_the_chip_takes_it_along_from_7_1_on() {
    for (release, answer) in [(V7_0, Ok(1)), (V7_1, Err(Errno::ENXIO))] {
        let mut at = hogged(release);
        at.dirs(&["d/first"]);
        at.store("d/b/num_lines", "1").unwrap();
        assert_eq!(at.store("d/live", "1"), answer, "{release}");
        let chips = if answer.is_ok() { 2 } else { 0 };
        assert_eq!(at.bench.sims.len(), chips, "all or none of the device");
        assert_eq!(at.show("d/live"), if chips == 0 { "0\n" } else { "1\n" });
        // A line beyond the chip without a hog is without effect in any release.
        assert_eq!(at.rmdir("d/b/line1/hog").is_ok(), chips == 0);
        assert_eq!(at.store("d/live", "1").is_ok(), chips == 0);
    }
}

#[test]
fn so_does_a_hog_on_an_invalid_line() {
    for (release, answer) in [(V7_0, Ok(1)), (V7_1, Err(Errno::ENXIO))] {
        let mut at = hogged(release);
        // The same line, by another directory.
        at.dirs(&["d/b/line01"]);
        at.store("d/b/line01/valid", "0").unwrap();
        assert_eq!(at.store("d/live", "1"), answer, "{release}");
    }
}

#[test]
fn an_empty_hog_name_is_unknown_from_7_1_on() {
    for (release, consumer) in [(V7_0, ""), (V7_1, "?")] {
        let mut at = hogged(release);
        at.store("d/b/line1/hog/name", "\n").unwrap();
        at.store("d/live", "1").unwrap();
        let shown = info(&at, 1).consumer;
        assert_eq!(shown, Some(Label::from(consumer)), "{release}");
    }
}
