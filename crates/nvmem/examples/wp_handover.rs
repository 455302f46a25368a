//! The write-protect line of March 2020, replayed: one line, two owners, and a chip that goes.
//!
//! `cargo run -p nvmem --example wp_handover`
//!
//! In the kernels of that time an EEPROM driver got its write-protect line by a managed get and
//! handed it to nvmem, which put it too: once too often, or it was used after its owner had left.
//! Here the driver hands a *clone* to nvmem. `docs/wp-handover.md` tells the story step by step.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use gpiolib::{
    Chip, ChipConfig, Consumer, Device, Initial, Level, Lookup, LookupTable, Module, Offset,
    Registry, Scope,
};
use nvmem::{Access, Config, Provider, WriteProtect};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// What is soldered: the level of the line, and how often the driver was asked for it.
#[derive(Default)]
struct Board {
    level: AtomicBool,
    requests: AtomicUsize,
    frees: AtomicUsize,
}

/// An expander; line 3 goes to the EEPROM's WP pin.
struct Expander(Arc<Board>);

impl Chip for Expander {
    fn request(&self, _: Offset) -> gpiolib::Result<()> {
        self.0.requests.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn free(&self, _: Offset) {
        self.0.frees.fetch_add(1, Ordering::SeqCst);
    }

    fn direction_output(&self, offset: Offset, level: Level) -> gpiolib::Result<()> {
        self.set(offset, level)
    }

    fn set(&self, _: Offset, level: Level) -> gpiolib::Result<()> {
        self.0.level.store(level.is_high(), Ordering::SeqCst);
        Ok(())
    }
}

/// The EEPROM: keeps nothing while its pin is high.
struct Eeprom(Arc<Board>, [u8; 16]);

impl Provider for Eeprom {
    fn access(&self) -> Access {
        Access::ReadWrite
    }

    fn read(&mut self, offset: usize, data: &mut [u8]) -> nvmem::Result<()> {
        data.copy_from_slice(&self.1[offset..offset + data.len()]);
        Ok(())
    }

    fn write(&mut self, offset: usize, data: &[u8]) -> nvmem::Result<()> {
        if !self.0.level.load(Ordering::SeqCst) {
            self.1[offset..offset + data.len()].copy_from_slice(data);
        }
        Ok(())
    }
}

/// Whoever plays, so that each step can print every count.
struct Stage {
    board: Arc<Board>,
    lines: Registry,
    memories: nvmem::Registry,
    module: Module,
    device: Device,
    step: u32,
}

impl Stage {
    /// Prints what was done, and all counts.
    fn show(&mut self, what: &str) {
        self.step += 1;
        let line = self.device.line(Offset::new(3)).map(|line| line.info());
        let consumer = line.and_then(|info| info.consumer);
        let memory = self.memories.device("eeprom").ok();
        let handles = memory.and_then(|memory| memory.write_protect_handles());
        println!("{}. {what}", self.step);
        println!(
            "     line: requested by {}, handles of the memory's request {}",
            consumer.map_or("nobody".into(), |label| label.to_string()),
            handles.map_or("-".into(), |handles| handles.to_string()),
        );
        println!(
            "     chip: {}, device holders {}, module lines out {}, driver requests {} frees {}",
            if self.device.is_gone() {
                "gone"
            } else {
                "there"
            },
            self.device.holders(),
            self.module.lines_out(),
            self.board.requests.load(Ordering::SeqCst),
            self.board.frees.load(Ordering::SeqCst),
        );
    }

    /// Writes through whatever memory is registered, and says how it went.
    fn write(&self, text: &[u8; 5]) -> Outcome {
        let memory = self.memories.device("eeprom")?;
        match memory.write(0, text) {
            Ok(()) => {
                let mut found = [0; 5];
                memory.read(0, &mut found)?;
                let found = String::from_utf8_lossy(&found).into_owned();
                println!(
                    "     write {:?}: reads {found:?}",
                    String::from_utf8_lossy(text)
                );
            }
            Err(error) => println!(
                "     write {:?}: {error} ({:?})",
                String::from_utf8_lossy(text),
                error.errno()
            ),
        }
        Ok(())
    }
}

/// The driver of the expander, bound: its chip is managed.
fn plug(board: &Arc<Board>, lines: &Registry, module: &Module) -> Outcome<(Scope, Device)> {
    let mut provider = Scope::new(Consumer::new(lines, "expander")).with_module(module.clone());
    let chip = Expander(Arc::clone(board));
    let device = provider.register(&ChipConfig::new("expander", 8), chip)?;
    Ok((provider, device))
}

/// The driver of the EEPROM, bound: gets its line, managed, and hands a clone to nvmem.
fn probe(stage: &Stage) -> Outcome<(Scope, nvmem::Registration<Eeprom>)> {
    let mut consumer = Scope::new(Consumer::new(&stage.lines, "eeprom"));
    let wp = consumer.get_managed("wp", Initial::OutputActive)?;
    let config = Config {
        write_protect: WriteProtect::shared(&wp),
        ..Config::new("eeprom", 16)
    };
    let eeprom = Eeprom(Arc::clone(&stage.board), [0xff; 16]);
    let memory = stage.memories.register(config, eeprom)?;
    Ok((consumer, memory))
}

fn main() -> Outcome {
    let board = Arc::<Board>::default();
    let lines = Registry::new();
    let entry = Lookup::chip("expander", Offset::new(3)).con_id("wp");
    lines.add_lookup(LookupTable::new("eeprom", vec![entry]));
    let module = Module::new("expander");

    let (provider, device) = plug(&board, &lines, &module)?;
    let mut stage = Stage {
        board: Arc::clone(&board),
        lines: lines.clone(),
        memories: nvmem::Registry::new(),
        module: module.clone(),
        device,
        step: 0,
    };
    stage.show("The expander's driver is bound; its chip is there.");

    let (mut consumer, memory) = probe(&stage)?;
    stage.show("The EEPROM's driver got its line and handed a clone to nvmem.");
    let second = consumer.get_managed("wp", Initial::OutputActive).err();
    println!("     a second get of the line: {second:?}");
    stage.write(b"hello")?;

    consumer.release_all();
    stage.show("The EEPROM's driver is detached; nvmem keeps its own reference.");
    stage.write(b"again")?;
    println!(
        "     unload the expander's module: {:?}",
        module.try_unload()
    );

    drop(provider);
    stage.show("The expander is unplugged; nobody was asked.");
    stage.write(b"never")?;

    let (provider, device) = plug(&board, &lines, &module)?;
    stage.show("The expander returns; the old reference stays numb.");
    println!(
        "     the new chip is {}, the dead one is still {}",
        device.name(),
        stage.device.name()
    );
    stage.write(b"never")?;

    drop(memory);
    stage.show("The memory is unregistered: the last reference to the dead line goes.");
    stage.device = device;
    let (consumer, memory) = probe(&stage)?;
    stage.show("The EEPROM's driver is bound again, on the new chip.");
    stage.write(b"fresh")?;

    drop((consumer, memory, provider));
    stage.show("Everybody left.");
    println!(
        "     unload the expander's module: {:?}",
        module.try_unload()
    );
    Ok(())
}
