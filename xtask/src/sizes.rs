//! Files stay short enough to read in one go: over 400 lines is worth a note, over 600 is a breach.
//! Tests, which are read case by case, are only mentioned.

use std::path::Path;

use crate::{Findings, rust_files};

/// More lines than this are mentioned.
const SOFT: usize = 400;
/// More lines than this fail.
const HARD: usize = 600;

/// Counts the lines of every Rust file.
pub(crate) fn check(root: &Path) -> Result<Findings, String> {
    let mut findings = Findings::default();
    for file in rust_files(root)? {
        let text = std::fs::read_to_string(root.join(&file))
            .map_err(|e| format!("{}: {e}", file.display()))?;
        judge(&mut findings, &file, text.lines().count());
    }
    Ok(findings)
}

fn judge(findings: &mut Findings, file: &Path, lines: usize) {
    let said = format!("{} has {lines} lines", file.display());
    let is_test = file.components().any(|part| part.as_os_str() == "tests");
    if lines > HARD && !is_test {
        findings
            .breaches
            .push(format!("{said}, at most {HARD} are allowed"));
    } else if lines > SOFT {
        findings.notes.push(format!("{said}, aim at {SOFT}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_inclusive() {
        let mut findings = Findings::default();
        for lines in [SOFT, SOFT + 1, HARD, HARD + 1] {
            judge(&mut findings, Path::new("x.rs"), lines);
        }
        assert_eq!((findings.notes.len(), findings.breaches.len()), (2, 1));
        judge(&mut findings, Path::new("tests/x.rs"), HARD + 1);
        assert_eq!((findings.notes.len(), findings.breaches.len()), (3, 1));
    }
}
