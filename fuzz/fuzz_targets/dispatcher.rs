//! Bytes as trapped calls of a program that may die at any step of each; see `ugpio_supervisor::fuzz`.
//!
//! The program is this process: its memory is [`memory`], and what it is given becomes its own. Its heir is a child with
//! other things at the same addresses and descriptor numbers, and a line of a chip of its own. Whoever lives is
//! answered once. Of the heir's nothing is read into an answer, and nothing of its is changed; when all is closed, no
//! line is held and no descriptor is left over.
//!
//! Calls reach the real files of the machine, so none may create or cut a file; run it without root.
#![no_main]

#[path = "dispatcher/calls.rs"]
mod calls;
#[path = "dispatcher/heir.rs"]
mod heir;
#[path = "dispatcher/memory.rs"]
mod memory;

use std::cell::RefCell;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;

use libfuzzer_sys::fuzz_target;
use rustix::process::Pid;
use ugpio_front::fuzz::stage::Stage;
use ugpio_supervisor::fuzz::{self, Answer};
use ugpio_supervisor::inside::Sys;
use ugpio_supervisor::inside::seccomp::Notification;

use calls::Made;
use heir::Heir;

/// Descriptors that the program keeps.
const KEPT: usize = 6;
/// Descriptors that the supervisor may keep of programs: images, directories of `/proc` and its own files.
const DESCRIPTORS_MAX: usize = 400;

/// Everything between two inputs.
struct Theatre {
    stage: Stage,
    heir: Heir,
    /// What is so of the heir's chip, and how many files it has open.
    theirs: (String, usize),
    /// The names and modes in the shadow tree.
    names: Vec<String>,
}

impl Theatre {
    fn new(is_strict: bool) -> Theatre {
        assert!(
            !rustix::process::geteuid().is_root(),
            "run it by scripts/fuzz: its calls would make directories of the machine"
        );
        let null = File::open("/dev/null").expect("every machine has it");
        let stage = Stage::new(null.into(), is_strict);
        let mut program = Program::new(&stage, None);
        memory::heirs();
        let open = program.make(&calls::open_theirs(), None);
        let chip = open.and_then(descriptor).expect("the heir's chip");
        program.make(&calls::request_theirs(&chip), None);
        let line = program.kept.pop().expect("the heir's line");
        let heir = Heir::start();
        drop((chip, line, program));
        let theirs = (stage.theirs(), stage.open_files());
        assert_eq!(theirs.1, 2, "the heir has a chip and a line");
        Theatre {
            stage,
            heir,
            theirs,
            names: names(),
        }
    }

    /// Plays an input; whether the board is as it was.
    fn play(&self, mut input: calls::Input<'_>) -> bool {
        let mut program = Program::new(&self.stage, Some(self.heir.pid));
        let (mut is_suspect, mut is_other) = (false, false);
        while !input.is_over() {
            let looks = input.looks();
            program.has_heir = input.flag();
            let made = calls::next(&mut input, &program.kept);
            let answer = program.make(&made, looks);
            if matches!(answer, None | Some(Answer::Value(0..))) {
                is_suspect |= made.changes_names();
                is_other |= made.changes_attributes();
            }
            if let Some(Answer::Fd(fd)) = answer {
                program.keep(fd);
            }
            if made.acts() {
                self.heir_is_untouched();
            }
        }
        drop(program);
        self.heir_is_untouched();
        assert_eq!(self.stage.open_files(), self.theirs.1, "a file stays open");
        assert_eq!(self.stage.consumers(), [""; 0], "a line stays held");
        !is_other && (!is_suspect || names() == self.names)
    }

    fn heir_is_untouched(&self) {
        assert_eq!(self.stage.theirs(), self.theirs.0);
        let consumers = self.stage.consumers();
        assert!(
            !consumers.iter().any(|name| name == "them"),
            "{consumers:?}"
        );
    }
}

/// The program.
struct Program<'s> {
    stage: &'s Stage,
    tid: Pid,
    heir: Option<Pid>,
    has_heir: bool,
    kept: Vec<OwnedFd>,
}

impl Program<'_> {
    fn new(stage: &Stage, heir: Option<Pid>) -> Program<'_> {
        let tid = rustix::thread::gettid().as_raw_nonzero().get();
        Program {
            stage,
            tid: Pid::from_raw(tid).expect("not zero"),
            heir,
            has_heir: false,
            kept: Vec::new(),
        }
    }

    /// Makes a call, and checks the answer.
    fn make(&mut self, made: &Made, looks: Option<u32>) -> Option<Answer> {
        let heir = self.heir.filter(|_| self.has_heir);
        fuzz::begin(self.tid, looks, heir);
        let notification = Notification::of(self.tid, made.nr, made.args);
        self.stage.serve(&notification);
        let (lives, answer, given) = fuzz::end();
        if lives {
            let answer = answer.as_ref().expect("a call that waits is answered");
            if let Answer::Value(value) = answer {
                assert!(*value > -4096, "{:?} gives {value}", made.sys);
                let asks = made.sys == Sys::Ioctl && calls::gives_descriptor(made.args[1]);
                assert!(
                    !asks || *value < 0 || given.len() == 1,
                    "{made:?}: {given:?}"
                );
            }
            given.into_iter().for_each(|fd| self.keep(fd));
        } else {
            // What it had is closed.
            self.kept.clear();
        }
        answer
    }

    fn keep(&mut self, fd: OwnedFd) {
        self.kept.truncate(KEPT - 1);
        self.kept.insert(0, fd);
    }
}

/// What is in the shadow trees of this process.
fn names() -> Vec<String> {
    let own = format!(".ugpio-shadow-{}-", std::process::id());
    let all = fs::read_dir(std::env::temp_dir()).expect("it is there");
    let trees = all.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let mut open: Vec<_> = trees
        .filter(|path| path.to_string_lossy().contains(&own))
        .collect();
    let mut names = Vec::new();
    while let Some(path) = open.pop() {
        let Ok(found) = fs::symlink_metadata(&path) else {
            continue;
        };
        names.push(format!("{} {:o}", path.display(), found.mode()));
        if found.is_dir() {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            open.extend(entries.map(|entry| entry.path()));
        }
    }
    names.sort();
    names
}

fn descriptor(answer: Answer) -> Option<OwnedFd> {
    match answer {
        Answer::Fd(fd) => Some(fd),
        _ => None,
    }
}

thread_local! {
    /// By default, and under `--strict`.
    static THEATRES: [RefCell<Option<Theatre>>; 2] = const { [RefCell::new(None), RefCell::new(None)] };
    static PLAYED: RefCell<u32> = const { RefCell::new(0) };
}

fuzz_target!(|bytes: &[u8]| {
    let (kind, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let is_strict = kind & 1 == 1;
    THEATRES.with(|theatres| {
        let mut theatre = theatres[usize::from(is_strict)].borrow_mut();
        let played = theatre.get_or_insert_with(|| Theatre::new(is_strict));
        if !played.play(calls::Input::new(rest)) {
            *theatre = None;
        }
    });
    PLAYED.with_borrow_mut(|played| {
        *played += 1;
        if played.is_multiple_of(1024) {
            let open = fs::read_dir("/proc/self/fd").expect("it is there").count();
            assert!(open < DESCRIPTORS_MAX, "{open} descriptors are open");
        }
    });
});
