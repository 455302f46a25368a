//! The text of `/sys/kernel/debug/gpio`: every chip with its lines.
//!
//! [`List`] is the file. A simulated chip lists all of its lines, with what drives them from outside, as gpio-sim
//! does.
// KERNEL: gpiolib.c gpiolib_seq_show, gpio-sim.c gpio_sim_dbg_show (v6.12)

use core::fmt::{self, Write as _};
use std::sync::Arc;

use gpiolib::{Device, Direction, Line};
use rustix::io::Errno;

use super::ClassDir;
use crate::attributes::AttributeFile;
use crate::shadow::sim::{LineAt, SimAttribute};
use crate::tree::Mounted;

/// Where the file is.
pub(crate) const PATH: &str = "/sys/kernel/debug/gpio";

/// The file.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) class: Arc<ClassDir>,
    /// Where the files of simulated lines are, if there are any.
    pub(crate) lines: Option<Arc<Mounted>>,
}

impl AttributeFile for List {
    fn mode(&self) -> u32 {
        0o444
    }

    fn show(&self) -> Result<Vec<u8>, Errno> {
        let text = text(&self.class.chips(), self.lines.as_deref());
        Ok(text.into_bytes())
    }

    fn store(&self, _: u64, _: &[u8]) -> Result<usize, Errno> {
        Err(Errno::INVAL)
    }
}

/// The chips by the numbers of their first lines.
fn text(chips: &[(u32, Device)], tree: Option<&Mounted>) -> String {
    let mut text = String::new();
    for (at, (base, device)) in chips.iter().enumerate() {
        if at > 0 {
            text.push('\n');
        }
        // Writing to a string never fails.
        let _ = header(&mut text, *base, device);
        for (number, line) in (*base..).zip(device.lines()) {
            let _ = row(&mut text, number, &line, tree);
        }
    }
    text
}

fn header(text: &mut String, base: u32, device: &Device) -> fmt::Result {
    let last = base + device.ngpio() - 1;
    write!(text, "{}: GPIOs {base}-{last}", device.name())?;
    if let Some(parent) = device.parent().filter(|parent| parent.contains('/')) {
        write!(text, ", parent: {parent}")?;
    }
    write!(text, ", {}", device.label())?;
    if device.can_sleep() {
        text.push_str(", can sleep");
    }
    text.push_str(":\n");
    Ok(())
}

fn row(text: &mut String, number: u32, line: &Line, tree: Option<&Mounted>) -> fmt::Result {
    let info = line.info();
    let at = LineAt {
        chip: line.device().id(),
        offset: line.offset().get(),
    };
    let show = |file| String::from_utf8(tree?.show_line(at, file).ok()?).ok();
    let (Some(pull), Some(value)) = (show(SimAttribute::Pull), show(SimAttribute::Value)) else {
        // DIFFERS: a chip that is not simulated shows none of its lines.
        return Ok(());
    };
    let consumer = info.consumer.map(|label| label.to_string());
    let consumer = consumer.as_deref().unwrap_or("<unused>");
    let state = match (info.config.direction, value.trim_end()) {
        (Some(Direction::Output), "1") => "output-high",
        (Some(Direction::Output), _) => "output-low",
        _ => "input",
    };
    writeln!(
        text,
        " gpio-{number:<3} ({consumer}) {state},{}",
        pull.trim_end()
    )
}
