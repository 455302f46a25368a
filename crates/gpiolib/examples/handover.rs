//! Hand-over: a line that one driver gets and another framework uses, whoever of them goes first.
//!
//!     cargo run -p gpiolib --example handover

use std::thread;

use gpio_sim::Bank;
use gpiolib::{
    Consumer, Desc, Error, Initial, Lookup, LookupTable, Offset, Registry, Result, Value,
};

/// Another framework's device. Whether it was moved or cloned into, a descriptor is all it needs.
struct Memory {
    write_protect: Desc,
}

impl Memory {
    fn write(&self) -> Result<()> {
        self.write_protect.set_value(Value::Inactive)?;
        // The bytes go here.
        self.write_protect.set_value(Value::Active)
    }
}

pub(crate) fn main() -> Result<()> {
    let registry = Registry::new();
    let u5 = Bank::new(4).label("u5").register(&registry)?;
    let wp = Lookup::chip("u5", Offset::new(3)).con_id("wp");
    registry.add_lookup(LookupTable::new("eeprom", vec![wp]));

    let wp = Consumer::new(&registry, "eeprom").get("wp", Initial::OutputActive)?;
    let memory = Memory {
        write_protect: wp.clone(),
    };
    assert_eq!(wp.handles(), 2, "one request, two handles");

    // The driver that got the line goes. The memory's handle keeps the request.
    drop(wp);
    memory.write()?;
    assert_eq!(memory.write_protect.handles(), 1);

    // A handle is for one thread at a time; another thread gets a clone.
    let other = memory.write_protect.clone();
    let reader = thread::spawn(move || other.value());
    println!("another thread reads: {:?}", reader.join());

    // The chip goes. The descriptor stays, and says so.
    let device = u5.device().clone();
    u5.unplug();
    assert_eq!(memory.write(), Err(Error::Revoked));
    assert!(device.is_gone());

    // The last handle: the request ends, and the device with its last user.
    drop(memory);
    let info = device.line(Offset::new(3)).map(|line| line.info());
    assert!(info.is_some_and(|info| info.consumer.is_none()));
    Ok(())
}
