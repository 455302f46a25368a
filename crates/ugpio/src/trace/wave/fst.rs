//! Reads an FST that a run has written: the signals of a value change dump, and its remarks.
//!
//! What other programs write is packed in ways for which reading here would take a library in C; `fst2vcd`
//! makes dumps of such files.

use std::io::{self, Read, Seek};

use ::vcd::{IdCode, Scope, ScopeItem, ScopeType, Value, Var, VarType};
use wavefst::{FstReader, SignalValue, block};

use super::{Reader, Wave};
use crate::trace::fst::failed;

/// How such a file begins: a block of the type 0, and the length of it.
const MAGIC: [u8; 9] = [0, 0, 0, 0, 0, 0, 0, 1, 73];

/// The deepest that scopes of ours lie in each other, with room to spare.
const DEPTH_MAX: usize = 8;

/// The most bytes that one block of a file may ask for.
const BLOCK_MAX: u64 = 1 << 30;

/// Whether a file that begins so is an FST.
pub(super) fn is_fst(beginning: &[u8]) -> bool {
    beginning.starts_with(&MAGIC)
}

/// Reads one.
///
/// # Errors
/// It cannot be read, is damaged or not one of ours.
pub(super) fn read(from: impl Read + Seek) -> io::Result<Wave> {
    let fst = FstReader::builder(from).max_block_bytes(BLOCK_MAX);
    let mut fst = fst.build().map_err(not_read)?;
    let header = fst.header();
    if !header.version.starts_with("ugpio ") || header.timescale_exponent != -9 {
        return Err(foreign());
    }
    let mut end_ns = header.end_time;
    let items = declared(fst.hierarchy().ok_or_else(foreign)?)?;
    let mut reader = Reader::default();
    reader.scope("", &items, true);
    while let Some(changes) = fst.next_value_changes().map_err(not_read)? {
        let taken = changes.try_for_each_parts(|at_ns, handle, _, value| {
            end_ns = end_ns.max(at_ns);
            match value {
                SignalValue::Bit(bit) => reader.bit(at_ns, IdCode::from(handle), value_of(bit)),
                SignalValue::Bytes(bytes) => {
                    let (id, text) = (IdCode::from(handle), String::from_utf8_lossy(&bytes));
                    if reader.remarks == Some(id) {
                        // Not escaped, as in a dump: an FST has room for blanks.
                        reader.note(at_ns, text.into_owned());
                    } else {
                        reader.text(at_ns, id, text.into_owned());
                    }
                }
                _ => {}
            }
        });
        taken.map_err(not_read)?;
    }
    reader.wave.end_ns = end_ns;
    reader.wave.chips.retain(|chip| !chip.lines.is_empty());
    Ok(reader.wave)
}

fn foreign() -> io::Error {
    io::Error::other("not an FST that ugpio wrote: make a dump of it with fst2vcd")
}

fn not_read(error: wavefst::Error) -> io::Error {
    match error {
        wavefst::Error::Unsupported(_) => foreign(),
        error => match failed(error) {
            // Of the file, not of the system: it ends too early.
            error if error.kind() == io::ErrorKind::UnexpectedEof => {
                io::Error::other("not a whole FST")
            }
            error => error,
        },
    }
}

fn value_of(bit: char) -> Value {
    match bit {
        '0' => Value::V0,
        '1' => Value::V1,
        'z' => Value::Z,
        _ => Value::X,
    }
}

/// The signals of a file as a dump declares them.
fn declared(hierarchy: &block::HierarchyBlock) -> io::Result<Vec<ScopeItem>> {
    let mut open = vec![Scope::new(ScopeType::Module, String::new())];
    for item in &hierarchy.items {
        match item {
            block::HierarchyItem::ScopeBegin { scope_index } => {
                let name = hierarchy.scopes.get(*scope_index).map(|scope| &scope.name);
                let name = name.cloned().unwrap_or_default();
                open.push(Scope::new(ScopeType::Module, name));
            }
            block::HierarchyItem::ScopeEnd => {
                let ended = open.pop();
                if let (Some(ended), Some(outer)) = (ended, open.last_mut()) {
                    outer.items.push(ScopeItem::Scope(ended));
                }
            }
            block::HierarchyItem::Var { var_index } => {
                let var = hierarchy.variables.get(*var_index);
                if let Some((var, scope)) = var.zip(open.last_mut()) {
                    scope.items.push(ScopeItem::Var(signal(var)));
                }
            }
            _ => {}
        }
        if !(1..=DEPTH_MAX).contains(&open.len()) {
            return Err(io::Error::other("not a whole FST: its scopes are wrong"));
        }
    }
    Ok(open.swap_remove(0).items)
}

fn signal(var: &block::VarEntry) -> Var {
    let is_text = var.var_type == wavefst::VarType::GenString;
    let kind = if is_text {
        VarType::String
    } else {
        VarType::Wire
    };
    let size = var.length.unwrap_or(1);
    Var::new(kind, size, IdCode::from(var.handle), var.name.clone(), None)
}
