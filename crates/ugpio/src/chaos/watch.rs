//! What a program that does not end is doing: is it busy, or does it sleep?
//!
//! The processes of a run are those that have its socket in their environment. A busy one is runnable
//! most of the times it is looked at, or wakes up all the time.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::control::socket;

/// How often they are looked at, and how long in between.
const LOOKS: u32 = 25;
const PAUSE: Duration = Duration::from_millis(8);

/// More wake-ups than this in all looks together are those of a loop.
const WAKES_MAX: u64 = 400;

/// One look at a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Look {
    is_runnable: bool,
    wakes: u64,
}

/// Whether a process of the run with this socket spins.
pub(super) fn is_busy(run_socket: &Path) -> bool {
    let processes = processes(run_socket);
    processes.iter().any(|process| {
        let mut looks = Vec::new();
        for _ in 0..LOOKS {
            looks.extend(look(process));
            thread::sleep(PAUSE);
        }
        spins(&looks)
    })
}

fn spins(looks: &[Look]) -> bool {
    let (Some(first), Some(last)) = (looks.first(), looks.last()) else {
        return false;
    };
    let runnable = looks.iter().filter(|look| look.is_runnable).count();
    2 * runnable > looks.len() || last.wakes.saturating_sub(first.wakes) > WAKES_MAX
}

/// The ids of the processes that have this socket in their environment.
fn processes(run_socket: &Path) -> Vec<String> {
    let mut wanted = format!("{}=", socket::ENV).into_bytes();
    wanted.extend_from_slice(run_socket.as_os_str().as_encoded_bytes());
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_ours = |id: &String| {
        let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        environment
            .split(|byte| *byte == 0)
            .any(|word| word == wanted)
    };
    ids.filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(is_ours)
        .collect()
}

fn look(process: &str) -> Option<Look> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)
    };
    Some(Look {
        is_runnable: field("State:") == Some("R"),
        wakes: field("voluntary_ctxt_switches:")?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(runnable: &str, wakes: u64) -> Vec<Look> {
        (0..)
            .zip(runnable.chars())
            .map(|(n, state)| Look {
                is_runnable: state == 'R',
                wakes: n * wakes,
            })
            .collect()
    }

    #[test]
    fn one_that_is_runnable_mostly_or_wakes_all_the_time_spins() {
        assert!(spins(&looks("RRSRR", 0)));
        assert!(spins(&looks("SSSSS", 200)));
        assert!(!spins(&looks("SSRSS", 3)));
        assert!(!spins(&[]));
    }

    #[test]
    fn this_process_can_be_looked_at() {
        assert!(look("self").is_some() && look("0").is_none());
    }
}
