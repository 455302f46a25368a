//! Who answers a trapped call: the steps of its row, one after the other.
//!
//! The [`World`] is the [`Dispatch`] that the dispatcher threads ask. It hands a call to those that answer for open GPIO
//! files and sockets of uevents, then to the path calls (`calls`); a call that none of them answers is the kernel's.

use std::sync::{Arc, RwLockReadGuard};

use rustix::process::Pid;

use crate::arch::Sys;
use crate::calls::table;
use crate::files::sleepers::Sleeper;
use crate::files::{Asked, Files, OpenFile, moving, operations, reads};
use crate::notif::Dispatch;
use crate::outcome::{Call, Errno, Reply};
use crate::sys::seccomp::Listener;
use crate::thread::Thread;
use crate::uevent::{self, Uevents, calls as sockets};
use crate::world::World;

/// Somebody who may answer a call.
#[derive(Clone, Copy)]
enum Step {
    /// The GPIO file behind the descriptor in this argument, if it is one.
    File(u8, fn(&Asked<'_>, &Arc<OpenFile>) -> Reply),
    /// The GPIO files behind the descriptors that bytes are moved from and to, if one of the two is one.
    Ends(u8, u8, fn(&moving::Ends<'_>) -> Result<i64, Errno>),
    /// All open GPIO files: the handler looks at the arguments itself.
    Whole(fn(&Files, &Asked<'_>) -> Reply),
    /// The same, under `--strict`; else the kernel is right.
    Strict(fn(&Files, &Asked<'_>) -> Reply),
    /// The socket of uevents behind the first argument, if it is one.
    Socket(uevent::Handler),
    /// Who makes such sockets.
    Net(fn(&Arc<Uevents>, &Thread<'_>, &Call) -> Reply),
}

use Step::{Ends, File, Net, Socket, Strict, Whole};

macro_rules! steps {
    ($(
        $name:ident $x86:tt $arm:tt
        $(when [$($when:tt)*])? $(marks [$($mark:ident),*])? $(open [$($open:tt)*])? $(named [$($named:tt)*])?;
    )*) => {
        /// The steps of each call, in the order of [`Sys`].
        static STEPS: &[&[Step]] = &[$(&[$($($open)*)?]),*];
    };
}

for_each_call!(steps);

impl Step {
    fn ask(self, world: &World, asked: &Asked<'_>) -> Reply {
        let Asked {
            files,
            thread,
            call,
            ..
        } = *asked;
        match self {
            File(arg, handler) => match files.find(thread, call.int(usize::from(arg))) {
                Some(open) => handler(asked, &open),
                None => Reply::Continue,
            },
            Ends(input, output, handler) => match moving::Ends::find(asked, input, output) {
                Some(ends) => handler(&ends).into(),
                None => Reply::Continue,
            },
            Strict(_) if !files.is_strict() => Reply::Continue,
            Whole(handler) | Strict(handler) => handler(files, asked),
            Socket(handler) => world.uevents().answer(thread, call, handler),
            Net(handler) => handler(world.uevents(), thread, call),
        }
    }
}

impl Dispatch for World {
    fn replaces_image(&self, thread: Pid) {
        self.dirs.replaced(thread);
    }

    fn changes_root(&self) {
        self.dirs.change_roots();
    }

    fn answering(&self) -> Option<RwLockReadGuard<'_, ()>> {
        Some(self.files().answering())
    }

    fn dispatch(&self, call: &Call, listener: &Listener) -> Reply {
        let files = self.files();
        // Reading or setting the values of a held line cannot tell whether another was let go.
        if !call.is_value_ioctl() {
            // Nor can a call on a file of the machine, which most path calls turn out to be.
            if !call.sys.is_some_and(table::settles) {
                files.reap();
                self.dirs.images().tidy();
            }
        } else if !files.is_strict() {
            // No thread has slept: the shortest way.
            return files.ioctl(&Asked {
                files,
                thread: &Thread::new(listener, &self.dirs, call),
                call,
                slept: None,
            });
        }
        let slept = files.woken(call);
        match (call.sys, slept.as_deref()) {
            // The call that was called back, without its number. Another one that a stop ended, `nanosleep` perhaps,
            // comes the same way, and has other arguments.
            (Some(Sys::RestartSyscall), Some(slept)) if slept.call().args == call.args => {
                let again = Call {
                    id: call.id,
                    ..*slept.call()
                };
                self.answer(&again, listener, Some(slept))
            }
            (Some(Sys::RestartSyscall), _) => Reply::Continue,
            (_, slept) => self.answer(call, listener, slept),
        }
    }
}

impl World {
    fn answer(&self, call: &Call, listener: &Listener, slept: Option<&Sleeper>) -> Reply {
        let Some(sys) = call.sys else {
            return Reply::Continue;
        };
        let asked = Asked {
            files: self.files(),
            thread: &Thread::new(listener, &self.dirs, call),
            call,
            slept,
        };
        for step in STEPS[sys as usize] {
            match step.ask(self, &asked) {
                Reply::Continue => {}
                reply => return reply,
            }
        }
        self.paths.handle(call, listener)
    }
}
