//! Core, simulator and uAPI engine on nothing but `core` and `alloc`.
//!
//! A static library with a panic handler and an allocator of its own: if anything below links std,
//! rustc finds two panic handlers (E0152) and refuses. [`ugpio_probe`] tells the life of a line, so
//! that the code is not only there but runs; `main.c` calls it. `scripts/no_std` does all of it.

#![no_std]

extern crate alloc;

mod expander;
#[path = "../../../crates/gpiolib/examples/no_std/firmware.rs"]
mod firmware;
#[path = "../../../crates/gpiolib/examples/no_std/hardware.rs"]
mod hardware;
mod interrupt;

use alloc::boxed::Box;
use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicUsize, Ordering};

use gpio_sim::Bank;
use gpio_uapi::abi::{IntoBytes, common::ChipInfo, ioctl};
use gpio_uapi::{Caller, File, MemoryFault, MemoryRecords, Outcome, Records};
use gpiolib::{
    Consumer, Edges, Errno, Error, Initial, Level, Lookup, LookupTable, Module, Offset, Registry,
    Result, Timestamp, Value,
};

/// Memory that is given out once and never taken back.
struct Arena {
    bytes: UnsafeCell<[u8; Arena::SIZE]>,
    used: AtomicUsize,
}

impl Arena {
    const SIZE: usize = 1 << 20;
}

// SAFETY: each byte is given to one allocation only, by the atomic in `alloc`.
unsafe impl Sync for Arena {}

// SAFETY: a block starts at a multiple of its alignment, lies inside the arena and overlaps no
// other, since `used` only grows; what does not fit is refused.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let base = self.bytes.get().cast::<u8>();
        let place = |used: usize| {
            let start = (base.addr() + used).next_multiple_of(layout.align()) - base.addr();
            let end = start.checked_add(layout.size())?;
            (end <= Self::SIZE).then_some((start, end))
        };
        let taken = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                place(used).map(|(_, end)| end)
            });
        match taken.ok().and_then(place) {
            Some((start, _)) => base.wrapping_add(start),
            None => core::ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ARENA: Arena = Arena {
    bytes: UnsafeCell::new([0; Arena::SIZE]),
    used: AtomicUsize::new(0),
};

unsafe extern "C" {
    /// Of whoever links this: ends the program.
    safe fn abort() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    abort()
}

/// A program with one structure of memory and no room for further files.
struct Program(ChipInfo);

impl Caller for Program {
    fn copy_in(&mut self, _: u64, _: &mut [u8]) -> core::result::Result<(), MemoryFault> {
        Err(MemoryFault)
    }

    fn copy_out(&mut self, _: u64, data: &[u8]) -> core::result::Result<(), MemoryFault> {
        let memory = self.0.as_mut_bytes().get_mut(..data.len());
        memory.ok_or(MemoryFault)?.copy_from_slice(data);
        Ok(())
    }

    fn records(&mut self) -> Box<dyn Records> {
        Box::new(MemoryRecords::new())
    }

    fn reserve_fd(&mut self) -> core::result::Result<i32, Errno> {
        Err(Errno::EMFILE)
    }

    fn install_fd(&mut self, _: i32, _: File) {}
}

/// The life of a line: 0 if it went as it should, otherwise the step that did not.
// SAFETY: the name is the library's only one of its own, and no other defines it.
#[unsafe(no_mangle)]
pub extern "C" fn ugpio_probe() -> i32 {
    match story() {
        Ok(step) => step,
        Err(_) => -1,
    }
}

fn story() -> Result<i32> {
    let registry = Registry::new();
    let (led, button) = (Offset::new(2), Offset::new(3));
    registry.add_lookup(LookupTable::new(
        "panel",
        alloc::vec![Lookup::line("LED").con_id("led")],
    ));
    let panel = Consumer::new(&registry, "panel");
    if panel.get("led", Initial::OutputActive).err() != Some(Error::ProbeDefer) {
        return Ok(1);
    }
    let sim = Bank::new(8)
        .label("demo")
        .name(led, "LED")
        .register(&registry)?;
    let held = panel.get("led", Initial::OutputActive)?;
    if sim.level(led)? != Level::High || held.clone().value()? != Value::Active {
        return Ok(2);
    }
    let line = sim.device().line(button).ok_or(Error::NotFound)?;
    let press = line.request("press")?;
    press.direction_input()?;
    let edges = press.subscribe(Edges::BOTH, 16)?;
    sim.set_pull(button, Level::High, Timestamp::at(7))?;
    if edges.pop().is_none_or(|edge| edge.timestamp_ns != 7) {
        return Ok(3);
    }
    let file = File::open(sim.device(), Box::new(MemoryRecords::new())).map_err(Error::Driver)?;
    let mut program = Program(ChipInfo::default());
    let outcome = file.ioctl(ioctl::GPIO_GET_CHIPINFO, 0, &mut program, Timestamp::at(8));
    if outcome != Outcome::Done(0) || program.0.lines != 8 {
        return Ok(4);
    }
    sim.unplug();
    if held.set_value(Value::Inactive) != Err(Error::Revoked) {
        return Ok(5);
    }
    if Module::new("probe").try_unload().is_err() {
        return Ok(6);
    }
    let ram = nvmem::Registry::new()
        .register(nvmem::Config::new("ram", 4), Cells([0; 4]))
        .map_err(|_| Error::Io)?;
    if ram.device().write(1, &[7]).is_err() || ram.unregister().is_none_or(|ram| ram.0[1] != 7) {
        return Ok(7);
    }
    if !lamp()? {
        return Ok(8);
    }
    if !expander::story(&registry)? {
        return Ok(9);
    }
    interrupt::story(&registry)
}

/// The example of gpiolib: two presses switch its lamp on and off.
fn lamp() -> Result<bool> {
    static PINS: hardware::Pins = hardware::Pins::new();
    let firmware = firmware::Firmware::start(&PINS)?;
    for (is_down, outputs) in [(true, 1), (false, 1), (true, 0)] {
        PINS.press(is_down);
        firmware::on_interrupt(&PINS, 1);
        firmware.turn()?;
        if PINS.outputs() != outputs {
            return Ok(false);
        }
    }
    Ok(firmware.stop().is_some())
}

/// A memory.
struct Cells([u8; 4]);

impl nvmem::Provider for Cells {
    fn access(&self) -> nvmem::Access {
        nvmem::Access::ReadWrite
    }

    fn write(&mut self, offset: usize, data: &[u8]) -> nvmem::Result<()> {
        let cells = self.0.get_mut(offset..offset + data.len());
        cells.ok_or(nvmem::Error::Io)?.copy_from_slice(data);
        Ok(())
    }
}
