//! The kernel release that a run shows and behaves as.
//!
//! [`Shown`] is settled once, before anything is started: by `--kernel-release`, else by the machine.
//! Its [`Release`] goes into the registry of the run's chips, where everything that depends on it
//! asks; its text is what `uname` gives.

use std::fmt;

use gpiolib::Release;

/// What is shown where the machine's release is older than any whose behaviour is known.
const OWN: &str = "6.12.0-ugpio";
/// KERNEL: include/uapi/linux/utsname.h __NEW_UTS_LEN
const LONGEST: usize = 64;

/// The release of a run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Shown {
    /// What the run behaves as.
    pub(crate) release: Release,
    /// What `uname` gives; `None` for the machine's own text.
    pub(crate) text: Option<String>,
}

/// A text that is no kernel release.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct NoRelease(String);

impl fmt::Display for NoRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "--kernel-release \"{}\": not a release such as 6.12.0 or 6.17-rc1, of at most {LONGEST} bytes",
            self.0.escape_debug()
        )
    }
}

impl std::error::Error for NoRelease {}

impl Shown {
    /// The release that was asked for, else the machine's.
    pub(crate) fn wanted(asked: Option<&str>) -> Result<Self, NoRelease> {
        match asked {
            Some(text) => Self::asked(text).ok_or_else(|| NoRelease(text.to_owned())),
            None => {
                let uname = rustix::system::uname();
                Ok(Self::of_machine(&uname.release().to_string_lossy()))
            }
        }
    }

    /// Shows all three numbers, since programs look for them.
    fn asked(text: &str) -> Option<Self> {
        let (release, rest) = Release::split(text)?;
        let text = format!("{release}{rest}");
        let is_plain = rest.bytes().all(|byte| byte.is_ascii_graphic());
        (is_plain && text.len() <= LONGEST).then_some(Self {
            release,
            text: Some(text),
        })
    }

    fn of_machine(text: &str) -> Self {
        match Release::parse(text) {
            Some(release) if release >= Release::OLDEST => Self {
                release,
                text: None,
            },
            _ => Self {
                release: Release::OLDEST,
                text: Some(OWN.to_owned()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(release: (u16, u16, u16), text: Option<&str>) -> Shown {
        let (major, minor, patch) = release;
        Shown {
            release: Release::new(major, minor, patch),
            text: text.map(str::to_owned),
        }
    }

    #[test]
    fn what_is_asked_for_has_three_numbers() {
        for (asked, release, text) in [
            ("6.17", (6, 17, 0), "6.17.0"),
            ("6.17-rc1", (6, 17, 0), "6.17.0-rc1"),
            ("6.14.3-1-custom", (6, 14, 3), "6.14.3-1-custom"),
            ("7.3.4+deb14-amd64", (7, 3, 4), "7.3.4+deb14-amd64"),
            ("5.10", (5, 10, 0), "5.10.0"),
        ] {
            assert_eq!(Shown::wanted(Some(asked)), Ok(shown(release, Some(text))));
        }
    }

    #[test]
    fn what_is_no_release_is_refused() {
        let long = format!("6.12.0-{}", "x".repeat(58));
        for asked in ["", "new", "6", "6.x", "6.17\n", "6.17 x", "6.17.0.1", &long] {
            let refused = Shown::wanted(Some(asked)).unwrap_err().to_string();
            assert!(refused.starts_with("--kernel-release \""), "{refused}");
            assert!(!refused.contains('\n'), "{refused}");
        }
        assert!(Shown::wanted(Some(&long[..64])).is_ok());
    }

    #[test]
    fn the_machine_s_own_unless_it_is_too_old() {
        let own = |release| shown(release, None);
        assert_eq!(Shown::of_machine("6.18.44-fc-v657"), own((6, 18, 44)));
        assert_eq!(Shown::of_machine("6.12.0"), own((6, 12, 0)));
        assert_eq!(Shown::of_machine("9.1"), own((9, 1, 0)));
        for old in ["6.11.11", "5.15.0-91-generic", "linux"] {
            assert_eq!(Shown::of_machine(old), shown((6, 12, 0), Some(OWN)));
        }
    }

    #[test]
    fn this_machine_has_one() {
        let uname = rustix::system::uname();
        let text = uname.release().to_string_lossy();
        assert_eq!(Shown::wanted(None), Ok(Shown::of_machine(&text)));
    }
}
