//! The arrows between the crates, as `ARCHITECTURE.md` draws them, against what Cargo says they are.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::Findings;

/// Each crate with the crates of this workspace that it may use, top to bottom.
const ARROWS: [(&str, &[&str]); 9] = [
    (
        "ugpio",
        &[
            "ugpio-supervisor",
            "gpio-uapi",
            "gpio-sim",
            "gpio-drivers",
            "nvmem",
            "gpiolib",
            "revocable",
        ],
    ),
    ("ugpio-supervisor", &["gpio-uapi", "gpiolib"]),
    ("gpio-uapi", &["gpiolib"]),
    ("gpio-sim", &["gpiolib", "revocable"]),
    ("gpio-drivers", &["gpiolib"]),
    ("nvmem", &["gpiolib", "revocable"]),
    ("gpiolib", &["revocable"]),
    ("revocable", &[]),
    ("xtask", &[]),
];

/// Crates that reach the operating system, and who may use them.
const SYSTEM: [(&str, &[&str]); 3] = [
    ("libc", &["ugpio-supervisor"]),
    // revocable: one call, membarrier, for the guard on Linux with `std`.
    ("rustix", &["ugpio-supervisor", "ugpio", "revocable"]),
    ("tokio", &["ugpio"]),
];

/// May be used by every crate's tests: simulated chips to test against.
const TEST_HELPER: &str = "gpio-sim";

/// One dependency that a `Cargo.toml` declares.
#[derive(Clone, Copy, Debug)]
struct Arrow<'a> {
    from: &'a str,
    to: &'a str,
    for_tests: bool,
}

/// Asks Cargo for the arrows and judges each.
pub(crate) fn check(root: &Path) -> Result<Findings, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version=1",
            "--no-deps",
            "--locked",
            "--offline",
        ])
        .current_dir(root)
        .output()
        .map_err(|e| format!("cargo metadata: {e}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    let metadata: Value =
        serde_json::from_slice(&output.stdout).map_err(|e| format!("cargo metadata: {e}"))?;
    let arrows = arrows(&metadata).ok_or("cargo metadata has another shape than expected")?;
    let breaches = arrows.into_iter().filter_map(breach).collect();
    Ok(Findings {
        breaches,
        notes: Vec::new(),
    })
}

fn arrows(metadata: &Value) -> Option<Vec<Arrow<'_>>> {
    let mut arrows = Vec::new();
    for package in metadata.get("packages")?.as_array()? {
        let from = package.get("name")?.as_str()?;
        for dependency in package.get("dependencies")?.as_array()? {
            let to = dependency.get("name")?.as_str()?;
            let for_tests = dependency.get("kind")?.as_str() == Some("dev");
            arrows.push(Arrow {
                from,
                to,
                for_tests,
            });
        }
    }
    Some(arrows)
}

/// What is wrong with an arrow, if anything is.
fn breach(arrow: Arrow<'_>) -> Option<String> {
    let Arrow {
        from,
        to,
        for_tests,
    } = arrow;
    let Some((_, below)) = ARROWS.iter().find(|(name, _)| *name == from) else {
        return Some(format!(
            "{from} is not in the picture; see xtask/src/layers.rs"
        ));
    };
    let ours = ARROWS.iter().any(|(name, _)| *name == to);
    if ours && !below.contains(&to) && !(for_tests && to == TEST_HELPER) {
        return Some(format!("{from} must not depend on {to}"));
    }
    let system = SYSTEM.iter().find(|(name, _)| *name == to);
    if system.is_some_and(|(_, users)| !users.contains(&from)) && !for_tests {
        return Some(format!(
            "{from} must not reach the operating system through {to}"
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_breach(from: &str, to: &str, for_tests: bool) -> bool {
        breach(Arrow {
            from,
            to,
            for_tests,
        })
        .is_some()
    }

    #[test]
    fn arrows_point_down() {
        assert!(!is_breach("ugpio", "gpiolib", false));
        assert!(!is_breach("gpio-uapi", "zerocopy", false));
        assert!(is_breach("gpiolib", "gpio-sim", false));
        assert!(!is_breach("gpiolib", "gpio-sim", true));
        assert!(is_breach("gpio-sim", "gpio-uapi", false));
        assert!(is_breach("gpio-uapi", "ugpio-supervisor", true));
        assert!(is_breach("newcomer", "gpiolib", false));
    }

    #[test]
    fn only_the_top_reaches_the_system() {
        assert!(is_breach("gpiolib", "libc", false));
        assert!(is_breach("ugpio", "libc", false));
        assert!(!is_breach("ugpio-supervisor", "libc", false));
    }
}
