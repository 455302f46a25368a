//! A small driver model: devices on a bus, drivers that probe them, and probes that are deferred.
//!
//! Just big enough for managed resources ([`Scope`]). A [`Bus`] has devices (a name, perhaps
//! a firmware node) and drivers. A driver that matches a free device probes it; a probe that needs a
//! provider which is not there answers [`Error::ProbeDefer`] and is tried again each time another
//! probe succeeds, or when the bus is told that something changed ([`Bus::retry_deferred`]).

use alloc::boxed::Box;

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::sync::IrqLock;
use crate::{Consumer, Error, Module, Result, Scope};

/// What drives devices of one kind.
///
/// ```
/// use gpiolib::{BindState, Bus, Consumer, Driver, Registry, Result, Scope};
///
/// struct Led;
/// impl Driver for Led {
///     fn matches(&self, device: &str) -> bool { device.starts_with("led") }
///     fn probe(&self, _: &mut Scope) -> Result<()> { Ok(()) }
/// }
///
/// let bus = Bus::new();
/// bus.add_driver(Box::new(Led));
/// bus.add_device(Consumer::new(&Registry::new(), "led0"));
/// assert_eq!(bus.state("led0"), Some(BindState::Bound));
/// ```
pub trait Driver: Send + Sync {
    /// Whether the driver is for the device with this name.
    fn matches(&self, device: &str) -> bool;

    /// The module the driver is in, if it can be unloaded: it owns the chips that a probe
    /// registers.
    fn module(&self) -> Option<Module> {
        None
    }

    /// Takes a device over. What it takes through `scope` is given back when the probe fails or the
    /// device is unbound; the driver's own state can be kept there too ([`Scope::keep`]).
    ///
    /// # Errors
    /// [`Error::ProbeDefer`] to be asked again later; any other error for good.
    fn probe(&self, scope: &mut Scope) -> Result<()>;

    /// The device is about to be unbound; everything managed is still there.
    fn remove(&self, _scope: &mut Scope) {}
}

/// How a device on a bus fares.
///
/// ```
/// use gpiolib::{BindState, Bus, Consumer, Registry};
///
/// let bus = Bus::new();
/// bus.add_device(Consumer::new(&Registry::new(), "led0"));
/// assert_eq!(bus.state("led0"), Some(BindState::Unbound), "no driver yet");
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum BindState {
    /// No driver matches, or it was unbound.
    #[default]
    Unbound,
    /// A driver is at work on it just now.
    Busy,
    /// Its probe waits for a provider.
    Deferred,
    /// A driver has it.
    Bound,
    /// Its probe failed for good.
    Failed(Error),
}

/// Devices and their drivers. Cheap to clone; all clones are the same bus.
///
/// ```
/// use gpiolib::{Bus, Chip, ChipConfig, Consumer, Driver, Initial, Lookup, LookupTable};
/// use gpiolib::{Offset, Registry, Result, Scope, BindState};
/// # struct Wires;
/// # impl Chip for Wires {
/// #     fn direction_input(&self, _: Offset) -> Result<()> { Ok(()) }
/// # }
/// struct Expander;
/// impl Driver for Expander {
///     fn matches(&self, device: &str) -> bool { device == "u5" }
///     fn probe(&self, scope: &mut Scope) -> Result<()> {
///         scope.register(&ChipConfig::new("u5", 8), Wires).map(drop)
///     }
/// }
/// struct Button;
/// impl Driver for Button {
///     fn matches(&self, device: &str) -> bool { device == "button" }
///     fn probe(&self, scope: &mut Scope) -> Result<()> {
///         scope.get_managed("press", Initial::Input).map(drop)
///     }
/// }
///
/// let registry = Registry::new();
/// registry.add_lookup(LookupTable::new("button", vec![Lookup::chip("u5", Offset::new(0))]));
/// let bus = Bus::new();
/// bus.add_driver(Box::new(Button));
/// bus.add_driver(Box::new(Expander));
/// bus.add_device(Consumer::new(&registry, "button"));
/// assert_eq!(bus.state("button"), Some(BindState::Deferred), "the expander is not there yet");
/// bus.add_device(Consumer::new(&registry, "u5"));
/// assert_eq!(bus.state("button"), Some(BindState::Bound));
/// ```
#[derive(Clone, Default)]
pub struct Bus(Arc<IrqLock<Inner>>);

#[derive(Default)]
struct Inner {
    drivers: Vec<Arc<dyn Driver>>,
    devices: Vec<Slot>,
    /// How often the deferred were looked at: a probe that was under way then is asked again.
    rounds: u64,
}

/// A device on the bus.
struct Slot {
    device: Consumer,
    state: BindState,
    bound: Option<Bound>,
}

/// A device in its driver's hands.
struct Bound {
    driver: Arc<dyn Driver>,
    scope: Scope,
}

impl Bus {
    /// A bus without devices and drivers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a driver; it probes the devices that are free.
    pub fn add_driver(&self, driver: Box<dyn Driver>) {
        let free: Vec<String> = {
            let mut inner = self.0.lock();
            inner.drivers.push(Arc::from(driver));
            let unbound = inner
                .devices
                .iter()
                .filter(|slot| slot.state == BindState::Unbound);
            unbound
                .filter_map(|slot| slot.device.name().map(String::from))
                .collect()
        };
        for name in free {
            self.bind(&name);
        }
    }

    /// Adds a device, known by its name; a driver that matches probes it. A device without a name,
    /// or with one that is taken, is not added.
    pub fn add_device(&self, device: Consumer) {
        let Some(name) = device.name().map(String::from) else {
            return;
        };
        {
            let mut inner = self.0.lock();
            if inner.slot(&name).is_some() {
                return;
            }
            inner.devices.push(Slot {
                device,
                state: BindState::Unbound,
                bound: None,
            });
        }
        self.bind(&name);
    }

    /// Unbinds a device and takes it off the bus. Never refused.
    pub fn remove_device(&self, name: &str) {
        self.unbind(name);
        self.0
            .lock()
            .devices
            .retain(|slot| slot.device.name() != Some(name));
    }

    /// How a device fares; `None` if the bus has none of this name.
    #[must_use]
    pub fn state(&self, name: &str) -> Option<BindState> {
        self.0.lock().slot(name).map(|slot| slot.state)
    }

    /// Lets the first driver that matches probe a device that nobody has. The state afterwards;
    /// `None` if the bus has no such device.
    #[expect(clippy::must_use_candidate, reason = "the state can be asked for")]
    pub fn bind(&self, name: &str) -> Option<BindState> {
        let state = self.probe(name)?;
        if state == BindState::Bound {
            self.retry_deferred();
        }
        Some(state)
    }

    /// Takes a device from its driver: the driver's `remove`, then all managed resources, last
    /// first. Never refused, whoever uses the lines of its chips. A device that is just being
    /// probed is left alone.
    pub fn unbind(&self, name: &str) {
        let bound = self.0.lock().slot(name).and_then(|slot| {
            if slot.state != BindState::Busy {
                slot.state = BindState::Unbound;
            }
            slot.bound.take()
        });
        if let Some(bound) = bound {
            bound.unbind();
        }
    }

    /// Probes what was deferred, again and again until nothing more succeeds. How many devices got
    /// bound. To be called when a provider appears by other means than this bus, say by a waker of
    /// [`crate::Registry::on_change`].
    // KERNEL: dd.c driver_deferred_probe_trigger (v6.12): each success starts another round.
    #[expect(clippy::must_use_candidate, reason = "most only want it done")]
    pub fn retry_deferred(&self) -> usize {
        let mut total = 0;
        loop {
            let deferred: Vec<String> = {
                let mut inner = self.0.lock();
                inner.rounds = inner.rounds.wrapping_add(1);
                let waiting = inner
                    .devices
                    .iter()
                    .filter(|slot| slot.state == BindState::Deferred);
                waiting
                    .filter_map(|slot| slot.device.name().map(String::from))
                    .collect()
            };
            let bound = |name: &&String| self.probe(name) == Some(BindState::Bound);
            match deferred.iter().filter(bound).count() {
                0 => return total,
                count => total += count,
            }
        }
    }

    /// Probes a device. A probe that is deferred because of a provider which came meanwhile, and whose
    /// retry missed it, is made again.
    // KERNEL: dd.c driver_probe_device (v6.12): deferred_trigger_count.
    fn probe(&self, name: &str) -> Option<BindState> {
        loop {
            let (state, rounds) = self.probe_once(name)?;
            if state != BindState::Deferred || self.0.lock().rounds == rounds {
                return Some(state);
            }
        }
    }

    /// One probe, with no lock held while the driver is at work. The state, and the round it began in.
    fn probe_once(&self, name: &str) -> Option<(BindState, u64)> {
        let (driver, device, rounds) = {
            let mut inner = self.0.lock();
            let driver = inner
                .drivers
                .iter()
                .find(|driver| driver.matches(name))
                .cloned();
            let rounds = inner.rounds;
            let slot = inner.slot(name)?;
            match (slot.state, driver) {
                (state @ (BindState::Busy | BindState::Bound), _) | (state, None) => {
                    return Some((state, rounds));
                }
                (_, Some(driver)) => {
                    slot.state = BindState::Busy;
                    (driver, slot.device.clone(), rounds)
                }
            }
        };
        let mut scope = Scope::new(device);
        if let Some(module) = driver.module() {
            scope = scope.with_module(module);
        }
        let state = match driver.probe(&mut scope) {
            Ok(()) => BindState::Bound,
            Err(Error::ProbeDefer) => BindState::Deferred,
            Err(error) => BindState::Failed(error),
        };
        let bound = (state == BindState::Bound).then_some(Bound { driver, scope });
        let left = match self.0.lock().slot(name) {
            Some(slot) => {
                slot.state = state;
                core::mem::replace(&mut slot.bound, bound)
            }
            // Taken off the bus while it was probed.
            None => bound,
        };
        drop(left);
        Some((state, rounds))
    }
}

impl Inner {
    fn slot(&mut self, name: &str) -> Option<&mut Slot> {
        let mut devices = self.devices.iter_mut();
        devices.find(|slot| slot.device.name() == Some(name))
    }
}

/// With the last clone of a bus its devices are unbound, the last one added first.
impl Drop for Inner {
    fn drop(&mut self) {
        while let Some(slot) = self.devices.pop() {
            if let Some(bound) = slot.bound {
                bound.unbind();
            }
        }
    }
}

impl Bound {
    /// The driver's `remove`, then all managed resources, last first.
    fn unbind(mut self) {
        self.driver.remove(&mut self.scope);
        self.scope.release_all();
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.0.lock();
        let states = inner
            .devices
            .iter()
            .map(|slot| (slot.device.name(), slot.state));
        f.debug_map().entries(states).finish()
    }
}
