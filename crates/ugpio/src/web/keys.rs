//! Who may use the live board: tokens that let one browser in, once, and the sessions they are
//! exchanged for.
//!
//! A link carries a token of 128 random bits. The first request that shows it gets a session, which the
//! browser keeps in a cookie; the token is worth nothing after that. Both live as long as the run.

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::rand::{GetRandomFlags, getrandom};

use super::visitor::{Peer, Place};

/// Unused tokens, and sessions: beyond this the oldest is dropped.
const MOST: usize = 64;

/// The tokens and sessions of one run.
#[derive(Debug)]
pub(super) struct Keys {
    address: SocketAddr,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    tokens: Vec<String>,
    sessions: Vec<Session>,
}

/// A session.
#[derive(Debug)]
struct Session {
    secret: String,
    /// The peer that showed the token: the secret is valid for it alone.
    of: Peer,
}

impl Keys {
    /// No token yet, for a board at this address.
    pub(super) fn new(address: SocketAddr) -> Keys {
        Keys {
            address,
            held: Mutex::default(),
        }
    }

    /// A link that lets one browser in.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(super) fn link(&self) -> io::Result<String> {
        let token = random()?;
        let url = format!("http://{}/?token={token}", self.address);
        push(&mut self.held().tokens, token);
        Ok(url)
    }

    /// Takes a token for a session, and gives what the browser is to keep as its cookie.
    pub(super) fn exchange(&self, token: &str, of: Peer) -> Option<String> {
        let mut held = self.held();
        let place = held.tokens.iter().position(|known| is_same(known, token))?;
        // Only then is the token spent.
        let secret = random().ok()?;
        held.tokens.remove(place);
        let cookie = format!(
            "{}={secret}; Path=/; HttpOnly; SameSite=Strict",
            self.cookie_name()
        );
        push(&mut held.sessions, Session { secret, of });
        Some(cookie)
    }

    /// Whether the `Cookie` header has a session of this run that was given to this peer.
    pub(super) fn lets_in(&self, cookies: &str, peer: Peer) -> bool {
        let name = self.cookie_name();
        let held = self.held();
        cookies
            .split(';')
            .filter_map(|cookie| cookie.trim().split_once('='))
            .filter(|(key, _)| *key == name)
            .any(|(_, value)| {
                let mut known = held.sessions.iter();
                known.any(|session| session.of == peer && is_same(&session.secret, value))
            })
    }

    /// Where the board is.
    pub(super) fn place(&self) -> Place {
        Place(self.address)
    }

    /// Browsers do not keep the cookies of two ports apart, so the name does.
    fn cookie_name(&self) -> String {
        format!("ugpio-{}", self.address.port())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn push<K>(keys: &mut Vec<K>, key: K) {
    if keys.len() == MOST {
        keys.remove(0);
    }
    keys.push(key);
}

fn random() -> io::Result<String> {
    let mut bytes = [0_u8; 16];
    // Up to 256 bytes come at once.
    getrandom(&mut bytes, GetRandomFlags::empty())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Compares without telling by the time it takes how much was right.
fn is_same(known: &str, shown: &str) -> bool {
    known.len() == shown.len()
        && known
            .bytes()
            .zip(shown.bytes())
            .fold(0, |differs, (a, b)| differs | (a ^ b))
            == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: Peer = Peer::User(1000);

    fn keys() -> Keys {
        Keys::new(SocketAddr::from(([127, 0, 0, 1], 4000)))
    }

    fn token(link: &str) -> &str {
        link.strip_prefix("http://127.0.0.1:4000/?token=").unwrap()
    }

    #[test]
    fn a_token_lets_one_in_once() {
        let keys = keys();
        let link = keys.link().unwrap();
        assert_eq!(token(&link).len(), 32);
        let cookie = keys.exchange(token(&link), US).unwrap();
        assert_eq!(keys.exchange(token(&link), US), None, "it is spent");
        let cookie = cookie.split(';').next().unwrap();
        assert!(cookie.starts_with("ugpio-4000="));
        assert!(keys.lets_in(cookie, US));
        assert!(keys.lets_in(&format!("a=b; {cookie}; c"), US));
        for other in [
            Peer::User(1001),
            Peer::Unknown,
            Peer::Machine([192, 0, 2, 1].into()),
        ] {
            assert!(
                !keys.lets_in(cookie, other),
                "{other:?} has seen the cookie"
            );
        }
    }

    #[test]
    fn nothing_else_lets_in() {
        let keys = keys();
        let link = keys.link().unwrap();
        let good = token(&link);
        for bad in [
            "",
            "0",
            &good[1..],
            &format!("{good}0"),
            &good.to_uppercase(),
        ] {
            if bad != good {
                assert_eq!(keys.exchange(bad, US), None, "{bad}");
            }
        }
        for bad in [
            "",
            "ugpio-4000=",
            "ugpio-4000",
            &format!("ugpio-4000={good}"),
        ] {
            assert!(!keys.lets_in(bad, US), "{bad}");
        }
        let other = Keys::new(SocketAddr::from(([127, 0, 0, 1], 4001)));
        let cookie = keys.exchange(good, US).unwrap();
        assert!(!other.lets_in(&cookie, US), "of another run");
    }

    #[test]
    fn the_oldest_token_is_forgotten_first() {
        let keys = keys();
        let links: Vec<String> = (0..=MOST).map(|_| keys.link().unwrap()).collect();
        assert_eq!(keys.exchange(token(&links[0]), US), None);
        assert!(keys.exchange(token(&links[1]), US).is_some());
    }
}
