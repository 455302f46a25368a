//! Uevents: what the kernel and udev tell listeners of devices that come, go and change.
//!
//! A netlink socket of a program is a [`stand::Stand`]; [`Uevents`] makes them, answers the calls on them
//! ([`calls`]), and sends to all of them what happens to the run's devices, in both forms ([`message`]). What the
//! machine's kernel and udev say goes on to them as it is ([`machine`]), but for GPIO devices, which are hidden.
//! Called by `world` for calls and for chips, by `class` for exported lines, by `calls` for stores to `uevent` files.
//!
//! Where the machine has no udev, libudev's monitors would stay deaf; then `/run/udev/control` is shown. Udev's record
//! of a chip, `/run/udev/data/c254:N`, is there as long as the chip is.

pub(crate) mod calls;
mod devices;
mod machine;
mod message;
mod stand;
mod store;

use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::io::Errno;

use self::calls::Asked;
use self::message::{Event, Message};
use self::stand::Stand;
use crate::outcome::{Call, Reply};
use crate::procdir::{Object, sockets_of_others};
use crate::shadow::Shadow;
use crate::thread::Thread;

/// `NETLINK_KOBJECT_UEVENT`.
const PROTOCOL: u32 = 15;
/// Where udev keeps what it knows.
const UDEV: &str = "/run/udev";
/// How many sockets may be open before those that nobody has any more are looked for.
const SWEEP_AT: usize = 16;

/// Answers a call on a socket of uevents; `Continue` if the kernel is right.
pub(crate) type Handler = fn(&Uevents, &Arc<Stand>, &Asked<'_>) -> Result<Reply, Errno>;

/// The uevents of one run.
#[derive(Debug)]
pub(crate) struct Uevents {
    shadow: Arc<Shadow>,
    table: Mutex<Table>,
    /// The number of the last event.
    seqnum: AtomicU64,
    /// The numbers that descriptors of the sockets have.
    numbers: Range<i32>,
    is_open: AtomicBool,
}

#[derive(Debug)]
struct Table {
    /// By the inode of the program's socket.
    stands: HashMap<u64, Arc<Stand>>,
    sweep_at: usize,
    hears_machine: bool,
}

/// A device, as its events name it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Subject {
    /// Its directory, `/sys` included.
    pub(crate) path: String,
    pub(crate) subsystem: String,
    /// The rows of its `uevent` file.
    pub(crate) properties: Vec<String>,
}

impl Uevents {
    /// No listener yet; their descriptors will have these numbers.
    ///
    /// # Errors
    ///
    /// What making files reports.
    pub(crate) fn new(shadow: Arc<Shadow>, numbers: Range<i32>) -> io::Result<Arc<Self>> {
        show_udev(&shadow)?;
        let last = std::fs::read_to_string("/sys/kernel/uevent_seqnum");
        let last = last.ok().and_then(|text| text.trim().parse().ok());
        Ok(Arc::new(Self {
            shadow,
            table: Mutex::new(Table {
                stands: HashMap::new(),
                sweep_at: SWEEP_AT,
                hears_machine: false,
            }),
            seqnum: AtomicU64::new(last.unwrap_or(0)),
            numbers,
            is_open: AtomicBool::new(false),
        }))
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers `socket(family, type, protocol)`; `Continue` for other sockets than those of uevents.
    pub(crate) fn socket(self: &Arc<Self>, thread: &Thread<'_>, call: &Call) -> Reply {
        const FLAGS: i32 = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        let (family, how, protocol) = (call.int(0), call.int(1), call.uint(2));
        let kind = how & !FLAGS;
        let is_known = matches!(kind, libc::SOCK_RAW | libc::SOCK_DGRAM);
        if family != libc::AF_NETLINK || protocol != PROTOCOL || !is_known {
            return Reply::Continue;
        }
        self.sweep();
        let is_near = machine::is_our_network(call.tid);
        self.hear_machine();
        let made = Stand::new(
            kind.cast_unsigned(),
            how & libc::SOCK_NONBLOCK != 0,
            is_near,
        );
        let (stand, fd) = match made {
            Ok(made) => made,
            Err(errno) => return Reply::Fail(errno),
        };
        self.table().stands.insert(stand.inode, stand);
        self.is_open.store(true, Ordering::Relaxed);
        let cloexec = how & libc::SOCK_CLOEXEC != 0;
        let is_free = |number: &i32| thread.fd_link(*number) == Err(Errno::BADF);
        match self.numbers.clone().find(is_free) {
            Some(number) => Reply::FdAt {
                fd,
                cloexec,
                number,
            },
            None => Reply::Fd { fd, cloexec },
        }
    }

    /// Has a handler answer a call on a descriptor; `Continue` if it is no socket of uevents.
    pub(crate) fn answer(&self, thread: &Thread<'_>, call: &Call, handler: Handler) -> Reply {
        if !self.is_open.load(Ordering::Relaxed) || call.int(0) < self.numbers.start {
            return Reply::Continue;
        }
        let Ok(Object::Socket(inode)) = thread.object(call.int(0)) else {
            return Reply::Continue;
        };
        let stand = self.table().stands.get(&inode).cloned();
        let call = Asked {
            thread,
            call: *call,
        };
        stand.map_or(Reply::Continue, |stand| {
            handler(self, &stand, &call).unwrap_or_else(Reply::Fail)
        })
    }

    /// Listens to the machine from now on. Called before the first socket is handed out.
    fn hear_machine(self: &Arc<Self>) {
        if core::mem::replace(&mut self.table().hears_machine, true) {
            return;
        }
        if let Err(error) = machine::listen(self) {
            tracing::info!(%error, "the machine's own uevents are not heard in this run");
        }
    }

    /// Whether a socket that some program has open has this netlink address.
    fn has_portid(&self, portid: u32) -> bool {
        let is_known = || {
            let table = self.table();
            let mut names = table.stands.values().map(|stand| stand.name());
            names.any(|name| name.is_bound && name.portid == portid)
        };
        if !is_known() {
            return false;
        }
        // Nothing tells when a socket is closed.
        self.let_go();
        is_known()
    }

    /// The address of a socket that asks for none: the process's id, or one that no process has.
    // KERNEL: net/netlink/af_netlink.c netlink_autobind (v6.12)
    fn free_portid(&self, call: &Call) -> u32 {
        let own = machine::process_of(call.tid);
        let above = (1..).map(|number: u32| u32::MAX - 4096 - number);
        let mut all = own.into_iter().chain(above);
        all.find(|portid| !self.has_portid(*portid)).unwrap_or(0)
    }

    /// Lets go the sockets that no program has any more, once there are many.
    fn sweep(&self) {
        {
            let table = self.table();
            if table.stands.len() < table.sweep_at {
                return;
            }
        }
        self.let_go();
        let mut table = self.table();
        table.sweep_at = SWEEP_AT.max(2 * table.stands.len());
    }

    /// Lets go the sockets that no program has any more.
    fn let_go(&self) {
        let open = sockets_of_others();
        let mut table = self.table();
        // One just made may be on its way to the program.
        table
            .stands
            .retain(|inode, stand| open.contains(inode) || stand.is_new());
    }

    /// Gives a message to all sockets that listen to its group.
    fn send(&self, message: &Message, is_machines: bool) {
        let stands: Vec<_> = self.table().stands.values().cloned().collect();
        for stand in stands {
            if stand.hears_machine || !is_machines {
                stand.deliver(message);
            }
        }
    }

    /// Tells that something happened to a device, to both groups.
    pub(crate) fn emit(&self, action: &str, subject: &Subject, given: Vec<String>) {
        let seqnum = self.seqnum.fetch_add(1, Ordering::Relaxed) + 1;
        let event = Event {
            action: action.to_owned(),
            devpath: subject
                .path
                .strip_prefix("/sys")
                .unwrap_or(&subject.path)
                .to_owned(),
            subsystem: subject.subsystem.clone(),
            given,
            properties: subject.properties.clone(),
            seqnum,
        };
        self.send(&Message::of_the_kernel(event.kernel()), false);
        let since_us = self.record(action, subject);
        self.send(
            &Message::of_udev(event.udev(since_us), std::process::id()),
            false,
        );
    }

    /// Keeps udev's record of a device that has a number; says since when it is known.
    fn record(&self, action: &str, subject: &Subject) -> u64 {
        let now_us = crate::clock::now().monotonic_ns / 1000;
        let number = |key: &str| {
            let mut rows = subject.properties.iter();
            rows.find_map(|row| row.strip_prefix(key))
        };
        let (Some(major), Some(minor)) = (number("MAJOR="), number("MINOR=")) else {
            return now_us;
        };
        let path = format!("{UDEV}/data/c{major}:{minor}");
        let text = self.shadow.read(path.as_bytes()).unwrap_or_default();
        let since = text.lines().find_map(|row| row.strip_prefix("I:"));
        let since_us = since.and_then(|us| us.parse().ok()).unwrap_or(now_us);
        let done = match action {
            "remove" => self.shadow.remove(path.as_bytes()),
            _ if !text.is_empty() => Ok(()),
            _ => {
                let text = format!("I:{now_us}\nV:1\n");
                self.shadow.own(path.as_bytes());
                self.shadow
                    .write_file(path.as_bytes(), 0o444, text.as_bytes())
            }
        };
        if let Err(error) = done {
            tracing::warn!(%error, path, "udev's record of a chip is not up to date");
        }
        since_us
    }
}

/// Shows udev's directory, and that it is there, if the machine has none.
fn show_udev(shadow: &Shadow) -> io::Result<()> {
    let control = format!("{UDEV}/control");
    shadow.mkdir_all(format!("{UDEV}/data").as_bytes())?;
    if Path::new(&control).exists() {
        return Ok(());
    }
    let (kind, mode) = (FileType::Socket, Mode::from_raw_mode(0o600));
    mknodat(CWD, shadow.locate(control.as_bytes()), kind, mode, 0)?;
    let owned = if Path::new(UDEV).exists() {
        control
    } else {
        UDEV.to_owned()
    };
    shadow.own(owned.as_bytes());
    Ok(())
}
