//! Makes an FST, GTKWave's own format, of a value change dump of ours.
//!
//! An FST names all its signals before the first change, but chips may come at any time. So a run writes a dump
//! beside, and the [recorder](super::record) has it made an FST when the run is over. Strings need not
//! be one word here: remarks have their blanks back.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufWriter};

use ::vcd::{Command, IdCode, Parser, ScopeItem, Value, Var, VarType};
use wavefst::{
    ChainCompression, FstWriter, GeomEntry, Header, HierarchyCompression, ScopeType, SignalValue,
    TimeCompression, VarDir,
};

use super::names;
use super::vcd::unescaped;
use super::wave::remarks_of;

/// Changes that are kept in memory before they are written.
const BLOCK_CHANGES: usize = 64 * 1024;

/// Bytes that are kept in memory before they are written.
const BLOCK_BYTES: usize = 8 * 1024 * 1024;

/// After how many changes progress is told.
const STEP: u64 = 16 * 1024;

/// Writes what a dump says, from its beginning, to a new file. `progress` is called now and then.
///
/// # Errors
/// The dump cannot be read or is not one of ours, or the file cannot be written.
pub(crate) fn write(dump: impl BufRead, to: File, progress: impl Fn()) -> io::Result<()> {
    let mut parser = Parser::new(dump);
    let header = parser.parse_header()?;
    let mut fst = Fst::new(to)?;
    for item in &header.items {
        fst.declare(item)?;
    }
    let mut scopes = header.items.iter().filter_map(|item| match item {
        ScopeItem::Scope(scope) if scope.identifier == names::REMARKS => remarks_of(scope),
        _ => None,
    });
    let remarks = scopes.next_back();
    let writer = &mut fst.writer;
    let about = Header {
        version: header.version.unwrap_or_default(),
        date: header.date.unwrap_or_default(),
        ..Header::default()
    };
    writer.write_header(about).map_err(failed)?;
    let text = |text: &str| SignalValue::Bytes(text.as_bytes().to_vec().into());
    let (mut now_ns, mut changed_ns, mut last_bit) = (0, 0, None);
    for (number, command) in (1_u64..).zip(parser) {
        if number.is_multiple_of(STEP) {
            progress();
        }
        let (id, value) = match command? {
            Command::Timestamp(at) => {
                now_ns = at;
                continue;
            }
            Command::ChangeScalar(id, value) => {
                last_bit = Some((id, value));
                (id, bit(value))
            }
            Command::ChangeString(id, word) if remarks == Some(id) => (id, text(&unescaped(&word))),
            Command::ChangeString(id, word) => (id, text(&word)),
            _ => continue,
        };
        if let Some(handle) = fst.handles.get(&id) {
            changed_ns = now_ns;
            writer.emit_change(now_ns, *handle, value).map_err(failed)?;
        }
    }
    // A recording lasts until its last change: to be one that changes nothing.
    let ends = last_bit.filter(|_| now_ns > changed_ns);
    if let Some((id, value)) = ends
        && let Some(handle) = fst.handles.get(&id)
    {
        let value = bit(value);
        writer.emit_change(now_ns, *handle, value).map_err(failed)?;
    }
    let mut to = fst.writer.finish().map_err(failed)?;
    io::Write::flush(&mut to)
}

fn bit(value: Value) -> SignalValue<'static> {
    SignalValue::Bit(match value {
        Value::V0 => '0',
        Value::V1 => '1',
        Value::X => 'x',
        Value::Z => 'z',
    })
}

/// An error of the library; of the system, if it is one.
pub(crate) fn failed(error: wavefst::Error) -> io::Error {
    match error {
        wavefst::Error::Io(error) => error,
        other => io::Error::other(other),
    }
}

/// One being written.
struct Fst {
    writer: FstWriter<BufWriter<File>>,
    handles: HashMap<IdCode, u32>,
}

impl Fst {
    fn new(to: File) -> io::Result<Fst> {
        let writer = FstWriter::builder(BufWriter::new(to))
            .timescale_exponent(-9)
            .chain_compression(ChainCompression::Lz4)
            .time_compression(TimeCompression::Raw)
            .hierarchy_compression(HierarchyCompression::Lz4)
            .block_change_limit(BLOCK_CHANGES)
            .block_size_limit(BLOCK_BYTES);
        Ok(Fst {
            writer: writer.build().map_err(failed)?,
            handles: HashMap::new(),
        })
    }

    /// Declares the signals of a scope, and those in it.
    fn declare(&mut self, item: &ScopeItem) -> io::Result<()> {
        match item {
            ScopeItem::Scope(scope) => {
                let name = scope.identifier.as_str();
                self.writer
                    .begin_scope(ScopeType::VcdModule, name, None)
                    .map_err(failed)?;
                scope.items.iter().try_for_each(|item| self.declare(item))?;
                self.writer.end_scope().map_err(failed)
            }
            ScopeItem::Var(var) => self.signal(var),
            _ => Ok(()),
        }
    }

    fn signal(&mut self, var: &Var) -> io::Result<()> {
        let (kind, shape) = match var.var_type {
            VarType::String => (wavefst::VarType::GenString, GeomEntry::Variable),
            _ => (wavefst::VarType::VcdWire, GeomEntry::Fixed(1)),
        };
        let name = var.reference.as_str();
        let handle = self
            .writer
            .add_variable(kind, VarDir::Implicit, name, shape)
            .map_err(failed)?;
        self.handles.insert(var.code, handle);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
