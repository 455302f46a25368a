//! The way in by a line's own word, for who requests or frees the line.
//!
//! Two bits of the word are the guard's; no other module knows them. [`INSIDE`] stands while somebody
//! is inside by this word, and is set only where it was not. [`HELD`] is set together with it, and
//! stays while there is a [`Held`]: only that one may then come in, so it need not compete for
//! [`INSIDE`], and stores it as a call stores its count. The closer makes the kernel's barrier if it
//! sees a line held.

use core::ops::Deref;
use core::ptr::NonNull;

use super::{Gated, REVOKED, barrier, is_rare};
use crate::device::Device;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::{Chip, Error, Offset, Result};

/// Somebody is inside.
pub(super) const INSIDE: u32 = 1 << 31;

/// There is a [`Held`], or may be one soon.
pub(super) const HELD: u32 = 1 << 30;

/// What stays when a chip goes: a word of flags for each line.
pub(crate) trait Lines {
    fn words(&self) -> &[AtomicU32];
}

impl<T: ?Sized, S: Lines> Gated<T, S> {
    /// Comes in by a line's own word, in one read-modify-write that also sets the flags `set`;
    /// `Busy` if one of `refuse` is set or the line is held. When the caller leaves, or turns out to
    /// be too late, the flags `clear` go with its mark.
    #[inline]
    pub(crate) fn enter_line(
        &self,
        offset: Offset,
        refuse: u32,
        set: u32,
        clear: u32,
    ) -> Result<AtLine<'_, T>> {
        let words = self.state.words();
        let word = words.get(offset.index()).ok_or(crate::ops::NO_LINE)?;
        if self.is_revoked() {
            return Err(Error::Revoked);
        }
        let refuse = refuse | HELD | INSIDE;
        let mark = |seen: u32| (seen & refuse == 0).then_some(seen | set | HELD | INSIDE);
        let before = word
            .fetch_update(Ordering::SeqCst, Ordering::Acquire, mark)
            .map_err(|_| Error::Busy)?;
        let mark = Mark::new(word, clear | HELD);
        barrier::for_loom();
        if self.door.state.load(Ordering::SeqCst) & REVOKED != 0 {
            return Err(Error::Revoked);
        }
        // SAFETY: this call is counted in its line's word and *revoked* was unset after that.
        let chip = unsafe { self.chip() };
        Ok(AtLine { chip, before, mark })
    }

    /// Whether anybody holds a line. After *revoked* was set: whether anybody ever will again.
    pub(super) fn is_held(&self) -> bool {
        let held = |word: &AtomicU32| word.load(Ordering::SeqCst) & HELD != 0;
        self.state.words().iter().any(held)
    }
}

/// Proof of being inside as the one who requests or frees a line.
pub(crate) struct AtLine<'a, T: ?Sized> {
    chip: &'a T,
    /// The flags of the line before.
    pub(crate) before: u32,
    mark: Mark<'a>,
}

impl<T: ?Sized> AtLine<'_, T> {
    /// Leaves, and clears these flags of the line instead of those it came with.
    pub(crate) fn leave(mut self, clear: u32) {
        self.mark.clear = clear | HELD;
    }
}

impl<T: ?Sized> Deref for AtLine<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.chip
    }
}

/// Takes the mark and some flags out of a line's word again, also when the chip panics.
///
/// With a plain store: while the mark stands, nobody else sets anything in the word. Settings are
/// changed through descriptors, of which a line has none while it is requested or freed; and what a
/// removal clears meanwhile (armed, or all of a hog on a dead chip) is clear already or goes here too.
struct Mark<'a> {
    word: &'a AtomicU32,
    clear: u32,
}

impl<'a> Mark<'a> {
    const fn new(word: &'a AtomicU32, clear: u32) -> Self {
        Self { word, clear }
    }
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        let word = self.word.load(Ordering::Relaxed);
        self.word
            .store(word & !(self.clear | INSIDE), Ordering::Release);
    }
}

/// A line held: its device kept alive, and its word found once. There is one for a line at most.
pub(crate) struct Held {
    device: Device,
    word: NonNull<AtomicU32>,
    /// Held no more.
    spent: bool,
}

// SAFETY: a device and a reference to an atomic in it can go to other threads.
unsafe impl Send for Held {}
// SAFETY: as above.
unsafe impl Sync for Held {}

impl Held {
    /// Comes in as [`Gated::enter_line`] does, asks the chip, and leaves with the line held; without
    /// it if the chip refuses. Of the flags that were set these, `done`, are cleared in any case.
    #[inline]
    pub(crate) fn take(
        device: &Device,
        offset: Offset,
        set: u32,
        done: u32,
        ask: impl FnOnce(&AtLine<'_, dyn Chip>) -> Result<()>,
    ) -> Result<Self> {
        let mut at_line = device.0.enter_line(offset, set, set, set)?;
        ask(&at_line)?;
        at_line.mark.clear = done;
        let word = NonNull::from(at_line.mark.word);
        drop(at_line);
        Ok(Self {
            device: device.clone(),
            word,
            spent: false,
        })
    }

    #[inline]
    pub(crate) const fn device(&self) -> &Device {
        &self.device
    }

    /// The flags of the line.
    #[inline]
    pub(crate) const fn flags(&self) -> &AtomicU32 {
        // SAFETY: it lies in the state behind the device's counted pointer and is only ever shared.
        unsafe { self.word.as_ref() }
    }

    /// The way in to give the line back.
    pub(crate) const fn last(&mut self) -> Last<'_> {
        let first = !core::mem::replace(&mut self.spent, true);
        Last { held: self, first }
    }
}

/// The way in of a line that is given back.
pub(crate) struct Last<'a> {
    held: &'a Held,
    /// Not given back before.
    first: bool,
}

impl<'a> Last<'a> {
    pub(crate) const fn device(&self) -> &'a Device {
        self.held.device()
    }

    /// Comes in. When the caller leaves, or turns out to be too late, the line is not held any more
    /// and the flags `clear` are cleared. `Busy` if it was given back before.
    pub(crate) fn enter(self, clear: u32) -> Result<AtLine<'a, dyn Chip>> {
        if !self.first {
            return Err(Error::Busy);
        }
        let gate = &*self.held.device.0;
        let word = self.held.flags();
        let before = word.load(Ordering::Relaxed);
        word.store(before | INSIDE, Ordering::Relaxed);
        let mark = Mark::new(word, clear | HELD);
        if is_rare(&gate.door.state, 0) {
            return Err(Error::Revoked);
        }
        // SAFETY: this call is counted in its line's word, where nobody else counts while the line is
        // held, and *revoked* was unset after the barrier.
        let chip = unsafe { gate.chip() };
        Ok(AtLine { chip, before, mark })
    }
}
