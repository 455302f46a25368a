//! The rooms of each crate, top to bottom: a module names what is in its own room or further down, and no other.
//!
//! A room is a module of the crate's root with all below it; several may share a floor. Files may lead to each other in
//! circles of [`CIRCLE`] at most.

use std::path::Path;

use crate::Findings;
use crate::modules::Crate;

/// The most files that may lead to each other.
const CIRCLE: usize = 3;

/// The crates that are checked, each with its floors, top first.
const FLOORS: [(&str, &[&[&str]]); 1] = [(
    "ugpio-supervisor",
    &[
        &["dispatch"],
        &["world", "launch", "notif"],
        &["calls"],
        &["class"],
        &["tree", "uevent"],
        &["attributes"],
        &["files"],
        &["lint"],
        &["observe"],
        &["path"],
        &["shadow"],
        &["thread"],
        &["procdir"],
        &["filter", "names", "stall"],
        &["sys"],
        &["outcome"],
        &["arch", "clean", "clock", "descendants", "fuzz", "life"],
        &["traps"],
    ],
)];

/// Compares the arrows between the modules with the floors.
pub(crate) fn check(root: &Path) -> Result<Findings, String> {
    let mut findings = Findings::default();
    for (name, floors) in FLOORS {
        let read = Crate::read(&root.join("crates").join(name))?;
        let floor = |room: &String| floors.iter().position(|rooms| rooms.contains(&&**room));
        for (file, rooms) in read.rooms() {
            if floor(&rooms).is_none() {
                findings
                    .breaches
                    .push(format!("{name}: {} has no floor", file.display()));
            }
        }
        for (from, to) in read.arrows() {
            let (Some(above), Some(below)) = (from.first(), to.first()) else {
                continue;
            };
            if floor(above) > floor(below) {
                findings.breaches.push(format!(
                    "{name}: {} leads up to {}; see xtask/src/rooms.rs",
                    from.join("/"),
                    to.join("/")
                ));
            }
        }
        for circle in read.circles() {
            if circle.len() > CIRCLE {
                findings.breaches.push(format!(
                    "{name}: {} files lead to each other: {}",
                    circle.len(),
                    circle.join(", ")
                ));
            }
        }
    }
    findings.breaches.dedup();
    Ok(findings)
}
