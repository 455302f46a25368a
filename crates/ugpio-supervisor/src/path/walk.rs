//! The walk: a path resolved one component at a time over both worlds.
//!
//! Each name is looked up in the shadow tree if the board owns it, else on the host, and in the
//! shadow tree if the host lacks it. Links are followed as text, so one may lead from either world
//! into the other, and `..` goes to the parent of where a link really led. As long as nothing but
//! the host was met the walk stays *native*: the kernel would have found the same. [`Walk`] is
//! made and run by [`super::Resolver`].

use std::{
    ffi::OsStr,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
};

use rustix::{
    fs::{AtFlags, CWD},
    io::Errno,
};

use super::{
    Guarded, Identity, Location, Place, Resolution, Resolver, Target, Want, lexical,
    machine::{Found, Machine},
    owned::chip_of_node,
};

/// Links followed in one path before it counts as a loop. KERNEL: include/linux/namei.h MAXSYMLINKS
const MAX_LINKS: u32 = 40;

/// A resolution under way.
pub(super) struct Walk<'r, 'a> {
    resolver: &'r Resolver<'a>,
    /// The directory reached: canonical, the root as `/`.
    at: Vec<u8>,
    /// Components still to take, the next one last.
    pending: Vec<Vec<u8>>,
    is_native: bool,
    links: u32,
    guarded: Vec<Guarded>,
    /// Whether the name looked up last is the machine's GPIO, of which nothing is shown.
    is_hidden: bool,
    /// Whether the directory reached is one that the kernel would not come to.
    is_on_board: bool,
    /// Where the walk came from the board to the machine last, with what was still to go: a path that the kernel can
    /// go on with by itself.
    exit: Option<Vec<u8>>,
}

/// What one step led to.
enum Step {
    Onward,
    End(Target),
    /// To a directory that no path leads to from the caller's root, and that we find at this place.
    Elsewhere(Vec<u8>),
}

impl<'r, 'a> Walk<'r, 'a> {
    /// Begins at the root with an absolute path.
    pub(super) fn from_host(resolver: &'r Resolver<'a>, path: &[u8]) -> Self {
        let mut walk = Self::new(resolver, true);
        walk.go_to(path);
        walk
    }

    /// Begins at a directory that the kernel would not look in.
    pub(super) fn from_board(resolver: &'r Resolver<'a>, dir: &[u8], path: &[u8]) -> Self {
        let mut walk = Self::new(resolver, false);
        walk.is_on_board = true;
        walk.at = dir.to_vec();
        walk.push(path);
        walk
    }

    fn new(resolver: &'r Resolver<'a>, is_native: bool) -> Self {
        Self {
            resolver,
            at: b"/".to_vec(),
            pending: Vec::new(),
            is_native,
            links: 0,
            guarded: Vec::new(),
            is_hidden: false,
            is_on_board: false,
            exit: None,
        }
    }

    /// Walks to the end.
    pub(super) fn run(mut self, want: Want) -> Resolution {
        let target = loop {
            match self.step(want) {
                Ok(Step::Onward) => {}
                Ok(Step::End(target)) => break Ok(target),
                Ok(Step::Elsewhere(place)) => return self.run_elsewhere(&place, want),
                Err(errno) => break Err(errno),
            }
        };
        // A link of ours in /proc leads where the kernel would not.
        let is_ours = matches!(target, Ok(Target::Descriptor(_)));
        Resolution::Walked {
            is_native: self.is_native && !is_ours,
            target,
            guarded: self.guarded,
            exit: self.exit.filter(|_| !is_ours),
        }
    }

    /// Leaves the rest of the way to the kernel, unless it ends at the machine's GPIO.
    fn run_elsewhere(self, place: &[u8], want: Want) -> Resolution {
        let parts = self.pending.iter().rev();
        let rest = parts.fold(Vec::new(), |path, part| lexical::join(&path, part));
        let found = self.resolver.look_elsewhere(place, &rest, want);
        if self.is_native {
            return found;
        }
        let target = match found {
            Resolution::Walked { target, .. } => target,
            Resolution::Native => Err(Errno::NOENT),
        };
        Resolution::Walked {
            is_native: false,
            target,
            guarded: self.guarded,
            exit: self.exit,
        }
    }

    fn step(&mut self, want: Want) -> Result<Step, Errno> {
        let Some(name) = self.pending.pop() else {
            return self.arrive();
        };
        match name.as_slice() {
            b"" | b"." => return Ok(Step::Onward),
            b".." => {
                self.at = lexical::parent(&self.at).to_vec();
                if self.is_on_board && self.is_machines(&self.at) {
                    self.leave();
                }
                return Ok(Step::Onward);
            }
            long if long.len() > lexical::NAME_MAX => return Err(Errno::NAMETOOLONG),
            _ => {}
        }
        let is_last = self.pending.is_empty();
        if let Some(own) = self.own_process(&name, is_last && !want.follow) {
            self.push(own.as_bytes());
            return Ok(Step::Onward);
        }
        let path = lexical::join(&self.at, &name);
        let Some(found) = self.look(path.clone())? else {
            return self.miss(path, is_last);
        };
        match found.mode & libc::S_IFMT {
            libc::S_IFLNK if is_last && !want.follow => Ok(Step::End(Target::At(found))),
            libc::S_IFLNK if want.no_links => Err(Errno::LOOP),
            libc::S_IFLNK => self.follow(found, is_last),
            libc::S_IFDIR => {
                self.at = path;
                Ok(Step::Onward)
            }
            _ if is_last => Ok(Step::End(Target::At(found))),
            _ => Err(Errno::NOTDIR),
        }
    }

    /// Notes that the walk is at a directory of the machine again.
    fn leave(&mut self) {
        self.is_on_board = false;
        let parts = self.pending.iter().rev();
        let join = |path: Vec<u8>, part: &Vec<u8>| lexical::join(&path, part);
        self.exit = Some(parts.fold(self.at.clone(), join));
    }

    /// Whether the kernel finds the machine's directory at a path.
    fn is_machines(&self, path: &[u8]) -> bool {
        !self.resolver.owned.contains(path) && matches!(self.on_host(path), Ok(Some(_)))
    }

    /// The path ended at a directory.
    fn arrive(&mut self) -> Result<Step, Errno> {
        let at = core::mem::take(&mut self.at);
        self.look(at)?
            .map(|found| Step::End(Target::At(found)))
            .ok_or(Errno::NOENT)
    }

    /// The last name, or one before it, does not exist.
    fn miss(&mut self, path: Vec<u8>, is_last: bool) -> Result<Step, Errno> {
        if !is_last {
            return Err(Errno::NOENT);
        }
        let is_host = !self.is_hidden && self.on_host(&self.at)?.is_some();
        let place = if is_host { Place::Host } else { Place::Board };
        Ok(Step::End(Target::Missing { path, place }))
    }

    /// `/proc/self` and its like mean the program, not us; the text to go on with instead.
    fn own_process(&self, name: &[u8], stops_at_link: bool) -> Option<String> {
        let tid = self.resolver.view.tid;
        match (self.at.as_slice(), name) {
            _ if stops_at_link => None,
            // The thread's own entry has the same descriptors and directories as its leader's.
            (b"/proc", b"self") => Some(tid.to_string()),
            (b"/proc", b"thread-self") => Some(format!("{tid}/task/{tid}")),
            _ => None,
        }
    }

    /// Goes on where a link leads.
    fn follow(&mut self, link: Location, is_last: bool) -> Result<Step, Errno> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(Errno::LOOP);
        }
        let text = self.resolver.link_text(&link)?;
        if is_process_dir(&self.at) {
            return self.follow_magic(link, &text, is_last);
        }
        match text.first() {
            None => return Err(Errno::NOENT),
            Some(b'/') => self.go_to(&text),
            Some(_) => self.push(&text),
        }
        Ok(Step::Onward)
    }

    /// Goes on at a link of `/proc/PID`, whose text only describes where it leads.
    fn follow_magic(&mut self, link: Location, text: &[u8], is_last: bool) -> Result<Step, Errno> {
        if let Some(identity) = (self.resolver.identify)(text) {
            return if is_last {
                Ok(Step::End(Target::Descriptor(identity)))
            } else {
                Err(Errno::NOTDIR)
            };
        }
        if let Some(inside) = self.resolver.shadow.inside(text) {
            self.is_native = false;
            if let Some(path) = inside.strip_suffix(b" (deleted)")
                && is_last
            {
                return self.revive(path.to_vec());
            }
            self.go_to(&inside);
            return Ok(Step::Onward);
        }
        if is_last {
            return self.end_at_magic(link);
        }
        let place = self.resolver.host_path(&link.path);
        let place = place.into_os_string().into_vec();
        match self.resolver.view.inside_root(text) {
            Some(inside) if self.resolver.machine().is_same(&place, &inside) => {
                self.go_to(&inside);
                Ok(Step::Onward)
            }
            // No path leads there from the caller's root: the kernel goes on from the link itself.
            _ => Ok(Step::Elsewhere(place)),
        }
    }

    /// Ends where a link of `/proc/PID` leads, which the kernel can follow even where its text is no path.
    fn end_at_magic(&mut self, link: Location) -> Result<Step, Errno> {
        let place = self.resolver.host_path(&link.path);
        let place = place.as_os_str().as_bytes();
        let machine = Machine::new(b"");
        let found = machine.look_through(place, true)?;
        let is_chip = machine.is_chip(&found);
        if !is_chip && self.resolver.is_gpio_at(&found, place, true) {
            (self.is_native, self.exit) = (false, None);
            return Err(Errno::NOENT);
        }
        Ok(Step::End(Target::At(Location {
            mode: found.mode,
            is_magic: true,
            number: is_chip.then_some(found.number),
            ..link
        })))
    }

    /// Ends at a file of the board that is gone and of which a descriptor is left.
    // KERNEL: fs/char_dev.c chrdev_open (v6.12): a node means whatever has its number at the moment
    // KERNEL: fs/kernfs/file.c kernfs_fop_open (v6.12)
    fn revive(&mut self, path: Vec<u8>) -> Result<Step, Errno> {
        let Some(id) = chip_of_node(&path) else {
            return Err(Errno::NODEV);
        };
        Ok(Step::End(match self.look(path)? {
            Some(found) => Target::At(found),
            None => Target::Descriptor(Identity::Node(id)),
        }))
    }

    /// Continues with an absolute path.
    fn go_to(&mut self, path: &[u8]) {
        self.at = b"/".to_vec();
        self.push(path);
        if self.is_on_board {
            self.leave();
        }
    }

    /// Puts the components of `path` before those pending.
    fn push(&mut self, path: &[u8]) {
        if path.ends_with(b"/") {
            // What a slash follows must be a directory, and a link to one is followed.
            self.pending.push(Vec::new());
        }
        self.pending
            .extend(lexical::components(path).rev().map(<[u8]>::to_vec));
    }

    /// Looks a canonical path up: in the world that owns it, else on the host, else on the board.
    fn look(&mut self, path: Vec<u8>) -> Result<Option<Location>, Errno> {
        self.is_hidden = self.resolver.owned.contains(&path);
        if !self.is_hidden
            && let Some(found) = self.on_host(&path)?
        {
            if !self.resolver.machine().is_gpio(&path, &found) {
                self.note(&found);
                let is_chip = self.resolver.machine().is_chip(&found);
                return Ok(Some(Location {
                    path,
                    place: Place::Host,
                    mode: found.mode,
                    is_magic: false,
                    number: is_chip.then_some(found.number),
                }));
            }
            self.is_hidden = true;
        }
        self.resolver.shadow.look_for_line(&path);
        let place = self.resolver.shadow.locate(&path);
        let found = mode_of(place.as_os_str())?;
        let is_ours = self.is_hidden || found.is_some();
        if is_ours {
            (self.is_native, self.is_on_board, self.exit) = (false, true, None);
        }
        Ok(found.map(|mode| Location {
            path,
            place: Place::Board,
            mode,
            is_magic: false,
            number: None,
        }))
    }

    /// Remembers a directory of the machine that not everybody may pass.
    fn note(&mut self, found: &Found) {
        let is_dir = found.mode & libc::S_IFMT == libc::S_IFDIR;
        if is_dir && found.mode & 1 == 0 {
            let Found { mode, uid, gid, .. } = *found;
            self.guarded.push(Guarded { mode, uid, gid });
        }
    }

    fn on_host(&self, path: &[u8]) -> Result<Option<Found>, Errno> {
        match self.resolver.machine().look(path) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }
}

impl Resolver<'_> {
    /// The text of a link that was found.
    pub(crate) fn link_text(&self, link: &Location) -> Result<Vec<u8>, Errno> {
        let place = match link.place {
            Place::Host => self.host_path(&link.path),
            Place::Board => self.shadow.locate(&link.path),
        };
        rustix::fs::readlink(place, Vec::new()).map(std::ffi::CString::into_bytes)
    }

    /// What the text of a `/proc/PID` link says of a file of ours, if `link` is one and it does.
    pub(crate) fn magic_text(&self, link: &Location) -> Option<Vec<u8>> {
        if link.place != Place::Host || !is_process_dir(lexical::parent(&link.path)) {
            return None;
        }
        let text = self.link_text(link).ok()?;
        match (self.identify)(&text) {
            Some(Identity::Chip { id, is_gone }) => {
                let tail = if is_gone { " (deleted)" } else { "" };
                Some(format!("/dev/gpiochip{id}{tail}").into_bytes())
            }
            Some(Identity::Node(id)) => Some(format!("/dev/gpiochip{id} (deleted)").into_bytes()),
            Some(Identity::Anonymous(name)) => Some(format!("anon_inode:{name}").into_bytes()),
            None => self.shadow.inside(&text),
        }
    }
}

/// `st_mode` of a file, links not followed; `None` if there is none.
fn mode_of(path: &OsStr) -> Result<Option<u32>, Errno> {
    match rustix::fs::statat(CWD, path.as_bytes(), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat.st_mode)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Whether the links in this directory are the kernel's own: `/proc/N`, `/proc/N/task/M`, and the
/// `fd` of either.
fn is_process_dir(dir: &[u8]) -> bool {
    let is_number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let parts: Vec<&[u8]> = lexical::components(dir).collect();
    let parts = parts.strip_suffix(&[&b"fd"[..]]).unwrap_or(&parts);
    match parts {
        [b"proc", pid] => is_number(pid),
        [b"proc", pid, b"task", tid] => is_number(pid) && is_number(tid),
        _ => false,
    }
}
