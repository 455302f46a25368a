//! The live board: a page that shows the run and changes it, and the control API over HTTP.
//!
//! `ugpio run --web` [`bind`]s before anything is started, so that a bad address is a plain error; the
//! supervisor [`serve`](Bound::serve)s. The page asks for the same methods as `ugpio ctl`, by an
//! [`Inlet`]; [`keys`] is who may.

mod api;
#[cfg(fuzzing)]
mod fuzzed;
mod keys;
mod listener;
mod visitor;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use thiserror::Error;

#[cfg(fuzzing)]
pub(crate) use self::fuzzed::fuzzed;
use self::keys::Keys;
use self::listener::{Bounded, Visitor};
use crate::control::inlet::Inlet;

/// The board cannot be served.
#[derive(Debug, Error)]
#[error("--web={address}: {}", crate::clean::reason(reason))]
pub(crate) struct WebError {
    address: SocketAddr,
    reason: io::Error,
}

/// A board that can be served.
#[derive(Debug)]
pub(crate) struct Bound {
    listener: TcpListener,
    keys: Arc<Keys>,
}

/// Where the board is when nothing is said: on this machine only, on a free port.
pub(crate) const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Reads an address: `ADDR:PORT`, or one of them; without a port, any that is free.
///
/// # Errors
/// It is neither.
pub(crate) fn address(word: &str) -> Result<SocketAddr, String> {
    let port = |port: u16| SocketAddr::new(LOOPBACK.ip(), port);
    let ip = |ip: IpAddr| SocketAddr::new(ip, 0);
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    word.parse()
        .or_else(|_| word.parse().map(ip))
        .ok()
        .or_else(|| word.parse().ok().filter(|_| digits).map(port))
        .ok_or_else(|| {
            "not an address: 127.0.0.1:8080, [::1]:8080, 8080 (this machine only) or 0.0.0.0".into()
        })
}

/// Makes the place where the board will be served.
///
/// # Errors
/// The address is taken, or not of this machine.
pub(crate) fn bind(address: SocketAddr) -> Result<Bound, WebError> {
    let fail = |reason| WebError { address, reason };
    let listener = TcpListener::bind(address).map_err(fail)?;
    listener.set_nonblocking(true).map_err(fail)?;
    let address = listener.local_addr().map_err(fail)?;
    Ok(Bound {
        listener,
        keys: Arc::new(Keys::new(address)),
    })
}

impl Bound {
    /// A link that lets one browser in, once.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(crate) fn link(&self) -> io::Result<String> {
        self.keys.link()
    }

    /// Makes such links when this has been handed over to be served.
    pub(crate) fn linker(&self) -> impl Fn() -> io::Result<String> + use<> {
        let keys = Arc::clone(&self.keys);
        move || keys.link()
    }

    /// What people must know about where it is, if it is not for this machine only.
    pub(crate) fn warning(&self) -> Option<String> {
        let address = self.listener.local_addr().ok()?;
        (!address.ip().is_loopback()).then(|| {
            format!(
                "the live board at {address} is open to other machines, and not encrypted: \
                 whoever sees the link can use it"
            )
        })
    }

    /// Serves the board, for ever. Runs on a tokio loop.
    ///
    /// # Errors
    /// The listener does not work.
    pub(crate) async fn serve(self, inlet: Inlet) -> io::Result<()> {
        let listener = Bounded::new(tokio::net::TcpListener::from_std(self.listener)?);
        let router = api::router(inlet, self.keys);
        axum::serve(
            listener,
            router.into_make_service_with_connect_info::<Visitor>(),
        )
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_port_an_ip_or_both() {
        let shown = |word| address(word).map(|address| address.to_string());
        assert_eq!(shown("8080").unwrap(), "127.0.0.1:8080");
        assert_eq!(shown("0.0.0.0").unwrap(), "0.0.0.0:0");
        assert_eq!(shown("::1").unwrap(), "[::1]:0");
        assert_eq!(shown("[::1]:80").unwrap(), "[::1]:80");
        for bad in ["", "localhost", "127.0.0.1:", "65536", "-1", "+1"] {
            assert!(shown(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_that_is_taken_is_said() {
        let bound = bind(LOOPBACK).unwrap();
        let address = bound.listener.local_addr().unwrap();
        let error = bind(address).unwrap_err().to_string();
        assert!(error.starts_with(&format!("--web={address}: ")), "{error}");
        assert_eq!(bound.warning(), None);
    }
}
