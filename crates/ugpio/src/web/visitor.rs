//! The peer of a connection to the live board, and the names of the board.
//!
//! A [`Peer`] is what seats are counted by and what a session is bound to: browsers send the cookies of
//! one port of 127.0.0.1 to all the others, so a cookie alone says too little. [`Place`] is what a request
//! may call the board, so that no foreign name leads a browser here.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use tokio::net::TcpStream;

/// Who connects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Peer {
    /// A user of this machine.
    User(u32),
    /// Another machine, or of IPv6 another network, as a machine has many addresses of one.
    Machine(IpAddr),
    /// A user of this machine that the system does not identify.
    Unknown,
}

impl Peer {
    /// The peer.
    pub(super) fn of(stream: &TcpStream) -> Peer {
        let (Ok(ours), Ok(theirs)) = (stream.local_addr(), stream.peer_addr()) else {
            return Peer::Unknown;
        };
        let canonical =
            |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
        let (ours, theirs) = (canonical(ours), canonical(theirs));
        if theirs.ip().is_loopback() || theirs.ip() == ours.ip() {
            return owner(theirs, ours).map_or(Peer::Unknown, Peer::User);
        }
        Peer::Machine(match theirs.ip() {
            IpAddr::V6(address) => {
                let network = u128::from(address) & !u128::from(u64::MAX);
                IpAddr::V6(Ipv6Addr::from(network))
            }
            address => address,
        })
    }
}

/// The user whose socket is at `local` and connected to `remote`, both of this machine.
// KERNEL: tcp_ipv4.c get_tcp4_sock, tcp_ipv6.c get_tcp6_sock (v6.12): the form of the lines
fn owner(local: SocketAddr, remote: SocketAddr) -> Option<u32> {
    let table = if local.is_ipv4() { "tcp" } else { "tcp6" };
    let file = File::open(format!("/proc/self/net/{table}")).ok()?;
    let (local, remote) = (hex(local), hex(remote));
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    lines
        .skip(1)
        .find_map(|line| owner_in(&line, &local, &remote))
}

fn owner_in(line: &str, local: &str, remote: &str) -> Option<u32> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    if fields.next() != Some(local) || fields.next() != Some(remote) {
        return None;
    }
    // State, queues, timer, retransmissions; then the user, a time-out and the inode.
    let uid = fields.nth(4)?.parse().ok()?;
    let inode = fields.nth(1)?;
    // A socket that its process has closed is shown as root's.
    (inode != "0").then_some(uid)
}

/// An address as the system's tables have it: words of 32 bits as they lie in memory.
fn hex(address: SocketAddr) -> String {
    let word = |bytes: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(bytes));
    let ip = match address.ip() {
        IpAddr::V4(ip) => word(ip.octets()),
        IpAddr::V6(ip) => {
            let octets = ip.octets();
            let (words, _) = octets.as_chunks::<4>();
            words.iter().map(|bytes| word(*bytes)).collect()
        }
    };
    format!("{ip}:{:04X}", address.port())
}

/// Where the board is served.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(pub(super) SocketAddr);

impl Place {
    /// Whether a `Host` is a name of the board: its address, the names of this machine for itself, or, where
    /// other machines may come, any address. A name that any owner of a domain can give to our address does not count.
    pub(super) fn is_host(&self, host: &str) -> bool {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, port),
            _ => (host, "80"),
        };
        if port != self.0.port().to_string() {
            return false;
        }
        let bracketed = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'));
        let ip: Option<IpAddr> = match bracketed {
            Some(name) => name.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            None => name.parse().ok().filter(IpAddr::is_ipv4),
        };
        match ip {
            Some(ip) => {
                let own = [
                    IpAddr::from([127, 0, 0, 1]),
                    IpAddr::V6(Ipv6Addr::LOCALHOST),
                    self.0.ip(),
                ];
                own.contains(&ip) || !self.0.ip().is_loopback()
            }
            None => name.eq_ignore_ascii_case("localhost"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(address: &str) -> Place {
        Place(address.parse().unwrap())
    }

    #[test]
    fn no_foreign_name_is_ours() {
        let board = place("127.0.0.1:4000");
        for host in [
            "127.0.0.1:4000",
            "localhost:4000",
            "LocalHost:4000",
            "[::1]:4000",
        ] {
            assert!(board.is_host(host), "{host}");
        }
        for host in [
            "",
            "127.0.0.1",
            "localhost",
            "127.0.0.1:4001",
            "127.0.0.1:04000",
            "127.0.0.1:",
            ":4000",
            "evil.example:4000",
            "evil.example",
            "localhost.evil.example:4000",
            "localhost.:4000",
            "127.0.0.1.evil.example:4000",
            "127.0.0.1:4000.evil.example",
            "192.0.2.1:4000",
            "[::1]",
            "::1:4000",
            "[::1:4000",
            "0x7f.1:4000",
            "2130706433:4000",
            "user@127.0.0.1:4000",
            "[::ffff:127.0.0.1]:4000",
            "127.0.0.1 :4000",
        ] {
            assert!(!board.is_host(host), "{host}");
        }
        let open = place("0.0.0.0:80");
        assert!(
            open.is_host("192.0.2.1")
                && open.is_host("192.0.2.1:80")
                && open.is_host("[2001:db8::1]")
        );
        assert!(!open.is_host("evil.example"));
        assert!(place("[::1]:7").is_host("[::1]:7") && place("127.0.0.9:7").is_host("127.0.0.9:7"));
    }

    #[test]
    fn a_user_is_found_by_its_socket() {
        let line = "   7: 0100007F:D2F0 0100007F:0FA0 01 00000000:00000000 00:00000000 00000000  1000        0 \
                    91234 1 0000000000000000 20 4 30 10 -1";
        let of = |inode: &str| {
            let line = line.replace("91234", inode);
            owner_in(&line, "0100007F:D2F0", "0100007F:0FA0")
        };
        assert_eq!((of("91234"), of("0")), (Some(1000), None));
        assert_eq!(owner_in(line, "0100007F:0FA0", "0100007F:D2F0"), None);
        assert_eq!(owner_in("", "a", "b"), None);
    }

    #[test]
    fn the_other_end_is_us() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            for address in ["127.0.0.1:0", "[::1]:0"] {
                let listener = tokio::net::TcpListener::bind(address).await.unwrap();
                let theirs = TcpStream::connect(listener.local_addr().unwrap())
                    .await
                    .unwrap();
                let (ours, _) = listener.accept().await.unwrap();
                let us = rustix::process::geteuid().as_raw();
                assert_eq!(Peer::of(&ours), Peer::User(us), "{address}");
                drop(theirs);
            }
        });
    }
}
