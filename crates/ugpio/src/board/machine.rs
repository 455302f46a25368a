//! The table `[machine]` of a board file: what programs find of the machine besides its chips.
//!
//! Libraries look there to learn which board they are on: in the device tree, in `/proc/cpuinfo`, and a few in files
//! of their own. [`Machine::files`] is all of it as files, which the supervisor shows in the run.

use toml::de::{DeTable, DeValue};

use super::BoardError;
use super::file::{Reader, Value, integer, join};
use super::keys::{self, names_of};

/// Where programs find the device tree; on Linux the first leads to the second.
const TREES: [&str; 2] = ["/proc/device-tree", "/sys/firmware/devicetree/base"];

/// Keys that are properties of the device tree's root, and what these are called there.
const PROPERTIES: [(&str, &str); 3] = [
    ("model", "model"),
    ("compatible", "compatible"),
    ("serial", "serial-number"),
];

/// What programs find besides chips.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Machine {
    /// Properties of the device tree, by their path in it.
    properties: Vec<(String, Vec<u8>)>,
    /// Other files.
    files: Vec<(String, Vec<u8>)>,
}

impl Machine {
    /// Reads the table.
    ///
    /// # Errors
    /// An unknown key or a bad value.
    pub(super) fn parse(reader: &Reader<'_>, root: &DeTable<'_>) -> Result<Machine, BoardError> {
        let Some(value) = root.get("machine") else {
            return Ok(Machine::default());
        };
        let table = reader.table(value, "machine")?;
        reader.only_keys(table, "machine", &names_of(keys::MACHINE))?;
        let mut machine = Machine::default();
        for (key, name) in PROPERTIES {
            if let Some(value) = table.get(key) {
                let text = strings(reader, value, &join("machine", key))?;
                machine.properties.push((name.to_owned(), text));
            }
        }
        if let Some(value) = table.get("pi-revision") {
            let revision = revision(reader, value)?.to_be_bytes().to_vec();
            machine
                .properties
                .push(("system/linux,revision".to_owned(), revision));
        }
        if let Some(value) = table.get("cpuinfo") {
            let text = text(reader, value, "machine.cpuinfo")?;
            machine.files.push(("/proc/cpuinfo".to_owned(), text));
        }
        machine.properties(reader, table)?;
        machine.others(reader, table)?;
        Ok(machine)
    }

    fn properties(&mut self, reader: &Reader<'_>, table: &DeTable<'_>) -> Result<(), BoardError> {
        let Some(value) = table.get("device-tree") else {
            return Ok(());
        };
        for (path, value) in reader.table(value, "machine.device-tree")? {
            let key = join("machine.device-tree", path.get_ref());
            check_path(path.get_ref()).map_err(|e| reader.error(&path.span(), &key, e))?;
            let known = self
                .properties
                .iter()
                .any(|(other, _)| other == path.get_ref());
            if known {
                let problem = "is there already, by a key of its own";
                return Err(reader.error(&path.span(), &key, problem));
            }
            let property = property(reader, value, &key)?;
            self.properties
                .push((path.get_ref().clone().into_owned(), property));
        }
        Ok(())
    }

    fn others(&mut self, reader: &Reader<'_>, table: &DeTable<'_>) -> Result<(), BoardError> {
        let Some(value) = table.get("files") else {
            return Ok(());
        };
        for (path, value) in reader.table(value, "machine.files")? {
            let key = join("machine.files", path.get_ref());
            let below = ["/proc/", "/sys/"]
                .iter()
                .find_map(|top| path.get_ref().strip_prefix(top));
            let checked = below
                .ok_or_else(|| "is not a file below /proc or /sys".to_owned())
                .and_then(check_path);
            checked.map_err(|e| reader.error(&path.span(), &key, e))?;
            let content = match value.get_ref() {
                DeValue::Array(_) => numbers::<u8>(reader, value, &key, "bytes, 0 to 255")?,
                _ => text(reader, value, &key)?,
            };
            self.files
                .push((path.get_ref().clone().into_owned(), content));
        }
        Ok(())
    }

    /// The files that tell programs so, with what they contain.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let in_trees = self.properties.iter().flat_map(|(path, content)| {
            TREES
                .iter()
                .map(move |tree| (format!("{tree}/{path}"), content.clone()))
        });
        in_trees.chain(self.files.iter().cloned()).collect()
    }
}

/// Says what is wrong with a path below a folder.
fn check_path(path: &str) -> Result<(), String> {
    let fits = |name: &str| !name.is_empty() && name.len() <= 255 && !matches!(name, "." | "..");
    match path.len() < 1024 && !path.contains('\0') && path.split('/').all(fits) {
        true => Ok(()),
        false => Err("is not the path of a file".to_owned()),
    }
}

/// A property as device trees have them: strings end with a NUL, numbers are cells of 32 bits, highest byte first.
fn property(reader: &Reader<'_>, value: &Value<'_>, key: &str) -> Result<Vec<u8>, BoardError> {
    let is_numbers = match value.get_ref() {
        DeValue::Array(items) => items
            .iter()
            .any(|item| matches!(item.get_ref(), DeValue::Integer(_))),
        other => matches!(other, DeValue::Integer(_)),
    };
    match is_numbers {
        true => numbers::<u32>(reader, value, key, "cells of 32 bits"),
        false => strings(reader, value, key),
    }
}

/// One number or several, each in its bytes, the highest first.
fn numbers<T: Cell>(
    reader: &Reader<'_>,
    value: &Value<'_>,
    key: &str,
    what: &str,
) -> Result<Vec<u8>, BoardError> {
    let one = |item: &Value<'_>| {
        let cell = integer(item).and_then(T::bytes);
        cell.ok_or_else(|| reader.error(&item.span(), key, format!("are not {what}")))
    };
    match value.get_ref() {
        DeValue::Array(items) => Ok(items
            .iter()
            .map(one)
            .collect::<Result<Vec<_>, _>>()?
            .concat()),
        _ => one(value),
    }
}

/// A number of a fixed width.
trait Cell {
    /// Its bytes, if it fits.
    fn bytes(number: i128) -> Option<Vec<u8>>;
}

impl Cell for u8 {
    fn bytes(number: i128) -> Option<Vec<u8>> {
        u8::try_from(number).ok().map(|byte| vec![byte])
    }
}

impl Cell for u32 {
    fn bytes(number: i128) -> Option<Vec<u8>> {
        let cell = u32::try_from(number).ok()?;
        Some(cell.to_be_bytes().to_vec())
    }
}

/// One string or several, each with a NUL behind it.
fn strings(reader: &Reader<'_>, value: &Value<'_>, key: &str) -> Result<Vec<u8>, BoardError> {
    let items = match value.get_ref() {
        DeValue::Array(items) => items.iter().collect(),
        _ => vec![value],
    };
    let mut all = Vec::new();
    for item in items {
        all.extend(text(reader, item, key)?);
        all.push(0);
    }
    Ok(all)
}

fn text(reader: &Reader<'_>, value: &Value<'_>, key: &str) -> Result<Vec<u8>, BoardError> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text.as_bytes().to_vec()),
        _ => Err(reader.wrong_type(value, key, "a string")),
    }
}

fn revision(reader: &Reader<'_>, value: &Value<'_>) -> Result<u32, BoardError> {
    let key = "machine.pi-revision";
    if !matches!(value.get_ref(), DeValue::Integer(_)) {
        return Err(reader.wrong_type(value, key, "a number"));
    }
    let number = integer(value).and_then(|number| u32::try_from(number).ok());
    number.filter(|number| *number != 0).ok_or_else(|| {
        let problem = "is not a revision code of 32 bits, such as 0xc03111";
        reader.error(&value.span(), key, problem)
    })
}
