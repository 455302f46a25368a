//! Kernel releases: which one a program is told, and what it may expect of it.

use std::fmt;

/// The first release whose gpio-sim every client accepts.
const WANTED: (u32, u32, u32) = (5, 17, 4);
/// What is told where the machine's is older: the one whose behaviour ugpio has.
const OWN: &str = "6.12.0-ugpio";

/// A kernel release.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Release {
    text: String,
    number: (u32, u32, u32),
}

/// A text that is no kernel release.
#[derive(Debug)]
pub(crate) struct NoRelease(String);

impl fmt::Display for NoRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "--kernel-release {:?}: not a release such as 6.12.0",
            self.0
        )
    }
}

impl std::error::Error for NoRelease {}

impl Release {
    /// The release to tell the program: the one asked for, or one that has gpio-sim if the machine is
    /// older; `None` for the machine's own.
    pub(crate) fn wanted(asked: Option<&str>) -> Result<Option<Release>, NoRelease> {
        if let Some(text) = asked {
            return Release::parse(text)
                .map(Some)
                .ok_or_else(|| NoRelease(text.to_owned()));
        }
        let real = rustix::system::uname()
            .release()
            .to_string_lossy()
            .into_owned();
        let is_old = Release::parse(&real).is_some_and(|real| real.number < WANTED);
        Ok(is_old.then(|| Release::parse(OWN)).flatten())
    }

    fn parse(text: &str) -> Option<Release> {
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let mut parts = text[..end].split('.').map(|part| part.parse().ok());
        let number = (
            parts.next()??,
            parts.next()??,
            parts.next().flatten().unwrap_or(0),
        );
        (text.len() < 65).then(|| Release {
            text: text.to_owned(),
            number,
        })
    }

    /// Whether lines of gpio-sim have the attribute `valid`.
    pub(crate) fn has_valid(&self) -> bool {
        self.number >= (6, 14, 0)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_by_their_numbers() {
        for (text, number) in [
            ("6.12.0", (6, 12, 0)),
            ("6.14", (6, 14, 0)),
            ("6.14.3-rc1-custom", (6, 14, 3)),
            ("5.15.0-91-generic", (5, 15, 0)),
        ] {
            assert_eq!(Release::parse(text).unwrap().number, number, "{text}");
        }
        for text in ["", "6", "x", "6.x"] {
            assert!(Release::parse(text).is_none(), "{text}");
        }
        assert!(Release::wanted(Some("new")).is_err());
        assert!(Release::parse("6.14").unwrap().has_valid());
        assert!(!Release::parse("6.13.9").unwrap().has_valid());
    }
}
