//! Boards that people have, by name: `--board pi4`, and `ugpio board`.
//!
//! Each is an ordinary board file of `boards/` in this crate, whose comments say where its facts are from. A file that
//! exists is always meant before a board of its name.

use std::path::Path;

/// The boards: name, and the text of the file.
const KNOWN: [(&str, &str); 7] = [
    ("beaglebone", include_str!("../../boards/beaglebone.toml")),
    ("beagleplay", include_str!("../../boards/beagleplay.toml")),
    ("jetson-nano", include_str!("../../boards/jetson-nano.toml")),
    ("pi-zero-2w", include_str!("../../boards/pi-zero-2w.toml")),
    ("pi4", include_str!("../../boards/pi4.toml")),
    ("pi5", include_str!("../../boards/pi5.toml")),
    ("visionfive2", include_str!("../../boards/visionfive2.toml")),
];

/// The names, and what each board is: the first line of its file.
pub(crate) fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    KNOWN.iter().map(|(name, text)| {
        let first = text.lines().next().unwrap_or_default();
        (*name, first.trim_start_matches("# "))
    })
}

/// The file of the board with this name.
pub(crate) fn text(name: &str) -> Option<&'static str> {
    let known = KNOWN.iter().find(|(other, _)| *other == name)?;
    Some(known.1)
}

/// The board that is meant by what stands where a file's path may stand.
pub(super) fn meant_by(path: &Path) -> Option<&'static str> {
    text(path.to_str()?).filter(|_| !path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::from_text;

    #[test]
    fn every_board_is_one_and_says_its_sources() {
        for (name, text) in KNOWN {
            let board = from_text(text).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert!(!board.chips.is_empty(), "{name}");
            assert!(!board.machine.files().is_empty(), "{name}");
            let comments = text.lines().take_while(|line| line.starts_with('#'));
            assert!(comments.count() > 3, "{name} says where its facts are from");
        }
    }

    #[test]
    fn a_board_is_meant_by_its_name_alone() {
        assert!(meant_by(Path::new("pi4")).is_some());
        assert!(meant_by(Path::new("pi4.toml")).is_none());
        assert!(meant_by(Path::new("./pi4")).is_none());
    }
}
