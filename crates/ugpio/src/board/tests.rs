//! Board files and `--chip` words: what they mean, and the one line each mistake gives.

use std::path::Path;

use super::{Board, ChipSpec, HogDirection, HogSpec, LineSpec, NetSpec, PinSpec, Pull, file};

fn error(text: &str) -> String {
    let mut error = file::parse(text, &[]).unwrap_err();
    error.file = Some("b.toml".into());
    error.to_string()
}

#[test]
fn a_file_gives_chips_in_order_with_names_and_hogs() {
    let board = file::parse(
        "# two chips\n\
         [[chip]]\nlabel = \"demo\"\nlines = 4\nnames = [\"LED\", \"\", \"BUTTON\"]\n\
         hogs = [{ line = 3, consumer = \"reset\", direction = \"output-high\" }]\n\
         shared = [0, 2]\n\
         [[chip]]\nlabel = \"other\"\n\
         [chip.names]\n7 = \"LAST\"\n0 = \"LAST\"\n\
         [[chip.hogs]]\nline = 1\n[[chip.hogs]]\nline = 2\nname = \"n\"\ndirection = \"output-low\"\n",
        &[],
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
        shared: vec![0, 2],
        base: None,
    };
    let other = ChipSpec {
        label: "other".into(),
        lines: 8,
        names: vec![(0, "LAST".into()), (7, "LAST".into())],
        hogs: vec![
            hog(1, "?", HogDirection::Input),
            hog(2, "n", HogDirection::OutputLow),
        ],
        shared: Vec::new(),
        base: None,
    };
    assert_eq!(board.chips, [demo, other]);
}

#[test]
fn a_hog_can_name_its_line() {
    let board = file::parse(
        "[[chip]]\nlabel = \"a\"\nnames = [\"x\", \"y\"]\nhogs = [{ line = \"y\" }]\n",
        &[],
    );
    assert_eq!(board.unwrap().chips[0].hogs[0].offset, 1);
}

#[test]
fn a_file_gives_nets_and_parts_on_lines_of_any_chip() {
    let beside = [ChipSpec::plain("gpio-sim.0:node0", 4)];
    let board = file::parse(
        "[[chip]]\nlabel = \"a\"\nnames = [\"SDA\"]\n\
         [[net]]\nname = \"sda\"\nlines = [\"a:SDA\", \"gpio-sim.0:node0:3\"]\npull = \"up\"\ndelay = \"2us\"\n\
         [[part]]\nkind = \"eeprom\"\nname = \"u1\"\naddress = 0x51\npins = { sda = \"sda\", scl = \"a:1\" }\n\
         [[part]]\nkind = \"button\"\nname = \"go\"\nline = \"a:2\"\n",
        &beside,
    )
    .unwrap();
    let line = |chip: &str, offset| LineSpec {
        chip: chip.into(),
        offset,
    };
    let net = NetSpec {
        name: "sda".into(),
        lines: vec![line("a", 0), line("gpio-sim.0:node0", 3)],
        pull: Some(Pull::Up),
        delay_ns: 2_000,
    };
    assert_eq!(board.nets, [net]);
    let [u1, go] = board.parts.as_slice() else {
        panic!("two parts")
    };
    let sda = PinSpec::Net("sda".into());
    assert_eq!(
        u1.pins,
        [Some(sda), Some(PinSpec::Line(line("a", 1))), None]
    );
    assert_eq!((u1.kind, go.kind), ("eeprom", "button"));
    assert_eq!(go.pins, [Some(PinSpec::Line(line("a", 2)))]);
    assert_eq!(board.chips.len(), 1, "the other is not the file's");
}

#[test]
fn a_machine_tells_its_revision() {
    let board = file::parse("[machine]\npi-revision = 0xc03111\n", &[]).unwrap();
    let revision = ["/proc/device-tree", "/sys/firmware/devicetree/base"]
        .map(|tree| format!("{tree}/system/linux,revision"))
        .map(|path| (path, vec![0, 0xc0, 0x31, 0x11]));
    assert_eq!(board.machine.files(), revision);
    assert!(board.chips.is_empty());
}

#[test]
fn an_empty_file_is_an_empty_board() {
    assert_eq!(file::parse("", &[]).unwrap(), Board::default());
    assert_eq!(Board::load(None, &[]).unwrap(), Board::default());
}

#[test]
fn every_mistake_is_one_line_with_file_line_and_key() {
    // Cases between `---`: a board file, then after `=> ` what is said of it.
    for case in include_str!("mistakes.txt").split("---\n").skip(1) {
        let (text, wanted) = case.split_once("=> ").unwrap();
        assert_eq!(
            error(text),
            format!("b.toml:{}", wanted.trim_end()),
            "of {text:?}"
        );
    }
}

#[test]
fn a_base_numbers_every_chip_around_those_that_have_one() {
    let numbers = |text: &str| -> Vec<Option<u32>> {
        let board = file::parse(text, &[]).unwrap();
        board.chips.iter().map(|chip| chip.base).collect()
    };
    let three = "[[chip]]\nlabel = \"a\"\n[[chip]]\nlabel = \"b\"\nbase = 10\n[[chip]]\nlabel = \"c\"\nlines = 2\n";
    assert_eq!(numbers(three), [Some(512), Some(10), Some(520)]);
    let from_0 = format!("[machine]\nbase = 0\n{three}");
    assert_eq!(numbers(&from_0), [Some(0), Some(10), Some(8)]);
    let from_5 = format!("[machine]\nbase = 0x5\n{three}");
    assert_eq!(numbers(&from_5), [Some(18), Some(10), Some(5)]);
    let none = three.replace("base = 10\n", "");
    assert_eq!(numbers(&none), [None, None, None]);
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
    for label in ["8", "0:4", "gpiochip7", "gpiochip0:2"] {
        let said = plain(label).unwrap_err();
        assert!(said.contains("cannot be a label"), "{said}");
    }
    assert!(plain("gpiochip").is_ok() && plain("gpiochipA").is_ok() && plain("8x").is_ok());
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
    assert_eq!(plain(":3"), Err("chip \"\": the label is empty".into()));
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

#[test]
fn a_machine_is_a_device_tree_and_files() {
    let text = "[machine]\nmodel = \"Mine\"\ncompatible = [\"a,b\", \"c\"]\ncpuinfo = \"x : 1\\n\"\n\
                device-tree = { \"chosen/ids/1\" = 1, \"soc/reg\" = [1, 2] }\n\
                files = { \"/sys/bus/nvmem/x\" = [170, 0], \"/proc/y\" = \"z\" }\n";
    let files = file::parse(text, &[]).unwrap().machine.files();
    let content = |path: &str| {
        let found = files.iter().find(|(other, _)| other == path);
        found.map(|(_, content)| content.as_slice())
    };
    for tree in ["/proc/device-tree", "/sys/firmware/devicetree/base"] {
        let property = |name: &str| content(&format!("{tree}/{name}"));
        assert_eq!(property("model"), Some(&b"Mine\0"[..]));
        assert_eq!(property("compatible"), Some(&b"a,b\0c\0"[..]));
        assert_eq!(property("chosen/ids/1"), Some(&[0, 0, 0, 1][..]));
        assert_eq!(property("soc/reg"), Some(&[0, 0, 0, 1, 0, 0, 0, 2][..]));
    }
    assert_eq!(content("/proc/cpuinfo"), Some(&b"x : 1\n"[..]));
    assert_eq!(content("/sys/bus/nvmem/x"), Some(&[170, 0][..]));
    assert_eq!(content("/proc/y"), Some(&b"z"[..]));
}

#[test]
fn what_a_machine_cannot_have_is_said_with_its_place() {
    let of = |rest: &str| error(&format!("[machine]\n{rest}\n"));
    for (text, said) in [
        ("files = { \"/etc/passwd\" = \"\" }", "is not a file below"),
        ("files = { \"/proc/../etc/x\" = \"\" }", "is not the path"),
        ("files = { \"/proc/x/\" = \"\" }", "is not the path"),
        ("files = { \"/proc/x\" = [256] }", "are not bytes"),
        ("device-tree = { \"a//b\" = 1 }", "is not the path"),
        ("device-tree = { \"a\" = 4294967296 }", "are not cells"),
        (
            "model = \"x\"\ndevice-tree = { model = \"y\" }",
            "is there already",
        ),
        ("model = 3", "a string"),
        ("modell = \"x\"", "machine"),
    ] {
        let told = of(text);
        assert!(told.contains(said), "{text}: {told}");
        assert!(
            told.contains(":2: ") || told.contains("2: ") || told.contains("3: "),
            "{told}"
        );
    }
}

/// A message is one line that does nothing to a terminal, whatever the file has in its keys and values.
#[test]
fn no_byte_of_a_board_file_acts_in_its_message() {
    for text in [
        "'\"\"\"=\t],'=''\n",
        "\"a\\u001b[31m\" = 1\n",
        "[[chip]]\nlabel = \"a\"\n\"x\\ny\" = 1\n",
        "[[chip]]\nlabel = \"a\\u0007\"\nlines = \"\\u001b]0;x\\u0007\"\n",
    ] {
        let told = error(text);
        assert!(!told.chars().any(char::is_control), "{told:?}");
    }
}
