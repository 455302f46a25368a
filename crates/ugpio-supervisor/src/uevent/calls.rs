//! The calls on a uevent socket that tell or show what it is: answered as the kernel answers them for netlink.
//!
//! They are trapped by the number of the descriptor, one of the few high ones that these sockets get. What every
//! socket has (`SO_RCVBUF`, `SO_ATTACH_FILTER`, `SO_PASSCRED`, flags, poll) is left to the socket that stands there.

use std::sync::Arc;

use rustix::io::Errno;

use super::Uevents;
use super::message::Message;
use super::stand::{Received, Stand};
use crate::outcome::{Call, Reply};
use crate::thread::Thread;

/// The size of `struct sockaddr_nl`.
const ADDRESS: usize = 12;
/// `AF_NETLINK` as an address has it.
const FAMILY: u16 = 16;
/// How many netlink options there are to join and leave groups, and the others that are known.
// KERNEL: include/uapi/linux/netlink.h
const ADD_MEMBERSHIP: u32 = 1;
const DROP_MEMBERSHIP: u32 = 2;
const PKTINFO: u32 = 3;
const OPTION_MAX: u32 = 12;
/// The groups that a socket of this family has. KERNEL: netlink_kernel_create makes 32 at least
const GROUPS: u32 = 32;
/// The most segments of one message. KERNEL: include/uapi/linux/uio.h UIO_MAXIOV
const SEGMENTS_MAX: u64 = 1024;
/// The size of `struct mmsghdr` on a 64-bit machine.
const MMSGHDR: u64 = 64;

/// A call, and the thread that waits in it.
pub(crate) struct Asked<'a> {
    pub(super) thread: &'a Thread<'a>,
    pub(super) call: Call,
}

impl core::ops::Deref for Asked<'_> {
    type Target = Call;

    fn deref(&self) -> &Call {
        &self.call
    }
}

/// A `struct msghdr` of the program.
struct Header {
    addr: u64,
    name: (u64, u32),
    segments: Vec<(u64, u64)>,
    control: (u64, u64),
}

/// `bind(fd, addr, length)`
// KERNEL: net/netlink/af_netlink.c netlink_bind (v6.12)
pub(crate) fn bind(all: &Uevents, stand: &Arc<Stand>, call: &Asked<'_>) -> Result<Reply, Errno> {
    let (portid, groups) = read_address(call, 1, call.int(2))?;
    let name = stand.name();
    if name.is_bound && portid != name.portid {
        return Err(Errno::INVAL);
    }
    let portid = match portid {
        _ if name.is_bound => name.portid,
        0 => all.free_portid(call),
        portid if all.has_portid(portid) => return Err(Errno::ADDRINUSE),
        portid => portid,
    };
    stand.rename(|name| {
        (name.is_bound, name.portid, name.groups) = (true, portid, groups);
    });
    Ok(Reply::Return(0))
}

/// `listen`, `accept`, `accept4` and `shutdown`, which these sockets have not.
// KERNEL: net/netlink/af_netlink.c netlink_ops (v6.12)
pub(crate) fn unknown(_: &Uevents, _: &Arc<Stand>, _: &Asked<'_>) -> Result<Reply, Errno> {
    Err(Errno::OPNOTSUPP)
}

/// `sockaddr_nl`.
fn address(portid: u32, groups: u32) -> [u8; ADDRESS] {
    let mut bytes = [0; ADDRESS];
    bytes[..2].copy_from_slice(&FAMILY.to_ne_bytes());
    bytes[4..8].copy_from_slice(&portid.to_ne_bytes());
    bytes[8..].copy_from_slice(&groups.to_ne_bytes());
    bytes
}

/// The netlink address and groups at an address argument.
fn read_address(call: &Asked<'_>, arg: usize, length: i32) -> Result<(u32, u32), Errno> {
    let is_long = usize::try_from(length).is_ok_and(|length| length >= ADDRESS);
    let bytes = read_array::<ADDRESS>(call, call.args[arg])?;
    let word = |at: usize| {
        let mut word = [0; 4];
        word.copy_from_slice(&bytes[at..at + 4]);
        u32::from_ne_bytes(word)
    };
    if !is_long || bytes[..2] != FAMILY.to_ne_bytes() {
        return Err(Errno::INVAL);
    }
    Ok((word(4), word(8)))
}

fn read_array<const N: usize>(call: &Asked<'_>, addr: u64) -> Result<[u8; N], Errno> {
    let mut bytes = [0; N];
    call.thread
        .read(addr, &mut bytes)
        .map_err(|_| Errno::FAULT)?;
    Ok(bytes)
}

fn write(call: &Asked<'_>, addr: u64, bytes: &[u8]) -> Result<(), Errno> {
    call.thread.write(addr, bytes).map_err(|_| Errno::FAULT)
}

/// Writes a name where the arguments say, as much of it as there is room for, and its whole length.
// KERNEL: net/socket.c move_addr_to_user (v6.12)
fn write_name(call: &Asked<'_>, at: (usize, usize), name: &[u8]) -> Result<Reply, Errno> {
    let room = i32::from_ne_bytes(read_array(call, call.args[at.1])?);
    let room = usize::try_from(room).map_err(|_| Errno::INVAL)?;
    write(call, call.args[at.0], &name[..room.min(name.len())])?;
    let length = u32::try_from(name.len()).unwrap_or(0);
    write(call, call.args[at.1], &length.to_ne_bytes())?;
    Ok(Reply::Return(0))
}

/// `getsockname(fd, addr, length)`
pub(crate) fn getsockname(
    _: &Uevents,
    stand: &Arc<Stand>,
    call: &Asked<'_>,
) -> Result<Reply, Errno> {
    let name = stand.name();
    write_name(call, (1, 2), &address(name.portid, name.groups))
}

/// `getpeername(fd, addr, length)`: the kernel.
pub(crate) fn getpeername(_: &Uevents, _: &Arc<Stand>, call: &Asked<'_>) -> Result<Reply, Errno> {
    write_name(call, (1, 2), &address(0, 0))
}

/// `connect(fd, addr, length)`
// KERNEL: net/netlink/af_netlink.c netlink_connect (v6.12)
pub(crate) fn connect(_: &Uevents, _: &Arc<Stand>, call: &Asked<'_>) -> Result<Reply, Errno> {
    let family = read_array::<2>(call, call.args[1])?;
    if family != [0; 2] {
        to_kernel(read_address(call, 1, call.int(2))?)?;
    }
    Ok(Reply::Return(0))
}

/// Whether a destination is the kernel; others are for the administrator.
// DIFFERS: for root too; nobody in a run sends uevents to others.
fn to_kernel((portid, groups): (u32, u32)) -> Result<(), Errno> {
    if portid != 0 || groups != 0 {
        return Err(Errno::PERM);
    }
    Ok(())
}

/// `sendto(fd, data, length, flags, addr, length)`; the kernel takes messages of this family and does nothing.
pub(crate) fn sendto(_: &Uevents, _: &Arc<Stand>, call: &Asked<'_>) -> Result<Reply, Errno> {
    if call.args[4] != 0 {
        to_kernel(read_address(call, 4, call.int(5))?)?;
    }
    sent(call.args[2])
}

/// What a call that sends so much returns.
fn sent(length: u64) -> Result<Reply, Errno> {
    let length = i64::try_from(length).map_err(|_| Errno::INVAL)?;
    Ok(Reply::Return(length))
}

/// `sendmsg(fd, message, flags)`
pub(crate) fn sendmsg(_: &Uevents, _: &Arc<Stand>, call: &Asked<'_>) -> Result<Reply, Errno> {
    sent(send_one(call, call.args[1])?)
}

/// `sendmmsg(fd, messages, count, flags)`
// KERNEL: net/socket.c __sys_sendmmsg (v6.12)
pub(crate) fn sendmmsg(_: &Uevents, _: &Arc<Stand>, call: &Asked<'_>) -> Result<Reply, Errno> {
    let count = u64::from(call.uint(2)).min(SEGMENTS_MAX);
    for taken in 0..count {
        let addr = call.args[1].wrapping_add(taken * MMSGHDR);
        let one = || {
            let length = u32::try_from(send_one(call, addr)?).unwrap_or(u32::MAX);
            let at = addr.wrapping_add(Header::SIZE as u64);
            write(call, at, &length.to_ne_bytes())
        };
        match one() {
            Ok(()) => {}
            Err(errno) if taken == 0 => return Err(errno),
            Err(_) => return sent(taken),
        }
    }
    sent(count)
}

/// Takes the message with this header; gives its length.
fn send_one(call: &Asked<'_>, addr: u64) -> Result<u64, Errno> {
    let header = Header::read(call, addr)?;
    if header.name.0 != 0 {
        let at = Asked {
            thread: call.thread,
            call: Call {
                args: [0, header.name.0, 0, 0, 0, 0],
                ..call.call
            },
        };
        to_kernel(read_address(
            &at,
            1,
            i32::try_from(header.name.1).unwrap_or(0),
        )?)?;
    }
    Ok(header.room())
}

/// `setsockopt(fd, level, option, value, length)`
// KERNEL: net/netlink/af_netlink.c netlink_setsockopt (v6.12)
pub(crate) fn setsockopt(
    _: &Uevents,
    stand: &Arc<Stand>,
    call: &Asked<'_>,
) -> Result<Reply, Errno> {
    match call.int(1) {
        libc::SOL_SOCKET => return Ok(Reply::Continue),
        libc::SOL_NETLINK => {}
        _ => return Err(Errno::NOPROTOOPT),
    }
    if call.int(4) < 4 {
        return Err(Errno::INVAL);
    }
    let option = call.uint(2);
    let value = u32::from_ne_bytes(read_array(call, call.args[3])?);
    match option {
        ADD_MEMBERSHIP | DROP_MEMBERSHIP if value == 0 || value > GROUPS => {
            return Err(Errno::INVAL);
        }
        0 | 6..=9 => return Err(Errno::NOPROTOOPT),
        _ if option > OPTION_MAX => return Err(Errno::NOPROTOOPT),
        _ => {}
    }
    stand.rename(|name| match option {
        ADD_MEMBERSHIP => name.groups |= 1 << (value - 1),
        DROP_MEMBERSHIP => name.groups &= !(1 << (value - 1)),
        PKTINFO => name.tells_group = value != 0,
        // What the others change is not seen on this family.
        _ => {}
    });
    Ok(Reply::Return(0))
}

/// `getsockopt(fd, level, option, value, length)`
pub(crate) fn getsockopt(
    _: &Uevents,
    stand: &Arc<Stand>,
    call: &Asked<'_>,
) -> Result<Reply, Errno> {
    let value = match (call.int(1), call.int(2)) {
        (libc::SOL_SOCKET, libc::SO_TYPE) => stand.kind,
        (libc::SOL_SOCKET, libc::SO_DOMAIN) => u32::from(FAMILY),
        (libc::SOL_SOCKET, libc::SO_PROTOCOL) => super::PROTOCOL,
        (libc::SOL_SOCKET, _) => return Ok(Reply::Continue),
        (libc::SOL_NETLINK, option) if option.cast_unsigned() == PKTINFO => {
            u32::from(stand.name().tells_group)
        }
        (libc::SOL_NETLINK, 4 | 5 | 10..=12) => 0,
        _ => return Err(Errno::NOPROTOOPT),
    };
    write_name(call, (3, 4), &value.to_ne_bytes())
}

/// Takes or looks at a message, as the flags of a receive say.
fn take(stand: &Stand, call: &Asked<'_>, flags: i32, may_sleep: bool) -> Result<Received, Errno> {
    if flags & libc::MSG_OOB != 0 {
        return Err(Errno::OPNOTSUPP);
    }
    let may_sleep = may_sleep && flags & libc::MSG_DONTWAIT == 0;
    stand.receive(call, flags & libc::MSG_PEEK != 0, may_sleep)
}

/// What a receive returns for a message of which so many bytes fit.
fn count(message: &Message, copied: usize, flags: i32) -> i64 {
    let count = if flags & libc::MSG_TRUNC == 0 {
        copied
    } else {
        message.bytes.len()
    };
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// `read(fd, buf, count)`
pub(crate) fn read(_: &Uevents, stand: &Arc<Stand>, call: &Asked<'_>) -> Result<Reply, Errno> {
    receive(stand, call, 0, None)
}

/// `recvfrom(fd, buf, count, flags, addr, length)`
pub(crate) fn recvfrom(_: &Uevents, stand: &Arc<Stand>, call: &Asked<'_>) -> Result<Reply, Errno> {
    let name = (call.args[4] != 0).then_some((4, 5));
    receive(stand, call, call.int(3), name)
}

/// Receives into one buffer; the sender's address goes where the arguments of `name` say.
fn receive(
    stand: &Stand,
    call: &Asked<'_>,
    flags: i32,
    name: Option<(usize, usize)>,
) -> Result<Reply, Errno> {
    let Received::Message(message) = take(stand, call, flags, true)? else {
        return Ok(Reply::Continue);
    };
    let room = usize::try_from(call.args[2]).unwrap_or(usize::MAX);
    let copied = message.bytes.len().min(room);
    write(call, call.args[1], &message.bytes[..copied])?;
    if let Some(name) = name {
        write_name(call, name, &address_of(&message))?;
    }
    Ok(Reply::Return(count(&message, copied, flags)))
}

/// The sender's address.
fn address_of(message: &Message) -> [u8; ADDRESS] {
    address(
        message.portid,
        1_u32.checked_shl(message.group - 1).unwrap_or(0),
    )
}

/// `recvmsg(fd, message, flags)`
pub(crate) fn recvmsg(_: &Uevents, stand: &Arc<Stand>, call: &Asked<'_>) -> Result<Reply, Errno> {
    let flags = call.int(2);
    let header = Header::read(call, call.args[1])?;
    match take(stand, call, flags, true)? {
        Received::Message(message) => header.fill(stand, call, &message, flags).map(Reply::Return),
        Received::Nothing => Ok(Reply::Continue),
    }
}

/// `recvmmsg(fd, messages, count, flags, timeout)`
// DIFFERS: a blocking one ends with what there is, as if with MSG_WAITFORONE.
pub(crate) fn recvmmsg(_: &Uevents, stand: &Arc<Stand>, call: &Asked<'_>) -> Result<Reply, Errno> {
    let flags = call.int(3) & !libc::MSG_WAITFORONE;
    let mut taken: u32 = 0;
    while u64::from(taken) < u64::from(call.uint(2)).min(SEGMENTS_MAX) {
        let addr = call.args[1].wrapping_add(u64::from(taken) * MMSGHDR);
        let one = || {
            let header = Header::read(call, addr)?;
            let Received::Message(message) = take(stand, call, flags, taken == 0)? else {
                return Ok(false);
            };
            let length = header.fill(stand, call, &message, flags)?;
            let length = u32::try_from(length).unwrap_or(u32::MAX);
            write(
                call,
                addr.wrapping_add(Header::SIZE as u64),
                &length.to_ne_bytes(),
            )?;
            Ok(true)
        };
        match one() {
            Ok(true) => taken += 1,
            Ok(false) if taken == 0 => return Ok(Reply::Continue),
            Err(errno) if taken == 0 => return Err(errno),
            Ok(false) | Err(_) => break,
        }
    }
    Ok(Reply::Return(i64::from(taken)))
}

impl Header {
    const SIZE: usize = 56;

    fn read(call: &Asked<'_>, addr: u64) -> Result<Self, Errno> {
        let bytes = read_array::<{ Self::SIZE }>(call, addr)?;
        let number = |at: usize| {
            let mut number = [0; 8];
            number.copy_from_slice(&bytes[at..at + 8]);
            u64::from_ne_bytes(number)
        };
        let count = number(24);
        if count > SEGMENTS_MAX {
            return Err(Errno::MSGSIZE);
        }
        let mut table = vec![0; usize::try_from(count).map_err(|_| Errno::MSGSIZE)? * 16];
        call.thread
            .read(number(16), &mut table)
            .map_err(|_| Errno::FAULT)?;
        let word = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_ne_bytes);
        let segments = table
            .chunks_exact(16)
            .map(|segment| (word(&segment[..8]), word(&segment[8..])));
        let name_room = u32::try_from(number(8) & u64::from(u32::MAX)).unwrap_or(0);
        Ok(Self {
            addr,
            name: (number(0), name_room),
            segments: segments.collect(),
            control: (number(32), number(40)),
        })
    }

    fn room(&self) -> u64 {
        self.segments
            .iter()
            .map(|(_, length)| *length)
            .fold(0, u64::saturating_add)
    }

    /// Writes a message with its sender where the program wants it.
    // KERNEL: net/netlink/af_netlink.c netlink_recvmsg, net/socket.c ____sys_recvmsg (v6.12)
    fn fill(
        &self,
        stand: &Stand,
        call: &Asked<'_>,
        message: &Message,
        flags: i32,
    ) -> Result<i64, Errno> {
        let mut rest = message.bytes.as_slice();
        for (addr, length) in &self.segments {
            let length = usize::try_from(*length)
                .unwrap_or(usize::MAX)
                .min(rest.len());
            let (part, more) = rest.split_at(length);
            write(call, *addr, part)?;
            rest = more;
        }
        let mut told = if rest.is_empty() { 0 } else { libc::MSG_TRUNC };
        if self.name.0 != 0 {
            let name = address_of(message);
            let room = usize::try_from(self.name.1).unwrap_or(0).min(name.len());
            write(call, self.name.0, &name[..room])?;
            write(call, self.addr.wrapping_add(8), &12_u32.to_ne_bytes())?;
        }
        let control = control(stand, message);
        let room = usize::try_from(self.control.1).unwrap_or(usize::MAX);
        let given = if self.control.0 == 0 || control.len() > room {
            0
        } else {
            control.len()
        };
        if given < control.len() {
            told |= libc::MSG_CTRUNC;
        }
        if given > 0 {
            write(call, self.control.0, &control)?;
        }
        let length = u64::try_from(given).unwrap_or(0);
        write(call, self.addr.wrapping_add(40), &length.to_ne_bytes())?;
        write(call, self.addr.wrapping_add(48), &told.to_ne_bytes())?;
        Ok(count(message, message.bytes.len() - rest.len(), flags))
    }
}

/// The control messages that the socket's options ask for.
fn control(stand: &Stand, message: &Message) -> Vec<u8> {
    /// The size of `struct cmsghdr`.
    const HEAD: u64 = 16;
    let mut bytes = Vec::new();
    let mut put = |level: i32, kind: i32, words: &[u32]| {
        let length = HEAD + 4 * words.len() as u64;
        bytes.extend(length.to_ne_bytes());
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    };
    if stand.name().tells_group {
        put(libc::SOL_NETLINK, PKTINFO.cast_signed(), &[message.group]);
    }
    if stand.passes_credentials() {
        put(
            libc::SOL_SOCKET,
            libc::SCM_CREDENTIALS,
            &message.credentials,
        );
    }
    bytes
}
