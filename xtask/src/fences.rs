//! `unsafe` lives in a few named places, each with its reason; here is the list.

use std::path::Path;

use crate::{Findings, rust_files};

/// Files, or folders ending in `/`, that may lift the workspace's ban on `unsafe`.
const FENCED: [&str; 6] = [
    "crates/gpiolib/src/revoke.rs",
    "crates/gpiolib/src/revoke/",
    "crates/ugpio-supervisor/src/sys/",
    "crates/ugpio/src/client/sys.rs",
    // Programs that are measured, with bare system calls.
    "crates/ugpio/benches/figures/",
    // A test that makes calls which have no safe wrapper.
    "crates/ugpio/tests/strict/inside.rs",
];

/// Looks for lifted bans outside the fence.
pub(crate) fn check(root: &Path) -> Result<Findings, String> {
    let mut findings = Findings::default();
    for file in rust_files(root)? {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(root.join(&file)).map_err(|e| format!("{name}: {e}"))?;
        if lifts_the_ban(&text) && !is_fenced(&name) {
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

fn is_fenced(name: &str) -> bool {
    FENCED
        .iter()
        .any(|place| name == *place || place.ends_with('/') && name.starts_with(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_fenced_places_may_lift_the_ban() {
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
