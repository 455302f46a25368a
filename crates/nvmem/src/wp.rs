//! The write-protect line: whose it is, and how a write is bracketed by it.
//!
//! Logical 1 protects, 0 lets write. A [`Protector`] belongs to one registered memory, lies under
//! the lock that also serialises its provider, and is dropped when the memory is unregistered: the
//! line is then given back, or the memory's share of it.

use gpiolib::{Consumer, Desc, Initial, Value};

use crate::{Error, Result};

/// Who has the line that protects the memory.
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
/// use nvmem::{Config, Registry, WriteProtect};
///
/// # struct Wire;
/// # impl gpiolib::Chip for Wire {
/// #     fn direction_output(&self, _: gpiolib::Offset, _: gpiolib::Level) -> gpiolib::Result<()> { Ok(()) }
/// #     fn set(&self, _: gpiolib::Offset, _: gpiolib::Level) -> gpiolib::Result<()> { Ok(()) }
/// # }
/// use gpiolib::{ChipConfig, Offset};
///
/// let chip = gpiolib::Registry::new().register(&ChipConfig::new("u5", 1), Wire)?;
/// let wp = chip.device().line(Offset::new(0)).expect("it has one").request("wp")?;
/// let config = Config { write_protect: WriteProtect::shared(&wp), ..Config::new("ram", 16) };
/// let ram = Registry::new().register(config, Ram([0; 16]))?;
/// assert_eq!(wp.handles(), 2, "ours and the memory's");
/// ram.device().write(0, b"unprotected while this is written")
///     .expect_err("it is longer than the memory");
/// drop(ram);
/// assert_eq!(wp.handles(), 1);
/// # Ok::<(), nvmem::Error>(())
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub enum WriteProtect {
    /// The core makes no GPIO call at all; what the provider does is its own.
    #[default]
    Ignored,
    /// The core gets the function `wp` of this consumer, if it has one, and holds it while the
    /// memory is registered.
    Lookup(Consumer),
    /// This handle of a line that is requested already. The memory owns the handle, not the line:
    /// hand in the descriptor itself to *move* it, or a clone ([`WriteProtect::shared`]) to keep
    /// one. It drops what it was given, and the request ends with the last handle.
    Given(Desc),
}

impl WriteProtect {
    /// A clone of `line`: the caller keeps its own handle, and neither depends on the other.
    #[must_use]
    pub fn shared(line: &Desc) -> Self {
        Self::Given(line.clone())
    }

    /// Gets the line, as output, protecting.
    // KERNEL: nvmem/core.c nvmem_register (v6.12): optional function `wp`, logically high.
    pub(crate) fn take(self) -> Result<Protector> {
        let line = match self {
            Self::Ignored => None,
            Self::Lookup(consumer) => consumer.get_optional("wp", Initial::OutputActive)?,
            Self::Given(line) => {
                line.direction_output(Value::Active)?;
                Some(line)
            }
        };
        Ok(Protector { line })
    }
}

/// The line in the hands of the memory.
#[derive(Debug)]
pub(crate) struct Protector {
    line: Option<Desc>,
}

impl Protector {
    pub(crate) fn handles(&self) -> Option<usize> {
        self.line.as_ref().map(Desc::handles)
    }

    /// Runs `write` with the protection lifted, and protects again whatever happens in it.
    ///
    /// # Errors
    /// `WriteProtect` if the line cannot be lowered: `write` is then not run. `Unprotected` if it cannot
    /// be raised after a write that went well. What `write` answers.
    // DIFFERS: Linux ignores both errors, and so writes also when the line's chip is gone.
    pub(crate) fn lifted(&self, write: impl FnOnce() -> Result<()>) -> Result<()> {
        let Some(line) = &self.line else {
            return write();
        };
        let mut raised = Raised(Some(line));
        line.set_value(Value::Inactive)?;
        write()?;
        raised.raise()
    }
}

/// Raises the line again, also when the provider panics.
struct Raised<'a>(Option<&'a Desc>);

impl Raised<'_> {
    fn raise(&mut self) -> Result<()> {
        match self.0.take() {
            Some(line) => line.set_value(Value::Active).map_err(Error::Unprotected),
            None => Ok(()),
        }
    }
}

impl Drop for Raised<'_> {
    fn drop(&mut self) {
        // The write has failed already, and that is what its caller is told.
        let _ = self.raise();
    }
}
