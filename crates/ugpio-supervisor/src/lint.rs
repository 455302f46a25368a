//! Habits of a GPIO program that work until they do not.
//!
//! A [`Lint`] is told of calls as they are answered and keeps what is wrong with them, a line each:
//! lines held until the end, lost events, calls in a tight loop, the first ABI. It changes no answer.
//! `files` tells it, from any thread; `ugpio run --lint` says what it found.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gpio_uapi::abi::ioctl;
use gpiolib::{Device, Offset, Timestamp};
use rustix::process::Pid;

use crate::observe::Process;

/// So many calls that come to nothing within [`SPAN`] are a busy loop.
const BUSY: u32 = 1_000;

/// One second.
const SPAN: u64 = 1_000_000_000;

/// The most findings that are kept; a program that opens files in a loop would make more and more.
const MAX_FINDINGS: usize = 200;

/// What was found so far.
#[derive(Debug, Default)]
pub struct Lint(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Ioctls of the first ABI, with who made them first and how often they were made.
    first_abi: BTreeMap<&'static str, (Process, u64)>,
    streaks: HashMap<(u64, Vain), Streak>,
    findings: Vec<String>,
}

/// What comes to nothing.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Vain {
    /// Reading where there is nothing.
    EmptyRead,
    /// Using a file whose chip is gone.
    Gone,
}

/// Calls that came to nothing lately.
#[derive(Clone, Copy, Debug, Default)]
struct Streak {
    since_ns: u64,
    count: u32,
}

impl Streak {
    /// Counts one more; whether that makes it a busy loop.
    fn hit(&mut self, now_ns: u64) -> bool {
        if now_ns.saturating_sub(self.since_ns) > SPAN {
            *self = Self {
                since_ns: now_ns,
                count: 0,
            };
        }
        self.count = self.count.saturating_add(1);
        self.count == BUSY
    }
}

/// A file that something is found out about.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// Which of all files.
    pub(crate) file: u64,
    /// Its chip.
    pub(crate) device: Device,
    /// Its lines; none for a chip.
    pub(crate) lines: Vec<Offset>,
    /// Who has it, or has made it.
    pub(crate) owner: Process,
}

impl Lint {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An ioctl was made.
    pub(crate) fn called(&self, caller: Pid, command: u32) {
        let is_first = matches!(
            command,
            ioctl::GPIO_GET_LINEINFO
                | ioctl::GPIO_GET_LINEINFO_WATCH
                | ioctl::GPIO_GET_LINEHANDLE
                | ioctl::GPIO_GET_LINEEVENT
        );
        if let (true, Some(name)) = (is_first, ioctl::name(command)) {
            let mut inner = self.inner();
            let entry = inner.first_abi.entry(name);
            entry.or_insert_with(|| (Process::of(caller), 0)).1 += 1;
        }
    }

    /// A call came to nothing.
    pub(crate) fn in_vain(
        &self,
        vain: Vain,
        subject: impl FnOnce() -> Subject,
        file: u64,
        now: Timestamp,
    ) {
        let mut inner = self.inner();
        let streak = inner.streaks.entry((file, vain)).or_default();
        if !streak.hit(now.monotonic_ns) {
            return;
        }
        let subject = subject();
        let (owner, what) = (&subject.owner, subject.what());
        inner.find(match vain {
            Vain::EmptyRead => format!(
                "{owner} read {what} {BUSY} times within a second and found nothing: poll before reading"
            ),
            Vain::Gone => format!(
                "{owner} used {what} {BUSY} times within a second after the chip was unplugged: \
                 on POLLHUP or ENODEV close the file"
            ),
        });
    }

    /// Something was read: what came to nothing before was no loop.
    pub(crate) fn of_use(&self, file: u64) {
        self.inner().streaks.remove(&(file, Vain::EmptyRead));
    }

    /// A file was closed for the last time: because its process has exited, if `by_exit`. So many of its
    /// events were dropped.
    pub(crate) fn closed(&self, subject: &Subject, by_exit: bool, lost: u64) {
        let mut inner = self.inner();
        inner.streaks.remove(&(subject.file, Vain::EmptyRead));
        inner.streaks.remove(&(subject.file, Vain::Gone));
        let (owner, what) = (&subject.owner, subject.what());
        if by_exit {
            inner.find(format!("{owner} exited without releasing {what}"));
        }
        if lost > 0 {
            let events = if lost == 1 {
                "event was"
            } else {
                "events were"
            };
            inner.find(format!(
                "{owner} read {what} too slowly: {lost} {events} dropped, which only the sequence numbers show"
            ));
        }
    }

    /// What was found, a line each.
    #[must_use]
    pub fn findings(&self) -> Vec<String> {
        let inner = self.inner();
        let old = |(name, (who, count)): (&&'static str, &(Process, u64))| {
            let times = if *count == 1 {
                "once"
            } else {
                &format!("{count} times")
            };
            format!(
                "{who} used {name} of the first ABI {times}: the second has {}",
                successor(name)
            )
        };
        let first_abi = inner.first_abi.iter().map(old);
        inner.findings.iter().cloned().chain(first_abi).collect()
    }
}

/// The ioctl of the second ABI for one of the first.
fn successor(name: &str) -> &'static str {
    match name {
        "GPIO_GET_LINEINFO" => "GPIO_V2_GET_LINEINFO",
        "GPIO_GET_LINEINFO_WATCH" => "GPIO_V2_GET_LINEINFO_WATCH",
        _ => "GPIO_V2_GET_LINE",
    }
}

impl Inner {
    fn find(&mut self, finding: String) {
        if self.findings.len() < MAX_FINDINGS && !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }
}

impl Subject {
    fn what(&self) -> String {
        let chip = self.device.name();
        let numbers: Vec<String> = self.lines.iter().map(ToString::to_string).collect();
        match numbers.as_slice() {
            [] => chip,
            [line] => format!("line {line} of {chip}"),
            lines => format!("lines {} of {chip}", lines.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use gpiolib::{Chip, ChipConfig, Registry};

    use super::*;

    struct Wires;

    impl Chip for Wires {
        fn direction_input(&self, _: Offset) -> gpiolib::Result<()> {
            Ok(())
        }
    }

    fn subject(file: u64, lines: &[u32]) -> Subject {
        Subject {
            file,
            device: Registry::new()
                .register(&ChipConfig::new("demo", 4), Wires)
                .unwrap()
                .device()
                .clone(),
            lines: lines.iter().copied().map(Offset::new).collect(),
            owner: Process {
                pid: Pid::INIT,
                name: "prog".into(),
            },
        }
    }

    #[test]
    fn only_a_tight_loop_is_a_finding() {
        let lint = Lint::default();
        let read = |at| lint.in_vain(Vain::EmptyRead, || subject(1, &[3]), 1, Timestamp::at(at));
        (0..5_000).for_each(|n| read(n * 2_000_000));
        assert_eq!(
            lint.findings(),
            [""; 0],
            "every two milliseconds is no loop"
        );
        let later = 60_000_000_000;
        (later..later + 999).for_each(read);
        lint.of_use(1);
        (later..later + 999).for_each(read);
        assert_eq!(lint.findings(), [""; 0], "it was of use in between");
        (later..later + 5_000).for_each(read);
        let wanted = "`prog` (pid 1) read line 3 of gpiochip0 1000 times within a second and found \
                      nothing: poll before reading";
        assert_eq!(lint.findings(), [wanted]);
    }

    #[test]
    fn ends_and_losses_are_found_once() {
        let lint = Lint::default();
        lint.closed(&subject(1, &[1, 2]), false, 0);
        lint.closed(&subject(1, &[1, 2]), true, 0);
        lint.closed(&subject(2, &[1, 2]), true, 0);
        lint.closed(&subject(3, &[0]), false, 7);
        lint.called(Pid::INIT, ioctl::GPIO_V2_GET_LINE);
        let wanted = [
            "`prog` (pid 1) exited without releasing lines 1, 2 of gpiochip0",
            "`prog` (pid 1) read line 0 of gpiochip0 too slowly: 7 events were dropped, which only the \
             sequence numbers show",
        ];
        assert_eq!(lint.findings(), wanted);
        lint.called(Pid::INIT, ioctl::GPIO_GET_LINEHANDLE);
        lint.called(Pid::INIT, ioctl::GPIO_GET_LINEHANDLE);
        let last = lint.findings().pop().unwrap();
        let wanted =
            "used GPIO_GET_LINEHANDLE of the first ABI 2 times: the second has GPIO_V2_GET_LINE";
        assert!(last.ends_with(wanted), "{last}");
    }
}
