//! Stores to a device's `uevent` file, by which a program asks for an event: `udevadm trigger` does.

use std::os::fd::OwnedFd;

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::{Subject, Uevents};
use crate::attributes::{AttributeTree, Sink};
use crate::names::lexical;

/// What can be asked for. KERNEL: lib/kobject_uevent.c kobject_actions (v6.12)
const ACTIONS: [&str; 8] = [
    "add", "remove", "change", "move", "online", "offline", "bind", "unbind",
];

/// The device of a `uevent` file.
#[derive(Clone, Debug, Eq, PartialEq)]
enum UeventFile {
    /// Its directory.
    Of(Vec<u8>),
    /// The device is gone.
    Gone,
}

impl UeventFile {
    /// The file that a virtual path names, by its form alone.
    fn parse(path: &[u8]) -> Option<Self> {
        let dir = path.strip_suffix(b"/uevent")?;
        lexical::below(dir, b"/sys/devices").map(|_| Self::Of(dir.to_vec()))
    }
}

impl Uevents {
    /// Sends the event that a text asks for.
    // KERNEL: drivers/base/core.c uevent_store, lib/kobject_uevent.c kobject_synth_uevent (v6.12)
    fn store(&self, file: &UeventFile, text: &[u8]) -> Result<usize, Errno> {
        let UeventFile::Of(dir) = file else {
            return Err(Errno::NODEV);
        };
        let (action, given) = parse(text).ok_or(Errno::INVAL)?;
        let subject = self.subject(dir).ok_or(Errno::NODEV)?;
        self.emit(action, &subject, given);
        Ok(text.len())
    }

    /// The device in a directory, as its files say.
    fn subject(&self, dir: &[u8]) -> Option<Subject> {
        let rows = self.shadow.read(&lexical::join(dir, b"uevent"))?;
        let subsystem = self.shadow.locate(&lexical::join(dir, b"subsystem"));
        let subsystem = std::fs::read_link(subsystem).ok()?;
        Some(Subject {
            path: String::from_utf8(dir.to_vec()).ok()?,
            subsystem: subsystem.file_name()?.to_str()?.to_owned(),
            properties: rows.lines().map(str::to_owned).collect(),
        })
    }
}

/// An open `uevent` file.
struct Opened<'a> {
    uevents: &'a Uevents,
    file: UeventFile,
}

impl Sink for Opened<'_> {
    fn store(&self, _: u64, text: &[u8]) -> Result<usize, Errno> {
        self.uevents.store(&self.file, text)
    }
}

impl AttributeTree for Uevents {
    fn open(&self, _: &[u8], _: OFlags) -> Option<Result<OwnedFd, Errno>> {
        None
    }

    fn sink(&self, link: &[u8]) -> Option<Box<dyn Sink + '_>> {
        let inside = self.shadow.inside(link)?;
        let file = match inside.strip_suffix(b" (deleted)") {
            Some(path) => UeventFile::parse(path).map(|_| UeventFile::Gone),
            None => UeventFile::parse(&inside),
        }?;
        let uevents = self;
        Some(Box::new(Opened { uevents, file }))
    }
}

/// The action of a text, and what is given with it.
// KERNEL: lib/kobject_uevent.c kobject_action_type, kobject_action_args (v6.12)
fn parse(text: &[u8]) -> Option<(&'static str, Vec<String>)> {
    let text = text
        .strip_suffix(b"\n")
        .or_else(|| text.strip_suffix(b"\0"))
        .unwrap_or(text);
    let text = core::str::from_utf8(text).ok()?;
    let (name, rest) = match text.split_once(' ') {
        Some((name, rest)) => (name, Some(rest)),
        None => (text, None),
    };
    let action = ACTIONS.into_iter().find(|action| *action == name)?;
    let Some(rest) = rest else {
        return Some((action, vec!["SYNTH_UUID=0".to_owned()]));
    };
    let (uuid, arguments) = rest.split_once(' ').unwrap_or((rest, ""));
    if !is_uuid(uuid) {
        return None;
    }
    let argument = |word: &str| {
        let (key, value) = word.split_once('=')?;
        let is_word =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (is_word(key) && is_word(value)).then(|| format!("SYNTH_ARG_{key}={value}"))
    };
    let words = arguments.split(' ').filter(|word| !word.is_empty());
    let given: Option<Vec<String>> = words.map(argument).collect();
    let mut all = vec![format!("SYNTH_UUID={uuid}")];
    all.extend(given?);
    Some((action, all))
}

/// KERNEL: lib/uuid.c uuid_is_valid
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_ask_for_actions() {
        let plain = Some(("change", vec!["SYNTH_UUID=0".to_owned()]));
        assert_eq!(parse(b"change\n"), plain);
        assert_eq!(parse(b"change"), plain);
        assert_eq!(parse(b"change\0"), plain);
        for wrong in [
            &b""[..],
            b"\n",
            b"changed",
            b"add x",
            b"CHANGE",
            b" add",
            b"add\n\n",
        ] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
        let uuid = "fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed";
        let (action, given) = parse(format!("add {uuid} A=1 B=abc\n").as_bytes()).unwrap();
        let expected = [
            &format!("SYNTH_UUID={uuid}"),
            "SYNTH_ARG_A=1",
            "SYNTH_ARG_B=abc",
        ];
        assert_eq!(
            (action, given),
            ("add", expected.map(str::to_owned).to_vec())
        );
        assert_eq!(parse(format!("add {uuid} A=").as_bytes()), None);
        assert_eq!(parse(format!("add {uuid} A-B=1").as_bytes()), None);
    }

    #[test]
    fn files_are_known_by_their_paths() {
        let dir = b"/sys/devices/platform/gpio-sim.0/gpiochip0".to_vec();
        let path = lexical::join(&dir, b"uevent");
        assert_eq!(UeventFile::parse(&path), Some(UeventFile::Of(dir)));
        assert_eq!(UeventFile::parse(b"/sys/class/uevent"), None);
        assert_eq!(UeventFile::parse(b"/sys/devices/x/label"), None);
    }
}
