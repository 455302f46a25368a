//! Without std: `firmware.rs` is what would run on a microcontroller; here a computer plays its hardware.
//! `scripts/no_std` links the same file into a program that has no std at all.
//!
//!     cargo run -p gpiolib --example no_std

mod firmware;
mod hardware;

use gpiolib::{Error, Result};

use firmware::{Firmware, on_interrupt};
use hardware::Pins;

static PINS: Pins = Pins::new();

pub(crate) fn main() -> Result<()> {
    let firmware = Firmware::start(&PINS)?;
    for (instant, is_down) in [(1_000, true), (2_000, false), (3_000, true)] {
        PINS.press(is_down);
        on_interrupt(&PINS, instant);
        firmware.turn()?;
        println!("button {is_down:5}: outputs {:#04b}", PINS.outputs());
    }
    assert_eq!(PINS.outputs(), 0, "switched on, and off again");
    firmware.stop().map(|_| ()).ok_or(Error::Io)
}
