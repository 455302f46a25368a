//! A seven-segment display: shows the digit that its segments make.

use alloc::boxed::Box;
use alloc::string::String;

use gpiolib::Level;

use super::{Io, Mistake, Part, PartKind, Settings};

pub(super) const KIND: PartKind = PartKind {
    name: "seven-segment",
    pins: &["a", "b", "c", "d", "e", "f", "g", "dp"],
    required: &[],
    keys: &["active"],
    make: |settings| Ok(Box::new(SevenSegment::new(settings)?)),
};

const SEGMENTS: usize = 7;
const POINT: u8 = 1 << SEGMENTS;

/// What people read in the segments, bit 0 for `a`.
const GLYPHS: [(u8, char); 18] = [
    (0x3f, '0'),
    (0x06, '1'),
    (0x5b, '2'),
    (0x4f, '3'),
    (0x66, '4'),
    (0x6d, '5'),
    (0x7d, '6'),
    (0x07, '7'),
    (0x7f, '8'),
    (0x6f, '9'),
    (0x77, 'A'),
    (0x7c, 'b'),
    (0x39, 'C'),
    (0x5e, 'd'),
    (0x79, 'E'),
    (0x71, 'F'),
    (0x40, '-'),
    (0x00, ' '),
];

/// Segments that are lit at one level.
#[derive(Debug)]
struct SevenSegment {
    active: Level,
    lit: u8,
}

impl SevenSegment {
    fn new(settings: &Settings) -> Result<SevenSegment, Mistake> {
        let active = settings.level("active", Level::High)?;
        Ok(SevenSegment { active, lit: 0 })
    }
}

impl Part for SevenSegment {
    fn pins(&self) -> &'static [&'static str] {
        KIND.pins
    }

    fn react(&mut self, io: &mut Io<'_>) {
        let is_lit = |pin| u8::from(io.level(pin) == self.active);
        self.lit = (0..=SEGMENTS).fold(0, |lit, pin| lit | is_lit(pin) << pin);
    }

    /// The digit, or the names of the segments that are lit if they make none.
    fn state(&self) -> String {
        let lit = self.lit & !POINT;
        let glyph = GLYPHS.iter().find(|(segments, _)| *segments == lit);
        let mut text = match glyph {
            Some((_, glyph)) => String::from(*glyph),
            None => {
                let names = KIND.pins.iter().take(SEGMENTS).enumerate();
                names
                    .filter(|(pin, _)| lit >> pin & 1 == 1)
                    .map(|(_, name)| *name)
                    .collect()
            }
        };
        if self.lit & POINT != 0 {
            text.push('.');
        }
        text
    }
}
