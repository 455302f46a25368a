//! Where a call of the table goes: to the kernel, to the kernel with other paths, or to the row's handler.

use rustix::io::Errno;

use super::context::{Context, PathArg};
use crate::{
    outcome::Reply,
    path::{Guarded, Place, Resolution, Target, Want, lexical},
    sys::ptrace::again::Instead,
};

/// What a handler gets: what each path of the call names, if not a file the kernel finds.
pub(crate) type Targets = [Option<Target>];
/// Answers a call of which some path names a file of the board, or that names no path.
pub(crate) type Handler = fn(&Context<'_>, &Targets) -> Result<Reply, Errno>;

/// Which link in the last place of a path is followed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Last {
    /// Every one.
    Follow,
    /// None.
    Stay,
    /// None, and the name itself is what the call makes or takes away.
    Name,
    /// Every one, unless the argument has the bit.
    StayIf(u8, i32),
    /// None, unless the argument has the bit.
    FollowIf(u8, i32),
}

/// A path among the arguments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PathAt {
    /// The argument with the descriptor of the directory that it begins at, if not the working directory.
    pub(super) dir: Option<u8>,
    /// The argument with its address.
    pub(crate) path: u8,
    pub(super) last: Last,
}

/// The paths of a call, and who answers for the board.
#[derive(Clone, Copy)]
pub(crate) struct Paths {
    pub(crate) paths: &'static [PathAt],
    /// The argument whose `AT_EMPTY_PATH` makes the descriptor itself the file meant.
    pub(crate) empty: Option<u8>,
    pub(super) handler: Handler,
}

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

/// Resolves the paths of a call, and sends it where they lead.
pub(super) fn route(context: &Context<'_>, row: &Paths) -> Result<Reply, Errno> {
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
        return (row.handler)(context, &targets);
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
