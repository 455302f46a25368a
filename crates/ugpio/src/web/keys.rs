//! Who may use the live board: tokens that let one browser in, once, and the sessions they are
//! exchanged for.
//!
//! A link carries a token of 128 random bits. The first request that shows it gets a session, which the
//! browser keeps in a cookie; the token is worth nothing after that. Both live as long as the run.

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::rand::{GetRandomFlags, getrandom};

/// Tokens that nobody has shown yet, and sessions: beyond this the oldest is forgotten.
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
    sessions: Vec<String>,
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
    pub(super) fn exchange(&self, token: &str) -> Option<String> {
        let mut held = self.held();
        let place = held.tokens.iter().position(|known| is_same(known, token))?;
        // Only then is the token spent.
        let session = random().ok()?;
        held.tokens.remove(place);
        let cookie = format!(
            "{}={session}; Path=/; HttpOnly; SameSite=Lax",
            self.cookie_name()
        );
        push(&mut held.sessions, session);
        Some(cookie)
    }

    /// Whether the `Cookie` header has a session of this run.
    pub(super) fn lets_in(&self, cookies: &str) -> bool {
        let name = self.cookie_name();
        let held = self.held();
        cookies
            .split(';')
            .filter_map(|cookie| cookie.trim().split_once('='))
            .filter(|(key, _)| *key == name)
            .any(|(_, value)| held.sessions.iter().any(|known| is_same(known, value)))
    }

    /// Browsers do not keep the cookies of two ports apart, so the name does.
    fn cookie_name(&self) -> String {
        format!("ugpio-{}", self.address.port())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn push(keys: &mut Vec<String>, key: String) {
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
        let cookie = keys.exchange(token(&link)).unwrap();
        assert_eq!(keys.exchange(token(&link)), None, "it is spent");
        let cookie = cookie.split(';').next().unwrap();
        assert!(cookie.starts_with("ugpio-4000="));
        assert!(keys.lets_in(cookie));
        assert!(keys.lets_in(&format!("a=b; {cookie}; c")));
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
                assert_eq!(keys.exchange(bad), None, "{bad}");
            }
        }
        for bad in [
            "",
            "ugpio-4000=",
            "ugpio-4000",
            &format!("ugpio-4000={good}"),
        ] {
            assert!(!keys.lets_in(bad), "{bad}");
        }
        let other = Keys::new(SocketAddr::from(([127, 0, 0, 1], 4001)));
        let cookie = keys.exchange(good).unwrap();
        assert!(!other.lets_in(&cookie), "of another run");
    }

    #[test]
    fn the_oldest_token_is_forgotten_first() {
        let keys = keys();
        let links: Vec<String> = (0..=MOST).map(|_| keys.link().unwrap()).collect();
        assert_eq!(keys.exchange(token(&links[0])), None);
        assert!(keys.exchange(token(&links[1])).is_some());
    }
}
