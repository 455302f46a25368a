//! Claims: a word held by many handles, with one end.

#![expect(
    unsafe_code,
    reason = "the word is found once; the proof is in the crate's page"
)]

use core::fmt;
use core::ptr::NonNull;

use crate::counted::Counted;
use crate::handle::Pass;
use crate::word::{AtWord, Held, Last, Word};
use crate::{Refused, Revocable, Revoked};

/// What a claim is to its owner, and what its end means.
pub trait Claim<T: ?Sized, S> {
    /// The last handle is dropped. The word is held until `last` has come in and left, or was dropped.
    fn end(&mut self, last: Last<'_, T, S>);
}

/// A word of a resource held exclusively, counted by `Clone` and `Drop`: the claim ends with the last
/// clone, once. Each clone is a way in of its own, as a [`crate::Handle`] is: `Send`, not `Sync`.
///
/// ```
/// use revocable::{Claim, Claimed, Last, Refused, Revocable, Revoked};
///
/// const TAKEN: u32 = 1;
///
/// struct Chip;
/// struct Request;
/// impl Claim<Chip, ()> for Request {
///     fn end(&mut self, last: Last<'_, Chip, ()>) {
///         match last.enter(TAKEN) {
///             Ok(_chip) => println!("the chip is told"),
///             Err(_) => println!("the chip is gone"),
///         }
///     }
/// }
///
/// let chip = Revocable::with(Box::new(Chip), 8, ());
/// let request = |line| Claimed::take(&chip, line, TAKEN, 0, |_| Ok::<_, Refused>(Request));
/// let line = request(3)?;
/// assert_eq!(request(3).err(), Some(Refused::Busy));
/// let clone = line.clone();
/// drop(line);
/// assert_eq!(clone.call(|_chip| Ok::<_, Revoked>(7)), Ok(7));
/// drop(clone);
/// assert!(request(3).is_ok());
/// # Ok::<(), Refused>(())
/// ```
pub struct Claimed<T: ?Sized, S, C: Claim<T, S>> {
    pass: Pass<T>,
    key: Counted<Key<T, S, C>>,
    /// The key's.
    word: NonNull<Word>,
}

// SAFETY: the word is an atomic; the rest can go to other threads.
unsafe impl<T: ?Sized + Send + Sync, S: Send + Sync, C: Claim<T, S> + Send + Sync> Send
    for Claimed<T, S, C>
{
}

/// What the clones of a claim share.
struct Key<T: ?Sized, S, C: Claim<T, S>> {
    held: Held<T, S>,
    claim: C,
}

impl<T: ?Sized, S, C: Claim<T, S>> Drop for Key<T, S, C> {
    fn drop(&mut self) {
        let Self { held, claim } = self;
        claim.end(held.last());
    }
}

impl<T: ?Sized, S, C: Claim<T, S>> Claimed<T, S, C> {
    /// Claims a word: comes in by it with the bits `set`, asks the resource, and leaves with the word
    /// held. Of the bits set, `done` are cleared on the way out; all of them if `ask` fails or panics.
    ///
    /// # Errors
    /// As [`Revocable::enter_word`], where a bit of `set` that is set already counts as busy; what `ask`
    /// answers.
    #[inline]
    pub fn take<E: From<Refused>>(
        revocable: &Revocable<T, S>,
        index: usize,
        set: u32,
        done: u32,
        ask: impl FnOnce(&AtWord<'_, T>) -> Result<C, E>,
    ) -> Result<Self, E> {
        let mut claim = None;
        let (set, done) = (set & Word::BITS, done & Word::BITS);
        let held = Held::take(revocable, index, set, done, |at_word| {
            claim = Some(ask(at_word)?);
            Ok::<_, E>(())
        })?;
        // There is one: `ask` was called, or the word is not held.
        let claim = claim.ok_or(Refused::NoWord)?;
        let key = Counted::new(Key { held, claim });
        Ok(Self {
            pass: Pass::new(),
            word: NonNull::from(key.held.word()),
            key,
        })
    }

    /// Does something with the resource; see [`crate::Handle::call`].
    ///
    /// # Errors
    /// [`Revoked`], as the caller's error; the work's own.
    #[inline]
    pub fn call<R, E: From<Revoked>>(&self, work: impl FnOnce(&T) -> Result<R, E>) -> Result<R, E> {
        self.pass.call(|| &*self.key.held.gate().0, work)
    }

    /// The word that is held.
    #[must_use]
    #[inline]
    pub const fn word(&self) -> &Word {
        // SAFETY: always the same, for as long as there is the key, which `self.key` keeps.
        unsafe { self.word.as_ref() }
    }

    /// What the claim is to its owner.
    #[must_use]
    #[inline]
    pub fn claim(&self) -> &C {
        &self.key.claim
    }

    /// What the word is of.
    #[must_use]
    #[inline]
    pub fn revocable(&self) -> &Revocable<T, S> {
        self.key.held.gate()
    }

    /// How many clones there are, this one included.
    #[must_use]
    pub fn handles(&self) -> usize {
        self.key.handles()
    }

    /// Whether both are clones of one.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.key.is_same(&other.key)
    }

    #[cfg(all(test, not(loom)))]
    pub(crate) fn inside(&self) -> Option<u32> {
        self.pass.inside()
    }
}

impl<T: ?Sized, S, C: Claim<T, S>> Drop for Claimed<T, S, C> {
    #[inline]
    fn drop(&mut self) {
        self.pass.leave(&self.key.held.gate().0);
    }
}

impl<T: ?Sized, S, C: Claim<T, S>> Clone for Claimed<T, S, C> {
    #[inline]
    fn clone(&self) -> Self {
        Self {
            pass: Pass::new(),
            key: self.key.clone(),
            word: self.word,
        }
    }
}

impl<T: ?Sized, S, C: Claim<T, S>> fmt::Debug for Claimed<T, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claimed")
            .field("word", self.word())
            .field("handles", &self.handles())
            .finish_non_exhaustive()
    }
}
