//! The table of devices: ids, look-up, registration and removal.
//!
//! A [`Registry`] is one isolated world of chips; two never meet. [`Registry::register`] gives a
//! [`Registration`], the provider's hold on its chip: dropping it takes the chip away, which never
//! fails and never waits for consumers, only for calls that are inside the chip at that moment.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::any::Any;
use core::fmt;
use core::marker::PhantomData;
use core::task::Waker;

use crate::device::WeakDevice;
use crate::hog::{self, MachineHogs};
use crate::index::{Index, Place};
use crate::lookup::Lookups;
use crate::sync::{Arc, IrqLock, Weak};
use crate::{Chip, ChipConfig, Device, Error, Line, Name, Offset, Release, Result, Timestamp};

/// One world of chips. Cheap to clone; all clones are the same world.
///
/// ```
/// use gpiolib::{Chip, ChipConfig, Registry};
///
/// struct Expander;
/// impl Chip for Expander {}
///
/// let registry = Registry::new();
/// let chip = registry.register(&ChipConfig::new("u5", 8), Expander)?;
/// assert!(registry.device_by_label("u5").is_some());
/// drop(chip);
/// assert!(registry.devices().is_empty());
/// # Ok::<(), gpiolib::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Registry(pub(crate) Arc<RegistryInner>);

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

/// What the clones of a registry, and its devices, share.
pub(crate) struct RegistryInner {
    table: IrqLock<Table>,
    clock: Clock,
    wakers: IrqLock<Wakers>,
    pub(crate) lookups: IrqLock<Lookups>,
    pub(crate) hogs: IrqLock<MachineHogs>,
    release: Release,
}

/// Who is woken by changes.
#[derive(Default)]
struct Wakers {
    all: Vec<(u64, Waker)>,
    next: u64,
}

/// A waker that a registry wakes at each change ([`Registry::on_change`]) until this is dropped. A wake
/// that is under way then may still come.
#[derive(Debug)]
#[must_use = "the waker is forgotten when this is dropped"]
pub struct ChangeWatch {
    registry: Weak<RegistryInner>,
    id: u64,
}

impl Drop for ChangeWatch {
    fn drop(&mut self) {
        let Some(registry) = self.registry.upgrade() else {
            return;
        };
        let mut wakers = registry.wakers.lock();
        let at = wakers.all.iter().position(|(id, _)| *id == self.id);
        let waker = at.map(|at| wakers.all.remove(at));
        drop(wakers);
        // A waker may own anything: dropped without the lock.
        drop(waker);
    }
}

/// What the time is, for what no call brings a time for.
pub(crate) type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;

#[derive(Default)]
struct Table {
    /// Registered devices by id; a dead one is not listed, though its id stays taken.
    devices: Vec<Option<Device>>,
    names: Index,
    labels: Index,
    /// Ids below `next_id` that are free again.
    free_ids: BTreeSet<u32>,
    next_id: u32,
}

impl Registry {
    /// An empty world without a clock, which behaves as [`Release::OLDEST`]: changes of lines'
    /// public state are stamped with 0.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Timestamp::default)
    }

    /// An empty world. `clock` is asked when something happens that no call brings a time for: a
    /// change of a line's public state, which watchers receive with its time. It is called with no
    /// lock held, from whatever thread made the change.
    ///
    /// ```
    /// use gpiolib::{Registry, Timestamp};
    ///
    /// let start = std::time::Instant::now();
    /// let registry = Registry::with_clock(move || {
    ///     Timestamp::at(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    /// });
    /// assert!(registry.now().monotonic_ns <= registry.now().monotonic_ns);
    /// ```
    #[must_use]
    pub fn with_clock(clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self::of_release(Release::OLDEST, clock)
    }

    /// An empty world that behaves as this release of Linux, with a clock as [`Registry::with_clock`]
    /// takes one.
    #[must_use]
    pub fn of_release(
        release: Release,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(RegistryInner {
            table: IrqLock::default(),
            clock: Box::new(clock),
            wakers: IrqLock::default(),
            lookups: IrqLock::default(),
            hogs: IrqLock::default(),
            release,
        }))
    }

    /// The release of Linux that this world behaves as.
    #[must_use]
    pub fn release(&self) -> Release {
        self.0.release()
    }

    /// Registers a chip: from here on it can be found and requested. Its hogs are in place before
    /// anybody can see it; a hog that cannot be is left out.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the chip has no lines; it is then dropped.
    pub fn register<C: Chip>(&self, config: &ChipConfig, chip: C) -> Result<Registration<C>> {
        let inner = self.register_dyn(config, Box::new(chip))?;
        Ok(Registration {
            inner,
            _chip: PhantomData,
        })
    }

    /// The same, for who has forgotten the chip's type.
    pub(crate) fn register_dyn(
        &self,
        config: &ChipConfig,
        chip: Box<dyn Chip>,
    ) -> Result<Registered> {
        if config.lines == 0 {
            return Err(Error::Invalid("a chip has at least one line"));
        }
        // Whoever still holds dead devices for others may let go before the number is chosen.
        self.0.wake();
        let id = self.0.table.lock().take_id();
        let device = Device::new(id, config, chip, Arc::clone(&self.0));
        let registration = Registered { device };
        let device = &registration.device;
        // KERNEL: gpiochip_machine_hog (v6.12): a failing hog does not fail the chip.
        for hog in config
            .hogs
            .iter()
            .filter(|hog| hog.offset.get() < config.lines)
        {
            let _ = hog::take(device, hog);
        }
        hog::take_shared(device, config);
        self.take_machine_hogs(device);
        self.0.table.lock().insert(device);
        // Those that were added between found no chip of this label.
        self.take_machine_hogs(device);
        self.0.wake();
        Ok(registration)
    }

    /// The registered device with this id.
    #[must_use]
    pub fn device(&self, id: u32) -> Option<Device> {
        self.0.table.lock().device(id).cloned()
    }

    /// All registered devices, by id.
    #[must_use]
    pub fn devices(&self) -> Vec<Device> {
        self.0
            .table
            .lock()
            .devices
            .iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// The registered device with this label; the one with the smallest id if several have it.
    #[must_use]
    pub fn device_by_label(&self, label: &str) -> Option<Device> {
        let table = self.0.table.lock();
        let place = table.labels.first(label.as_bytes())?;
        table.device(place.id).cloned()
    }

    /// The first line with this name, by id and offset. Costs the same among a million names.
    ///
    /// ```
    /// # use gpiolib::{Chip, ChipConfig, Name, Offset, Registry};
    /// # struct Expander;
    /// # impl Chip for Expander {}
    /// let registry = Registry::new();
    /// let names = vec![(Offset::new(3), Name::from("RESET"))];
    /// let config = ChipConfig { names, ..ChipConfig::new("u5", 8) };
    /// let chip = registry.register(&config, Expander)?;
    ///
    /// let reset = registry.find_line("RESET").expect("it was named");
    /// assert_eq!((reset.device().label(), reset.offset().get()), ("u5", 3));
    /// chip.unregister();
    /// assert!(registry.find_line("RESET").is_none());
    /// # Ok::<(), gpiolib::Error>(())
    /// ```
    // KERNEL: gpiolib.c gpio_name_to_desc (v6.12): the first match; a chip that is gone has none.
    #[must_use]
    pub fn find_line(&self, name: &str) -> Option<Line> {
        let table = self.0.table.lock();
        let place = table.names.first(name.as_bytes())?;
        table.device(place.id)?.line(place.offset)
    }

    /// What this world's clock shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// Wakes this waker each time a device comes or goes, and before one that comes gets its id, until
    /// what is answered is dropped. The call that caused it waits until the wakers have returned.
    /// A device that is unregistered wakes it twice: when it is no longer listed but still works, so that its
    /// names go first, and when it is gone.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    /// use std::task::Wake;
    /// use gpiolib::{ChipConfig, Registry};
    /// # struct Expander;
    /// # impl gpiolib::Chip for Expander {}
    ///
    /// #[derive(Default)]
    /// struct Count(AtomicUsize);
    /// impl Wake for Count {
    ///     fn wake(self: Arc<Self>) {
    ///         self.0.fetch_add(1, Ordering::Relaxed);
    ///     }
    /// }
    ///
    /// let registry = Registry::new();
    /// let count = Arc::new(Count::default());
    /// let watch = registry.on_change(Arc::clone(&count).into());
    /// let chip = registry.register(&ChipConfig::new("u5", 8), Expander)?;
    /// let seen = count.0.load(Ordering::Relaxed);
    /// assert!(seen > 0);
    /// drop(watch);
    /// drop(chip);
    /// assert_eq!(count.0.load(Ordering::Relaxed), seen, "not any more");
    /// # Ok::<(), gpiolib::Error>(())
    /// ```
    pub fn on_change(&self, waker: Waker) -> ChangeWatch {
        let mut wakers = self.0.wakers.lock();
        let id = wakers.next;
        wakers.next = wakers.next.wrapping_add(1);
        wakers.all.push((id, waker));
        ChangeWatch {
            registry: Arc::downgrade(&self.0),
            id,
        }
    }
}

impl RegistryInner {
    pub(crate) const fn release(&self) -> Release {
        self.release
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub(crate) fn release_id(&self, id: u32) {
        self.table.lock().free_ids.insert(id);
    }

    /// Takes a device off the list; whether it was there.
    fn remove(&self, device: &Device) -> bool {
        let listed = self.table.lock().remove(device);
        // Dropped outside the lock: the last reference gives the id back.
        listed.is_some()
    }

    fn wake(&self) {
        let wakers = self.wakers.lock().all.clone();
        for (_, waker) in wakers {
            waker.wake();
        }
    }
}

impl fmt::Debug for RegistryInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryInner").finish_non_exhaustive()
    }
}

impl Table {
    /// The smallest free id.
    fn take_id(&mut self) -> u32 {
        if let Some(id) = self.free_ids.pop_first() {
            return id;
        }
        let id = self.next_id;
        self.next_id = self.next_id.saturating_add(1);
        id
    }

    fn device(&self, id: u32) -> Option<&Device> {
        self.devices.get(id as usize)?.as_ref()
    }

    /// Lists a device: it can be found from here on.
    fn insert(&mut self, device: &Device) {
        let id = device.id();
        let at = id as usize;
        if self.devices.len() <= at {
            self.devices.resize(at + 1, None);
        }
        if let Some(entry) = self.devices.get_mut(at) {
            *entry = Some(device.clone());
        }
        for (offset, name) in device.names() {
            self.names.insert(name, Place { id, offset });
        }
        self.labels.insert(&label_of(device), first_place(id));
    }

    /// Takes a device off the list; `None` if it never got there.
    fn remove(&mut self, device: &Device) -> Option<Device> {
        let id = device.id();
        let listed = self.devices.get_mut(id as usize)?.take()?;
        for (offset, name) in device.names() {
            self.names.remove(name, Place { id, offset });
        }
        self.labels.remove(&label_of(device), first_place(id));
        Some(listed)
    }
}

fn label_of(device: &Device) -> Name {
    Name::from(device.label())
}

/// What stands for a whole device in an index.
const fn first_place(id: u32) -> Place {
    let offset = Offset::new(0);
    Place { id, offset }
}

/// A provider's hold on its registered chip, which it gives back. Dropping it is
/// [`Registration::unregister`].
///
/// ```
/// use gpiolib::{Chip, ChipConfig, Registry};
///
/// struct Expander { bus: &'static str }
/// impl Chip for Expander {}
///
/// let registry = Registry::new();
/// let chip = registry.register(&ChipConfig::new("u5", 8), Expander { bus: "i2c-1" })?;
/// let device = chip.device().clone();
/// let expander = chip.unregister().expect("here is the chip again");
/// assert_eq!(expander.bus, "i2c-1", "and with it what it owns");
/// assert!(device.is_gone());
/// # Ok::<(), gpiolib::Error>(())
/// ```
#[must_use = "the chip is taken away when this is dropped"]
pub struct Registration<C> {
    inner: Registered,
    _chip: PhantomData<fn() -> C>,
}

/// A registration of a chip of some type.
pub(crate) struct Registered {
    device: Device,
}

/// What takes a chip away at once, from anywhere. Cheap to clone; keeps nothing.
///
/// ```
/// use std::sync::OnceLock;
/// use gpiolib::{Chip, ChipConfig, Error, Level, Offset, Registry, Result, Revoker};
///
/// /// A chip whose bus is dead: it finds out when it is called.
/// #[derive(Default)]
/// struct Dead { me: OnceLock<Revoker> }
/// impl Chip for Dead {
///     fn get(&self, _: Offset) -> Result<Level> {
///         self.me.get().map(Revoker::revoke);
///         Err(Error::Io)
///     }
/// }
///
/// let chip = std::sync::Arc::new(Dead::default());
/// let registration = Registry::new().register(&ChipConfig::new("u5", 8), chip.clone())?;
/// chip.me.set(registration.revoker()).expect("set once");
/// let line = registration.device().line(Offset::new(0)).expect("it has eight");
/// let desc = line.request("probe")?;
/// assert_eq!(desc.level(), Err(Error::Io), "this call had begun");
/// assert_eq!(desc.level(), Err(Error::Revoked), "no other does");
/// # Ok::<(), gpiolib::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Revoker(WeakDevice);

impl<C: Chip> Registration<C> {
    /// Takes the chip away and hands it back: when this returns nobody is inside it and nobody will
    /// be. Descriptors stay and answer [`Error::Revoked`]. Never fails; waits only for calls that
    /// are inside the chip. `None` only if the kernel took back the barrier it once granted
    /// (`revocable`'s page).
    ///
    /// Must not be called from one of the chip's own callbacks: it would wait for itself. There,
    /// [`Registration::revoke`].
    #[expect(
        clippy::must_use_candidate,
        reason = "most providers only want it gone"
    )]
    pub fn unregister(self) -> Option<C> {
        let chip: Box<dyn Any> = self.inner.remove()?;
        chip.downcast().ok().map(|chip| *chip)
    }
}

impl<C> Registration<C> {
    /// The device, which outlives this registration for as long as anybody uses it.
    #[must_use]
    pub const fn device(&self) -> &Device {
        &self.inner.device
    }

    /// Lets no further call into the chip, and wakes who waits for it. Never waits, so it can be called
    /// from anywhere, also from inside the chip; the chip is not asked to disarm or free anything. It
    /// stays where it is until [`Registration::unregister`]. Whether this call did it.
    pub fn revoke(&self) -> bool {
        self.inner.device.revoke()
    }

    /// The same for who has no registration: the chip itself.
    #[must_use]
    pub fn revoker(&self) -> Revoker {
        Revoker(self.inner.device.downgrade())
    }
}

impl Revoker {
    /// As [`Registration::revoke`]; nothing happens if nobody has the device any more.
    pub fn revoke(&self) -> bool {
        self.0.upgrade().is_some_and(|device| device.revoke())
    }
}

impl Device {
    fn revoke(&self) -> bool {
        self.state().registry.remove(self);
        let is_first = self.0.revoke();
        self.hang_up();
        if is_first {
            self.state().registry.wake();
        }
        is_first
    }
}

impl Registered {
    pub(crate) const fn device(&self) -> &Device {
        &self.device
    }

    // KERNEL: gpiolib.c gpiochip_remove (v6.12): hogs, interrupts, list, chip pointer, node.
    // DIFFERS: the node goes with the list, before the chip does: who learns from a call that the chip is gone finds
    // none of its names. Readers are woken before the calls inside are waited for.
    fn remove(&self) -> Option<Box<dyn Chip>> {
        let device = &self.device;
        let registry = &device.state().registry;
        if registry.remove(device) {
            registry.wake();
        }
        if !device.is_gone() {
            device.quiesce();
        }
        device.revoke();
        let chip = device.0.take();
        // A call that was inside may have armed a line after the others were told.
        device.hang_up();
        chip
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        drop(self.remove());
    }
}

impl<C> fmt::Debug for Registration<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registration").field(self.device()).finish()
    }
}
