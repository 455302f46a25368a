//! An FST says what the dump says, to us and to a reader that others wrote; a damaged one is an error.

use std::path::PathBuf;

use super::*;
use crate::trace::wave::Wave;

const GOLDEN: &[u8] = include_bytes!("../vcd/golden.vcd");

/// An FST of a dump, in a place of its own.
fn made(dump: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.fst");
    write(dump, File::create(&path).unwrap(), || ()).unwrap();
    (place, path)
}

#[test]
fn it_says_what_the_dump_says() {
    let (_place, path) = made(GOLDEN);
    let (fst, dump) = (Wave::read(&path).unwrap(), Wave::of_dump(GOLDEN).unwrap());
    assert_eq!(fst, dump);
    assert!(!dump.notes.is_empty() && dump.lines().count() > 1);
}

/// The values that each signal goes through, with their times, by its full name; remarks left out.
fn foreign(path: &std::path::Path) -> Vec<(String, Vec<(u64, String)>)> {
    let mut wave = wellen::simple::read(path).unwrap();
    let vars: Vec<_> = {
        let hierarchy = wave.hierarchy();
        let named = |var| {
            let var: &wellen::Var = &hierarchy[var];
            (var.full_name(hierarchy), var.signal_ref())
        };
        hierarchy.all_vars().map(named).collect()
    };
    let signals: Vec<_> = vars.iter().map(|(_, signal)| *signal).collect();
    wave.load_signals(&signals);
    let times = wave.time_table().to_vec();
    let said = vars.into_iter().map(|(name, signal)| {
        let changes = wave.get_signal(signal).unwrap().iter_changes();
        let changes = changes.map(|(at, value)| {
            let at = times[usize::try_from(at).unwrap()];
            (at, value.to_string())
        });
        (name.to_string(), changes.collect())
    });
    said.filter(|(name, _): &(String, _)| name != "remarks.text")
        .collect()
}

#[test]
fn a_foreign_reader_finds_every_signal_as_in_the_dump() {
    let (place, path) = made(GOLDEN);
    let dump = place.path().join("a.vcd");
    std::fs::write(&dump, GOLDEN).unwrap();
    let said = foreign(&path);
    assert_eq!(said, foreign(&dump));
    assert!(said.iter().any(|(_, changes)| changes.len() > 1));
}

#[test]
fn a_long_one_is_written_in_blocks_and_tells_how_it_goes_on() {
    let mut dump = GOLDEN.to_vec();
    let text = String::from_utf8_lossy(GOLDEN);
    let declared = text.split_once(" LED $end").unwrap().0;
    let id = declared.rsplit(' ').next().unwrap();
    let count = u64::try_from(2 * BLOCK_CHANGES + 9).unwrap();
    for at in 0..count {
        let bit = at % 2;
        dump.extend(format!("#{}\n{bit}{id}\n", 1_000_000_000 + at).bytes());
    }
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.fst");
    let told = std::cell::Cell::new(0);
    let to = File::create(&path).unwrap();
    write(dump.as_slice(), to, || told.set(told.get() + 1)).unwrap();
    assert!(told.get() > 4);
    let length = usize::try_from(path.metadata().unwrap().len()).unwrap();
    assert!(length < dump.len() / 2, "{length} of {}", dump.len());
    let (fst, dump) = (
        Wave::read(&path).unwrap(),
        Wave::of_dump(dump.as_slice()).unwrap(),
    );
    assert!(fst == dump, "they are too long to be shown");
    assert!(dump.chips[0].lines[0].level.0.len() > 2 * BLOCK_CHANGES);
}

#[test]
fn a_damaged_one_is_an_error_or_another_recording() {
    let (_place, path) = made(GOLDEN);
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        if let Ok(wave) = Wave::read(&path) {
            assert!(wave.end <= Wave::of_dump(GOLDEN).unwrap().end);
        }
    }
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 0xff;
        std::fs::write(&path, &damaged).unwrap();
        // Whatever it says, it says it without a panic.
        let _ = Wave::read(&path);
    }
}

#[test]
fn one_of_another_program_is_read_if_it_is_packed_like_ours() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.fst");
    let dump = String::from_utf8_lossy(GOLDEN).replace("ugpio ", "Icarus ");
    write(dump.as_bytes(), File::create(&path).unwrap(), || ()).unwrap();
    let (fst, dump) = (
        Wave::read(&path).unwrap(),
        Wave::of_dump(dump.as_bytes()).unwrap(),
    );
    let levels = |wave: &Wave| -> Vec<_> {
        let lines = wave.lines();
        lines
            .map(|(chip, line)| (chip.name.clone(), line.name.clone(), line.level.clone()))
            .collect()
    };
    assert_eq!(levels(&fst), levels(&dump));
    assert!(
        levels(&fst).len() > 3,
        "what is ours in particular is a line there"
    );
}

#[test]
fn of_a_damaged_one_it_is_said_where() {
    let (place, path) = made(GOLDEN);
    let whole = std::fs::read(&path).unwrap();
    let cut = place.path().join("cut.fst");
    std::fs::write(&cut, &whole[..400]).unwrap();
    let error = Wave::read(&cut).unwrap_err().to_string();
    assert!(
        error.contains("cut.fst: a damaged FST, before byte "),
        "{error}"
    );
}
