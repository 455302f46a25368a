//! The numbers that lines of plugged chips have in the legacy class.
//!
//! They are chosen here, and not where the class is shown: who plugs a chip in is to hear at once that a number is
//! another chip's.

use gpio_uapi::class::{FIRST_NUMBER, gap};

use super::{Chip, Origin, Plugged};
use crate::board::overlap;
use crate::control::protocol::{Code, Failure};

impl Origin {
    /// The number that was asked for.
    pub(super) fn base(&self) -> Option<u32> {
        match self {
            Origin::Board { spec, .. } => spec.base,
            Origin::Tree(_) => None,
        }
    }
}

impl Chip {
    /// Its label, the number of its first line and how many it has.
    fn numbers(&self) -> Option<(&str, u32, u32)> {
        let device = self.sim.device();
        Some((&self.at.label, device.base()?, device.ngpio()))
    }
}

impl Plugged {
    /// The number of the first line of a chip that is to be plugged in: the one that is asked for, or the first
    /// from which none is taken. `None` if there are no numbers left; the chip is then in no class.
    ///
    /// # Errors
    /// Another chip has a number of those that are asked for.
    // KERNEL: gpiolib.c gpiochip_add_data_with_key, gpiodev_add_to_list_unlocked (v6.12)
    pub(super) fn first_number(
        &self,
        wanted: Option<u32>,
        lines: u32,
    ) -> Result<Option<u32>, Failure> {
        let numbered = || self.chips.values().filter_map(Chip::numbers);
        if let Some(base) = wanted {
            return match overlap(base, lines, numbered()) {
                None => Ok(Some(base)),
                Some(problem) => Err(Failure::new(Code::BaseTaken, problem)),
            };
        }
        let mut taken: Vec<_> = numbered().map(|(_, base, lines)| (base, lines)).collect();
        taken.sort_unstable();
        Ok(gap(FIRST_NUMBER, lines, taken))
    }
}
