//! What later releases than 6.12 do, in the first of them and not in the one before.

use alloc::string::String;

use gpiolib::{InfoChange, LineConfig};

use super::*;

const V6_12: Release = Release::new(6, 12, 99);
const V6_13: Release = Release::new(6, 13, 0);
const V7_3: Release = Release::new(7, 3, 4);

/// Line 513, exported, with somebody who watches it from then on.
struct Watched {
    bench: Bench,
    watch: InfoQueue,
}

impl Watched {
    fn of_release(release: Release) -> Watched {
        let bench = Bench::of_release(release);
        let watch = InfoQueue::new(8);
        watch.watch(Offset::new(1)).unwrap();
        bench.sim.device().attach(&watch);
        Watched { bench, watch }
    }

    fn changes(&self) -> Vec<InfoChange> {
        core::iter::from_fn(|| self.watch.pop()).collect()
    }

    /// What a text does, as one letter a change, with the edges that each shows.
    fn does(&mut self, attribute: ClassAttribute, text: &str) -> String {
        self.bench.store(attribute, text).unwrap();
        self.said()
    }

    fn said(&self) -> String {
        let word = |change: &InfoChange| {
            let kind = match change.kind {
                InfoChangeKind::Requested => "R",
                InfoChangeKind::Reconfigured => "C",
                InfoChangeKind::Released => "F",
            };
            let LineConfig {
                edges, active_low, ..
            } = change.info.config;
            let marks = [(edges.rising, "+"), (edges.falling, "-"), (active_low, "!")];
            let marks = marks.into_iter().filter(|(is_set, _)| *is_set);
            let marks: String = marks.map(|(_, mark)| mark).collect();
            format!("{kind}{marks}")
        };
        let words: Vec<String> = self.changes().iter().map(word).collect();
        words.join(" ")
    }
}

#[test]
fn watchers_see_everything_from_6_13_on() {
    use ClassAttribute::{ActiveLow, Direction, Edge, Value};
    for release in [V6_13, V7_3] {
        let mut at = Watched::of_release(release);
        for (attribute, text, said) in [
            (Direction, "out", "C"),
            (Direction, "out", "C"),
            (Value, "1", ""),
            (Direction, "in", "C"),
            (Direction, "high", "C"),
            (Direction, "in", "C"),
            (Edge, "both", "C+-"),
            (Edge, "rising", "C+"),
            (Edge, "rising", ""),
            (Edge, "none", ""),
            (Edge, "none", ""),
            (ActiveLow, "1", "C!"),
            (ActiveLow, "1", ""),
            (Edge, "falling", "C-!"),
            (ActiveLow, "0", "C-"),
            (Direction, "in", "C-"),
        ] {
            assert_eq!(
                at.does(attribute, text),
                said,
                "{release} {attribute:?} {text}"
            );
        }
        at.bench.class.unexport(Within::Machine, b"513").unwrap();
        assert_eq!(at.said(), "F", "{release}");
        at.bench.class.export(Within::Machine, b"513").unwrap();
        let shown = at.changes();
        assert_eq!(shown.len(), 1);
        assert_eq!(shown[0].kind, InfoChangeKind::Requested);
        assert_eq!(shown[0].info.consumer, Some(Label::from("sysfs")));
    }
}

#[test]
fn before_that_they_see_the_end_only() {
    let mut at = Watched::of_release(V6_12);
    for (attribute, text) in [
        (ClassAttribute::Direction, "out"),
        (ClassAttribute::Direction, "in"),
        (ClassAttribute::Edge, "both"),
        (ClassAttribute::ActiveLow, "1"),
    ] {
        assert_eq!(at.does(attribute, text), "", "{attribute:?}");
    }
    let line = at.bench.sim.device().line(Offset::new(1)).unwrap();
    assert_eq!(line.info().config.edges, Edges::NONE, "not shown");
    at.bench.class.unexport(Within::Machine, b"513").unwrap();
    assert_eq!(at.said(), "F");
}

#[test]
fn what_is_refused_is_not_announced() {
    let mut at = Watched::of_release(V7_3);
    assert_eq!(
        at.bench.store(ClassAttribute::Direction, "up"),
        Err(Errno::EINVAL)
    );
    assert_eq!(
        at.bench.class.export(Within::Machine, b"513"),
        Err(Errno::EBUSY)
    );
    assert_eq!(at.said(), "");
    at.does(ClassAttribute::Direction, "out");
    assert_eq!(
        at.bench.store(ClassAttribute::Edge, "both"),
        Err(Errno::EIO)
    );
    assert_eq!(at.said(), "");
}

#[test]
fn a_chip_takes_offsets_of_its_own() {
    let mut bench = Bench::of_release(V7_3);
    let chip = Within::Chip(0);
    for (text, answer) in [
        (&b"4"[..], Err(Errno::EINVAL)),
        (b"-1", Err(Errno::EINVAL)),
        (b"x", Err(Errno::EINVAL)),
        (b"", Ok(None)),
        (b"1x", Err(Errno::EINVAL)),
        (b"99999999999", Err(Errno::ERANGE)),
        (b"4294967296", Err(Errno::ERANGE)),
        (b"0x", Err(Errno::EINVAL)),
        (b" 1", Err(Errno::EINVAL)),
        (b"1", Err(Errno::EBUSY)),
        (b"2", Ok(Some(514))),
        (b"0x3\n", Ok(Some(515))),
        (b"00", Ok(Some(512))),
        (b"2", Err(Errno::EBUSY)),
    ] {
        let exported = bench.class.export(chip, text);
        assert_eq!(exported, answer, "{}", text.escape_ascii());
    }
    for (text, answer) in [
        (&b"7"[..], Err(Errno::EINVAL)),
        (b"z", Err(Errno::EINVAL)),
        (b"3", Ok(Some(515))),
        (b"3", Err(Errno::EINVAL)),
        // Exported by the other file.
        (b"1", Ok(Some(513))),
    ] {
        let free = bench.class.unexport(chip, text);
        assert_eq!(free, answer, "{}", text.escape_ascii());
    }
    assert_eq!(
        bench.class.unexport(Within::Machine, b"514"),
        Ok(Some(514)),
        "exported by the chip's file"
    );
    assert_eq!(
        bench.class.export(Within::Chip(7), b"0"),
        Err(Errno::ENODEV)
    );
}
