//! The machine's own uevents, handed on to the sockets of the run.
//!
//! Anybody may listen to them. A thread of its own does, from the first socket of a program on. Events of GPIO devices
//! are kept back, since the machine's chips are hidden.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Weak};

use rustix::io::Errno;
use rustix::net::netlink::{KOBJECT_UEVENT, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recvfrom, socket_with, sockopt,
};
use rustix::process::Pid;

use super::Uevents;
use super::message::{KERNEL, Message, UDEV};

/// Longer than any message.
const MESSAGE_MAX: usize = 16 * 1024;
/// Room for the events of a machine that finds many devices at once.
const ROOM: usize = 1 << 20;

/// Starts to hand on what the machine says.
///
/// # Errors
///
/// The machine has no such sockets, or no thread can be started.
pub(super) fn listen(uevents: &Arc<Uevents>) -> io::Result<()> {
    let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, Some(KOBJECT_UEVENT))?;
    // Less room loses events of the machine, and nothing else.
    let _ = sockopt::set_socket_recv_buffer_size(&socket, ROOM);
    bind(&socket, &SocketAddrNetlink::new(0, KERNEL | UDEV))?;
    let uevents = Arc::downgrade(uevents);
    std::thread::Builder::new()
        .name("ugpio-uevent".into())
        .spawn(move || run(&socket, &uevents))
        .map(drop)
}

fn run(socket: &OwnedFd, uevents: &Weak<Uevents>) {
    loop {
        let mut buf = vec![0; MESSAGE_MAX];
        let (length, sender) = match recvfrom(socket, &mut *buf, RecvFlags::empty()) {
            Ok((length, _, sender)) => (length, sender),
            Err(Errno::INTR | Errno::NOBUFS) => continue,
            Err(errno) => {
                tracing::warn!(%errno, "the machine's uevents are not heard any more");
                return;
            }
        };
        let Some(uevents) = uevents.upgrade() else {
            return;
        };
        buf.truncate(length);
        let sender = sender.and_then(|sender| SocketAddrNetlink::try_from(sender).ok());
        let message = match sender.map(|sender| (sender.groups(), sender.pid())) {
            Some((KERNEL, 0)) => Message::of_the_kernel(buf),
            Some((UDEV, portid)) => Message::of_udev(buf, portid),
            _ => continue,
        };
        if !is_hidden(&message.bytes) {
            uevents.send(&message, true);
        }
    }
}

/// Whether a message is of a device that is hidden in the run.
fn is_hidden(message: &[u8]) -> bool {
    message
        .split(|byte| *byte == 0)
        .any(|row| row == b"SUBSYSTEM=gpio")
}

/// Whether a thread is in our network namespace; yes if that cannot be told.
pub(super) fn is_our_network(tid: Pid) -> bool {
    let of = |who: String| std::fs::read_link(format!("/proc/{who}/ns/net"));
    match (of("self".into()), of(tid.to_string())) {
        (Ok(ours), Ok(theirs)) => ours == theirs,
        _ => true,
    }
}

/// The process of a thread, as a number.
pub(super) fn process_of(tid: Pid) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
    let row = text.lines().find_map(|row| row.strip_prefix("Tgid:"))?;
    row.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpio_devices_of_the_machine_are_hidden() {
        assert!(is_hidden(b"add@/devices/x\0ACTION=add\0SUBSYSTEM=gpio\0"));
        assert!(!is_hidden(
            b"add@/devices/x\0ACTION=add\0SUBSYSTEM=gpio-keys\0"
        ));
    }

    #[test]
    fn this_thread_is_in_our_network_and_process() {
        assert!(is_our_network(rustix::thread::gettid()));
        let process = process_of(rustix::thread::gettid());
        assert_eq!(process, Some(std::process::id()));
    }
}
