//! Arrays: eight lines of two chips as one parallel port, with one call into each chip.
//!
//!     cargo run -p gpiolib --example arrays

use gpio_sim::Bank;
use gpiolib::{
    Consumer, Initial, Level, Lookup, LookupTable, Offset, Registry, Result, set_values, values,
};

pub(crate) fn main() -> Result<()> {
    let registry = Registry::new();
    let low = Bank::new(4).label("low").register(&registry)?;
    let high = Bank::new(4).label("high").register(&registry)?;
    let line = |index: u32| {
        let chip = if index < 4 { "low" } else { "high" };
        let line = Lookup::chip(chip, Offset::new(index % 4)).con_id("data");
        line.index(index as usize)
    };
    registry.add_lookup(LookupTable::new("display", (0..8).map(line).collect()));

    // Bit i of a value is the i-th line of the function.
    let data = Consumer::new(&registry, "display").get_array("data", Initial::OutputInactive)?;
    set_values(&data, 0xff, 0b1010_0101)?;
    assert_eq!(values(&data, 0xff)?, 0b1010_0101);

    // The mask says which lines are meant; the others are left alone.
    set_values(&data, 0x0f, 0)?;
    assert_eq!(values(&data, 0xff)?, 0b1010_0000);
    println!("low:  {:?}", low.level(Offset::new(0))?);
    println!("high: {:?}", high.level(Offset::new(1))?);

    // Any selection of them, in any order, by reference.
    let ends: Vec<_> = data.iter().rev().step_by(7).collect();
    assert_eq!(values(&ends, 0b11)?, 0b01);
    assert_eq!(data.first().map(|line| line.level()), Some(Ok(Level::Low)));
    Ok(())
}
