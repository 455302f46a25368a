//! `ugpio explain`: which checks give an errno, and what an ioctl checks. Needs no board and no run.

mod checks;

use std::collections::BTreeSet;
use std::io::{self, Write};

use gpio_uapi::abi::ioctl;
use gpiolib::Errno;

use self::checks::{CALLS, Call, Step};
use crate::cli::status;
use crate::client::Error;

/// Failures that are no ioctl's: errno, where, words.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    (
        "EINVAL",
        "any GPIO file",
        "an unknown ioctl, or one of another kind of file (never ENOTTY)",
    ),
    ("EINVAL", "read", "the buffer is smaller than one record"),
    ("ENODEV", "read", "the chip is gone"),
    ("EAGAIN", "read", "nothing to read, and O_NONBLOCK is set"),
    (
        "EFAULT",
        "read",
        "the buffer cannot be written; the records that were taken out are lost",
    ),
    (
        "EPERM",
        "epoll_ctl",
        "a line handle of the first ABI cannot be waited for",
    ),
    (
        "EBADF",
        "read, write",
        "the file is not open for that; line files are for reading only",
    ),
    (
        "ENXIO",
        "open",
        "the chip of this node is gone, or /proc/self/fd/N of a line file",
    ),
    ("ESPIPE", "pread, pwrite", "GPIO files have no positions"),
];

/// Explains a word, and gives the exit status.
///
/// # Errors
/// It is neither an errno nor an ioctl, or the output cannot be written.
pub(crate) fn main(word: &str) -> Result<u8, Error> {
    let mut out = io::stdout().lock();
    let upper = word.to_ascii_uppercase();
    if let Some(call) = find_call(&upper) {
        write_call(call, &mut out)?;
    } else if let Some(errno) = find_errno(&upper) {
        write_errno(&errno, &mut out)?;
    } else {
        return Err(Error::NotFound(format!(
            "{word:?} is no errno and no GPIO ioctl: try EBUSY, 22, GPIO_V2_GET_LINE or 0xC250B407"
        )));
    }
    out.flush()?;
    Ok(status::OK)
}

/// Every word that can be explained, and what it is.
pub(crate) fn words() -> Vec<(String, String)> {
    let name = |call: &Call| {
        Some((
            ioctl::name(call.command)?.to_owned(),
            call.purpose.to_owned(),
        ))
    };
    let steps = CALLS.iter().flat_map(|call| call.steps);
    let errnos: BTreeSet<String> = steps.map(|step| step.errno()).collect();
    let errnos = errnos.into_iter().map(|errno| (errno, String::new()));
    CALLS.iter().filter_map(name).chain(errnos).collect()
}

/// The ioctl with this name, with or without `_IOCTL` behind, or number.
fn find_call(word: &str) -> Option<&'static Call> {
    let number = word
        .strip_prefix("0X")
        .and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let name = word.strip_suffix("_IOCTL").unwrap_or(word);
    let is_it =
        |call: &&Call| Some(call.command) == number || ioctl::name(call.command) == Some(name);
    CALLS.iter().find(is_it)
}

/// The name of this errno, given by name or number, if any GPIO call fails with it.
fn find_errno(word: &str) -> Option<String> {
    let number = word.parse().ok().filter(|number| *number != 0);
    let by_number = || Some(Errno::of(number?).name()?.to_owned());
    let name = by_number().unwrap_or_else(|| word.to_owned());
    let steps = CALLS
        .iter()
        .flat_map(|call| call.steps)
        .map(|step| step.errno());
    let mut known = steps.chain(ELSEWHERE.iter().map(|(errno, ..)| (*errno).to_owned()));
    known.find(|errno| *errno == name)
}

fn write_call(call: &Call, to: &mut impl Write) -> io::Result<()> {
    let name = ioctl::name(call.command).unwrap_or_default();
    writeln!(
        to,
        "{name} ({:#010X}) of {}: {}.\n",
        call.command, call.file, call.purpose
    )?;
    writeln!(to, "It fails with the first of these that is true:")?;
    for (number, step) in (1..).zip(call.steps) {
        writeln!(to, "{number:>3}. {:<10} {}", step.errno(), step.words())?;
    }
    Ok(())
}

fn write_errno(errno: &str, to: &mut impl Write) -> io::Result<()> {
    for call in CALLS {
        let has_it = |step: &&Step| step.errno() == errno;
        let mut found = call.steps.iter().filter(has_it).peekable();
        if found.peek().is_none() {
            continue;
        }
        writeln!(
            to,
            "{errno} of {}:",
            ioctl::name(call.command).unwrap_or_default()
        )?;
        for step in found {
            writeln!(to, "  {}", step.words())?;
        }
    }
    for (_, place, words) in ELSEWHERE.iter().filter(|(name, ..)| *name == errno) {
        writeln!(to, "{errno} of {place}:\n  {words}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use gpio_uapi::Reason;

    use super::*;

    #[test]
    fn every_ioctl_and_every_check_is_explained() {
        for (command, name) in ioctl::ALL {
            assert!(
                find_call(name).is_some_and(|call| call.command == *command),
                "{name}"
            );
        }
        let steps = || CALLS.iter().flat_map(|call| call.steps);
        for reason in Reason::ALL
            .iter()
            .filter(|reason| **reason != Reason::UnknownCommand)
        {
            let is_it = |step: &Step| matches!(step, Step::Check(check) if check == reason);
            assert!(steps().any(is_it), "{reason:?}");
        }
    }

    #[test]
    fn words_are_found_in_every_form() {
        assert!(find_call("GPIO_V2_LINE_GET_VALUES_IOCTL").is_some());
        assert!(find_call("0XC250B407").is_some());
        assert!(find_call("TCGETS").is_none());
        assert_eq!(find_errno("16").as_deref(), Some("EBUSY"));
        assert_eq!(find_errno("EOPNOTSUPP").as_deref(), Some("EOPNOTSUPP"));
        assert_eq!(find_errno("E2BIG"), None);
        assert_eq!(find_errno("0"), None);
    }
}
