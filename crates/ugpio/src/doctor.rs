//! `ugpio doctor`: can this machine do `ugpio run`, and if not, what is to be done?
//!
//! Each check looks at one fact and gives a [`Finding`]; the last one is a run of this very program, so
//! that nothing that matters is overlooked. Facts are read by `facts`, judged by plain functions, and
//! printed as `ok`, `warn` or `FAIL` lines or as JSON. Exit status: 0, or 1 if anything is `FAIL`.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use rustix::fs::{Access, access, statfs};
use serde::Serialize;

use crate::control::socket;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// As it should be.
    Ok,
    /// It works, but not as well as it could.
    Warn,
    /// `ugpio run` does not work.
    Fail,
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    check: &'static str,
    state: State,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Finding {
        Finding {
            check,
            state: State::Ok,
            found: found.into(),
            advice: None,
        }
    }

    fn warn(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Finding {
        Finding {
            check,
            state: State::Warn,
            found: found.into(),
            advice: Some(advice.into()),
        }
    }

    fn fail(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Finding {
        Finding {
            check,
            state: State::Fail,
            found: found.into(),
            advice: Some(advice.into()),
        }
    }
}

/// Checks this machine and prints what was found.
pub(crate) fn main(as_json: bool) -> ExitCode {
    let findings = examine();
    // If this cannot be written, the status still says it.
    let _ = print(&findings, as_json, &mut io::stdout().lock());
    let failed = findings.iter().any(|finding| finding.state == State::Fail);
    ExitCode::from(u8::from(failed))
}

fn print(findings: &[Finding], as_json: bool, to: &mut impl Write) -> io::Result<()> {
    for finding in findings {
        if as_json {
            writeln!(
                to,
                "{}",
                serde_json::to_string(finding).map_err(io::Error::from)?
            )?;
            continue;
        }
        let word = match finding.state {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail => "FAIL",
        };
        writeln!(to, "{word:4}  {}: {}", finding.check, finding.found)?;
        if let Some(advice) = &finding.advice {
            writeln!(to, "      {advice}")?;
        }
    }
    to.flush()
}

fn examine() -> Vec<Finding> {
    let read = |path: &str| fs::read_to_string(path).ok();
    let release = read("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut findings = vec![
        kernel(release.trim()),
        notification(read("/proc/sys/kernel/seccomp/actions_avail").as_deref()),
        yama(read("/proc/sys/kernel/yama/ptrace_scope").as_deref()),
        surroundings(
            &container(),
            read("/proc/self/status").as_deref(),
            release.trim(),
        ),
        memory(&memory_directories()),
        control(),
    ];
    findings.push(trial(env::var_os(socket::ENV).as_deref(), release.trim()));
    findings
}

/// The version, and what each one brought.
fn kernel(release: &str) -> Finding {
    let check = "kernel";
    let Some(version) = version_of(release) else {
        return Finding::warn(
            check,
            format!("release {release:?} is not a version"),
            "5.14 or newer is needed",
        );
    };
    let found = format!("Linux {release}");
    if version < (5, 14) {
        Finding::fail(
            check,
            found,
            "Linux 5.14 or newer is needed (seccomp ADDFD_SEND); 6.6 is best",
        )
    } else if version < (5, 19) {
        Finding::warn(
            check,
            format!("{found}: no killable wait, no synchronous wake-up"),
            "all works; a signal makes a call start again, and calls are slow. Linux 6.6 has both",
        )
    } else if version < (6, 6) {
        Finding::warn(
            check,
            format!("{found}: no synchronous wake-up"),
            "all works, but a call takes some 40 us and not 5. Linux 6.6 has it",
        )
    } else {
        Finding::ok(check, found)
    }
}

fn version_of(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Whether system calls can be handed to another process at all.
fn notification(actions: Option<&str>) -> Finding {
    let check = "seccomp notification";
    match actions {
        Some(actions)
            if actions
                .split_whitespace()
                .any(|action| action == "user_notif") =>
        {
            Finding::ok(check, "available")
        }
        Some(_) => Finding::fail(
            check,
            "the kernel has no user_notif",
            "use a kernel with CONFIG_SECCOMP_FILTER, 5.14 or newer",
        ),
        None => Finding::warn(
            check,
            "/proc/sys/kernel/seccomp is not there",
            "the trial run below says whether it works all the same",
        ),
    }
}

/// Whether we may read the memory of what we started.
fn yama(scope: Option<&str>) -> Finding {
    let check = "Yama";
    match scope.map(str::trim) {
        None => Finding::ok(check, "not in use"),
        Some("0") => Finding::ok(check, "ptrace_scope 0"),
        Some("1") => Finding::ok(
            check,
            "ptrace_scope 1: programs of a run are our descendants",
        ),
        Some(scope) => Finding::fail(
            check,
            format!("ptrace_scope {scope}: no process may read the memory of its children"),
            "sysctl kernel.yama.ptrace_scope=1",
        ),
    }
}

/// What this process is in, as far as it shows.
fn container() -> Vec<String> {
    let mut found = Vec::new();
    for (path, name) in [("/.dockerenv", "Docker"), ("/run/.containerenv", "Podman")] {
        if Path::new(path).exists() {
            found.push(name.to_owned());
        }
    }
    if let Some(name) = env::var_os("container") {
        found.push(name.to_string_lossy().into_owned());
    }
    if env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        found.push("Kubernetes".to_owned());
    }
    found.dedup();
    found
}

fn surroundings(container: &[String], status: Option<&str>, release: &str) -> Finding {
    let check = "surroundings";
    let field = |name: &str| {
        let line = status?.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim_start_matches(':').trim().to_owned())
    };
    let mut found = Vec::new();
    if !container.is_empty() {
        found.push(format!("in a container ({})", container.join(", ")));
    }
    if field("Seccomp").as_deref() == Some("2") {
        let count = field("Seccomp_filters").unwrap_or_else(|| "some".to_owned());
        found.push(format!("under {count} seccomp filter(s) already"));
    }
    if release.to_lowercase().contains("microsoft") {
        let advice = "if the trial run fails: mirrored networking takes the one listener, \
                      set networkingMode=nat in .wslconfig";
        return Finding::warn(check, "WSL", advice);
    }
    if found.is_empty() {
        found.push("no container, no seccomp filter".to_owned());
    }
    Finding::ok(check, found.join(", "))
}

/// Where the virtual files of a run can lie, best first.
fn memory_directories() -> Vec<PathBuf> {
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let temporary = env::var_os("TMPDIR").map(PathBuf::from);
    let [shared, last] = ["/dev/shm", "/tmp"].map(|dir| Some(PathBuf::from(dir)));
    [runtime, shared, temporary, last]
        .into_iter()
        .flatten()
        .collect()
}

fn memory(directories: &[PathBuf]) -> Finding {
    let check = "memory file system";
    let usable = |dir: &&PathBuf| {
        dir.is_dir() && access(dir.as_path(), Access::WRITE_OK | Access::EXEC_OK).is_ok()
    };
    match directories.iter().find(usable) {
        Some(dir) if is_memory(dir) => Finding::ok(check, dir.display().to_string()),
        Some(dir) => Finding::warn(
            check,
            format!(
                "none is writable, {} is used, which is not memory",
                dir.display()
            ),
            "all works; make /dev/shm writable, or set XDG_RUNTIME_DIR to a directory of a tmpfs",
        ),
        None => Finding::fail(
            check,
            "no writable directory for the virtual files of a run",
            "make /dev/shm or /tmp writable (--tmpfs /tmp), or set XDG_RUNTIME_DIR",
        ),
    }
}

// KERNEL: <linux/magic.h> TMPFS_MAGIC, RAMFS_MAGIC
fn is_memory(dir: &Path) -> bool {
    statfs(dir).is_ok_and(|fs| fs.f_type == 0x0102_1994 || fs.f_type == 0x8584_58f6)
}

/// Whether a run could listen for `ugpio ctl`.
fn control() -> Finding {
    let check = "control socket";
    match socket::bind(None, &socket::directory()) {
        Ok(bound) => {
            let directory = bound.path().parent().unwrap_or(Path::new("/"));
            Finding::ok(check, directory.display().to_string())
        }
        Err(error) => Finding::fail(
            check,
            error.to_string(),
            "make /tmp writable, set XDG_RUNTIME_DIR, or name a path with `ugpio run --socket`",
        ),
    }
}

/// Runs a client of one simulated chip under this program, and sees whether it sees it.
fn trial(outer: Option<&OsStr>, release: &str) -> Finding {
    let check = "trial run";
    if outer.is_some() {
        let advice = "start doctor outside; one run cannot go on inside another";
        return Finding::warn(check, "left out: this is inside `ugpio run`", advice);
    }
    let Ok(program) = env::current_exe() else {
        return Finding::warn(
            check,
            "left out: /proc/self/exe cannot be read",
            "mount /proc",
        );
    };
    let mut command = Command::new(&program);
    command
        .args(["run", "--chip", "doctor:1", "--"])
        .arg(&program)
        .arg("detect");
    let output = match command.stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) => return Finding::fail(check, error.to_string(), "see the lines above"),
    };
    let (said, erred) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    if output.status.success() && said.contains("doctor") {
        return Finding::ok(check, "a program saw a chip that does not exist");
    }
    let reason = erred
        .trim()
        .lines()
        .last()
        .unwrap_or("it printed nothing")
        .to_owned();
    let advice = if release.to_lowercase().contains("microsoft") {
        "set networkingMode=nat in .wslconfig"
    } else {
        "see the lines above; in a container, let its seccomp profile allow seccomp(2) and process_vm_readv(2)"
    };
    Finding::fail(check, format!("{}: {reason}", output.status), advice)
}

#[cfg(test)]
mod tests;
