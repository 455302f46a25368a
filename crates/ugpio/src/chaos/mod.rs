//! `ugpio chaos`: a program under many seeds, and what it makes of things that go wrong.
//!
//! Each seed is a run of its own, `ugpio run --seed S --chaos`, that can be repeated by itself. A first
//! run without faults says what to expect: a program that ends without faults and not with them hangs,
//! one that never ends is looked at while it goes on. A failing exit status is an honest end; a signal, a
//! panic or a traceback is a crash.

pub(crate) mod report;
mod watch;

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use self::report::Report;
use crate::cli::chaos::Args;
use crate::cli::status;
use crate::client;
use crate::counted::counted;

/// How often a child is asked whether it has ended.
const TICK: Duration = Duration::from_millis(5);

/// How long a program may take to exit after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);

/// The most bytes of a program's output that are looked through.
const OUTPUT_MAX: usize = 1 << 20;

/// What became of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    /// It ended well, or goes on as without faults.
    Fine,
    /// It ended with this status.
    Exit(i32),
    /// It died of a signal, a panic or an exception.
    Crash(String),
    /// It did not end, and did nothing.
    Hang,
    /// It did not end, and was busy.
    Spin,
    /// It held so many files of chips that were gone, and opened more.
    Leak(usize),
}

impl Verdict {
    /// Whether it is a bug of the program.
    fn is_bad(&self) -> bool {
        !matches!(self, Verdict::Fine | Verdict::Exit(_))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Fine => f.write_str("ok"),
            Verdict::Exit(status) => write!(f, "exit {status}"),
            Verdict::Crash(how) => write!(f, "CRASH, {how}"),
            Verdict::Hang => f.write_str("HANG"),
            Verdict::Spin => f.write_str("SPIN"),
            Verdict::Leak(files) => {
                let files = counted(*files, "file");
                write!(f, "LEAK, {files} of chips that are gone")
            }
        }
    }
}

/// How a run ended, before it is judged.
#[derive(Debug)]
struct Outcome {
    /// None if it had to be ended.
    status: Option<ExitStatus>,
    is_busy: bool,
    output: String,
    report: Report,
}

/// Runs the program under each seed.
pub(crate) fn main(args: &Args) -> ExitCode {
    match all_seeds(args) {
        Ok(true) => ExitCode::from(status::OK),
        Ok(false) => ExitCode::from(status::NO),
        Err(error) => {
            client::note(format_args!("chaos: {error}"));
            ExitCode::from(status::FAILED)
        }
    }
}

/// Whether the program was fine under all seeds.
fn all_seeds(args: &Args) -> io::Result<bool> {
    let place = Place::new()?;
    let seeds = match args.seed {
        Some(seed) => seed..=seed,
        None => 0..=args.seeds.saturating_sub(1),
    };
    let calm = run(args, None, &place)?;
    let own_failure = i32::from(status::OWN_FAILURE);
    if calm.status.and_then(|status| status.code()) == Some(own_failure) {
        return Err(io::Error::other(calm.output.trim().to_owned()));
    }
    let mut out = io::stdout().lock();
    let expected = judge(&calm, true);
    writeln!(out, "without faults: {expected}{}", endless(&calm))?;
    if expected.is_bad() {
        out.write_all(calm.output.as_bytes())?;
        return Ok(false);
    }
    let (mut total, mut bad, mut calls) = (0_u64, 0_u64, 0_u64);
    for seed in seeds {
        let outcome = run(args, Some(seed), &place)?;
        let verdict = judge(&outcome, calm.status.is_none());
        total += 1;
        calls = calls.saturating_add(outcome.report.calls);
        bad += u64::from(verdict.is_bad());
        tell(&mut out, args, seed, &verdict, &outcome)?;
    }
    if calls == 0 {
        let text = "nothing was tried: PROGRAM made no call on a line of the board";
        return Err(io::Error::other(text));
    }
    writeln!(out, "{} on lines could go wrong", counted(calls, "call"))?;
    writeln!(out, "{}, {bad} bad", counted(total, "seed"))?;
    Ok(bad == 0)
}

fn endless(outcome: &Outcome) -> &'static str {
    match outcome.status {
        Some(_) => "",
        None => ", does not end by itself",
    }
}

/// Says what became of the program under a seed, and how to see it again.
fn tell(
    out: &mut impl Write,
    args: &Args,
    seed: u64,
    verdict: &Verdict,
    outcome: &Outcome,
) -> io::Result<()> {
    let faults = counted(outcome.report.faults.len(), "fault");
    writeln!(out, "seed {seed}: {verdict} ({faults})")?;
    if args.verbose || verdict.is_bad() {
        for fault in &outcome.report.faults {
            writeln!(out, "    {fault}")?;
        }
    }
    if verdict.is_bad() {
        for line in outcome
            .output
            .lines()
            .rev()
            .take(8)
            .collect::<Vec<_>>()
            .iter()
            .rev()
        {
            writeln!(out, "    | {line}")?;
        }
        writeln!(out, "    again: {}", args.again(seed))?;
    }
    out.flush()
}

/// What a run came to. `goes_on` is whether it would go on for ever without faults.
fn judge(outcome: &Outcome, goes_on: bool) -> Verdict {
    let Some(status) = outcome.status else {
        return match (outcome.is_busy, goes_on) {
            (true, _) => Verdict::Spin,
            (false, true) => leak_or(outcome, Verdict::Fine),
            (false, false) => Verdict::Hang,
        };
    };
    if let Some(signal) = status.signal() {
        return Verdict::Crash(format!("signal {signal}"));
    }
    const SHOUTS: [(&str, &str); 4] = [
        ("Traceback (most recent call last)", "an exception"),
        ("panicked at", "a panic"),
        ("\npanic: ", "a panic"),
        ("Sanitizer", "a sanitizer"),
    ];
    let shout = SHOUTS
        .iter()
        .find(|(text, _)| outcome.output.contains(text));
    match (status.code(), shout) {
        (Some(0), _) => leak_or(outcome, Verdict::Fine),
        (_, Some((_, how))) => Verdict::Crash((*how).to_owned()),
        (code, None) => leak_or(outcome, Verdict::Exit(code.unwrap_or(1))),
    }
}

fn leak_or(outcome: &Outcome, other: Verdict) -> Verdict {
    match outcome.report.leaked {
        0 => other,
        files => Verdict::Leak(files),
    }
}

/// A directory for the runs' sockets, reports and output, removed at the end.
struct Place(PathBuf);

impl Place {
    fn new() -> io::Result<Place> {
        let id = std::process::id();
        let path = std::env::temp_dir().join(format!("ugpio-chaos-{id}"));
        fs::create_dir(&path)?;
        Ok(Place(path))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A directory that cannot be removed stays.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs the program once, with faults by a seed or without.
fn run(args: &Args, seed: Option<u64>, place: &Place) -> io::Result<Outcome> {
    let (socket, report) = (place.path("socket"), place.path("report"));
    let output = place.path("output");
    for path in [&socket, &report, &output] {
        // Most often there is none.
        let _ = fs::remove_file(path);
    }
    let log = File::create(&output)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("run").args(args.run_words(seed));
    command.arg("--socket").arg(&socket);
    command.arg("--report").arg(&report);
    command.arg("--kill").arg("--").args(&args.command);
    command
        .stdin(Stdio::null())
        .stderr(log.try_clone()?)
        .stdout(log);
    let mut child = command.spawn()?;
    let (status, is_busy) = wait(&mut child, args.timeout, &socket)?;
    let mut bytes = fs::read(&output)?;
    bytes.truncate(OUTPUT_MAX);
    Ok(Outcome {
        status,
        is_busy,
        output: String::from_utf8_lossy(&bytes).into_owned(),
        report: Report::read(&report).unwrap_or_default(),
    })
}

/// Waits for a run, and ends it when its time is over; whether it was busy then.
fn wait(
    child: &mut Child,
    timeout: Duration,
    socket: &Path,
) -> io::Result<(Option<ExitStatus>, bool)> {
    if let Some(status) = wait_until(child, Instant::now() + timeout)? {
        return Ok((Some(status), false));
    }
    let is_busy = watch::is_busy(socket);
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    for signal in [Signal::TERM, Signal::KILL] {
        // Fails only if it has ended meanwhile.
        let _ = pid.map(|pid| kill_process(pid, signal));
        if wait_until(child, Instant::now() + GRACE)?.is_some() {
            return Ok((None, is_busy));
        }
    }
    child.wait()?;
    Ok((None, is_busy))
}

fn wait_until(child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(TICK);
    }
    child.try_wait()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(status: i32, output: &str) -> Outcome {
        Outcome {
            status: Some(ExitStatus::from_raw(status)),
            is_busy: false,
            output: output.into(),
            report: Report::default(),
        }
    }

    #[test]
    fn ends_are_told_apart() {
        let verdict = |status, output| judge(&ended(status, output), false);
        assert_eq!(verdict(0, "panicked at nothing"), Verdict::Fine);
        assert_eq!(verdict(3 << 8, "cannot open"), Verdict::Exit(3));
        assert_eq!(verdict(11, ""), Verdict::Crash("signal 11".into()));
        let traceback = "Traceback (most recent call last):\n";
        assert_eq!(
            verdict(1 << 8, traceback),
            Verdict::Crash("an exception".into())
        );
    }

    #[test]
    fn what_does_not_end_hangs_spins_or_is_like_that() {
        let endless = |is_busy| Outcome {
            status: None,
            is_busy,
            ..ended(0, "")
        };
        assert_eq!(judge(&endless(false), false), Verdict::Hang);
        assert_eq!(judge(&endless(true), false), Verdict::Spin);
        assert_eq!(judge(&endless(true), true), Verdict::Spin);
        assert_eq!(judge(&endless(false), true), Verdict::Fine);
    }

    #[test]
    fn a_leak_is_worse_than_an_exit() {
        let mut outcome = ended(1 << 8, "");
        outcome.report.leaked = 3;
        assert_eq!(judge(&outcome, false), Verdict::Leak(3));
    }
}
