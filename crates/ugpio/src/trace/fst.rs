//! Makes an FST, GTKWave's own format, of a value change dump of ours.
//!
//! An FST names all its signals before the first change, but chips may come at any time. So a run writes a dump
//! beside, and the [recorder](super::record) has it made an FST when the run is over. Strings need not
//! be one word here: remarks have their blanks back.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufWriter};

use wavefst::{
    ChainCompression, FstWriter, GeomEntry, Header, HierarchyCompression, ScopeType, SignalValue,
    TimeCompression, VarDir,
};

use super::dump::{Bit, Declared, Listener, Parser, Problem};
use super::names;

/// Changes that are kept in memory before they are written.
const BLOCK_CHANGES: usize = 64 * 1024;

/// Bytes that are kept in memory before they are written.
const BLOCK_BYTES: usize = 8 * 1024 * 1024;

/// The number of changes between two progress messages.
const STEP: u64 = 16 * 1024;

/// Writes what a dump says, from its beginning, to a new file. `progress` is called now and then.
///
/// # Errors
/// The dump cannot be read or is not one of ours, or the file cannot be written.
pub(crate) fn write(dump: impl BufRead, to: File, progress: impl Fn()) -> io::Result<()> {
    let mut fst = Fst::new(to, progress)?;
    let read = Parser::new(dump).read(&mut fst);
    // Why the file cannot be written says more than that the rest was not read.
    if let Some(error) = fst.trouble {
        return Err(error);
    }
    let end = read.map_err(|problem: Problem| io::Error::other(problem.to_string()))?;
    fst.begin_changes()?;
    // A recording lasts until its last change: to be one that changes nothing.
    let ends = fst.last_bit.filter(|_| end.last > fst.changed);
    if let Some((handle, bit)) = ends {
        let value = value(bit);
        fst.writer
            .emit_change(end.last, handle, value)
            .map_err(failed)?;
    }
    let mut to = fst.writer.finish().map_err(failed)?;
    io::Write::flush(&mut to)
}

fn value(bit: Bit) -> SignalValue<'static> {
    SignalValue::Bit(match bit {
        Bit::Low => '0',
        Bit::High => '1',
        Bit::Unknown => 'x',
    })
}

/// An error of the library; of the system, if it is one.
fn failed(error: wavefst::Error) -> io::Error {
    match error {
        wavefst::Error::Io(error) => error,
        other => io::Error::other(other),
    }
}

/// One being written.
struct Fst<P> {
    writer: FstWriter<BufWriter<File>>,
    about: Option<Header>,
    handles: HashMap<u32, u32>,
    /// How many scopes are open, and whether the innermost is that of the remarks.
    depth: usize,
    is_in_remarks: bool,
    remarks: Option<u32>,
    changed: u64,
    last_bit: Option<(u32, Bit)>,
    changes: u64,
    progress: P,
    /// Why it cannot be written.
    trouble: Option<io::Error>,
}

impl<P: Fn()> Fst<P> {
    fn new(to: File, progress: P) -> io::Result<Fst<P>> {
        let writer = FstWriter::builder(BufWriter::new(to))
            .timescale_exponent(-9)
            .chain_compression(ChainCompression::Lz4)
            .time_compression(TimeCompression::Raw)
            .hierarchy_compression(HierarchyCompression::Lz4)
            .block_change_limit(BLOCK_CHANGES)
            .block_size_limit(BLOCK_BYTES);
        Ok(Fst {
            writer: writer.build().map_err(failed)?,
            about: Some(Header::default()),
            handles: HashMap::new(),
            depth: 0,
            is_in_remarks: false,
            remarks: None,
            changed: 0,
            last_bit: None,
            changes: 0,
            progress,
            trouble: None,
        })
    }

    /// Writes what stands before the changes, if that was not done.
    fn begin_changes(&mut self) -> io::Result<()> {
        match self.about.take() {
            Some(about) => self.writer.write_header(about).map_err(failed),
            None => Ok(()),
        }
    }

    /// Keeps an error of the file, and ends the reading.
    fn attempt(&mut self, write: impl FnOnce(&mut Self) -> io::Result<()>) -> Result<(), String> {
        write(self).map_err(|error| {
            let text = error.to_string();
            self.trouble = Some(error);
            text
        })
    }

    fn emit(&mut self, at: u64, handle: u32, value: SignalValue<'_>) -> Result<(), String> {
        self.changes += 1;
        if self.changes.is_multiple_of(STEP) {
            (self.progress)();
        }
        self.changed = at;
        self.attempt(|fst| {
            fst.begin_changes()?;
            fst.writer.emit_change(at, handle, value).map_err(failed)
        })
    }
}

impl<P: Fn()> Listener for Fst<P> {
    fn version(&mut self, text: &str) {
        if let Some(about) = &mut self.about {
            about.version = text.to_owned();
        }
    }

    fn date(&mut self, text: &str) {
        if let Some(about) = &mut self.about {
            about.date = text.to_owned();
        }
    }

    fn open(&mut self, name: &str) -> Result<(), String> {
        self.is_in_remarks = self.depth == 0 && name == names::REMARKS;
        self.depth += 1;
        let kind = ScopeType::VcdModule;
        self.attempt(|fst| {
            let begun = fst.writer.begin_scope(kind, name, None);
            begun.map(drop).map_err(failed)
        })
    }

    fn close(&mut self) -> Result<(), String> {
        self.is_in_remarks = false;
        let Some(depth) = self.depth.checked_sub(1) else {
            return Ok(());
        };
        self.depth = depth;
        self.attempt(|fst| fst.writer.end_scope().map_err(failed))
    }

    fn signal(&mut self, var: u32, declared: &Declared) -> Result<(), String> {
        let is_text = declared.kind == "string";
        if self.is_in_remarks && is_text && declared.name == names::TEXT {
            self.remarks = Some(var);
        }
        let (kind, shape) = match is_text {
            true => (wavefst::VarType::GenString, GeomEntry::Variable),
            false => (wavefst::VarType::VcdWire, GeomEntry::Fixed(1)),
        };
        self.attempt(|fst| {
            let name = &declared.name;
            let handle = fst.writer.add_variable(kind, VarDir::Implicit, name, shape);
            fst.handles.insert(var, handle.map_err(failed)?);
            Ok(())
        })
    }

    fn bit(&mut self, at: u64, var: u32, bit: Bit) -> Result<(), String> {
        let Some(handle) = self.handles.get(&var).copied() else {
            return Ok(());
        };
        self.last_bit = Some((handle, bit));
        self.emit(at, handle, value(bit))
    }

    fn text(&mut self, at: u64, var: u32, text: &str) -> Result<(), String> {
        let Some(handle) = self.handles.get(&var).copied() else {
            return Ok(());
        };
        let text = match self.remarks == Some(var) {
            true => names::unescaped(text),
            false => text.to_owned(),
        };
        self.emit(at, handle, SignalValue::Bytes(text.into_bytes().into()))
    }
}

#[cfg(test)]
mod tests;
