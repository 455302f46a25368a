//! Managed resources: a driver that gives nothing back, since its scope does, and probes that wait.
//!
//!     cargo run -p gpiolib --example managed

use gpio_sim::Bank;
use gpiolib::{
    BindState, Bus, Consumer, Driver, Initial, Lookup, LookupTable, Offset, Registry, Result, Scope,
};

struct Fan;

impl Driver for Fan {
    fn matches(&self, device: &str) -> bool {
        device.starts_with("fan")
    }

    /// What the scope took is given back, last first, if this fails and when the device is unbound.
    fn probe(&self, scope: &mut Scope) -> Result<()> {
        scope.get_managed("power", Initial::OutputActive)?;
        scope.get_managed("tacho", Initial::Input)?;
        let name = scope.name().unwrap_or("fan").to_owned();
        scope.on_detach(move || println!("{name}: stopped"));
        println!("{}: probed", scope.name().unwrap_or("fan"));
        Ok(())
    }
}

pub(crate) fn main() -> Result<()> {
    let registry = Registry::new();
    let line = |offset, con_id| Lookup::chip("u5", Offset::new(offset)).con_id(con_id);
    let lines = vec![line(0, "power"), line(1, "tacho")];
    registry.add_lookup(LookupTable::new("fan0", lines));

    let bus = Bus::new();
    bus.add_driver(Box::new(Fan));
    bus.add_device(Consumer::new(&registry, "fan0"));
    assert_eq!(bus.state("fan0"), Some(BindState::Deferred), "no u5 yet");

    let u5 = Bank::new(2).label("u5").register(&registry)?;
    bus.retry_deferred();
    assert_eq!(bus.state("fan0"), Some(BindState::Bound));
    let power = u5.device().line(Offset::new(0)).map(|line| line.info());
    println!("power: {:?}", power.and_then(|info| info.consumer));

    bus.unbind("fan0");
    let is_free = u5.device().lines().all(|line| !line.info().used);
    assert!(is_free, "every line is back");
    Ok(())
}
