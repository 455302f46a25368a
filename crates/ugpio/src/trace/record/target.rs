//! Where a trace goes: the files of `--trace` and `--explain`, opened before anything can go wrong.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use crate::clean;

/// Where a trace goes.
#[derive(Debug)]
pub(crate) enum Target {
    /// A value change dump.
    Vcd(TraceFile),
    /// An FST of that name; the dump beside it, of which it will be made.
    Fst(PathBuf, TraceFile),
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
    pub(super) path: PathBuf,
    pub(super) file: File,
}

impl Target {
    /// Opens the file of `--trace`; its ending says what is written.
    ///
    /// # Errors
    /// The ending is unknown, or the file cannot be made. The text says which file.
    pub(crate) fn open(path: &Path) -> Result<Target, String> {
        match path.extension().and_then(|end| end.to_str()) {
            Some("vcd") => TraceFile::create(path).map(Target::Vcd),
            Some("json" | "jsonl") => TraceFile::create(path).map(Target::Json),
            Some("fst") => {
                // Now, so that an impossible name is reported before the run and not after it.
                let fst = TraceFile::create(path)?;
                if !fst.file.metadata().is_ok_and(|file| file.is_file()) {
                    return Err(format!("{}: not a regular file", path.display()));
                }
                let dump = TraceFile::create(&beside(path, ".part"))?;
                Ok(Target::Fst(fst.path, dump))
            }
            _ => Err(format!(
                "{}: a trace ends with .vcd, .fst or .json",
                path.display()
            )),
        }
    }
}

impl TraceFile {
    fn create(path: &Path) -> Result<TraceFile, String> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path);
        let file =
            file.map_err(|error| format!("{}: {}", clean::path(path), clean::reason(&error)))?;
        let path = path.to_owned();
        Ok(TraceFile { path, file })
    }
}

/// The name of a file beside another.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
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
        let file =
            file.map_err(|error| format!("{}: {}", clean::path(name), clean::reason(&error)))?;
        let path = name.to_owned();
        Ok(Target::Explain(TraceFile { path, file }))
    }
}
