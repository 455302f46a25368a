//! Reads an FST: those that a run has written, and others as far as they are packed alike.
//!
//! What GTKWave's tools write is packed with zlib, for which reading here would take a library in C; `fst2vcd`
//! makes dumps of such files.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

use wavefst::{FstReader, SignalValue, block};

use super::Wave;
use super::build::Builder;
use crate::trace::dump::{Bit, Declared, End, Listener as _, Problem, Unit};

/// How such a file begins: a block of the type 0, and the length of it.
const MAGIC: [u8; 9] = [0, 0, 0, 0, 0, 0, 0, 1, 73];

/// The tag of a block that ends the file, and that of names which LZ4 has packed twice.
const SKIP: u8 = 255;
const TWICE_PACKED_NAMES: u8 = 7;

/// The least bytes of a block of such names: tag, length, length of the names, and a byte of the first stage's length.
const TWICE_PACKED_MIN: u64 = 1 + 8 + 8 + 1;

/// The most bytes that one block of a file may ask for.
const BLOCK_MAX: u64 = 1 << 30;

/// The most signals of one file.
const HANDLES_MAX: u64 = 1 << 24;

/// Whether a file that begins so is an FST.
pub(super) fn is_fst(beginning: &[u8]) -> bool {
    beginning.starts_with(&MAGIC)
}

/// Reads one.
///
/// # Errors
/// It cannot be read, is damaged, or packed in a way that takes another program.
pub(super) fn read(mut from: impl Read + Seek) -> Result<Wave, Problem> {
    if has_endless_names(&mut from)? {
        let text = "a damaged FST: its names are longer than it can hold";
        return Err(Problem::whole(text));
    }
    from.seek(SeekFrom::Start(0))?;
    let (from, place) = Placed::new(from);
    parse(from).map_err(|error| match error {
        wavefst::Error::Unsupported(_) => Problem::whole(
            "an FST that is packed with zlib or FastLZ: make a dump of it with fst2vcd",
        ),
        wavefst::Error::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => error.into(),
        error => Problem::whole(format!(
            "a damaged FST, before byte {}: {}",
            place.get(),
            crate::clean::clean(&said(error))
        )),
    })
}

fn said(error: wavefst::Error) -> String {
    match error {
        wavefst::Error::Io(_) => "it ends too early".to_owned(),
        wavefst::Error::InvalidData(text) | wavefst::Error::Decode(text) => text,
        other => other.to_string(),
    }
}

fn parse(mut from: impl Read + Seek) -> wavefst::Result<Wave> {
    let wrong = wavefst::Error::Decode;
    // The library would unpack a file that is packed as a whole, and believe its length.
    let mut beginning = [0; MAGIC.len()];
    from.read_exact(&mut beginning)?;
    if !is_fst(&beginning) {
        return Err(wrong("it does not begin as one".to_owned()));
    }
    // No block is longer than its file.
    let length = from.seek(SeekFrom::End(0))?;
    let unpacked_max = unpacked_max(length);
    let builder = FstReader::builder(from);
    let builder = builder
        .max_block_bytes(BLOCK_MAX.min(length))
        .max_decompressed_bytes(unpacked_max)
        .max_handles(HANDLES_MAX.min(unpacked_max));
    let mut fst = builder.build()?;
    let mut builder = Builder::new(false);
    let header = fst.header();
    builder.version(&header.version);
    let unit = Unit::new(1, header.timescale_exponent.into());
    let unit = unit.ok_or_else(|| wrong("its unit of time is none".to_owned()))?;
    let mut last = header.end_time;
    let hierarchy = fst.hierarchy();
    let hierarchy = hierarchy.ok_or_else(|| wavefst::Error::Unsupported(String::new()))?;
    declare(hierarchy, &mut builder).map_err(wrong)?;
    let mut now = 0;
    while let Some(changes) = fst.next_value_changes()? {
        let mut problem = Ok(());
        changes.try_for_each_parts(|at, handle, _, value| {
            if problem.is_err() {
                return;
            }
            if at < now {
                problem = Err(format!("time goes back from {now} to {at}"));
                return;
            }
            now = at;
            last = last.max(at);
            problem = match value {
                SignalValue::Bit(bit) => builder.bit(at, handle, bit_of(bit)),
                SignalValue::PackedBits { width, bits } => {
                    let is_high =
                        (width == 1).then(|| bits.first().is_some_and(|byte| byte >> 7 == 1));
                    let bit = if is_high == Some(true) {
                        Bit::High
                    } else {
                        Bit::Low
                    };
                    is_high.map_or(Ok(()), |_| builder.bit(at, handle, bit))
                }
                SignalValue::Bytes(bytes) => {
                    builder.text(at, handle, &String::from_utf8_lossy(&bytes))
                }
                SignalValue::Vector(_) | SignalValue::Real(_) => Ok(()),
            };
        })?;
        problem.map_err(wrong)?;
    }
    let hints = Vec::new();
    Ok(builder.finish(End { unit, last, hints }))
}

/// Whether a file says of names that are packed twice that their first unpacking is longer than the file can hold: the
/// library would allocate that many bytes.
fn has_endless_names(from: &mut (impl Read + Seek)) -> io::Result<bool> {
    let length = from.seek(SeekFrom::End(0))?;
    let mut at = 0_u64;
    // A tag, and the length of the rest with its own eight bytes; the reader finds what is wrong with those.
    while at.saturating_add(TWICE_PACKED_MIN) <= length {
        from.seek(SeekFrom::Start(at))?;
        let mut tag = [0];
        let mut number = [0; 8];
        from.read_exact(&mut tag)?;
        from.read_exact(&mut number)?;
        if tag[0] == SKIP {
            break;
        }
        if tag[0] == TWICE_PACKED_NAMES && read_stage(from)? > unpacked_max(length) {
            return Ok(true);
        }
        let rest = u64::from_be_bytes(number).max(8);
        at = at.saturating_add(rest).saturating_add(1);
    }
    Ok(false)
}

/// The most bytes that a file of this length can hold: LZ4 makes a byte of no more than 255.
fn unpacked_max(length: u64) -> u64 {
    BLOCK_MAX.min(length.saturating_mul(256))
}

/// The length of the first stage, behind that of the whole: seven bits a byte, the lowest first.
fn read_stage(from: &mut (impl Read + Seek)) -> io::Result<u64> {
    from.seek(SeekFrom::Current(8))?;
    let mut length = 0_u64;
    for shift in (0..u64::BITS).step_by(7) {
        let mut byte = [0];
        if from.read(&mut byte)? == 0 {
            break;
        }
        let bits = u64::from(byte[0] & 0x7f);
        if bits << shift >> shift != bits {
            return Ok(u64::MAX);
        }
        length |= bits << shift;
        if byte[0] & 0x80 == 0 {
            break;
        }
    }
    Ok(length)
}

fn bit_of(bit: char) -> Bit {
    u8::try_from(bit)
        .ok()
        .and_then(Bit::of)
        .unwrap_or(Bit::Unknown)
}

/// Tells the signals of a file as a dump declares them.
fn declare(hierarchy: &block::HierarchyBlock, to: &mut Builder) -> Result<(), String> {
    for item in &hierarchy.items {
        match item {
            block::HierarchyItem::ScopeBegin { scope_index } => {
                let scope = hierarchy.scopes.get(*scope_index);
                to.open(scope.map_or("", |scope| &scope.name))?;
            }
            block::HierarchyItem::ScopeEnd => to.close()?,
            block::HierarchyItem::Var { var_index } => {
                if let Some(var) = hierarchy.variables.get(*var_index) {
                    to.signal(var.handle, &declared(var)?)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn declared(var: &block::VarEntry) -> Result<Declared, String> {
    use wavefst::VarType;
    let kind = match var.var_type {
        VarType::GenString => "string",
        VarType::VcdReal
        | VarType::VcdRealParameter
        | VarType::VcdRealtime
        | VarType::SvShortReal => "real",
        _ => "wire",
    };
    // A name has its index behind it, as in a dump.
    let size = var.length.unwrap_or(1).to_string();
    let words = [kind, &size, &var.handle.to_string()].map(str::to_owned);
    let name = var.name.split_ascii_whitespace().map(str::to_owned);
    Declared::of(&words.into_iter().chain(name).collect::<Vec<_>>())
}

/// A file that remembers how far it was read.
struct Placed<R> {
    from: R,
    here: u64,
    furthest: Rc<Cell<u64>>,
}

impl<R> Placed<R> {
    fn new(from: R) -> (Placed<R>, Rc<Cell<u64>>) {
        let furthest = Rc::new(Cell::new(0));
        let placed = Placed {
            from,
            here: 0,
            furthest: Rc::clone(&furthest),
        };
        (placed, furthest)
    }
}

impl<R: Read> Read for Placed<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(to)?;
        self.here = self.here.saturating_add(count as u64);
        self.furthest.set(self.furthest.get().max(self.here));
        Ok(count)
    }
}

impl<R: Seek> Seek for Placed<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.here = self.from.seek(to)?;
        Ok(self.here)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn names_longer_than_their_file_are_refused_before_room_is_made_for_them() {
        let file = include_bytes!("stage.fst");
        let problem = read(Cursor::new(file)).expect_err("its stage has 2^63 bytes or more");
        assert!(problem.to_string().contains("longer than it can hold"));
        for end in 0..file.len() {
            let problem = read(Cursor::new(&file[..end]));
            assert!(problem.is_err(), "the first {end} bytes");
        }
    }
}
