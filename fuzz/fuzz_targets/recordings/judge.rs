//! What must hold of every recording that could be read.

use crate::trace::diff::{Rules, Sides, compare};
use crate::trace::dump::{Id, Writer};
use crate::trace::view::{View, Wanted};
use crate::trace::wave::Wave;
use crate::trace::{show, svg};

/// Shows it, compares it with itself, and reads it again after it was written.
pub(crate) fn judge(wave: &Wave) {
    for wanted in [
        Wanted::default(),
        all(None),
        all(Some(wave.unit.fs(wave.end))),
    ] {
        if let Ok(view) = View::of(wave, &wanted) {
            drawn(&view);
        }
    }
    let rules = Rules { tolerance: Some(0) };
    let same = compare((wave, wave), rules, Sides("one", "other"), |_| true, true);
    assert_eq!(same.differences, [""; 0]);
    assert_eq!(same.lines, wave.lines().count());
    for (_, line) in wave.lines() {
        let steps = &line.level.0;
        assert!(
            steps
                .windows(2)
                .all(|two| two[0].0 < two[1].0 && two[0].1 != two[1].1)
        );
        assert!(steps.last().is_none_or(|(at, _)| *at <= wave.end));
    }
    written(wave);
}

/// A message does nothing to a terminal, and is Rust's of nothing.
pub(crate) fn message(text: &str) {
    assert!(
        !text.is_empty() && !text.chars().any(char::is_control),
        "{text:?}"
    );
}

fn all(from: Option<u128>) -> Wanted {
    Wanted {
        all: true,
        from,
        ..Wanted::default()
    }
}

fn drawn(view: &View<'_>) {
    for width in [1, 7, 80] {
        let mut text = Vec::new();
        show::draw(view, width, &mut text).expect("a vector takes everything");
        let text = String::from_utf8(text).expect("it is text");
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    }
    let mut text = Vec::new();
    svg::draw(view, 640, &mut text).expect("a vector takes everything");
    let text = String::from_utf8(text).expect("it is text");
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    assert!(text.ends_with("</svg>\n"));
}

/// Its levels, written by our writer, are what they were.
fn written(wave: &Wave) {
    let mut bytes = Vec::new();
    let mut to = Writer::new(&mut bytes);
    let done = "a vector takes everything";
    for (number, _) in wave.lines().enumerate() {
        to.wire(Id::of(number), &format!("n{number}")).expect(done);
    }
    to.end_definitions().expect(done);
    let mut changes = Vec::new();
    for (number, (_, line)) in wave.lines().enumerate() {
        changes.extend(line.level.0.iter().map(|(at, bit)| (*at, number, *bit)));
    }
    changes.sort_by_key(|(at, number, _)| (*at, *number));
    for (at, number, bit) in changes {
        to.time(at).expect(done);
        to.bit(Id::of(number), bit).expect(done);
    }
    let again = Wave::of_dump(bytes.as_slice()).expect("it was just written");
    let levels =
        |wave: &Wave| -> Vec<_> { wave.lines().map(|(_, line)| line.level.clone()).collect() };
    assert_eq!(levels(&again), levels(wave));
}
