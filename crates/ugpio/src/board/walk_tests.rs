//! Every key of every table of a board file, wrong in every way: one line with file, line and key, and
//! never a panic or a value that is taken for another one.

use gpio_sim::part::{KINDS, PartKind};

use super::{file, schema_tests};

/// What stands before the table under test, which begins at its last line.
const CHIP: &str = "[[chip]]\nlabel = \"a\"\nlines = 12\nnames = [\"L0\"]\n";

/// Values that hardly any key takes.
fn wrong_values() -> Vec<String> {
    let long = format!("{:?}", "x".repeat(5_000));
    let mut values: Vec<String> = [
        r#""""#,
        r#""garbage""#,
        r#""-1ms""#,
        r#""1.5ms""#,
        r#""11s""#,
        r#""5""#,
        r#""5 ms""#,
        r#""99999999999999999999s""#,
        r#""a\u0000b""#,
        r#""a\u001b[2J""#,
        "-1",
        "0",
        "1025",
        "4294967296",
        "99999999999999999999999999999999999999999999",
        "-9223372036854775809",
        "1.5",
        "inf",
        "nan",
        "true",
        "[]",
        "[1]",
        "{}",
        "{ x = 1 }",
        "1979-05-27",
        r#"["x", "x"]"#,
        r#""a:12""#,
        r#""a:-1""#,
        r#""a:""#,
        r#"":0""#,
        r#""b:0""#,
        r#""a:0x1""#,
        r#""a:+1""#,
        r#""a:99999999999999999999""#,
    ]
    .map(str::to_owned)
    .into();
    values.push(long);
    values
}

/// Reads a board file that must be wrong at `key`; whether it was.
fn is_refused(text: &str, key: &str) -> bool {
    let Err(mut error) = file::parse(text, &[]) else {
        schema_tests::takes(text).unwrap_or_else(|e| panic!("the schema refuses {text}: {e}"));
        return false;
    };
    error.file = Some("b.toml".into());
    let said = error.to_string();
    assert_eq!(said.lines().count(), 1, "{said:?} of {text}");
    assert!(!said.chars().any(char::is_control), "{said:?} of {text}");
    let (place, _) = said.split_once(": ").unwrap();
    let line: usize = place.strip_prefix("b.toml:").unwrap().parse().unwrap();
    assert!(
        (1..=text.lines().count()).contains(&line),
        "{said} of {text}"
    );
    assert!(said.contains(key), "{said} does not name {key} of {text}");
    true
}

/// Gives each key of a table each wrong value. `table` is good as it is; `good` says which of the values
/// a key takes all the same.
fn walk(head: &str, table: &[(&str, String)], keys: &[&str], good: impl Fn(&str, &str) -> bool) {
    let (file, rest) = (CHIP.to_owned() + head + "\n", |without: &str| -> String {
        let lines = table.iter().filter(|(key, _)| *key != without);
        lines
            .map(|(key, value)| format!("{key} = {value}\n"))
            .collect()
    });
    file::parse(&format!("{file}{}", rest("")), &[]).unwrap_or_else(|error| panic!("{error}"));
    for key in keys {
        for value in wrong_values() {
            let text = format!("{file}{key} = {value}\n{}", rest(key));
            let shown = &value[..value.len().min(40)];
            assert_ne!(
                is_refused(&text, key),
                good(key, &value),
                "{head} {key} = {shown}"
            );
        }
        let twice = format!("{file}{key} = 1\n{key} = 1\n{}", rest(key));
        assert!(is_refused(&twice, "duplicate key"), "{head} {key} twice");
    }
    let unknown = format!("{file}bogus = 1\n{}", rest(""));
    assert!(is_refused(&unknown, "bogus: unknown key"), "{head}");
}

/// A name that nothing has yet.
fn is_name(value: &str) -> bool {
    value.starts_with('"') && value.len() < 33 && !value.contains(['\\', ':']) && value != r#""""#
}

/// The number of a first line.
fn is_base(value: &str) -> bool {
    matches!(value, "0" | "1025")
}

fn part(kind: PartKind) -> Vec<(&'static str, String)> {
    let mut table = vec![
        ("kind", format!("{:?}", kind.name)),
        ("name", "\"p\"".to_owned()),
        ("line", "\"a:0\"".to_owned()),
    ];
    let others = kind.pins.iter().enumerate().skip(1);
    let others: Vec<String> = others
        .map(|(n, pin)| format!("{pin} = \"a:{n}\""))
        .collect();
    if !others.is_empty() {
        table.push(("pins", format!("{{ {} }}", others.join(", "))));
    }
    table
}

#[test]
fn every_key_of_every_part() {
    for kind in KINDS {
        let keys: Vec<&str> = ["kind", "name", "line", "pins"]
            .into_iter()
            .chain(kind.keys.iter().copied())
            .collect();
        walk("[[part]]", &part(kind), &keys, |key, value| match key {
            "name" => is_name(value),
            "text" => value.starts_with('"') && value.len() < 256,
            "frequency" => value == "1025",
            "data" => value == r#""""#,
            // `line` wires the one that is needed.
            "pins" => value == "{}" && kind.required.len() < 2,
            _ => false,
        });
    }
}

#[test]
fn every_pin_of_every_part() {
    for kind in KINDS {
        for (n, pin) in kind.pins.iter().enumerate() {
            let others: Vec<String> = (0..kind.pins.len())
                .filter(|other| *other != n)
                .map(|other| format!(", {} = \"a:{other}\"", kind.pins[other]))
                .collect();
            let others = others.concat();
            let text = |pins: &str| {
                format!(
                    "{CHIP}[[part]]\nkind = {:?}\nname = \"p\"\npins = {{ {pins} }}\n",
                    kind.name
                )
            };
            for value in wrong_values() {
                let key = format!("pins.{pin}");
                assert!(
                    is_refused(&text(&format!("{pin} = {value}{others}")), &key),
                    "{key} = {value}"
                );
            }
            let without = text(others.trim_start_matches(", "));
            let is_needed = kind.required.contains(pin) || kind.pins.len() == 1;
            assert_eq!(
                is_refused(&without, "is missing"),
                is_needed,
                "{} without {pin}",
                kind.name
            );
            if kind.pins.len() > 1 {
                let same = (n + 1) % kind.pins.len();
                let twice = text(&format!("{pin} = \"a:{same}\"{others}"));
                assert!(
                    is_refused(&twice, "is wired together with"),
                    "{} {pin}",
                    kind.name
                );
            }
        }
    }
}

#[test]
fn every_key_of_a_chip_a_net_a_fault_and_a_machine() {
    let quoted = |word: &str| format!("{word:?}");
    walk(
        "[[chip]]",
        &[("label", quoted("b"))],
        &["label", "lines", "names", "hogs", "base"],
        |key, value| {
            let is_label = value.starts_with('"') && value.len() < 33 && !value.contains('\\');
            match key {
                "label" => is_label && ![r#""""#, r#""5""#].contains(&value),
                "lines" => false,
                "base" => is_base(value),
                "names" => matches!(value, "[]" | "{}") || value == r#"["x", "x"]"#,
                _ => value == "[]",
            }
        },
    );
    walk(
        "[[net]]",
        &[("name", quoted("n"))],
        &["name", "lines", "pull", "delay"],
        |key, value| match key {
            "name" => is_name(value),
            "lines" => value == "[]",
            _ => false,
        },
    );
    walk(
        "[machine]",
        &[],
        &["pi-revision", "base"],
        |key, value| match key {
            "base" => is_base(value),
            _ => value == "1025",
        },
    );
    let keys = ["chip", "kind", "line", "call", "within", "level", "times"];
    let fault = |kind: &str| [("chip", quoted("a")), ("kind", quoted(kind))];
    let good = |key: &str, value: &str| match key {
        "line" => value == "0",
        "call" | "within" => matches!(value, "1025" | "4294967296"),
        "times" => value == "1025",
        _ => false,
    };
    walk("[[fault]]", &fault("glitch"), &keys, good);
    walk("[[fault]]", &fault("error"), &["errno"], good);
    walk("[[fault]]", &fault("slow"), &["time"], good);
    walk("[[fault]]", &fault("stuck"), &["to"], good);
    walk(
        "[[fault]]",
        &fault("unplug"),
        &["replug", "replug_calls"],
        |key, value| key == "replug_calls" && matches!(value, "0" | "1025"),
    );
}
