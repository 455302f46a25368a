//! Locks, atomics and counted pointers of the core: those of `revocable`, and the rules for them.
//!
//! What an edge on its way passes is an [`IrqLock`]: without `std` a critical section, so that a driver
//! may report from an interrupt handler. Its holder makes a few moves and calls nothing. A [`Mutex`] may be
//! held while a chip is called.
//!
//! Lock order, outermost first: registry table → device watchers → line → edge or info queue.
//! Look-up tables and a bus's list are locked alone.
//! No lock of the core is held while a chip is called or a waker is woken. A queue's store is called under
//! the queue's lock and must take none of these.

pub(crate) use revocable::sync::{Arc, IrqLock, Mutex, Weak, atomic};
