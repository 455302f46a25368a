//! Board files and `--chip` words: what they mean, and the one line each mistake gives.

use std::path::Path;

use super::{Board, ChipSpec, HogDirection, HogSpec, file};

fn error(text: &str) -> String {
    let mut error = file::parse(text).unwrap_err();
    error.file = Some("b.toml".into());
    error.to_string()
}

#[test]
fn a_file_gives_chips_in_order_with_names_and_hogs() {
    let board = file::parse(
        "# two chips\n\
         [[chip]]\nlabel = \"demo\"\nlines = 4\nnames = [\"LED\", \"\", \"BUTTON\"]\n\
         hogs = [{ line = 3, consumer = \"reset\", direction = \"output-high\" }]\n\
         [[chip]]\nlabel = \"other\"\n\
         [chip.names]\n7 = \"LAST\"\n0 = \"LAST\"\n\
         [[chip.hogs]]\nline = 1\n[[chip.hogs]]\nline = 2\nname = \"n\"\ndirection = \"output-low\"\n",
    )
    .unwrap();
    let hog = |offset, consumer: &str, direction| HogSpec {
        offset,
        consumer: consumer.into(),
        direction,
    };
    let demo = ChipSpec {
        label: "demo".into(),
        lines: 4,
        names: vec![(0, "LED".into()), (2, "BUTTON".into())],
        hogs: vec![hog(3, "reset", HogDirection::OutputHigh)],
    };
    let other = ChipSpec {
        label: "other".into(),
        lines: 8,
        names: vec![(0, "LAST".into()), (7, "LAST".into())],
        hogs: vec![
            hog(1, "?", HogDirection::Input),
            hog(2, "n", HogDirection::OutputLow),
        ],
    };
    assert_eq!(board.chips, [demo, other]);
}

#[test]
fn a_hog_can_name_its_line() {
    let board =
        file::parse("[[chip]]\nlabel = \"a\"\nnames = [\"x\", \"y\"]\nhogs = [{ line = \"y\" }]\n");
    assert_eq!(board.unwrap().chips[0].hogs[0].offset, 1);
}

#[test]
fn an_empty_file_is_an_empty_board() {
    assert_eq!(file::parse("").unwrap(), Board::default());
    assert_eq!(Board::load(None, &[]).unwrap(), Board::default());
}

#[test]
fn every_mistake_is_one_line_with_file_line_and_key() {
    let chip = |rest: &str| format!("[[chip]]\nlabel = \"a\"\n{rest}");
    let two_hogs = chip("[[chip.hogs]]\nline = 1\n[[chip.hogs]]\nline = 1\n");
    let cases: &[(String, &str)] = &[
        (
            "chips = 1\n".into(),
            "1: chips: unknown key, known here: chip",
        ),
        (
            chip("speed = 3\n"),
            "3: chip[0].speed: unknown key, known here: label, lines, names, hogs",
        ),
        (
            "\n[[chip]]\nlines = 3\n".into(),
            "2: chip[0].label: is missing",
        ),
        (
            "[chip]\nlabel = \"a\"\n".into(),
            "1: chip: must be an array of tables, written [[chip]], not a table",
        ),
        (
            "[[chip]]\nlabel = 3\n".into(),
            "2: chip[0].label: must be a string, not a number",
        ),
        (
            "[[chip]]\nlabel = \"\"\n".into(),
            "2: chip[0].label: is empty",
        ),
        (
            chip("lines = 0\n"),
            "3: chip[0].lines: 0 is not a number of lines from 1 to 1024",
        ),
        (
            chip("lines = 0x401\n"),
            "3: chip[0].lines: 1025 is not a number of lines from 1 to 1024",
        ),
        (
            chip("lines = -1\n"),
            "3: chip[0].lines: -1 is not a number of lines from 1 to 1024",
        ),
        (
            chip("lines = \"8\"\n"),
            "3: chip[0].lines: must be a number, not a string",
        ),
        (
            chip("lines = 1.5\n"),
            "3: chip[0].lines: must be a number, not a fraction",
        ),
        (
            chip("names = 1\n"),
            "3: chip[0].names: must be an array of names or a table of offset = name, not a number",
        ),
        (
            chip("names = [\"a\",\n 1]\n"),
            "4: chip[0].names[1]: must be a string, not a number",
        ),
        (
            chip("lines = 1\nnames = [\"a\", \"b\"]\n"),
            "4: chip[0].names[1]: the chip has lines 0 to 0, not 1",
        ),
        (
            chip("[chip.names]\n8 = \"x\"\n"),
            "4: chip[0].names.8: the chip has lines 0 to 7, not 8",
        ),
        (
            chip("[chip.names]\n01 = \"x\"\n"),
            "4: chip[0].names.01: is not a line's offset",
        ),
        (
            chip("[chip.names]\nled = \"x\"\n"),
            "4: chip[0].names.led: is not a line's offset",
        ),
        (
            chip("names = [\"0123456789012345678901234567890x\"]\n"),
            "3: chip[0].names[0]: \"0123456789012345678901234567890x\" is longer than 31 bytes, programs would see it cut",
        ),
        (
            chip("names = [\"a\\u0000b\"]\n"),
            "3: chip[0].names[0]: \"a\\0b\" holds a control character",
        ),
        (
            chip("hogs = [{ line = 8 }]\n"),
            "3: chip[0].hogs[0].line: the chip has lines 0 to 7, not 8",
        ),
        (
            chip("hogs = [{ line = 1e3 }]\n"),
            "3: chip[0].hogs[0].line: must be an offset or a line name, not a fraction",
        ),
        (
            chip("hogs = [{ line = \"x\" }]\n"),
            "3: chip[0].hogs[0].line: no line of this chip has the name \"x\"",
        ),
        (
            chip("names = [\"x\", \"x\"]\nhogs = [{ line = \"x\" }]\n"),
            "4: chip[0].hogs[0].line: lines 0 and 1 both have the name \"x\": give the offset",
        ),
        (
            chip("hogs = [{ consumer = \"x\" }]\n"),
            "3: chip[0].hogs[0].line: is missing",
        ),
        (
            chip("hogs = [{ line = 1, name = \"x\", consumer = \"y\" }]\n"),
            "3: chip[0].hogs[0].name: consumer is given too, and means the same",
        ),
        (
            chip("hogs = [{ line = 1, direction = \"out\" }]\n"),
            "3: chip[0].hogs[0].direction: \"out\" is not \"input\", \"output-high\" or \"output-low\"",
        ),
        (
            chip("hogs = [{ line = 1, value = 1 }]\n"),
            "3: chip[0].hogs[0].value: unknown key, known here: line, consumer, name, direction",
        ),
        (two_hogs, "6: chip[0].hogs[1].line: another hog has line 1"),
        (
            chip("[[chip]]\nlines = 2\nlabel = \"a\"\n"),
            "5: chip[1].label: another chip of this board has the label \"a\"",
        ),
    ];
    for (text, wanted) in cases {
        assert_eq!(error(text), format!("b.toml:{wanted}"), "of {text:?}");
    }
}

#[test]
fn what_is_not_toml_names_its_line() {
    assert_eq!(
        error("[[chip]]\nlabel = \n"),
        "b.toml:2: not TOML: string values must be quoted, expected literal string"
    );
    assert_eq!(error("a = 1\na = 2\n"), "b.toml:2: not TOML: duplicate key");
}

#[test]
fn huge_numbers_are_bad_values_and_not_panics() {
    let digits = "9".repeat(60);
    let text = format!("[[chip]]\nlabel = \"a\"\nlines = {digits}\n");
    assert!(error(&text).starts_with("b.toml:3: "), "{}", error(&text));
}

#[test]
fn chip_words() {
    let plain = |word: &str| word.parse::<ChipSpec>().map_err(|e| e.to_string());
    assert_eq!(plain("demo"), Ok(ChipSpec::plain("demo", 8)));
    assert_eq!(plain("demo:1024"), Ok(ChipSpec::plain("demo", 1024)));
    assert_eq!(
        plain("gpio-sim.0:node0:2"),
        Ok(ChipSpec::plain("gpio-sim.0:node0", 2))
    );
    for word in [
        "demo:0",
        "demo:1025",
        "demo:",
        "demo:x",
        "demo:+3",
        "demo:99999999999",
    ] {
        let lines = word.split_once(':').unwrap().1;
        let problem = format!("{lines:?} is not a number of lines from 1 to 1024 (LABEL[:LINES])");
        assert_eq!(plain(word), Err(format!("chip {word:?}: {problem}")));
    }
    assert_eq!(plain(":3"), Err("chip \":3\": the label is empty".into()));
    assert_eq!(
        plain("a\nb"),
        Err("chip \"a\\nb\": \"a\\nb\" holds a control character".into())
    );
}

#[test]
fn a_label_of_the_command_line_must_be_new() {
    let twice = [ChipSpec::plain("a", 1), ChipSpec::plain("a", 2)];
    let error = Board::load(None, &twice).unwrap_err().to_string();
    assert_eq!(
        error,
        "--chip a: another chip of this board has the label \"a\""
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Board::load(Some(Path::new("/nonexistent/b.toml")), &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/nonexistent/b.toml: no such file or directory"
    );
    let error = Board::load(Some(Path::new("/")), &[]).unwrap_err();
    assert_eq!(error.to_string(), "/: is a directory");
}

#[test]
fn the_example_boards_are_boards() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../boards");
    let mut seen = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let board = Board::load(Some(&path), &[]).unwrap_or_else(|e| panic!("{e}"));
        assert!(!board.chips.is_empty(), "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 2);
}
