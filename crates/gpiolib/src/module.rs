//! Modules: the code a chip's operations are made of, and who keeps it loaded.
//!
//! A driver that can be unloaded (a plug-in, a loadable module) is a [`Module`]. It is named as the
//! owner of its chips in [`crate::ChipConfig::owner`]; every request of one of their lines then
//! holds it, and with the request every clone of its descriptor. Hogs and open chip files do not.
//!
//! Unloading is what lines out can refuse. Taking a chip away is not: unplugging always works, and
//! the module stays held by the numb descriptors until the last of them is dropped.

use alloc::boxed::Box;
use core::fmt;

use crate::sync::Arc;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::{Error, Result};

/// Code that can be unloaded. Cheap to clone; all clones are the same module.
///
/// ```
/// use gpiolib::{Chip, ChipConfig, Error, InUse, Module, Offset, Registry};
///
/// struct Expander;
/// impl Chip for Expander {}
///
/// let module = Module::new("expander");
/// let registry = Registry::new();
/// let config = ChipConfig { owner: Some(module.clone()), ..ChipConfig::new("u5", 8) };
/// let chip = registry.register(&config, Expander)?;
/// let line = chip.device().line(Offset::new(0)).expect("the chip has eight lines");
///
/// let reset = line.request("reset")?;
/// let clone = reset.clone();
/// assert_eq!(module.try_unload(), Err(InUse(1)), "one line is out, however many clones");
///
/// chip.unregister(); // is never refused
/// drop((reset, clone));
/// assert_eq!(module.try_unload(), Ok(()));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Module(Arc<Inner>);

struct Inner {
    name: Box<str>,
    /// The lowest bit: on its way out. The others: how many lines are out.
    state: AtomicUsize,
}

/// The bit of a module on its way out.
const GOING: usize = 1;
/// One line out.
const LINE: usize = 2;

/// Why a module was not unloaded: this many of its lines are requested.
///
/// ```
/// use gpiolib::{InUse, Module};
///
/// let module = Module::new("expander");
/// assert_eq!(module.try_unload(), Ok(()));
/// assert_eq!(InUse(2).to_string(), "2 of its lines are in use");
/// ```
// KERNEL: module.c try_stop_module (v6.12): EWOULDBLOCK, which is EAGAIN.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InUse(pub usize);

impl Module {
    /// A loaded module, with no line out.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Arc::new(Inner {
            name: name.into(),
            state: AtomicUsize::new(0),
        }))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// How many lines of its chips are requested, counted per request and not per clone.
    #[must_use]
    pub fn lines_out(&self) -> usize {
        self.0.state.load(Ordering::Acquire) / LINE
    }

    /// Whether it is on its way out: nobody new gets one of its lines.
    #[must_use]
    pub fn is_going(&self) -> bool {
        self.0.state.load(Ordering::Acquire) & GOING != 0
    }

    /// Unloads the module if none of its lines is out: from here on every request of one is
    /// refused. What the provider then does (unregister its chips, drop its code) is its own.
    ///
    /// # Errors
    /// [`InUse`] with the number of lines out; the module then stays as it was.
    pub fn try_unload(&self) -> core::result::Result<(), InUse> {
        let unload = |state: usize| (state < LINE).then_some(GOING);
        self.0
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, unload)
            .map(|_| ())
            .map_err(|state| InUse(state / LINE))
    }

    /// Puts the module on its way out while lines are still out: new requests are refused, and
    /// [`Module::try_unload`] succeeds when the last line is back. Held lines go on as before.
    pub fn begin_unload(&self) {
        self.0.state.fetch_or(GOING, Ordering::AcqRel);
    }

    /// Holds the module for one more line.
    // KERNEL: gpiolib.c gpiod_request (v6.12): a module that cannot be held defers the consumer.
    pub(crate) fn hold(&self) -> Result<()> {
        let hold = |state: usize| (state & GOING == 0).then(|| state.wrapping_add(LINE));
        self.0
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, hold)
            .map(|_| ())
            .map_err(|_| Error::ProbeDefer)
    }

    /// Gives one line back.
    pub(crate) fn release(&self) {
        self.0.state.fetch_sub(LINE, Ordering::AcqRel);
    }
}

impl PartialEq for Module {
    /// Whether both are the same module; equal names do not make two modules one.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Module {}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module")
            .field("name", &self.name())
            .field("lines_out", &self.lines_out())
            .field("is_going", &self.is_going())
            .finish()
    }
}

impl fmt::Display for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let are = if self.0 == 1 { "is" } else { "are" };
        write!(f, "{} of its lines {are} in use", self.0)
    }
}

impl core::error::Error for InUse {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_out_refuse_the_unload_and_going_refuses_lines() {
        let module = Module::new("a");
        module.hold().unwrap();
        module.hold().unwrap();
        assert_eq!(module.try_unload(), Err(InUse(2)));
        assert!(!module.is_going(), "a refused unload changes nothing");
        module.begin_unload();
        assert_eq!(module.hold(), Err(Error::ProbeDefer));
        assert_eq!(module.try_unload(), Err(InUse(2)));
        module.release();
        module.release();
        assert_eq!(module.try_unload(), Ok(()));
        assert_eq!(module.hold(), Err(Error::ProbeDefer));
        assert_eq!(module.lines_out(), 0);
    }
}
