//! A program that may die at any step of a call, for the fuzz target `dispatcher`; compiled with `--cfg fuzzing` only.
//!
//! The program is the fuzzed process itself, so the memory that the supervisor reads, the descriptors that it finds and
//! those that it gives are real. What is not real is the end: [`die_after`] has the program go between two looks of the
//! supervisor. From then on its call waits no more, handles of its memory are dead, and its number means no thread, or
//! another process that has taken it over. Each look asks here first. Other threads are not of the program.

use std::cell::{Cell, RefCell};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::Pid;

/// How a call was answered.
#[derive(Debug)]
pub enum Answer {
    /// The kernel carries it out.
    Continue,
    /// It returns this, or fails with this errno if it is negative.
    Value(i64),
    /// It returns this descriptor, which is now one of this process.
    Fd(OwnedFd),
    /// Its thread was moved, or makes it again.
    Elsewhere,
}

/// The program, and what becomes of it.
#[derive(Debug)]
struct Program {
    tid: Pid,
    /// The process that takes its number over.
    heir: Option<Pid>,
    /// The looks after which it goes.
    looks: Option<u32>,
    answer: Option<Answer>,
    /// Descriptors that it was given before the answer.
    given: Vec<OwnedFd>,
}

thread_local! {
    static PROGRAM: RefCell<Option<Program>> = const { RefCell::new(None) };
    static GENERATION: Cell<u32> = const { Cell::new(0) };
}

/// Lets a call of thread `tid` begin. The program goes after so many looks, or lives; `heir` has its number then.
pub fn begin(tid: Pid, looks: Option<u32>, heir: Option<Pid>) {
    let program = Program {
        tid,
        heir,
        looks,
        answer: None,
        given: Vec::new(),
    };
    PROGRAM.set(Some(program));
}

/// How many programs have died: what was of one of those is not of the next, which has its number.
pub(crate) fn generation() -> u32 {
    GENERATION.get()
}

/// What came of the call: whether the program still lives, the answer, and what it was given besides.
///
/// # Panics
///
/// If no call was begun.
#[must_use]
pub fn end() -> (bool, Option<Answer>, Vec<OwnedFd>) {
    let program = PROGRAM.take().expect("a call was begun");
    let lives = program.looks != Some(0);
    GENERATION.set(GENERATION.get() + u32::from(!lives));
    (lives, program.answer, program.given)
}

/// One look at the program: `None` if this thread has no program, else whether it lives.
fn look() -> Option<bool> {
    PROGRAM.with_borrow_mut(|program| {
        let looks = &mut program.as_mut()?.looks;
        if let Some(left) = looks {
            *left = left.saturating_sub(1);
        }
        Some(*looks != Some(0))
    })
}

/// Whom a number means now.
///
/// # Errors
///
/// `ESRCH`: no such thread.
pub(crate) fn number(tid: Pid) -> Result<Pid, Errno> {
    let is_programs = PROGRAM.with_borrow(|it| it.as_ref().is_some_and(|it| it.tid == tid));
    if !is_programs || look() != Some(false) {
        return Ok(tid);
    }
    let heir = PROGRAM.with_borrow(|program| program.as_ref().and_then(|it| it.heir));
    heir.ok_or(Errno::SRCH)
}

/// Whether what is bound to the program itself, and not to its number, is still of use.
pub(crate) fn is_there() -> bool {
    look() != Some(false)
}

/// Whether the call waits still.
pub(crate) fn is_valid() -> bool {
    look() == Some(true)
}

/// Takes an answer for the program.
pub(crate) fn answer(answer: Answer) -> Result<(), Errno> {
    if !is_valid() {
        return Err(Errno::NOENT);
    }
    PROGRAM.with_borrow_mut(|program| {
        let program = program.as_mut().ok_or(Errno::NOENT)?;
        assert!(program.answer.is_none(), "answered twice");
        program.answer = Some(answer);
        Ok(())
    })
}

/// Gives the program a descriptor, and the answer with it if `is_answer`.
pub(crate) fn give(fd: BorrowedFd<'_>, is_answer: bool) -> Result<i32, Errno> {
    let own = fd.as_fd().try_clone_to_owned().map_err(|_| Errno::MFILE)?;
    let number = own.as_raw_fd();
    if is_answer {
        return answer(Answer::Fd(own)).map(|()| number);
    }
    if !is_valid() {
        return Err(Errno::NOENT);
    }
    PROGRAM.with_borrow_mut(|program| {
        program.as_mut().ok_or(Errno::NOENT)?.given.push(own);
        Ok(number)
    })
}

/// What becomes of a call that its own thread finishes.
pub(crate) fn elsewhere() {
    let _ = answer(Answer::Elsewhere);
}
