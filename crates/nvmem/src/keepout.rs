//! Ranges of a memory that its provider is never asked for.

use alloc::vec::Vec;

use crate::{Config, Error, Result};

/// A range that reads as a fixed value and swallows what is written to it.
///
/// ```
/// # struct Ram([u8; 16]);
/// # impl nvmem::Provider for Ram {
/// #     fn access(&self) -> nvmem::Access { nvmem::Access::ReadWrite }
/// #     fn read(&mut self, offset: usize, data: &mut [u8]) -> nvmem::Result<()> {
/// #         data.copy_from_slice(&self.0[offset..offset + data.len()]);
/// #         Ok(())
/// #     }
/// #     fn write(&mut self, offset: usize, data: &[u8]) -> nvmem::Result<()> {
/// #         self.0[offset..offset + data.len()].copy_from_slice(data);
/// #         Ok(())
/// #     }
/// # }
/// use nvmem::{Config, Keepout, Registry};
///
/// let secret = Keepout { start: 2, end: 4, value: 0xff };
/// let config = Config { keepouts: vec![secret], ..Config::new("ram", 16) };
/// let ram = Registry::new().register(config, Ram([7; 16]))?;
/// let mut found = [0; 5];
/// ram.device().read(0, &mut found)?;
/// assert_eq!(found, [7, 7, 0xff, 0xff, 7]);
/// # Ok::<(), nvmem::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Keepout {
    /// Its first byte.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
    /// What every byte of it reads.
    pub value: u8,
}

/// One part of an access: within a keep-out, or all outside.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Piece {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// What it reads, if it is kept out.
    pub(crate) kept_out: Option<u8>,
}

/// Cuts `start..end` at the edges of the keep-outs.
pub(crate) fn pieces(keepouts: &[Keepout], start: usize, end: usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = start;
    let mut push = |start: usize, end: usize, kept_out: Option<u8>| {
        if start < end {
            pieces.push(Piece {
                start,
                end,
                kept_out,
            });
        }
    };
    for keepout in keepouts.iter().filter(|keepout| keepout.end > start) {
        let from = keepout.start.clamp(at, end);
        let to = keepout.end.clamp(from, end);
        push(at, from, None);
        push(from, to, Some(keepout.value));
        at = to;
    }
    push(at, end, None);
    pieces
}

/// Judges the keep-outs of a memory.
// KERNEL: nvmem/core.c nvmem_validate_keepouts (v6.12).
pub(crate) fn check(config: &Config) -> Result<()> {
    let word_size = config.word_size.max(1);
    let stride = config.stride.max(1);
    let mut at = 0;
    for keepout in &config.keepouts {
        if keepout.start < at {
            return Err(Error::Range("keep-outs overlap or are not in order"));
        }
        if keepout.end < keepout.start {
            return Err(Error::Invalid("a keep-out ends before it starts"));
        }
        if keepout.end - keepout.start < word_size
            || (keepout.start != at && keepout.start - at < word_size)
        {
            return Err(Error::Range("a keep-out or a hole is smaller than a word"));
        }
        if keepout.start % stride != 0 || keepout.end % stride != 0 {
            return Err(Error::Invalid("a keep-out is not aligned to the stride"));
        }
        at = keepout.end;
    }
    if at > config.size {
        return Err(Error::Range("a keep-out ends beyond the memory"));
    }
    if at < config.size && config.size - at < word_size {
        return Err(Error::Range("the last hole is smaller than a word"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keepout(start: usize, end: usize) -> Keepout {
        Keepout {
            start,
            end,
            value: 0xff,
        }
    }

    #[test]
    fn an_access_is_cut_at_the_edges() {
        let keepouts = [keepout(2, 4), keepout(8, 9)];
        let cut = |start, end| -> Vec<_> {
            pieces(&keepouts, start, end)
                .iter()
                .map(|piece| (piece.start, piece.end, piece.kept_out.is_some()))
                .collect()
        };
        assert_eq!(
            cut(0, 10),
            [
                (0, 2, false),
                (2, 4, true),
                (4, 8, false),
                (8, 9, true),
                (9, 10, false)
            ]
        );
        assert_eq!(cut(3, 5), [(3, 4, true), (4, 5, false)]);
        assert_eq!(cut(4, 8), [(4, 8, false)]);
        assert_eq!(cut(9, 9), []);
    }

    #[test]
    fn bad_keepouts_are_refused() {
        let judge = |keepouts: &[Keepout]| {
            let config = Config {
                keepouts: keepouts.to_vec(),
                word_size: 2,
                stride: 2,
                ..Config::new("a", 16)
            };
            check(&config).map_err(|error| error.errno().get())
        };
        assert_eq!(judge(&[keepout(0, 2), keepout(4, 6)]), Ok(()));
        assert_eq!(judge(&[keepout(4, 6), keepout(0, 2)]), Err(34), "order");
        assert_eq!(judge(&[keepout(6, 4)]), Err(22), "ends before it starts");
        assert_eq!(judge(&[keepout(4, 5)]), Err(34), "smaller than a word");
        assert_eq!(judge(&[keepout(1, 4)]), Err(34), "hole before it");
        assert_eq!(judge(&[keepout(4, 15)]), Err(22), "stride");
        assert_eq!(judge(&[keepout(14, 18)]), Err(34), "beyond the end");
    }
}
