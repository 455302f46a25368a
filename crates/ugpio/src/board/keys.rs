//! The keys of board files: the one list that the reader checks against and that `ugpio board schema` is made from.
//!
//! A [`Key`] says what may stand there as JSON Schema does. The reader judges values itself, more strictly than a schema can
//! (which chip a line is of, which keys go together); a schema never refuses what the reader takes.

use gpio_sim::part::{KINDS, PartKind};
use serde_json::{Map, Value, json};

use super::{HogDirection, MAX_LINES, MAX_NAME, faults};

/// A key that a table can have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    is_needed: bool,
    about: &'static str,
    form: fn() -> Value,
}

const fn key(name: &'static str, form: fn() -> Value, about: &'static str) -> Key {
    Key {
        name,
        is_needed: false,
        about,
        form,
    }
}

const fn needed(name: &'static str, form: fn() -> Value, about: &'static str) -> Key {
    Key {
        is_needed: true,
        ..key(name, form, about)
    }
}

pub(super) const ROOT: &[Key] = &[
    key(
        "chip",
        || tables(table(CHIP)),
        "The chips, in the order of their numbers",
    ),
    key(
        "machine",
        || table(MACHINE),
        "What programs find of the machine",
    ),
    key("net", || tables(table(NET)), "Wires between lines"),
    key("part", || tables(part()), "Parts wired to lines or nets"),
    key(
        "fault",
        || tables(table(FAULT)),
        "What goes wrong, and when",
    ),
];

pub(super) const CHIP: &[Key] = &[
    needed("label", label, "The label, unique on the board"),
    key(
        "lines",
        || number(1, Some(MAX_LINES.into())),
        "How many lines it has; 8 if left out",
    ),
    key("names", names, "Names of lines, in order or by offset"),
    key(
        "hogs",
        || tables(table(HOG)),
        "Lines that the board itself requests",
    ),
    key(
        "shared",
        offsets,
        "Lines that several consumers of the board may have",
    ),
    key(
        "base",
        base,
        "The number of its first line in /sys/class/gpio",
    ),
];

pub(super) const HOG: &[Key] = &[
    needed("line", line_of_chip, "An offset, or the name of a line"),
    key("consumer", name, "The consumer that programs see"),
    key("name", name, "The same as consumer"),
    key(
        "direction",
        direction,
        "What the hog does with the line; input if left out",
    ),
];

pub(super) const NET: &[Key] = &[
    needed("name", word, "The name, unique on the board"),
    key("lines", || array(line()), "The lines on it"),
    key(
        "pull",
        || one_of(&["up", "down"]),
        "A resistor on the board",
    ),
    key(
        "delay",
        time,
        "How long its changes take to be seen; at most 10s",
    ),
];

/// The keys that all parts have.
pub(super) const PART: &[Key] = &[
    needed(
        "kind",
        || one_of(&KINDS.map(|kind| kind.name)),
        "What it is",
    ),
    needed("name", word, "The name, unique on the board"),
    key(
        "line",
        text,
        "What its first pin is wired to: CHIP:LINE, or a net",
    ),
    key(
        "pins",
        || json!({"type": "object"}),
        "What its pins are wired to",
    ),
];

pub(super) const FAULT: &[Key] = &[
    needed("chip", name, "The label of the chip"),
    key(
        "line",
        line_of_chip,
        "An offset, or the name of a line; any line if left out",
    ),
    needed("kind", || one_of(&faults::KINDS), "What goes wrong"),
    key("call", || number(1, None), "At this call"),
    key(
        "within",
        || number(1, None),
        "At one of the first so many calls, by the seed",
    ),
    key("level", level, "When the line gets this level"),
    key(
        "times",
        || number(1, Some(u32::MAX.into())),
        "At so many calls in a row",
    ),
    key(
        "errno",
        || one_of(&faults::errnos()),
        "Of error: which; EIO if left out",
    ),
    key("time", time, "Of slow: how much longer the call takes"),
    key("to", level, "Of stuck: where"),
    key(
        "replug",
        time,
        "Of unplug: plugged in again after this time",
    ),
    key(
        "replug_calls",
        || number(0, Some(u32::MAX.into())),
        "Of unplug: plugged in again after so many calls",
    ),
];

pub(super) const MACHINE: &[Key] = &[
    key("model", texts, "model in the device tree"),
    key("compatible", texts, "compatible in the device tree"),
    key("serial", texts, "serial-number in the device tree"),
    key(
        "pi-revision",
        || number(1, Some(u32::MAX.into())),
        "The revision code of a Raspberry Pi",
    ),
    key("cpuinfo", text, "/proc/cpuinfo"),
    key(
        "device-tree",
        device_tree,
        "Other properties of the device tree, by their path",
    ),
    key(
        "files",
        files,
        "Files below /proc or /sys, as text or bytes",
    ),
    key(
        "base",
        base,
        "The number in /sys/class/gpio from which chips without a base are numbered",
    ),
];

/// The names of keys.
pub(super) fn names_of(keys: &[Key]) -> Vec<&'static str> {
    keys.iter().map(|key| key.name).collect()
}

/// The JSON Schema of board files.
pub(crate) fn schema() -> Value {
    let mut schema = table(ROOT);
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = "Board of ugpio".into();
    schema
}

/// A table with these keys and no others.
fn table(keys: &[Key]) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .map(|key| {
            let mut form = (key.form)();
            form["description"] = key.about.into();
            (key.name.to_owned(), form)
        })
        .collect();
    let required: Vec<&str> = keys
        .iter()
        .filter(|key| key.is_needed)
        .map(|key| key.name)
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// A part of any kind: its keys are those of all parts and of its kind.
fn part() -> Value {
    let kinds: Vec<Value> = KINDS.iter().map(part_of).collect();
    json!({ "oneOf": kinds })
}

fn part_of(kind: &PartKind) -> Value {
    let mut form = table(PART);
    let properties = &mut form["properties"];
    properties["kind"] = json!({ "const": kind.name });
    for key in kind.keys {
        properties[*key] = json!({ "type": ["string", "integer"] });
    }
    let pins: Map<String, Value> = kind
        .pins
        .iter()
        .map(|pin| ((*pin).to_owned(), text()))
        .collect();
    let pins = json!({ "type": "object", "properties": pins, "additionalProperties": false });
    properties["pins"] = pins;
    form
}

fn tables(of: Value) -> Value {
    array(of)
}

fn array(of: Value) -> Value {
    json!({ "type": "array", "items": of })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn name() -> Value {
    json!({ "type": "string", "maxLength": MAX_NAME })
}

fn label() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": MAX_NAME, "not": { "pattern": "^(gpiochip)?[0-9]+$" } })
}

/// The name of a net or a part.
fn word() -> Value {
    json!({ "type": "string", "maxLength": MAX_NAME, "pattern": "^[^:]+$" })
}

/// `CHIP:LINE`.
fn line() -> Value {
    json!({ "type": "string", "pattern": ":" })
}

fn line_of_chip() -> Value {
    json!({ "type": ["integer", "string"], "minimum": 0, "maximum": MAX_LINES - 1 })
}

fn time() -> Value {
    json!({ "type": "string", "pattern": "^(0|[0-9]+(ns|us|ms|s))$" })
}

fn level() -> Value {
    one_of(&["low", "high"])
}

fn direction() -> Value {
    let all = [
        HogDirection::Input,
        HogDirection::OutputHigh,
        HogDirection::OutputLow,
    ];
    one_of(&all.map(HogDirection::word))
}

fn one_of(words: &[&str]) -> Value {
    json!({ "enum": words })
}

fn number(from: u64, to: Option<u64>) -> Value {
    match to {
        Some(to) => json!({ "type": "integer", "minimum": from, "maximum": to }),
        None => json!({ "type": "integer", "minimum": from }),
    }
}

fn base() -> Value {
    number(0, Some(i32::MAX.unsigned_abs().into()))
}

fn offsets() -> Value {
    json!({ "type": "array", "items": number(0, Some(u64::from(MAX_LINES) - 1)), "uniqueItems": true })
}

fn names() -> Value {
    json!({ "oneOf": [
        { "type": "array", "items": name(), "maxItems": MAX_LINES },
        { "type": "object", "patternProperties": { "^(0|[1-9][0-9]*)$": name() }, "additionalProperties": false },
    ] })
}

/// One string or several.
fn texts() -> Value {
    json!({ "type": ["string", "array"], "items": text() })
}

fn device_tree() -> Value {
    let cell = number(0, Some(u32::MAX.into()));
    let property = json!({ "anyOf": [text(), cell, array(text()), array(cell.clone())] });
    json!({ "type": "object", "additionalProperties": property })
}

fn files() -> Value {
    let content = json!({ "anyOf": [text(), array(number(0, Some(u8::MAX.into())))] });
    json!({ "type": "object", "patternProperties": { "^/(proc|sys)/": content }, "additionalProperties": false })
}
