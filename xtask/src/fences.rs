//! `unsafe` lives in a few named places, each with its reason; here is the list. So do copies of a program's memory.

use std::path::Path;

use crate::{Findings, rust_files};

/// Files, or folders ending in `/`, that may lift the workspace's ban on `unsafe`.
const FENCED: [&str; 7] = [
    "crates/revocable/src/",
    "crates/ugpio-supervisor/src/sys/",
    "crates/ugpio/src/client/sys.rs",
    // Programs that are measured, with bare system calls.
    "crates/ugpio/benches/figures/",
    // Tests that make calls which have no safe wrapper.
    "crates/ugpio/tests/strict/inside.rs",
    "crates/ugpio/tests/strict/unplugs.rs",
    "crates/ugpio/tests/images/roles.rs",
];

/// Where a program's memory may be named by the number of a thread: on the one road to it, in the floor that calls
/// are measured against, in an example that answers nothing, and below them.
const NUMBERED: [&str; 4] = [
    "crates/ugpio-supervisor/examples/passthrough.rs",
    "crates/ugpio-supervisor/src/thread.rs",
    "crates/ugpio-supervisor/src/sys/",
    "crates/ugpio/benches/figures/round_trip.rs",
];

/// Looks for lifted bans outside the fence.
pub(crate) fn check(root: &Path) -> Result<Findings, String> {
    let mut findings = Findings::default();
    for file in rust_files(root)? {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(root.join(&file)).map_err(|e| format!("{name}: {e}"))?;
        if text.contains(concat!("remote", "::")) && !is_within(&NUMBERED, &name) {
            findings.breaches.push(format!(
                "{name} copies a program's memory by a number; use `Thread`"
            ));
        }
        if lifts_the_ban(&text) && !is_within(&FENCED, &name) {
            findings.breaches.push(format!(
                "{name} lifts the ban on unsafe; see xtask/src/fences.rs"
            ));
        }
    }
    Ok(findings)
}

fn lifts_the_ban(text: &str) -> bool {
    let lint = concat!("unsafe", "_code");
    ["allow", "expect", "warn"]
        .iter()
        .any(|word| text.contains(&format!("{word}({lint}")))
}

fn is_within(places: &[&str], name: &str) -> bool {
    places
        .iter()
        .any(|place| name == *place || place.ends_with('/') && name.starts_with(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_fenced_places_may_lift_the_ban() {
        let is_fenced = |name| is_within(&FENCED, name);
        assert!(is_fenced("crates/ugpio-supervisor/src/sys/remote.rs"));
        assert!(!is_fenced("crates/ugpio-supervisor/src/launch.rs"));
        assert!(!is_fenced("crates/ugpio/src/client/sys.rs.rs"));
        assert!(lifts_the_ban(concat!(
            "#![expect(",
            "unsafe_code, reason = \"x\")]"
        )));
        assert!(!lifts_the_ban(concat!("#![forbid(", "unsafe_code)]")));
    }
}
