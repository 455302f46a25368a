//! One word, one meaning: the glossary of `CONTRIBUTING.md` lists the public types whose name several crates share.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::source::Source;
use crate::{Findings, rust_files};

/// The chapter with the list, and the words before it.
const CHAPTER: &str = "\n## Glossary\n";
const LIST: &str = "Names that several crates share:";

/// The crates that have a public type of each name.
type Owners = BTreeMap<String, BTreeSet<String>>;

/// Compares the public types of all crates with the glossary, both ways.
pub(crate) fn check(root: &Path) -> Result<Findings, String> {
    let read = |name: &str| {
        std::fs::read_to_string(root.join(name)).map_err(|error| format!("{name}: {error}"))
    };
    let listed = listed(&read("CONTRIBUTING.md")?)?;
    let mut owners = Owners::new();
    for file in rust_files(root)? {
        let name = file.display().to_string();
        let Some(krate) = published(&name) else {
            continue;
        };
        let source = Source::new(&read(&name)?);
        for word in source.code.lines().filter_map(type_name) {
            let crates = owners.entry(word.to_owned()).or_default();
            crates.insert(krate.to_owned());
        }
    }
    if owners.is_empty() {
        return Err("no crate has a public type".into());
    }
    Ok(compare(&owners, &listed))
}

fn compare(owners: &Owners, listed: &BTreeSet<String>) -> Findings {
    let mut findings = Findings::default();
    let is_shared = |word: &str| owners.get(word).is_some_and(|crates| crates.len() > 1);
    for (word, crates) in owners {
        if crates.len() > 1 && !listed.contains(word) {
            let crates: Vec<&str> = crates.iter().map(String::as_str).collect();
            findings.breaches.push(format!(
                "`{word}` is a public type of {}: rename all but one, or list it in the glossary of CONTRIBUTING.md if it means the same",
                crates.join(" and ")
            ));
        }
    }
    for word in listed.iter().filter(|word| !is_shared(word)) {
        findings.breaches.push(format!(
            "the glossary of CONTRIBUTING.md lists `{word}`, which no two crates share"
        ));
    }
    findings
}

/// The crate of a source file outside tests.
fn published(name: &str) -> Option<&str> {
    let (krate, file) = name.strip_prefix("crates/")?.split_once("/src/")?;
    let is_test = file.ends_with("tests.rs") || file.contains("tests/");
    (!is_test).then_some(krate)
}

/// The name of the type that a line makes public, in a macro or a module too.
fn type_name(line: &str) -> Option<&str> {
    let item = line.trim_start().strip_prefix("pub ")?;
    let (kind, rest) = item.split_once(' ')?;
    if !["struct", "enum", "trait", "type", "union"].contains(&kind) {
        return None;
    }
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
    Some(&rest[..end.unwrap_or(rest.len())])
}

/// The words in backticks after [`LIST`], up to the end of its paragraph.
fn listed(text: &str) -> Result<BTreeSet<String>, String> {
    let (_, chapter) = text
        .split_once(CHAPTER)
        .ok_or("CONTRIBUTING.md has no chapter \"Glossary\"")?;
    let (_, list) = chapter
        .split_once(LIST)
        .ok_or_else(|| format!("the glossary of CONTRIBUTING.md has no paragraph {LIST:?}"))?;
    let paragraph = list.split("\n\n").next().unwrap_or_default();
    let words = paragraph.split('`').skip(1).step_by(2);
    Ok(words.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(words: &[&str]) -> BTreeSet<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_shared_name_must_be_listed_and_a_listed_one_shared() {
        let owners = Owners::from([
            ("Chip".to_owned(), set(&["gpiolib", "ugpio"])),
            ("Desc".to_owned(), set(&["gpiolib"])),
            ("Error".to_owned(), set(&["gpiolib", "nvmem"])),
        ]);
        let breaches = compare(&owners, &set(&["Error", "Desc"])).breaches;
        assert_eq!(breaches.len(), 2, "{breaches:?}");
        assert!(breaches[0].starts_with("`Chip` is a public type of gpiolib and ugpio:"));
        assert!(breaches[1].contains("lists `Desc`"));
    }

    #[test]
    fn types_are_found_in_sources_outside_tests() {
        assert_eq!(type_name("pub struct Line {"), Some("Line"));
        assert_eq!(type_name("    pub trait Chip: Send {"), Some("Chip"));
        assert_eq!(type_name("pub struct Ring<T>(VecDeque<T>);"), Some("Ring"));
        assert_eq!(type_name("pub fn line() {"), None);
        assert_eq!(published("crates/gpiolib/src/line.rs"), Some("gpiolib"));
        assert_eq!(published("crates/gpiolib/tests/line.rs"), None);
        assert_eq!(published("crates/gpiolib/src/line/tests.rs"), None);
    }

    #[test]
    fn the_list_ends_with_its_paragraph() {
        let text = format!("# C\n\n## Glossary\n\n`No`\n\n{LIST} `A`, `B` (same).\n\n`Nor`\n");
        assert_eq!(listed(&text), Ok(set(&["A", "B"])));
        assert!(listed("# C\n").is_err());
    }
}
