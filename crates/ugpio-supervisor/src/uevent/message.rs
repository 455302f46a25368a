//! A uevent as bytes: the kernel's form for group 1 of the netlink family, udev's for group 2.
//!
//! [`Event`] says what happened to which device; [`Event::kernel`] and [`Event::udev`] are what listeners of the two
//! groups receive. Udev's form begins with a header whose hashes the socket filters of libudev's clients read.

/// What the receiver of a message learns besides its bytes, and the bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Message {
    pub(crate) bytes: Vec<u8>,
    /// The multicast group, counted from 1.
    pub(crate) group: u32,
    /// The sender's netlink address; 0 is the kernel.
    pub(crate) portid: u32,
    /// The sender's process id, user and group.
    pub(crate) credentials: [u32; 3],
}

impl Message {
    /// A message of the kernel: its address is 0, and root sends it.
    pub(crate) fn of_the_kernel(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            group: KERNEL,
            portid: 0,
            credentials: [0; 3],
        }
    }

    /// A message of a udev with this process id, which is its address too.
    pub(crate) fn of_udev(bytes: Vec<u8>, pid: u32) -> Self {
        Self {
            bytes,
            group: UDEV,
            portid: pid,
            credentials: [pid, 0, 0],
        }
    }
}

/// The group of the kernel's messages.
pub(crate) const KERNEL: u32 = 1;
/// The group of udev's messages.
pub(crate) const UDEV: u32 = 2;

/// Something that happened to a device.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Event {
    /// `add`, `remove`, `change`, `bind` and so on.
    pub(crate) action: String,
    /// The device's path without `/sys`.
    pub(crate) devpath: String,
    pub(crate) subsystem: String,
    /// What whoever asked for the event by hand has given with it.
    pub(crate) given: Vec<String>,
    /// The device's own properties, `KEY=value`, as its `uevent` file has them.
    pub(crate) properties: Vec<String>,
    pub(crate) seqnum: u64,
}

impl Event {
    // KERNEL: lib/kobject_uevent.c kobject_uevent_env (v6.12): the order of the properties
    fn rows(&self) -> impl Iterator<Item = String> {
        [
            format!("ACTION={}", self.action),
            format!("DEVPATH={}", self.devpath),
            format!("SUBSYSTEM={}", self.subsystem),
        ]
        .into_iter()
        .chain(self.given.iter().cloned())
        .chain(self.properties.iter().cloned())
        .chain([format!("SEQNUM={}", self.seqnum)])
    }

    /// The kernel's message.
    pub(crate) fn kernel(&self) -> Vec<u8> {
        let head = format!("{}@{}", self.action, self.devpath);
        strings([head].into_iter().chain(self.rows()))
    }

    /// Udev's message: the node's name is a path, and it says since when udev knows the device.
    // KERNEL: none; systemd's sd-device-monitor (252) writes and reads this form
    pub(crate) fn udev(&self, since_us: u64) -> Vec<u8> {
        /// Where the properties begin, which is the length of the header too.
        const HEADER: u32 = 40;
        const MAGIC: u32 = 0xfeed_cafe;
        let full = |row: String| match row.strip_prefix("DEVNAME=") {
            Some(name) => format!("DEVNAME=/dev/{name}"),
            None => row,
        };
        let since = format!("USEC_INITIALIZED={since_us}");
        let properties = strings(self.rows().map(full).chain([since]));
        let length = u32::try_from(properties.len()).unwrap_or(u32::MAX);
        let devtype = self
            .properties
            .iter()
            .find_map(|row| row.strip_prefix("DEVTYPE="));
        let mut bytes = b"libudev\0".to_vec();
        bytes.extend(MAGIC.to_be_bytes());
        for word in [HEADER, HEADER, length] {
            bytes.extend(word.to_ne_bytes());
        }
        bytes.extend(hash(self.subsystem.as_bytes()).to_be_bytes());
        bytes.extend(
            devtype
                .map_or(0, |name| hash(name.as_bytes()))
                .to_be_bytes(),
        );
        // No tags, so no bit of their filter.
        bytes.extend([0; 8]);
        bytes.extend(properties);
        bytes
    }
}

/// Strings, each with its NUL.
fn strings(rows: impl Iterator<Item = String>) -> Vec<u8> {
    rows.flat_map(|row| row.into_bytes().into_iter().chain([0]))
        .collect()
}

/// MurmurHash2 of 32 bits with the seed 0, by which libudev's socket filters know subsystems and device types.
fn hash(text: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;
    let mut hash = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let mut words = text.chunks_exact(4);
    for word in words.by_ref() {
        let word = word.try_into().map_or(0, u32::from_ne_bytes);
        let word = word.wrapping_mul(M);
        let word = (word ^ word >> R).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ word;
    }
    let rest = words.remainder();
    for (at, byte) in rest.iter().enumerate().rev() {
        hash ^= u32::from(*byte) << (8 * at);
    }
    if !rest.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ hash >> 13).wrapping_mul(M);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event {
            action: "add".into(),
            devpath: "/devices/platform/gpio-sim.0/gpiochip0".into(),
            subsystem: "gpio".into(),
            given: Vec::new(),
            properties: [
                "MAJOR=254",
                "MINOR=0",
                "DEVNAME=gpiochip0",
                "DEVTYPE=gpio_chip",
            ]
            .map(str::to_owned)
            .to_vec(),
            seqnum: 7,
        }
    }

    #[test]
    fn the_kernels_message_is_a_head_and_properties() {
        let expected = "add@/devices/platform/gpio-sim.0/gpiochip0\0ACTION=add\0\
            DEVPATH=/devices/platform/gpio-sim.0/gpiochip0\0SUBSYSTEM=gpio\0MAJOR=254\0MINOR=0\0\
            DEVNAME=gpiochip0\0DEVTYPE=gpio_chip\0SEQNUM=7\0";
        assert_eq!(String::from_utf8(event().kernel()).unwrap(), expected);
    }

    #[test]
    fn udevs_message_has_a_header_that_says_where_the_properties_are() {
        let bytes = event().udev(42);
        assert_eq!(&bytes[..12], b"libudev\0\xfe\xed\xca\xfe");
        let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!((word(12), word(16)), (40, 40));
        assert_eq!(bytes.len(), 40 + word(20));
        let text = String::from_utf8(bytes[40..].to_vec()).unwrap();
        assert!(text.starts_with("ACTION=add\0DEVPATH=/devices/"));
        assert!(text.contains("\0DEVNAME=/dev/gpiochip0\0"));
        assert!(text.ends_with("\0USEC_INITIALIZED=42\0"));
        assert_eq!(&bytes[32..40], &[0; 8]);
    }

    /// Values that libudev's own filters compare with, taken from the programs it attaches to its sockets.
    #[test]
    fn hashes_are_those_that_libudev_compares_with() {
        for (text, expected) in [("gpio", 0x4930_ac14), ("gpio_chip", 0x08d2_d63a)] {
            assert_eq!(hash(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(hash(b""), 0);
    }
}
