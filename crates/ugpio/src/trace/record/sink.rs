//! One trace being written, in whatever form was asked for. The recorder's thread is the only caller.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gpiolib::Timestamp;
use serde_json::json;

use super::Synced;
use super::target::{Target, TraceFile, beside};
use crate::clean;
use crate::control::protocol::{ChipState, Event, Happened};
use crate::trace::fst;
use crate::trace::vcd::VcdWriter;

/// One trace being written. After the first failure nothing more is.
#[derive(Debug)]
pub(super) struct Sink {
    form: Form,
    trouble: Option<io::Error>,
    progress: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Form {
    Vcd(PathBuf, VcdWriter<Body>),
    Fst(Fst, VcdWriter<Body>),
    Json(PathBuf, BufWriter<File>),
    Explain(PathBuf, BufWriter<File>),
    Memory(VcdWriter<Vec<u8>>),
}

/// An FST to be made of a dump.
#[derive(Debug)]
struct Fst {
    path: PathBuf,
    dump: PathBuf,
    /// How long the dump was when it was made last, and how many chips it named.
    made_of: Option<(u64, usize)>,
}

/// The part of a dump that follows its header, in the file.
#[derive(Debug)]
struct Body {
    to: BufWriter<File>,
    /// Where in the file it begins.
    begin: u64,
    /// How many chips the header before it names.
    named: usize,
}

impl Write for Body {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

impl Sink {
    pub(super) fn new(
        target: Target,
        chips: &[ChipState],
        start: Timestamp,
        progress: &Arc<AtomicU64>,
    ) -> Sink {
        let mut trouble = None;
        let form = match target {
            Target::Vcd(TraceFile { path, file }) => {
                let (writer, error) = begin(file, chips, start);
                trouble = error;
                Form::Vcd(path, writer)
            }
            Target::Fst(path, TraceFile { path: dump, file }) => {
                let (writer, error) = begin(file, chips, start);
                trouble = error;
                let made_of = None;
                let fst = Fst {
                    path,
                    dump,
                    made_of,
                };
                Form::Fst(fst, writer)
            }
            Target::Json(TraceFile { path, file }) => {
                let mut to = BufWriter::new(file);
                let first = json!({
                    "at_ns": start.monotonic_ns,
                    "kind": "start",
                    "realtime_ns": start.realtime_ns,
                    "chips": chips,
                });
                trouble = writeln!(to, "{first}").err();
                Form::Json(path, to)
            }
            Target::Explain(TraceFile { path, file }) => Form::Explain(path, BufWriter::new(file)),
            Target::Memory => Form::Memory(VcdWriter::new(Vec::new(), chips, start)),
        };
        let progress = Arc::clone(progress);
        Sink {
            form,
            trouble,
            progress,
        }
    }

    pub(super) fn event(&mut self, happened: &Happened) {
        self.attempt(|form| match form {
            Form::Vcd(_, writer) | Form::Fst(_, writer) => writer.event(happened),
            Form::Memory(writer) => writer.event(happened),
            Form::Json(_, to) => json_line(to, happened),
            // Already explained.
            Form::Explain(..) => Ok(()),
        });
    }

    /// Explains a call that was refused, at once: a person may be reading along.
    pub(super) fn explain(&mut self, happened: &Happened) {
        let Event::Failed(call) = &happened.event else {
            return;
        };
        self.attempt(|form| match form {
            Form::Explain(_, to) => writeln!(to, "ugpio: {call}").and_then(|()| to.flush()),
            _ => Ok(()),
        });
    }

    pub(super) fn plug(&mut self, at_ns: u64, chip: &ChipState) {
        self.attempt(|form| match form {
            Form::Vcd(_, writer) | Form::Fst(_, writer) => writer.plug(at_ns, chip),
            Form::Memory(writer) => writer.plug(at_ns, chip),
            Form::Json(_, to) => {
                let line = json!({ "at_ns": at_ns, "kind": "plugged", "chip": chip.name,
                    "label": chip.label, "lines": chip.lines });
                writeln!(to, "{line}")
            }
            Form::Explain(..) => Ok(()),
        });
    }

    pub(super) fn until(&mut self, at_ns: u64) {
        self.attempt(|form| match form {
            Form::Vcd(_, writer) | Form::Fst(_, writer) => writer.until(at_ns),
            Form::Memory(writer) => writer.until(at_ns),
            Form::Json(..) | Form::Explain(..) => Ok(()),
        });
    }

    pub(super) fn flush(&mut self) {
        self.attempt(|form| match form {
            Form::Vcd(_, writer) | Form::Fst(_, writer) => writer.body().flush(),
            Form::Json(_, to) | Form::Explain(_, to) => to.flush(),
            Form::Memory(_) => Ok(()),
        });
    }

    pub(super) fn sync(&mut self, synced: &mut Synced) {
        self.flush();
        let progress = Arc::clone(&self.progress);
        self.attempt(|form| match form {
            Form::Vcd(path, writer) => name_all(path, writer),
            Form::Fst(fst, writer) => fst.make(writer, &progress),
            Form::Json(..) | Form::Explain(..) | Form::Memory(_) => Ok(()),
        });
        if let Form::Memory(writer) = &mut self.form {
            let mut memory = Vec::new();
            // A vector takes everything.
            let _ = writer.head(&mut memory);
            memory.extend_from_slice(writer.body());
            synced.memory = Some(memory);
        }
        let Some(error) = &self.trouble else {
            return;
        };
        synced.trouble.push(match &self.form {
            Form::Vcd(path, _) | Form::Json(path, _) | Form::Explain(path, _) => {
                format!("{}: {}", clean::path(path), clean::reason(error))
            }
            Form::Fst(Fst { path, dump, .. }, _) => format!(
                "{}: {}; what was written down is in {}",
                clean::path(path),
                clean::reason(error),
                clean::path(dump)
            ),
            // A vector takes everything.
            Form::Memory(_) => return,
        });
    }

    fn attempt(&mut self, write: impl FnOnce(&mut Form) -> io::Result<()>) {
        if self.trouble.is_none() {
            self.trouble = write(&mut self.form).err();
        }
    }
}

fn json_line(to: &mut BufWriter<File>, happened: &Happened) -> io::Result<()> {
    serde_json::to_writer(&mut *to, happened)?;
    to.write_all(b"\n")
}

/// A dump in a file, with its header; and why not.
fn begin(
    file: File,
    chips: &[ChipState],
    start: Timestamp,
) -> (VcdWriter<Body>, Option<io::Error>) {
    let body = Body {
        to: BufWriter::new(file),
        begin: 0,
        named: chips.len(),
    };
    let mut writer = VcdWriter::new(body, chips, start);
    let mut head = Vec::new();
    let written = writer
        .head(&mut head)
        .and_then(|()| writer.body().write_all(&head));
    writer.body().begin = u64::try_from(head.len()).unwrap_or(0);
    (writer, written.err())
}

impl Fst {
    /// Makes it of the dump, if there is more in that than the last time. It is a new file until it is whole;
    /// then the dump goes, though more may still be written to it.
    fn make(&mut self, writer: &mut VcdWriter<Body>, progress: &AtomicU64) -> io::Result<()> {
        let chips = writer.chips();
        let mut head = Vec::new();
        writer.head(&mut head)?;
        let body = writer.body();
        let begin = body.begin;
        let dump = body.to.get_mut();
        let length = dump.seek(SeekFrom::End(0))?;
        if self.made_of == Some((length, chips)) {
            return Ok(());
        }
        dump.seek(SeekFrom::Start(begin))?;
        let new = beside(&self.path, ".new");
        let made = File::create(&new).and_then(|to| {
            let whole = BufReader::new(io::Cursor::new(head).chain(&*dump));
            fst::write(whole, to, || {
                progress.fetch_add(1, Ordering::Relaxed);
            })
        });
        dump.seek(SeekFrom::End(0))?;
        made.and_then(|()| fs::rename(&new, &self.path))?;
        if self.made_of.is_none() {
            fs::remove_file(&self.dump)?;
        }
        self.made_of = Some((length, chips));
        Ok(())
    }
}

fn body_is_file(writer: &mut VcdWriter<Body>) -> io::Result<bool> {
    Ok(writer.body().to.get_ref().metadata()?.is_file())
}

/// Puts a header before the body that names the chips that have come since, by way of a new file.
fn name_all(path: &Path, writer: &mut VcdWriter<Body>) -> io::Result<()> {
    if writer.chips() == writer.body().named {
        return Ok(());
    }
    if !body_is_file(writer)? {
        return Err(io::Error::other(
            "chips that came later cannot be named: not a file",
        ));
    }
    let beside = beside(path, ".part");
    let mut head = Vec::new();
    writer.head(&mut head)?;
    let mut new = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&beside)?;
    new.write_all(&head)?;
    let named = writer.chips();
    let body = writer.body();
    let old = body.to.get_mut();
    old.seek(SeekFrom::Start(body.begin))?;
    io::copy(&mut old.take(u64::MAX), &mut new)?;
    fs::rename(&beside, path)?;
    *body = Body {
        to: BufWriter::new(new),
        begin: u64::try_from(head.len()).unwrap_or(0),
        named,
    };
    Ok(())
}
