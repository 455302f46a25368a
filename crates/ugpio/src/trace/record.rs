//! Takes down what happens on the board of a run, without ever holding it up.
//!
//! The server [taps](Recorder::tap) every event it hands on; a thread of its own writes them. Between
//! the two is a queue of fixed length: when the disk is too slow, events are left out, counted, and the
//! count stands in the trace where they are missing. `run` makes a [`Recorder`] and tells it to
//! [`Recorder::sync`] before the front may end.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use gpiolib::Timestamp;
use serde_json::json;

use super::vcd::VcdWriter;
use crate::control::protocol::{ChipState, Event, Happened};

/// Events that wait for the writing thread before some are left out: some 20 MB at the most.
const QUEUE: usize = 64 * 1024;

/// How long what was written may stay in memory while nothing happens.
const IDLE: Duration = Duration::from_millis(100);

/// How long the end of a run waits for the disk.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a trace goes.
#[derive(Debug)]
pub(crate) enum Target {
    /// A value change dump.
    Vcd(TraceFile),
    /// One JSON object a line.
    Json(TraceFile),
    /// A line for each call that was refused.
    Explain(TraceFile),
    /// A value change dump in memory, to be compared.
    Memory,
}

/// A file that is open for writing, and its name.
#[derive(Debug)]
pub(crate) struct TraceFile {
    path: PathBuf,
    file: File,
}

impl Target {
    /// Opens the file of `--trace`; its ending says what is written.
    ///
    /// # Errors
    /// The ending is unknown, or the file cannot be made. The text says which file.
    pub(crate) fn open(path: &Path) -> Result<Target, String> {
        let make: fn(TraceFile) -> Target = match path.extension().and_then(|end| end.to_str()) {
            Some("vcd") => Target::Vcd,
            Some("json" | "jsonl") => Target::Json,
            Some("fst") => {
                return Err(format!(
                    "{}: fst is not written; write .vcd and use vcd2fst",
                    path.display()
                ));
            }
            _ => {
                return Err(format!(
                    "{}: a trace ends with .vcd or .json",
                    path.display()
                ));
            }
        };
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path);
        let file = file.map_err(|error| format!("{}: {error}", path.display()))?;
        let path = path.to_owned();
        Ok(make(TraceFile { path, file }))
    }
}

impl Target {
    /// Where refused calls are explained: a file, or standard error as it is now.
    ///
    /// # Errors
    /// The file cannot be made. The text says which file.
    pub(crate) fn explain(path: Option<&Path>) -> Result<Target, String> {
        let name = path.unwrap_or(Path::new("standard error"));
        let file = match path {
            Some(path) => File::create(path),
            // A copy, as ours is not kept.
            None => io::stderr().as_fd().try_clone_to_owned().map(File::from),
        };
        let file = file.map_err(|error| format!("{}: {error}", name.display()))?;
        let path = name.to_owned();
        Ok(Target::Explain(TraceFile { path, file }))
    }
}

/// The server's side of a recording.
#[derive(Debug)]
pub(crate) struct Recorder {
    to: SyncSender<Order>,
    left_out: Cell<u64>,
    left_out_in_all: Cell<u64>,
}

/// What the thread is told.
#[derive(Debug)]
enum Order {
    Happened(Happened),
    Plugged(u64, ChipState),
    Sync(u64, SyncSender<Synced>),
}

/// What a recording has come to.
#[derive(Debug, Default)]
pub(crate) struct Synced {
    /// The dump, if it is one in memory.
    pub(crate) memory: Option<Vec<u8>>,
    /// What went wrong, each with the file's name.
    pub(crate) trouble: Vec<String>,
    /// Changes that are missing.
    pub(crate) lost: u64,
}

impl Recorder {
    /// Starts to record the run that starts now with these chips.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn start(
        targets: Vec<Target>,
        chips: &[ChipState],
        start: Timestamp,
    ) -> io::Result<Recorder> {
        let (to, orders) = sync_channel(QUEUE);
        let sinks = targets
            .into_iter()
            .map(|target| Sink::new(target, chips, start))
            .collect();
        thread::Builder::new()
            .name("trace".into())
            .spawn(move || write_all(&orders, sinks))?;
        Ok(Recorder {
            to,
            left_out: Cell::new(0),
            left_out_in_all: Cell::new(0),
        })
    }

    /// Takes down an event. `chip` is what was plugged in, if that is what has happened. Never blocks.
    pub(crate) fn tap(&self, happened: &Happened, chip: Option<ChipState>) {
        let at_ns = happened.at_ns;
        if let Event::Lost { count } = happened.event {
            self.left_out_in_all.set(self.left_out_in_all.get() + count);
        }
        let missing = self.left_out.get();
        if missing > 0 {
            let event = Event::Lost { count: missing };
            if self
                .to
                .try_send(Order::Happened(Happened { at_ns, event }))
                .is_ok()
            {
                self.left_out.set(0);
            }
        }
        let order = match chip {
            Some(chip) => Order::Plugged(at_ns, chip),
            None => Order::Happened(happened.clone()),
        };
        // A thread that is gone has failed, and will be found out.
        if let Err(TrySendError::Full(_)) = self.to.try_send(order) {
            self.left_out.set(self.left_out.get() + 1);
            self.left_out_in_all.set(self.left_out_in_all.get() + 1);
        }
    }

    /// Waits until all that was tapped until `now` is written, or the disk has had its chance.
    pub(crate) fn sync(&self, now: Timestamp) -> Synced {
        let (done, synced) = sync_channel(1);
        let late = || Synced {
            trouble: vec!["the trace is not written yet, the disk is too slow".to_owned()],
            ..Synced::default()
        };
        let result = match self.to.send(Order::Sync(now.monotonic_ns, done)) {
            Ok(()) => synced.recv_timeout(PATIENCE).unwrap_or_else(|_| late()),
            Err(_) => late(),
        };
        let lost = self.left_out_in_all.get();
        Synced { lost, ..result }
    }
}

/// The thread: writes until the recorder is dropped.
fn write_all(orders: &Receiver<Order>, mut sinks: Vec<Sink>) {
    let mut is_flushed = false;
    loop {
        match orders.recv_timeout(IDLE) {
            Ok(Order::Happened(happened)) => {
                sinks.iter_mut().for_each(|sink| sink.event(&happened))
            }
            Ok(Order::Plugged(at_ns, chip)) => {
                sinks.iter_mut().for_each(|sink| sink.plug(at_ns, &chip));
            }
            Ok(Order::Sync(at_ns, done)) => {
                let mut synced = Synced::default();
                sinks.iter_mut().for_each(|sink| sink.until(at_ns));
                sinks.iter_mut().for_each(|sink| sink.sync(&mut synced));
                // Who does not wait any more needs no answer.
                let _ = done.send(synced);
            }
            Err(RecvTimeoutError::Timeout) if is_flushed => continue,
            Err(RecvTimeoutError::Timeout) => {
                sinks.iter_mut().for_each(Sink::flush);
                is_flushed = true;
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => {
                let mut synced = Synced::default();
                return sinks.iter_mut().for_each(|sink| sink.sync(&mut synced));
            }
        }
        is_flushed = false;
    }
}

/// One trace being written. After the first failure nothing more is.
#[derive(Debug)]
struct Sink {
    form: Form,
    trouble: Option<io::Error>,
}

#[derive(Debug)]
enum Form {
    Vcd(PathBuf, VcdWriter<Body>),
    Json(PathBuf, BufWriter<File>),
    Explain(PathBuf, BufWriter<File>),
    Memory(VcdWriter<Vec<u8>>),
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
    fn new(target: Target, chips: &[ChipState], start: Timestamp) -> Sink {
        let mut trouble = None;
        let form = match target {
            Target::Vcd(TraceFile { path, file }) => {
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
                trouble = written.err();
                Form::Vcd(path, writer)
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
        Sink { form, trouble }
    }

    fn event(&mut self, happened: &Happened) {
        self.attempt(|form| match form {
            Form::Vcd(_, writer) => writer.event(happened),
            Form::Memory(writer) => writer.event(happened),
            Form::Json(_, to) => json_line(to, happened),
            Form::Explain(_, to) => match &happened.event {
                Event::Failed(call) => writeln!(to, "ugpio: {call}").and_then(|()| to.flush()),
                _ => Ok(()),
            },
        });
    }

    fn plug(&mut self, at_ns: u64, chip: &ChipState) {
        self.attempt(|form| match form {
            Form::Vcd(_, writer) => writer.plug(at_ns, chip),
            Form::Memory(writer) => writer.plug(at_ns, chip),
            Form::Json(_, to) => {
                let line = json!({ "at_ns": at_ns, "kind": "plugged", "chip": chip.name,
                    "label": chip.label, "lines": chip.lines });
                writeln!(to, "{line}")
            }
            Form::Explain(..) => Ok(()),
        });
    }

    fn until(&mut self, at_ns: u64) {
        self.attempt(|form| match form {
            Form::Vcd(_, writer) => writer.until(at_ns),
            Form::Memory(writer) => writer.until(at_ns),
            Form::Json(..) | Form::Explain(..) => Ok(()),
        });
    }

    fn flush(&mut self) {
        self.attempt(|form| match form {
            Form::Vcd(_, writer) => writer.body().flush(),
            Form::Json(_, to) | Form::Explain(_, to) => to.flush(),
            Form::Memory(_) => Ok(()),
        });
    }

    fn sync(&mut self, synced: &mut Synced) {
        self.flush();
        self.attempt(|form| match form {
            Form::Vcd(path, writer) => name_all(path, writer),
            Form::Json(..) | Form::Explain(..) | Form::Memory(_) => Ok(()),
        });
        if let Form::Memory(writer) = &mut self.form {
            let mut memory = Vec::new();
            // A vector takes everything.
            let _ = writer.head(&mut memory);
            memory.extend_from_slice(writer.body());
            synced.memory = Some(memory);
        }
        if let (Some(error), Form::Vcd(path, _) | Form::Json(path, _) | Form::Explain(path, _)) =
            (&self.trouble, &self.form)
        {
            synced.trouble.push(format!("{}: {error}", path.display()));
        }
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
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
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

#[cfg(test)]
mod tests;
