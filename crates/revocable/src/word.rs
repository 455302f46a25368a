//! The way in by a word of the state, for who claims one or gives it back.
//!
//! Two bits of a word are the guard's. INSIDE stands while somebody is inside by this word, and is set
//! only where it was not. HELD is set together with it, and stays while there is a [`Held`]: only that
//! one may then come in, so it need not compete for INSIDE, and stores it as a call stores its count. The
//! closer makes the kernel's barrier if it sees a word held.

#![expect(
    unsafe_code,
    reason = "the resource is reached without a lock; the proof is in the crate's page"
)]

use core::fmt;
use core::ops::Deref;
use core::ptr::NonNull;

use crate::barrier;
use crate::gate::{Gate, REVOKED, is_rare};
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::{Refused, Revocable};

/// Somebody is inside.
pub(crate) const INSIDE: u32 = 1 << 31;

/// There is a [`Held`], or may be one soon.
pub(crate) const HELD: u32 = 1 << 30;

/// An atomic of 30 bits that the owner of a [`Revocable`] has for each of its parts, say a line of a chip.
/// The two bits above are the guard's: no operation here shows or changes them.
///
/// ```
/// use core::sync::atomic::Ordering::Relaxed;
/// use revocable::{Revocable, Word};
///
/// let chip = Revocable::with(Box::new(()), 4, "chip");
/// chip.words()[2].fetch_or(u32::MAX, Relaxed);
/// assert_eq!(chip.words()[2].load(Relaxed), Word::BITS);
/// ```
#[derive(Default)]
#[repr(transparent)]
pub struct Word(AtomicU32);

impl Word {
    /// The bits that are the owner's.
    pub const BITS: u32 = !(INSIDE | HELD);

    /// The owner's bits.
    #[inline]
    pub fn load(&self, order: Ordering) -> u32 {
        self.0.load(order) & Self::BITS
    }

    /// Sets these bits; what they were before.
    #[inline]
    pub fn fetch_or(&self, bits: u32, order: Ordering) -> u32 {
        self.0.fetch_or(bits & Self::BITS, order) & Self::BITS
    }

    /// Leaves only these bits set; what they were before.
    #[inline]
    pub fn fetch_and(&self, bits: u32, order: Ordering) -> u32 {
        self.0.fetch_and(bits | !Self::BITS, order) & Self::BITS
    }

    /// Turns these bits over; what they were before.
    #[inline]
    pub fn fetch_xor(&self, bits: u32, order: Ordering) -> u32 {
        self.0.fetch_xor(bits & Self::BITS, order) & Self::BITS
    }

    /// Changes the bits in one step, if `change` says how; what they were before, in either case.
    ///
    /// # Errors
    /// `change` answered `None`.
    pub fn fetch_update(
        &self,
        set: Ordering,
        fetch: Ordering,
        mut change: impl FnMut(u32) -> Option<u32>,
    ) -> Result<u32, u32> {
        let change = |seen: u32| {
            let new = change(seen & Self::BITS)?;
            Some(new & Self::BITS | seen & !Self::BITS)
        };
        match self.0.fetch_update(set, fetch, change) {
            Ok(before) => Ok(before & Self::BITS),
            Err(before) => Err(before & Self::BITS),
        }
    }

    #[inline]
    pub(crate) const fn raw(&self) -> &AtomicU32 {
        &self.0
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.load(Ordering::Relaxed))
    }
}

impl<T: ?Sized, S> Revocable<T, S> {
    /// Comes in by one word, in one read-modify-write that also sets the bits `set`. When the caller
    /// leaves, or turns out to be too late, the bits `clear` go.
    ///
    /// # Errors
    /// [`Refused::Busy`] if one of `refuse` is set, or somebody is in by this word or holds it;
    /// [`Refused::Revoked`]; [`Refused::NoWord`].
    #[inline]
    pub fn enter_word(
        &self,
        index: usize,
        refuse: u32,
        set: u32,
        clear: u32,
    ) -> Result<AtWord<'_, T>, Refused> {
        let (refuse, set) = (refuse & Word::BITS, set & Word::BITS);
        self.0.enter_word(index, refuse, set, clear & Word::BITS)
    }
}

impl<T: ?Sized, S> Gate<T, S> {
    #[inline]
    fn enter_word(
        &self,
        index: usize,
        refuse: u32,
        set: u32,
        clear: u32,
    ) -> Result<AtWord<'_, T>, Refused> {
        let word = self.words().get(index).ok_or(Refused::NoWord)?.raw();
        if self.is_revoked() {
            return Err(Refused::Revoked);
        }
        let refuse = refuse | HELD | INSIDE;
        let mark = |seen: u32| (seen & refuse == 0).then_some(seen | set | HELD | INSIDE);
        let before = word
            .fetch_update(Ordering::SeqCst, Ordering::Acquire, mark)
            .map_err(|_| Refused::Busy)?;
        let mark = Mark::new(word, clear | HELD);
        barrier::for_loom();
        if self.door.state.load(Ordering::SeqCst) & REVOKED != 0 {
            return Err(Refused::Revoked);
        }
        // SAFETY: this call is counted in its word and *revoked* was unset after that.
        let resource = unsafe { self.resource() };
        Ok(AtWord {
            resource,
            before: before & Word::BITS,
            mark,
        })
    }

    /// Whether anybody holds a word. After *revoked* was set: whether anybody ever will again.
    pub(crate) fn is_held(&self) -> bool {
        let held = |word: &Word| word.raw().load(Ordering::SeqCst) & HELD != 0;
        self.words().iter().any(held)
    }
}

/// Proof of being inside by a word.
pub struct AtWord<'a, T: ?Sized> {
    resource: &'a T,
    before: u32,
    mark: Mark<'a>,
}

impl<T: ?Sized> AtWord<'_, T> {
    /// The owner's bits before.
    #[must_use]
    #[inline]
    pub const fn before(&self) -> u32 {
        self.before
    }

    /// Leaves, and clears these bits of the word instead of those it came with.
    pub fn leave(mut self, clear: u32) {
        self.mark.clear = clear & Word::BITS | HELD;
    }
}

impl<T: ?Sized> Deref for AtWord<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.resource
    }
}

impl<T: ?Sized> fmt::Debug for AtWord<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtWord")
            .field("before", &self.before)
            .finish_non_exhaustive()
    }
}

/// Takes the mark and some bits out of a word again, also when the resource panics.
///
/// With a plain store: while the mark stands, nobody else changes the guard's bits. A bit of the owner's
/// that another thread changes at that very moment may be lost, which is the owner's to know.
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

/// A word held: what it is of kept alive, and the word found once. There is one for a word at most.
pub(crate) struct Held<T: ?Sized, S> {
    gate: Revocable<T, S>,
    word: NonNull<Word>,
    /// Held no more.
    spent: bool,
}

// SAFETY: a `Revocable` and a reference to an atomic in it can go to other threads where the former can.
unsafe impl<T: ?Sized + Send + Sync, S: Send + Sync> Send for Held<T, S> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync, S: Send + Sync> Sync for Held<T, S> {}

impl<T: ?Sized, S> Held<T, S> {
    /// Comes in as [`Revocable::enter_word`] does, asks the resource, and leaves with the word held;
    /// without it if that fails. Of the bits that were set these, `done`, are cleared in any case.
    #[inline]
    pub(crate) fn take<E: From<Refused>>(
        gate: &Revocable<T, S>,
        index: usize,
        set: u32,
        done: u32,
        ask: impl FnOnce(&AtWord<'_, T>) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut at_word = gate.0.enter_word(index, set, set, set)?;
        ask(&at_word)?;
        at_word.mark.clear = done;
        // Found again, for it is the whole word that is kept: there is one, as it was just entered.
        let word = gate.0.words().get(index).ok_or(Refused::NoWord)?;
        let word = NonNull::from(word);
        drop(at_word);
        Ok(Self {
            gate: gate.clone(),
            word,
            spent: false,
        })
    }

    #[inline]
    pub(crate) const fn gate(&self) -> &Revocable<T, S> {
        &self.gate
    }

    #[inline]
    pub(crate) const fn word(&self) -> &Word {
        // SAFETY: it lies behind the counted pointer and is only ever shared.
        unsafe { self.word.as_ref() }
    }

    /// The way in to give the word back.
    pub(crate) const fn last(&mut self) -> Last<'_, T, S> {
        let first = !core::mem::replace(&mut self.spent, true);
        Last { held: self, first }
    }
}

/// The way in of a claim that ends.
pub struct Last<'a, T: ?Sized, S> {
    held: &'a Held<T, S>,
    /// Not given back before.
    first: bool,
}

impl<'a, T: ?Sized, S> Last<'a, T, S> {
    /// What the word is of.
    #[must_use]
    pub const fn revocable(&self) -> &'a Revocable<T, S> {
        self.held.gate()
    }

    /// Comes in. When the caller leaves, or turns out to be too late, the word is not held any more and
    /// the bits `clear` are cleared.
    ///
    /// # Errors
    /// [`Refused::Revoked`]; [`Refused::Busy`] if it was given back before.
    pub fn enter(self, clear: u32) -> Result<AtWord<'a, T>, Refused> {
        if !self.first {
            return Err(Refused::Busy);
        }
        let gate = &*self.held.gate.0;
        let word = self.held.word().raw();
        let before = word.load(Ordering::Relaxed);
        word.store(before | INSIDE, Ordering::Relaxed);
        let mark = Mark::new(word, clear & Word::BITS | HELD);
        if is_rare(&gate.door.state, 0) {
            return Err(Refused::Revoked);
        }
        // SAFETY: this call is counted in its word, where nobody else counts while it is held, and
        // *revoked* was unset after the barrier.
        let resource = unsafe { gate.resource() };
        Ok(AtWord {
            resource,
            before: before & Word::BITS,
            mark,
        })
    }
}

impl<T: ?Sized, S> fmt::Debug for Last<'_, T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Last").field("first", &self.first).finish()
    }
}
