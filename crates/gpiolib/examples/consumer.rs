//! A consumer: a driver that gets its lines by what they are for, and knows no chip and no offset.
//!
//!     cargo run -p gpiolib --example consumer

use gpio_sim::Bank;
use gpiolib::{
    Consumer, Desc, Error, Initial, Lookup, LookupFlags, LookupTable, Offset, Registry, Result,
    Value,
};

/// A network chip's reset, and its interrupt, which not every board has wired.
struct Phy {
    reset: Desc,
    interrupt: Option<Desc>,
}

impl Phy {
    /// The same on every board: the board says which lines these are.
    fn probe(device: &Consumer) -> Result<Self> {
        Ok(Self {
            reset: device.get("reset", Initial::OutputActive)?,
            interrupt: device.get_optional("interrupt", Initial::Input)?,
        })
    }

    fn start(&self) -> Result<()> {
        self.reset.set_value(Value::Inactive)
    }
}

pub(crate) fn main() -> Result<()> {
    let registry = Registry::new();

    // The board: the reset is line 3 of u5, active at low level.
    let reset = Lookup::chip("u5", Offset::new(3))
        .con_id("reset")
        .flags(LookupFlags::ACTIVE_LOW);
    registry.add_lookup(LookupTable::new("phy", vec![reset]));

    // The provider is not there yet: whoever probes tries again later.
    let device = Consumer::new(&registry, "phy");
    assert_eq!(Phy::probe(&device).err(), Some(Error::ProbeDefer));

    let u5 = Bank::new(8).label("u5").register(&registry)?;
    let phy = Phy::probe(&device)?;
    assert!(phy.interrupt.is_none(), "not on this board");
    println!("in reset: {:?}", u5.level(Offset::new(3))?);
    phy.start()?;
    println!("started:  {:?}", u5.level(Offset::new(3))?);

    // It is held until the driver goes.
    let line = phy.reset.line();
    assert_eq!(line.request("other").err(), Some(Error::Busy));
    drop(phy);
    assert!(line.request("other").is_ok());
    Ok(())
}
