//! The count of the clones of one way in.
//!
//! Like `Arc` without weak pointers, with two differences. The clones of the *first* handle, the one
//! that the request answered, are counted in advance, many at once: such a clone changes a number
//! that is the first handle's own, and no read-modify-write. And a first handle that finds itself
//! alone is the last without writing that down, since nobody is left who could make another.

#![expect(unsafe_code, reason = "a count of its own; each block says why")]

use alloc::boxed::Box;
use core::ops::Deref;
use core::ptr::NonNull;

use crate::sync::atomic::{AtomicUsize, Ordering, fence};

/// How many clones are counted in advance.
#[cfg(not(loom))]
const AHEAD: usize = 1 << 10;
/// Few, so that a model comes to where they are used up.
#[cfg(loom)]
const AHEAD: usize = 1;

/// One of the handles of a key. `Send`, not `Sync`: only the thread that has the first handle counts
/// in advance.
pub(crate) struct Counted<K> {
    shared: NonNull<Shared<K>>,
    first: bool,
}

struct Shared<K> {
    /// How many handles there are, and how many more are counted already.
    count: AtomicUsize,
    /// How many are counted already. Written by the first handle only, and zero without it.
    ahead: AtomicUsize,
    key: K,
}

// SAFETY: handles in several threads share the key, and the last one drops it where it is.
unsafe impl<K: Send + Sync> Send for Counted<K> {}

impl<K> Counted<K> {
    /// The first handle of this key.
    #[inline]
    pub(crate) fn new(key: K) -> Self {
        let shared = Box::new(Shared {
            count: AtomicUsize::new(1 + AHEAD),
            ahead: AtomicUsize::new(AHEAD),
            key,
        });
        Self {
            shared: NonNull::from(Box::leak(shared)),
            first: true,
        }
    }

    #[inline]
    fn shared(&self) -> &Shared<K> {
        // SAFETY: it is freed by the last handle, which is not before this one.
        unsafe { self.shared.as_ref() }
    }

    /// How many handles there are, this one included.
    pub(crate) fn handles(&self) -> usize {
        let shared = self.shared();
        let ahead = shared.ahead.load(Ordering::Acquire);
        shared.count.load(Ordering::Acquire).saturating_sub(ahead)
    }

    /// Whether both are handles of one key.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.shared == other.shared
    }

    /// What is counted already, for the first handle.
    #[inline]
    fn ahead(&self) -> usize {
        self.shared().ahead.load(Ordering::Relaxed)
    }

    /// Whether the first handle, on its end, is the last.
    #[inline]
    fn is_last_as_first(&self) -> bool {
        let mine = 1 + self.ahead();
        let shared = self.shared();
        // `Acquire`: what other handles did is over when the key is dropped.
        if shared.count.load(Ordering::Acquire) == mine {
            return true;
        }
        shared.ahead.store(0, Ordering::Relaxed);
        shared.count.fetch_sub(mine, Ordering::AcqRel) == mine
    }

    /// Whether a clone, on its end, is the last.
    #[inline]
    fn is_last_as_clone(&self) -> bool {
        let is_last = self.shared().count.fetch_sub(1, Ordering::Release) == 1;
        if is_last {
            fence(Ordering::Acquire);
        }
        is_last
    }
}

impl<K> Shared<K> {
    /// Counts some more handles.
    #[inline]
    fn count(&self, more: usize) {
        // As for `Arc`: so many handles were forgotten, not dropped, and the count must not go round.
        if self.count.fetch_add(more, Ordering::Relaxed) > usize::MAX / 2 {
            too_many();
        }
    }

    /// Counts one handle, and many in advance.
    #[cold]
    fn count_ahead(&self) {
        self.count(1 + AHEAD);
        self.ahead.store(AHEAD, Ordering::Relaxed);
    }
}

#[cold]
fn too_many() -> ! {
    panic!("too many handles of one claim");
}

impl<K> Clone for Counted<K> {
    #[inline]
    fn clone(&self) -> Self {
        let shared = self.shared();
        if !self.first {
            shared.count(1);
        } else if let Some(rest) = self.ahead().checked_sub(1) {
            shared.ahead.store(rest, Ordering::Relaxed);
        } else {
            shared.count_ahead();
        }
        Self {
            shared: self.shared,
            first: false,
        }
    }
}

impl<K> Drop for Counted<K> {
    #[inline]
    fn drop(&mut self) {
        let is_last = if self.first {
            self.is_last_as_first()
        } else {
            self.is_last_as_clone()
        };
        if is_last {
            // SAFETY: made by `new` from a box, and no other handle is left.
            drop(unsafe { Box::from_raw(self.shared.as_ptr()) });
        }
    }
}

impl<K> Deref for Counted<K> {
    type Target = K;

    #[inline]
    fn deref(&self) -> &K {
        &self.shared().key
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use alloc::sync::Arc;
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn handles_are_counted_whoever_is_cloned() {
        let seen = Arc::new(());
        let first = Counted::new(Arc::clone(&seen));
        let other = first.clone();
        assert_eq!(first.handles(), 2);
        let some = AHEAD + 5;
        let many: Vec<_> = (0..some).map(|_| first.clone()).collect();
        assert_eq!(other.handles(), 2 + some, "counted in advance, and again");
        let more: Vec<_> = many.iter().map(Clone::clone).collect();
        assert_eq!(first.handles(), 2 + 2 * some);
        drop(first);
        assert_eq!(other.handles(), 1 + 2 * some, "what was in advance is gone");
        drop((many, more));
        assert_eq!((other.handles(), Arc::strong_count(&seen)), (1, 2));
        drop(other);
        assert_eq!(Arc::strong_count(&seen), 1);
    }

    #[test]
    fn the_first_handle_can_be_the_last() {
        let seen = Arc::new(());
        let first = Counted::new(Arc::clone(&seen));
        let clones: Vec<_> = (0..3).map(|_| first.clone()).collect();
        assert!(clones.iter().all(|clone| clone.is_same(&first)));
        drop(clones);
        assert_eq!((first.handles(), Arc::strong_count(&seen)), (1, 2));
        drop(first);
        assert_eq!(Arc::strong_count(&seen), 1);
    }
}

/// Every interleaving: `RUSTFLAGS="--cfg loom" cargo test -p revocable --lib --release counted`.
#[cfg(all(test, loom))]
mod models {
    extern crate std;

    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize as Uncounted;

    use loom::thread;

    use super::*;

    /// Its end must be ordered after everything that was done with it.
    struct Key(AtomicUsize, Arc<Uncounted>);

    impl Key {
        fn touch(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Drop for Key {
        fn drop(&mut self) {
            self.0.with_mut(|touched| *touched = 0);
            self.1.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The first handle and a clone go to two threads, which clone and drop them; a third is dropped
    /// here.
    #[test]
    fn the_last_of_all_clones_ends_the_key() {
        let runs = Arc::new(Uncounted::new(0));
        let counted = Arc::clone(&runs);
        loom::model(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            let ends = Arc::new(Uncounted::new(0));
            let first = Counted::new(Key(AtomicUsize::new(0), Arc::clone(&ends)));
            let [second, third] = [first.clone(), first.clone()];
            let threads = [first, second].map(|handle| {
                thread::spawn(move || {
                    let clone = handle.clone();
                    drop(handle);
                    clone.touch();
                })
            });
            third.touch();
            drop(third);
            for thread in threads {
                thread.join().unwrap();
            }
            assert_eq!(ends.load(Ordering::Relaxed), 1);
        });
        let runs = runs.load(Ordering::Relaxed);
        std::println!(
            "loom: clones and drops of one key: {runs} interleavings, preemption bound none"
        );
    }

    /// A first handle that finds itself alone sees what the clones did.
    #[test]
    fn the_first_handle_outlives_its_clones() {
        loom::model(|| {
            let ends = Arc::new(Uncounted::new(0));
            let first = Counted::new(Key(AtomicUsize::new(0), Arc::clone(&ends)));
            let clone = first.clone();
            let other = thread::spawn(move || clone.touch());
            drop(first);
            other.join().unwrap();
            assert_eq!(ends.load(Ordering::Relaxed), 1);
        });
    }
}
