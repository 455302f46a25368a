//! The story at the top of the repository's README: a descriptor outlives its owner and its chip.

use gpiolib::{Chip, ChipConfig, Level, Offset};
use nvmem::{Access, Config, Error, Provider, WriteProtect};

struct Expander;

impl Chip for Expander {
    fn direction_output(&self, _: Offset, _: Level) -> gpiolib::Result<()> {
        Ok(())
    }

    fn set(&self, _: Offset, _: Level) -> gpiolib::Result<()> {
        Ok(())
    }
}

struct Eeprom;

impl Provider for Eeprom {
    fn access(&self) -> Access {
        Access::ReadWrite
    }

    fn write(&mut self, _: usize, _: &[u8]) -> nvmem::Result<()> {
        Ok(())
    }
}

#[rustfmt::skip]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    // README
    let (lines, memories) = (gpiolib::Registry::new(), nvmem::Registry::new());
    let expander = lines.register(&ChipConfig::new("expander", 8), Expander)?;
    let line = expander.device().line(Offset::new(3)).expect("it has eight");
    let wp = line.request("eeprom")?;
    let config = Config { write_protect: WriteProtect::shared(&wp), ..Config::new("eeprom", 16) };
    let eeprom = memories.register(config, Eeprom)?;          // nvmem owns a clone

    drop(wp);                                                 // the line's owner goes
    eeprom.device().write(0, b"mac")?;                        // and nvmem still lowers and raises it

    let Some(Expander) = expander.unregister() else { panic!("the driver has its very chip back") };
    let refused = eeprom.device().write(0, b"key");           // the chip was unplugged: an error, no dangling pointer
    assert_eq!(refused, Err(Error::WriteProtect(gpiolib::Error::Revoked)));
    drop(eeprom);                                             // the last handle: every count is 0, once
    // README
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_readme_shows_this_program() {
        let code = include_str!("one_line_two_owners.rs")
            .split("    // README\n")
            .nth(1);
        let code: String = code
            .expect("it has the marks")
            .lines()
            .map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or(line)))
            .collect();
        let readme = include_str!("../../../README.md");
        assert!(readme.contains(&format!("```rust\n{code}```")), "{code}");
        super::main().expect("it runs");
    }
}
