//! Counted pointers that loom can see: [`Arc`] and [`Weak`] with the standard library's shape.
//!
//! loom's own `Arc` has no `Weak`. Here the standard one does the counting, and each clone,
//! upgrade and drop also touches an atomic of loom's with the orderings the standard library
//! uses, so that loom both tries every order of them and knows what the last drop may rely on.

use core::fmt;
use core::ops::Deref;
use core::sync::atomic::Ordering;

use loom::sync::atomic::{AtomicUsize, fence};

#[derive(Default)]
struct Seen<T> {
    touched: AtomicUsize,
    value: T,
}

/// [`alloc::sync::Arc`], seen by loom.
#[derive(Default)]
pub struct Arc<T>(alloc::sync::Arc<Seen<T>>);

/// [`alloc::sync::Weak`], seen by loom where it leads to something.
pub struct Weak<T>(alloc::sync::Weak<Seen<T>>);

impl<T> Arc<T> {
    pub fn new(value: T) -> Self {
        Self(alloc::sync::Arc::new(Seen {
            touched: AtomicUsize::new(0),
            value,
        }))
    }

    pub fn ptr_eq(one: &Self, other: &Self) -> bool {
        alloc::sync::Arc::ptr_eq(&one.0, &other.0)
    }

    pub fn strong_count(this: &Self) -> usize {
        alloc::sync::Arc::strong_count(&this.0)
    }

    pub fn downgrade(this: &Self) -> Weak<T> {
        Weak(alloc::sync::Arc::downgrade(&this.0))
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        self.0.touched.fetch_add(1, Ordering::Relaxed);
        Self(alloc::sync::Arc::clone(&self.0))
    }
}

impl<T> Drop for Arc<T> {
    fn drop(&mut self) {
        self.0.touched.fetch_sub(1, Ordering::Release);
        fence(Ordering::Acquire);
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Arc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.value.fmt(f)
    }
}

impl<T> Weak<T> {
    pub fn upgrade(&self) -> Option<Arc<T>> {
        let strong = self.0.upgrade()?;
        strong.touched.fetch_add(1, Ordering::Acquire);
        Some(Arc(strong))
    }

    pub fn strong_count(&self) -> usize {
        self.0.strong_count()
    }
}

impl<T> Clone for Weak<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for Weak<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(Weak)")
    }
}
