//! Where a call of the table goes: to the kernel, to the kernel with other paths, or to the row's handler.

use rustix::io::Errno;

use super::{
    Context, PathArg,
    table::{Last, PathAt, Row, Then},
};
use crate::{
    outcome::Reply,
    path::{Guarded, Place, Resolution, Target, Want, lexical},
    sys::ptrace::again::Instead,
};

/// What a path names, by who has to deal with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Found {
    /// The kernel finds the same.
    Native,
    /// A file of the machine, or a name for one, that the kernel finds by this path only.
    Machine(Vec<u8>),
    /// The board's.
    Board(Target),
}

/// Answers a call by its row.
pub(super) fn route(context: &Context<'_>, row: &Row) -> Result<Reply, Errno> {
    let handler = match row.then {
        Then::Native(_) | Then::Refused(..) => return Ok(Reply::Continue),
        Then::Whole(handler) => return handler(context, &[]),
        Then::Paths(handler) => handler,
    };
    let mut targets = Vec::with_capacity(row.paths.len());
    let mut instead = Vec::new();
    for (position, at) in row.paths.iter().enumerate() {
        let empty = row.empty.filter(|_| position == 0);
        let mut target = None;
        match context.find(at, empty)? {
            Found::Native => {}
            Found::Machine(path) => instead.push((usize::from(at.path), Instead::Text(path))),
            Found::Board(found) => target = Some(found),
        }
        targets.push(target);
    }
    if targets.iter().any(Option::is_some) {
        return handler(context, &targets);
    }
    Ok(if instead.is_empty() {
        Reply::Continue
    } else {
        context.mover.again(context.call, instead)
    })
}

impl Context<'_> {
    /// What a path among the arguments names. `empty` is the argument whose `AT_EMPTY_PATH` counts.
    pub(super) fn find(&self, at: &PathAt, empty: Option<u8>) -> Result<Found, Errno> {
        let dirfd = at
            .dir
            .map_or(libc::AT_FDCWD, |dir| self.call.int(usize::from(dir)));
        let path = usize::from(at.path);
        let is_empty = |flags: u8| self.call.int(usize::from(flags)) & libc::AT_EMPTY_PATH != 0;
        if empty.is_some_and(is_empty) && self.is_empty(path) {
            return Ok(self.descriptor(dirfd).map_or(Found::Native, Found::Board));
        }
        let Some(arg) = self.path(dirfd, path) else {
            return Ok(Found::Native);
        };
        match at.last {
            Last::Name => self.find_name(arg),
            last => self.find_path(&arg, self.want(last)),
        }
    }

    fn want(&self, last: Last) -> Want {
        let has = |arg: u8, bit: i32| self.call.int(usize::from(arg)) & bit != 0;
        let follow = match last {
            Last::Follow => true,
            Last::Stay | Last::Name => false,
            Last::StayIf(arg, bit) => !has(arg, bit),
            Last::FollowIf(arg, bit) => has(arg, bit),
        };
        Want {
            follow,
            ..Want::default()
        }
    }

    /// What a path names.
    pub(super) fn find_path(&self, arg: &PathArg, want: Want) -> Result<Found, Errno> {
        self.sort(arg, self.resolve(arg, want))
    }

    /// What a path names whose last name is made or taken away. A slash behind it is left for the kernel to judge.
    fn find_name(&self, arg: PathArg) -> Result<Found, Errno> {
        let PathArg { base, mut path } = arg;
        let whole = path.len();
        while path.len() > 1 && path.ends_with(b"/") {
            path.pop();
        }
        let has_slash = path.len() < whole;
        let is_parent = lexical::components(&path).next_back() == Some(b"..");
        let mut found = self.find_path(&PathArg { base, path }, Want::default())?;
        if let Found::Machine(path) = &mut found {
            // What the call is to act on is no name.
            if is_parent && !path.ends_with(b"..") {
                path.extend_from_slice(b"/.");
            }
            if has_slash && !path.ends_with(b"/") {
                path.push(b'/');
            }
        }
        Ok(found)
    }

    /// Whose the outcome of a resolution is. A slash behind a path, which asks for a directory, stays there.
    pub(super) fn sort(&self, arg: &PathArg, resolution: Resolution) -> Result<Found, Errno> {
        let mut found = self.sort_whole(resolution)?;
        if let Found::Machine(path) = &mut found
            && arg.path.ends_with(b"/")
            && !path.ends_with(b"/")
        {
            path.push(b'/');
        }
        Ok(found)
    }

    fn sort_whole(&self, resolution: Resolution) -> Result<Found, Errno> {
        let Resolution::Walked {
            is_native: false,
            target,
            guarded,
            exit,
        } = resolution
        else {
            return Ok(Found::Native);
        };
        if let Some(path) = exit {
            return Ok(Found::Machine(path));
        }
        match target {
            Ok(Target::At(location)) if location.place == Place::Host => {
                Ok(Found::Machine(location.path))
            }
            Ok(Target::Missing {
                path,
                place: Place::Host,
            }) => Ok(Found::Machine(path)),
            other => {
                self.may_pass(&guarded)?;
                other.map(Found::Board)
            }
        }
    }

    /// Refuses a caller that may not pass the machine's directories on the way to what we have found.
    pub(super) fn may_pass(&self, guarded: &[Guarded]) -> Result<(), Errno> {
        if guarded.is_empty() {
            return Ok(());
        }
        let who = self.process.credentials()?;
        if guarded.iter().all(|dir| who.may_pass(dir)) {
            Ok(())
        } else {
            Err(Errno::ACCESS)
        }
    }
}
