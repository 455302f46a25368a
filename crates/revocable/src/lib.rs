//! revocable: a resource that may be taken away while others call it.
//!
//! A driver's bus, a plug-in, a chip on a USB bridge: what others call may vanish at any moment. A
//! [`Revocable`] owns such a resource and outlives it. Callers come in through a [`Handle`], which costs
//! two stores, two loads and two branches more than a plain call (0.3 to 0.7 ns on Linux); a call may sleep.
//! [`Revocable::revoke`] makes every later call fail and never waits; [`Revocable::take`] waits for the
//! calls inside and hands the resource back.
//!
//! ```
//! use revocable::{Revocable, Revoked};
//!
//! let adapter = Revocable::new(String::from("usb adapter"));
//! let handle = adapter.handle();
//! let caller = std::thread::spawn(move || {
//!     let mut calls = 0_u64;
//!     // Each call finds the resource there for as long as it lasts, or is told that it is gone.
//!     while handle.call(|adapter| Ok::<_, Revoked>(adapter.len())).is_ok() {
//!         calls += 1;
//!     }
//!     calls
//! });
//! let adapter = adapter.take().expect("nobody took it before");
//! assert_eq!(*adapter, "usb adapter", "it is ours again, and nobody is inside");
//! caller.join().expect("the caller ends by itself");
//! ```
//!
//! # What differs from the kernel's `revocable`
//!
//! `drivers/base/revocable.c` was applied for Linux 7.0 in January 2026 and reverted on 6 February, before any
//! driver used it; further revisions followed (v9 in April). It keeps a pointer that the provider clears, and
//! consumers read it inside a section of sleepable RCU (SRCU). The first three rows are what the revert names.
//!
//! | the kernel's, as it was merged | here |
//! |---|---|
//! | Threads that share one `struct revocable` overwrite each other's SRCU index, and the revocation may never complete. | A slot has one writer: a [`Handle`] is `Send`, not `Sync`, and a call borrows it. Two threads on one handle do not compile. |
//! | The provider's pointer is passed by value, so a consumer may look at it after it was freed. | A [`Revocable`] is counted; every handle keeps the gate alive, and only the resource goes. |
//! | The example conversion of gpiolib was reported to be slower. | gpiolib stands on this crate: 0.3 to 0.9 ns a call; the barrier is paid by who revokes. |
//! | Whoever revokes waits for the readers, so a reader must not revoke. | [`Revocable::revoke`] never waits and may be called from inside a call; [`Revocable::take`] waits. |
//! | The resource stays the provider's; access to it is refused. | `take` hands it back, of its own type, when the last call has left. |
//! | A reader asleep in the resource holds up the revocation. | The same for `take`. To wake such readers is the owner's business: revoke, wake, take. |
//!
//! The sources: the [revert](https://lore.kernel.org/all/20260204142849.22055-1-johan@kernel.org/), and
//! [an article](https://lwn.net/Articles/1058041/) about it. The older `Revocable` of `rust/kernel` guards by
//! plain RCU: its guard must not sleep, so no call over a bus can be made under it, and revoking drops the
//! resource where it lies.
//!
//! # Against other ways
//!
//! `cargo bench -p revocable` measures one call of a trait object in turn with the others (best of 400 batches;
//! a virtual machine with two processors, where one atomic read-modify-write takes 8 ns):
//!
//! | guard | over a plain call | may sleep inside | tells when the last call has left | hands the resource back |
//! |---|---|---|---|---|
//! | [`Handle::call`] | 0.3 ns | yes | yes | yes |
//! | [`Revocable::enter`] | 17 ns | yes | yes | yes |
//! | `std::sync::Mutex` | 15 ns | yes, alone | yes | yes |
//! | `std::sync::RwLock` | 18 ns | yes, but a writer that waits stops new readers | yes | yes |
//! | `arc-swap` | 17 ns | yes | no: the last one drops it, wherever it is | if it has no other holder |
//! | `crossbeam-epoch` | 10 ns | no: it holds up everybody's garbage | no | no |
//! | `haphazard` | 8 ns | yes | no: dropped at some later reclamation | no |
//!
//! What that costs: a handle is 128 bytes of slot, `take` looks at every one of them, and a call that does not
//! end keeps `take` waiting for ever.
//!
//! # The three ways in
//!
//! - [`Handle::call`]: for many calls. The handle owns one *slot* (one writer, a cache line of its own).
//! - [`Revocable::enter`]: a guard; for cold paths: a shared counter.
//! - By a [`Word`] that the owner has for each part of the resource: to claim the part ([`Claimed`]), in
//!   one atomic step with the owner's own flags, or to give it back.
//!
//! # Why it is sound
//!
//! 1. *One of the two sees the other.* A caller counts itself *inside* and then loads *revoked*; the
//!    closer stores *revoked* and then loads every *inside*. Between each pair stands a barrier
//!    (Dekker's argument): either the caller turns back, or the closer waits for it. With slots on
//!    Linux the caller's half is a compiler fence, and the closer pays for both halves with one
//!    `membarrier(PRIVATE_EXPEDITED)`, which is a full barrier in every running thread of the
//!    process at some point of that call. Elsewhere both halves are sequentially consistent fences.
//!    Every slot has a *revoked* of its own, so that a call looks at its slot alone; the closer sets
//!    all of them, and the door's, before its barrier. Without a slot the four accesses are
//!    sequentially consistent themselves; loom, which takes such accesses for weaker than they are,
//!    gets a fence in addition. Who gives a word back comes in as with a slot. Who takes the resource
//!    sees by an acquiring load that the barrier was made after *revoked*, or makes one itself.
//! 2. *The closer knows every counter.* Slots are added only under the slot lock and only while
//!    the door's *revoked* is unset under that lock; it is set under it. A slot goes to
//!    another handle only when its handle is dropped, which nobody is inside of, since calls borrow it.
//!    Words are as many as at the beginning, and their two bits are out of the owner's reach.
//! 3. *A counter is not zero while somebody is inside.* A slot is written by the thread that has the
//!    handle (it is not `Sync`). A call is the extent of [`Handle::call`], so the calls of one handle
//!    nest: each leaves behind what it found, also when the resource panics. On its way in it stores a
//!    one, whatever it found; if that was not zero it stores one more than that instead. The common
//!    case found nothing and stores constants.
//! 4. *What a caller did is over when the resource is moved.* Exits store with `Release`, the closer
//!    loads with `Acquire`. A slot that was dropped was dropped under the lock that `take` takes.
//! 5. *Nobody gets in afterwards.* The resource is moved out only with *revoked* set and after every
//!    counter was seen at zero, under the slot lock; who counts itself in later sees *revoked* and leaves
//!    without looking at it. Nor does anybody get in after somebody else was told: the door is marked
//!    after the slots, and who is told by its slot waits until the closer has marked everything.
//!
//! If the kernel refuses the barrier that it once granted (a process may put itself under a system
//! call filter), point 1 fails; the resource is then not moved but left where it is for good.
//!
//! loom proves the portable pair, a stress run covers the kernel's; `docs/proof.md` of the repository says
//! what each covers, and which mutants they find. `REVOCABLE_GUARD=portable` in the environment asks for
//! the portable pair, to compare or to distrust.

#![cfg_attr(not(feature = "std"), no_std)]
#![warn(
    clippy::alloc_instead_of_core,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core
)]

extern crate alloc;

mod barrier;
mod claim;
mod counted;
mod gate;
mod handle;
pub mod sync;
#[cfg(all(test, not(loom)))]
mod tests;
mod word;

use core::fmt;

pub use claim::{Claim, Claimed};
pub use gate::{Inside, Revocable, WeakRevocable};
pub use handle::Handle;
pub use word::{AtWord, Last, Word};

/// Makes a type that is a [`Revocable`] under another name and nothing else: with `of`, a reference to the
/// one is a reference to the other. So a claim need not count what it is of a second time.
///
/// ```
/// revocable::newtype! {
///     /// A device that outlives its chip.
///     #[derive(Clone)]
///     pub struct Device(Revocable<str, u32>);
/// }
///
/// let inner = revocable::Revocable::with("chip".into(), 0, 7);
/// let device: &Device = Device::of(&inner);
/// assert_eq!(device.0.state(), &7);
/// ```
#[macro_export]
macro_rules! newtype {
    ($(#[$attribute:meta])* $vis:vis struct $Name:ident($field:vis Revocable<$T:ty, $S:ty>);) => {
        $(#[$attribute])*
        #[repr(transparent)]
        $vis struct $Name($field $crate::Revocable<$T, $S>);

        impl $Name {
            #[allow(dead_code, unsafe_code, reason = "the macro's, and sound for any type it makes")]
            #[inline]
            $field const fn of(inner: &$crate::Revocable<$T, $S>) -> &Self {
                let inner: *const $crate::Revocable<$T, $S> = inner;
                // SAFETY: the type is transparent, so the reference is as good for it.
                unsafe { &*inner.cast::<Self>() }
            }
        }
    };
}

/// The resource is gone, or about to go.
///
/// ```
/// use revocable::{Revocable, Revoked};
///
/// let resource = Revocable::new(1);
/// assert!(resource.revoke());
/// assert!(!resource.revoke(), "it is revoked already");
/// assert_eq!(resource.enter().err(), Some(Revoked));
/// assert_eq!(resource.take().as_deref(), Some(&1));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Revoked;

/// Why a word could not be entered.
///
/// ```
/// use revocable::{Refused, Revocable};
///
/// let chip = Revocable::with(Box::new(()), 1, ());
/// let inside = chip.enter_word(0, 0, 0, 0)?;
/// assert_eq!(chip.enter_word(0, 0, 0, 0).err(), Some(Refused::Busy));
/// drop(inside);
/// assert_eq!(chip.enter_word(1, 0, 0, 0).err(), Some(Refused::NoWord));
/// # Ok::<(), Refused>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refused {
    /// The resource is gone, or about to go.
    Revoked,
    /// Somebody is in by this word, or holds it, or a bit that refuses is set.
    Busy,
    /// There is no such word.
    NoWord,
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the resource is gone")
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Revoked => "the resource is gone",
            Self::Busy => "the word is in use",
            Self::NoWord => "no such word",
        })
    }
}

impl core::error::Error for Revoked {}
impl core::error::Error for Refused {}

impl From<Revoked> for Refused {
    fn from(_: Revoked) -> Self {
        Self::Revoked
    }
}

/// The example of the crate's README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
