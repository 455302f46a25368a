//! `/sys/kernel/debug/gpio-sim/gpiochipN/faults`: what goes wrong with a chip, to be read and written.
//!
//! Here a chip is its tag, which stays when a fault takes a chip of the tree away and it comes back under
//! another number. The grammar is that of [`crate::board::fault_text`].

use rustix::io::Errno;
use ugpio_supervisor::tree::Token;

use crate::control::plugged::{Refused, Shared};

/// The last number of the tokens here; no kind of attribute has it.
const FAULTS: u32 = u32::MAX;

/// The longest text that the supervisor hands over in one piece.
const STORE_MAX: usize = 4096;

/// The attribute of the chip with this tag.
pub(super) fn token(tag: u64) -> Token {
    let [a, b, c, d, e, f, g, h] = tag.to_be_bytes();
    let half = |bytes| u32::from_be_bytes(bytes);
    Token([half([a, b, c, d]), half([e, f, g, h]), FAULTS])
}

/// The tag of the chip whose attribute it is; `None` if it is another attribute.
pub(super) fn tag(token: Token) -> Option<u64> {
    let Token([high, low, FAULTS]) = token else {
        return None;
    };
    Some(u64::from(high) << 32 | u64::from(low))
}

/// The faults in force, a line each.
pub(super) fn show(plugged: &Shared, tag: u64) -> Result<Vec<u8>, Errno> {
    let text = plugged.borrow().faults(tag);
    text.map(String::into_bytes).ok_or(Errno::NODEV)
}

/// Plans faults; gives how much of the text was taken.
pub(super) fn store(plugged: &Shared, tag: u64, text: &[u8]) -> Result<usize, Errno> {
    if text.is_empty() {
        return Ok(0);
    }
    let whole = whole_lines(text).ok_or(Errno::INVAL)?;
    let said = str::from_utf8(whole).map_err(|_| Errno::INVAL)?;
    let mut plugged = plugged.borrow_mut();
    plugged.plan_text(tag, said).map_err(|refused| {
        let name = plugged.name(tag).unwrap_or_default();
        tracing::info!("faults of {name} refused: {refused}");
        match refused {
            Refused::Gone => Errno::NODEV,
            Refused::Wrong(..) => Errno::INVAL,
            Refused::Full => Errno::NOSPC,
        }
    })?;
    Ok(whole.len())
}

/// The lines of a text that are surely whole: who wrote more than we take writes the rest again.
fn whole_lines(text: &[u8]) -> Option<&[u8]> {
    if text.len() < STORE_MAX {
        return Some(text);
    }
    let end = text.iter().rposition(|byte| *byte == b'\n')?;
    text.get(..=end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_tags_and_of_no_other_attribute() {
        for chip in [0, 7, 1 << 40 | 3, u64::MAX] {
            assert_eq!(tag(token(chip)), Some(chip));
        }
        assert_eq!(tag(Token([0, 7, 0])), None);
    }

    #[test]
    fn a_text_that_may_have_been_cut_ends_with_its_last_line() {
        assert_eq!(whole_lines(b"error"), Some(&b"error"[..]));
        let mut long = vec![b' '; STORE_MAX];
        assert_eq!(whole_lines(&long), None);
        long[9] = b'\n';
        assert_eq!(whole_lines(&long).map(<[u8]>::len), Some(10));
    }
}
