//! The table of memories: registration, removal, look-up, and who is told.
//!
//! [`Registry::register`] gives a [`Registration`], the provider's hold: dropping it takes the
//! provider away, waits only for the access that is inside it, and gives the write-protect line
//! back. Consumers keep their [`Device`] and find it gone.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use core::fmt;
use core::marker::PhantomData;

use revocable::Revocable;
use revocable::sync::Mutex;

use crate::cell::check as check_cells;
use crate::device::{Inner, Open};
use crate::{Access, Cell, CellLookup, Config, Device, Error, Id, Provider, Result, keepout};

/// One world of memories. Cheap to clone; all clones are the same world.
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
/// use nvmem::{Config, Error, Registry};
///
/// let memories = Registry::new();
/// assert_eq!(memories.device("ram").err(), Some(Error::ProbeDefer), "not there yet");
/// let config = Config { id: nvmem::Id::None, ..Config::new("ram", 16) };
/// let ram = memories.register(config, Ram([0; 16]))?;
/// assert_eq!(memories.device("ram")?.size(), 16);
/// # Ok::<(), nvmem::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Registry(Arc<RegistryInner>);

#[derive(Default)]
pub(crate) struct RegistryInner {
    table: Mutex<Table>,
    notifiers: Mutex<Vec<Notifier>>,
}

/// A function that a registry calls at each event ([`Registry::on_event`]) until this is dropped. A call
/// that is under way then still ends.
#[must_use = "the function is forgotten when this is dropped"]
pub struct EventWatch {
    registry: Weak<RegistryInner>,
    notify: Notifier,
}

impl Drop for EventWatch {
    fn drop(&mut self) {
        if let Some(registry) = self.registry.upgrade() {
            let mut notifiers = registry.notifiers.lock();
            notifiers.retain(|other| !Arc::ptr_eq(other, &self.notify));
        }
    }
}

impl fmt::Debug for EventWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventWatch")
    }
}

type Notifier = Arc<dyn Fn(&DeviceEvent) + Send + Sync>;

#[derive(Default)]
struct Table {
    devices: Vec<Device>,
    ids: BTreeSet<u32>,
    lookups: Vec<CellLookup>,
}

/// What happened to a memory.
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
/// use nvmem::{Config, DeviceEvent, Registry};
///
/// let memories = Registry::new();
/// let _watch = memories.on_event(|event| match event {
///     DeviceEvent::Added(device) => println!("{} came", device.name()),
///     DeviceEvent::Removed(device) => println!("{} went", device.name()),
///     _ => {}
/// });
/// drop(memories.register(Config::new("ram", 16), Ram([0; 16]))?);
/// # Ok::<(), nvmem::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DeviceEvent {
    /// It was registered.
    Added(Device),
    /// Its provider is about to go.
    Removed(Device),
}

impl Registry {
    /// An empty world.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a memory: from here on it can be found.
    ///
    /// The write-protect line is taken, and set to protect, before anybody can find the memory. A
    /// registration that fails leaves everything as it was; what was moved into `config` is dropped.
    ///
    /// # Errors
    /// `Invalid` or `Range` for a cell or keep-out that does not fit; `Exists` if the name is taken;
    /// `WriteProtect` if the line cannot be got (`EPROBE_DEFER`, `EBUSY`, …) or set.
    // KERNEL: nvmem/core.c nvmem_register (v6.12); the checks come first here.
    pub fn register<P: Provider>(
        &self,
        mut config: Config,
        provider: P,
    ) -> Result<Registration<P>> {
        keepout::check(&config)?;
        check_cells(&config)?;
        let protector = core::mem::take(&mut config.write_protect).take()?;
        let access = provider.access();
        let read_only = config.read_only || !access.can_write();
        let open = Open {
            provider: Box::new(provider),
            protector,
            read_only,
        };
        // From here on a failure drops the registration, which gives the id and the line back.
        let registration = Registration {
            inner: Registered {
                device: self.describe(config, access, open),
            },
            _provider: PhantomData,
        };
        self.0.list(registration.device())?;
        self.0
            .tell(&DeviceEvent::Added(registration.device().clone()));
        Ok(registration)
    }

    fn describe(&self, config: Config, access: Access, open: Open) -> Device {
        let id = self.0.take_id(&config);
        Device(Arc::new(Inner {
            name: full_name(config.name.as_deref(), id),
            id: id.filter(|_| is_counted(&config)),
            kind: config.kind,
            size: config.size,
            word_size: config.word_size.max(1),
            stride: config.stride.max(1),
            root_only: config.root_only,
            access,
            keepouts: config.keepouts,
            cells: config.cells,
            registry: Arc::clone(&self.0),
            gate: Revocable::new(Mutex::new(open)),
        }))
    }

    /// The registered memory of this name.
    ///
    /// # Errors
    /// `ProbeDefer` if it is not there yet.
    pub fn device(&self, name: &str) -> Result<Device> {
        let table = self.0.table.lock();
        let found = table.devices.iter().find(|device| device.name() == name);
        found.cloned().ok_or(Error::ProbeDefer)
    }

    /// Says which cell a consumer means by a name of its own.
    pub fn add_cell_lookup(&self, lookup: CellLookup) {
        self.0.table.lock().lookups.push(lookup);
    }

    /// The cell that consumer `dev_id` means by `con_id`.
    ///
    /// # Errors
    /// `NotFound` if nobody said, or the memory has no such cell; `ProbeDefer` if the memory is not
    /// there yet.
    pub fn cell(&self, dev_id: &str, con_id: &str) -> Result<Cell> {
        let lookup = {
            let table = self.0.table.lock();
            let answers = |lookup: &&CellLookup| lookup.dev_id == dev_id && lookup.con_id == con_id;
            table.lookups.iter().find(answers).cloned()
        };
        let lookup = lookup.ok_or(Error::NotFound)?;
        self.device(&lookup.device)?.cell(&lookup.cell)
    }

    /// Calls `notify` each time a memory comes or goes, from the thread that makes it so, until what is
    /// answered is dropped.
    pub fn on_event(&self, notify: impl Fn(&DeviceEvent) + Send + Sync + 'static) -> EventWatch {
        let notify: Notifier = Arc::new(notify);
        self.0.notifiers.lock().push(Arc::clone(&notify));
        EventWatch {
            registry: Arc::downgrade(&self.0),
            notify,
        }
    }
}

/// Whether the id of this memory is one of those given out.
fn is_counted(config: &Config) -> bool {
    config.id == Id::Auto || config.name.is_none()
}

fn full_name(name: Option<&str>, id: Option<u32>) -> String {
    match (name, id) {
        (Some(name), Some(id)) => alloc::format!("{name}{id}"),
        (Some(name), None) => name.into(),
        (None, id) => alloc::format!("nvmem{}", id.unwrap_or_default()),
    }
}

impl RegistryInner {
    fn take_id(&self, config: &Config) -> Option<u32> {
        if !is_counted(config) {
            return match config.id {
                Id::Fixed(id) => Some(id),
                Id::None | Id::Auto => None,
            };
        }
        let mut table = self.table.lock();
        let id = (0..).find(|id| !table.ids.contains(id))?;
        table.ids.insert(id);
        Some(id)
    }

    pub(crate) fn release_id(&self, id: u32) {
        self.table.lock().ids.remove(&id);
    }

    fn list(&self, device: &Device) -> Result<()> {
        let mut table = self.table.lock();
        if table
            .devices
            .iter()
            .any(|other| other.name() == device.name())
        {
            return Err(Error::Exists);
        }
        table.devices.push(device.clone());
        Ok(())
    }

    /// Takes a memory off the list; whether it was there.
    fn unlist(&self, device: &Device) -> bool {
        let listed = {
            let mut table = self.table.lock();
            let same = |other: &Device| Arc::ptr_eq(&other.0, &device.0);
            let at = table.devices.iter().position(same);
            at.map(|at| table.devices.swap_remove(at))
        };
        // Dropped without the lock: the last reference gives the id back.
        listed.is_some()
    }

    fn tell(&self, event: &DeviceEvent) {
        let notifiers = self.notifiers.lock().clone();
        for notify in notifiers {
            notify(event);
        }
    }
}

impl fmt::Debug for RegistryInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryInner").finish_non_exhaustive()
    }
}

/// A provider's hold on its registered memory. Dropping it is [`Registration::unregister`].
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
/// use nvmem::{Config, Registry};
///
/// let ram = Registry::new().register(Config::new("ram", 16), Ram([0; 16]))?;
/// let device = ram.device().clone();
/// assert!(ram.unregister().is_some(), "here is the provider again");
/// assert!(device.is_gone());
/// # Ok::<(), nvmem::Error>(())
/// ```
#[must_use = "the provider is taken away when this is dropped"]
pub struct Registration<P> {
    inner: Registered,
    _provider: PhantomData<fn() -> P>,
}

/// A registration of a provider of some type.
struct Registered {
    device: Device,
}

impl<P: Provider> Registration<P> {
    /// Takes the provider away and hands it back: nobody is inside it and nobody will be. The
    /// write-protect line is given back, protecting. Never fails; waits only for the access inside.
    /// `None` only if the kernel took back the barrier it once granted (`revocable`'s page).
    #[expect(
        clippy::must_use_candidate,
        reason = "most providers only want it gone"
    )]
    pub fn unregister(self) -> Option<P> {
        let provider: Box<dyn Any> = self.inner.remove()?;
        provider.downcast().ok().map(|provider| *provider)
    }
}

impl<P> Registration<P> {
    /// The memory, which outlives this registration for as long as anybody holds it.
    #[must_use]
    pub const fn device(&self) -> &Device {
        &self.inner.device
    }

    /// Lets no further access begin. Never waits, so it can be called from anywhere, also from inside an
    /// access; the provider and the write-protect line stay until [`Registration::unregister`]. Whether
    /// this call did it.
    pub fn revoke(&self) -> bool {
        self.inner.revoke()
    }
}

impl Registered {
    fn revoke(&self) -> bool {
        let registry = &self.device.0.registry;
        if registry.unlist(&self.device) {
            registry.tell(&DeviceEvent::Removed(self.device.clone()));
        }
        self.device.0.gate.revoke()
    }

    // KERNEL: nvmem/core.c nvmem_device_release (v6.12).
    // DIFFERS: the provider is cut off here and not when the last consumer is gone, and so is the
    // line: the same provider can register again at once.
    fn remove(&self) -> Option<Box<dyn Provider>> {
        self.revoke();
        let open = self.device.0.gate.take()?.into_inner();
        let Open {
            provider,
            protector,
            ..
        } = open;
        drop(protector);
        Some(provider)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        drop(self.remove());
    }
}

impl<P> fmt::Debug for Registration<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registration").field(self.device()).finish()
    }
}
