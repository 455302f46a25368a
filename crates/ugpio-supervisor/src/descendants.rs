//! Killing everything below this process, daemons included. Used by the session and by the guardian.
//!
//! Both are child subreapers: an orphan becomes their child, and each death below reaches them as SIGCHLD. One pass
//! kills all that is there; the caller repeats it after each death until nobody is left, so that what was forked
//! meanwhile is found too.

use std::collections::HashMap;

use rustix::process::{Pid, Signal, getpid, kill_process};

/// Kills every descendant that exists now.
pub(crate) fn kill_all() {
    for pid in below(getpid()) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Every descendant that exists now.
pub(crate) fn of_this() -> Vec<Pid> {
    below(getpid())
}

/// Whether `pid` descends from `ancestor`, or is it.
pub(crate) fn is_below(pid: Pid, ancestor: Pid) -> bool {
    let mut at = pid;
    // Bounded, since parents change while we walk.
    for _ in 0..1000 {
        if at == ancestor {
            return true;
        }
        match stat(at) {
            Some((_, parent)) => at = parent,
            None => return false,
        }
    }
    false
}

/// Whether the process is stopped by a signal.
pub(crate) fn is_stopped(pid: Pid) -> bool {
    stat(pid).is_some_and(|(state, _)| state == b'T')
}

/// Every process whose chain of parents leads to `root`.
fn below(root: Pid) -> Vec<Pid> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids =
        entries.filter_map(|entry| Pid::from_raw(entry.ok()?.file_name().to_str()?.parse().ok()?));
    let mut children: HashMap<Pid, Vec<Pid>> = HashMap::new();
    for pid in pids {
        if let Some((_, parent)) = stat(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = children.remove(&root).unwrap_or_default();
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        found.extend(children.remove(pid).unwrap_or_default());
        next += 1;
    }
    found
}

/// State letter and parent of a process, which has a parent.
fn stat(pid: Pid) -> Option<(u8, Pid)> {
    parse_stat(&std::fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?)
}

/// Reads `PID (COMM) STATE PPID …`, where COMM may contain anything.
fn parse_stat(text: &[u8]) -> Option<(u8, Pid)> {
    let end = text.iter().rposition(|&byte| byte == b')')?;
    let rest = core::str::from_utf8(&text[end + 1..]).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    Some((state, Pid::from_raw(fields.next()?.parse().ok()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_behind_any_name() {
        let pid = |n| Pid::from_raw(n).unwrap();
        assert_eq!(parse_stat(b"12 (cat) S 7 12 12 0"), Some((b'S', pid(7))));
        assert_eq!(parse_stat(b"12 (a) R 1 (b) T 7 12"), Some((b'T', pid(7))));
        assert_eq!(parse_stat(b"1 (init) S 0 1 1"), None);
        assert_eq!(parse_stat(b""), None);
    }

    #[test]
    fn finds_children() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let pid = Pid::from_child(&child);
        assert!(below(getpid()).contains(&pid));
        assert!(is_below(pid, getpid()));
        assert!(!is_below(getpid(), pid));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!below(getpid()).contains(&pid));
    }
}
