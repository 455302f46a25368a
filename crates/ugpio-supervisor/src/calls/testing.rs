//! A program and a machine for tests: memory in a vector, descriptors in a map, the host's files
//! below a temporary directory.
//!
//! [`World`] has one chip, `gpiochip0`, below `platform/gpio-sim.0`; the descriptor links
//! `socket:[70]` (that chip, open), `socket:[71]` (a removed chip 1) and `pipe:[72]` (a line
//! request) are ours. The tests of the resolver and of the handlers use it.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::{ffi::OsStrExt as _, fs::symlink},
    },
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustix::{io::Errno, process::Pid};

use super::{
    context::{Mover, Opener, PathLayer},
    credentials::Credentials,
    process::Process,
};
use crate::{
    arch::{Arch, Sys},
    attributes::{AttributeFile, Shown},
    outcome::{Call, Reply},
    path::{Identity, Resolution, Resolver, Target, View, Want},
    procdir::ProcDirs,
    shadow::{ChipNode, Shadow},
    sys::ptrace::again::Instead,
    tree::{ControlTree, Mounted},
};

/// The thread that calls.
pub(crate) const TID: u32 = 42;
/// Where the program's memory begins; nothing is below it.
const MEMORY: u64 = 0x1_0000;
/// How much memory it has.
const SIZE: usize = 0x4000;
/// Where [`World::call`] puts strings, one after the other.
const STRINGS: usize = 0x1000;
/// A place for answers.
pub(crate) const BUFFER: u64 = MEMORY;
/// An address with nothing behind it.
pub(crate) const UNMAPPED: u64 = 0x100;
/// The working directory, as an argument.
pub(crate) const CWD: Arg<'static> = Arg::Int(libc::AT_FDCWD);

/// What the machine has without a board.
const HOST_DIRS: [&str; 8] = [
    "dev/pts",
    "sys/bus/pci",
    "sys/devices/platform/foo",
    "sys/dev/char",
    "sys/kernel/debug",
    "tmp/dir",
    "proc/42/fd",
    "proc/42/task/42",
];

/// An argument of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Arg<'a> {
    /// The address of a string that is put into memory.
    Text(&'a str),
    /// An `int`.
    Int(i32),
    /// A register as it is.
    Raw(u64),
}

/// Chips that were opened, with the flags.
#[derive(Debug, Default)]
pub(crate) struct FakeOpener {
    opened: Mutex<Vec<(u32, u32)>>,
    /// How often open files were brought up to date.
    settled: AtomicUsize,
}

impl Opener for FakeOpener {
    fn open_chip(&self, id: u32, flags: u32) -> Result<OwnedFd, Errno> {
        self.opened.lock().unwrap().push((id, flags));
        Ok(std::io::pipe().unwrap().0.into())
    }

    fn settle(&self) {
        self.settled.fetch_add(1, Ordering::Relaxed);
    }

    fn identify(&self, link: &[u8]) -> Option<Identity> {
        match link {
            b"socket:[70]" => Some(Identity::Chip {
                id: 0,
                is_gone: false,
            }),
            b"socket:[71]" => Some(Identity::Chip {
                id: 1,
                is_gone: true,
            }),
            b"pipe:[72]" => Some(Identity::Anonymous("gpio-line")),
            _ => None,
        }
    }
}

/// Notes where it was asked to move to.
#[derive(Debug, Default)]
struct FakeMover(Mutex<Vec<Vec<u8>>>);

impl Mover for FakeMover {
    fn enter(&self, _: &Call, dir: OwnedFd) -> Reply {
        self.0.lock().unwrap().push(link_of(&dir));
        Reply::Return(0)
    }

    fn can_repeat(&self) -> bool {
        true
    }

    fn again(&self, _: &Call, instead: Vec<(usize, Instead)>) -> Reply {
        let texts = instead
            .into_iter()
            .filter_map(|(_, instead)| match instead {
                Instead::Text(text) => Some(text),
                Instead::Value(_) => None,
            });
        self.0.lock().unwrap().extend(texts);
        Reply::Return(1)
    }
}

/// The program.
#[derive(Debug)]
pub(crate) struct FakeProcess {
    memory: RefCell<Vec<u8>>,
    cwd: RefCell<Vec<u8>>,
    fds: RefCell<BTreeMap<i32, Vec<u8>>>,
    shared: RefCell<BTreeMap<i32, OwnedFd>>,
    pub(crate) credentials: RefCell<Credentials>,
    /// Whether its call waits no more.
    pub(crate) is_gone: Cell<bool>,
}

impl FakeProcess {
    fn range(&self, addr: u64, len: usize) -> Result<core::ops::Range<usize>, Errno> {
        let start = addr
            .checked_sub(MEMORY)
            .and_then(|at| usize::try_from(at).ok())
            .ok_or(Errno::FAULT)?;
        let end = start
            .checked_add(len)
            .filter(|end| *end <= SIZE)
            .ok_or(Errno::FAULT)?;
        Ok(start..end)
    }
}

impl Process for FakeProcess {
    fn read_cstr(&self, addr: u64, max: usize) -> Result<Vec<u8>, Errno> {
        let start = self.range(addr, 0)?.start;
        let memory = self.memory.borrow();
        let text = &memory[start..SIZE.min(start + max)];
        let end = text.iter().position(|byte| *byte == 0);
        end.map(|end| text[..end].to_vec())
            .ok_or(Errno::NAMETOOLONG)
    }

    fn read(&self, addr: u64, buf: &mut [u8]) -> Result<(), Errno> {
        buf.copy_from_slice(&self.memory.borrow()[self.range(addr, buf.len())?]);
        Ok(())
    }

    fn write(&self, addr: u64, data: &[u8]) -> Result<(), Errno> {
        self.memory.borrow_mut()[self.range(addr, data.len())?].copy_from_slice(data);
        Ok(())
    }

    fn read_path(&self, addr: u64, max: usize) -> Result<Vec<u8>, Errno> {
        self.read_cstr(addr, max)
    }

    fn link(&self, fd: i32) -> Result<Vec<u8>, Errno> {
        match fd {
            libc::AT_FDCWD => Ok(self.cwd.borrow().clone()),
            fd => self.fd_link(fd),
        }
    }

    fn confirm(&self) -> Result<(), Errno> {
        if self.is_gone.get() {
            Err(Errno::SRCH)
        } else {
            Ok(())
        }
    }

    fn place(&self, _: i32) -> Option<Vec<u8>> {
        None
    }

    fn fd_link(&self, fd: i32) -> Result<Vec<u8>, Errno> {
        self.fds.borrow().get(&fd).cloned().ok_or(Errno::BADF)
    }

    fn fd_mode(&self, fd: i32) -> Result<u32, Errno> {
        self.fd_link(fd).map(|_| 0o600)
    }

    fn reopen(&self, _: i32) -> Result<OwnedFd, Errno> {
        Err(Errno::BADF)
    }

    fn share(&self, fd: i32) -> Result<OwnedFd, Errno> {
        let shared = self.shared.borrow();
        let file = shared.get(&fd).ok_or(Errno::BADF)?;
        Ok(file.try_clone().unwrap())
    }

    fn view(&self) -> Option<View> {
        None
    }

    fn credentials(&self) -> Result<Credentials, Errno> {
        Ok(self.credentials.borrow().clone())
    }

    fn is_traced(&self) -> bool {
        false
    }
}

/// The program is of the user who runs the tests, as the files of the board are.
fn own_credentials() -> Credentials {
    Credentials {
        uid: rustix::process::geteuid().as_raw(),
        ..Credentials::default()
    }
}

/// A machine with a board and a program.
pub(crate) struct World {
    _base: tempfile::TempDir,
    pub(crate) shadow: Arc<Shadow>,
    pub(crate) process: FakeProcess,
    layer: PathLayer,
    opener: Arc<FakeOpener>,
    mover: FakeMover,
    kept: RefCell<Vec<OwnedFd>>,
}

impl World {
    pub(crate) fn new() -> Self {
        let base = tempfile::tempdir().unwrap();
        let shadow = Arc::new(Shadow::build(make(base.path().join(".ugpio-shadow-1-0"))).unwrap());
        let parent = "platform/gpio-sim.0".into();
        shadow
            .add_chip(&ChipNode {
                id: 0,
                label: "sim".into(),
                parent,
                lines: 8,
            })
            .unwrap();
        let host = make(base.path().canonicalize().unwrap().join("host"));
        // The directory that the tree was made in is one of the machine's too.
        let trees = shadow.dir().parent().unwrap();
        fs::create_dir_all(host.join(trees.strip_prefix("/").unwrap())).unwrap();
        for dir in HOST_DIRS {
            fs::create_dir_all(host.join(dir)).unwrap();
        }
        fs::write(host.join("dev/null"), "").unwrap();
        fs::write(host.join("dev/gpiochip7"), "").unwrap();
        let opener = Arc::new(FakeOpener::default());
        let mut layer = PathLayer::new(
            Arc::clone(&shadow),
            Arc::new(ProcDirs::new()),
            opener.clone(),
        );
        layer.host = host.as_os_str().as_bytes().to_vec();
        let process = FakeProcess {
            memory: RefCell::new(vec![0; SIZE]),
            cwd: RefCell::new(b"/tmp".to_vec()),
            fds: RefCell::default(),
            shared: RefCell::default(),
            credentials: RefCell::new(own_credentials()),
            is_gone: Cell::new(false),
        };
        let world = Self {
            _base: base,
            shadow,
            process,
            layer,
            opener,
            mover: FakeMover::default(),
            kept: RefCell::default(),
        };
        world.link("/dev/fd", "/proc/self/fd");
        for (fd, link) in [
            (70, "socket:[70]"),
            (71, "socket:[71]"),
            (72, "pipe:[72]"),
            (73, "/dev/null"),
        ] {
            world.set_fd(fd, link.as_bytes());
        }
        world
    }

    /// Shows a control tree.
    pub(crate) fn mount(&mut self, tree: Arc<dyn ControlTree>) {
        let mounted = Mounted::new(Arc::clone(&self.shadow), tree).unwrap();
        let mounted = Arc::new(mounted);
        self.layer.attributes.add(Arc::clone(&mounted) as _);
        self.layer.tree = Some(mounted);
        self.layer.release = Some("6.12.0".into());
    }

    /// Puts bytes into the program's memory, at the place of answers.
    pub(crate) fn put(&self, bytes: &[u8]) {
        self.process.write(BUFFER, bytes).unwrap();
    }

    /// Where the host's file of a virtual path is.
    pub(crate) fn host(&self, path: &str) -> PathBuf {
        PathBuf::from(OsStr::from_bytes(
            &[&self.layer.host, path.as_bytes()].concat(),
        ))
    }

    /// Makes a link of the host.
    pub(crate) fn link(&self, path: &str, text: &str) {
        symlink(text, self.host(path)).unwrap();
    }

    pub(crate) fn set_cwd(&self, link: &[u8]) {
        *self.process.cwd.borrow_mut() = link.to_vec();
    }

    /// Makes descriptor `fd` of the program be what `link` says, in `/proc` too.
    pub(crate) fn set_fd(&self, fd: i32, link: &[u8]) {
        self.process.fds.borrow_mut().insert(fd, link.to_vec());
        let place = self.host(&format!("/proc/42/fd/{fd}"));
        let _ = fs::remove_file(&place);
        symlink(OsStr::from_bytes(link), place).unwrap();
    }

    /// Takes the program's descriptor `number` from a reply.
    pub(crate) fn install(&self, number: i32, reply: Reply) -> PathBuf {
        let Reply::Fd { fd, .. } = reply else {
            panic!("not a descriptor: {reply:?}")
        };
        let link = link_of(&fd);
        self.set_fd(number, &link);
        self.kept.borrow_mut().push(fd);
        PathBuf::from(OsStr::from_bytes(&link))
    }

    /// The same, of a file whose position counts; gives another descriptor of it.
    pub(crate) fn install_file(&self, number: i32, reply: Reply) -> OwnedFd {
        self.install(number, reply);
        let kept = self.kept.borrow();
        let clone = || kept.last().unwrap().try_clone().unwrap();
        self.process.shared.borrow_mut().insert(number, clone());
        clone()
    }

    /// Shows an attribute; gives what hides it.
    pub(crate) fn show(&mut self, path: &str, attribute: Arc<dyn AttributeFile>) -> Arc<Shown> {
        let shown = Arc::new(Shown::new(Arc::clone(&self.shadow)));
        shown.show(path, attribute).unwrap();
        self.layer.attributes.add(Arc::clone(&shown) as _);
        shown
    }

    /// Opens a directory of the host as descriptor `fd` of the program.
    pub(crate) fn open_dir(&self, fd: i32, path: &str) {
        self.set_fd(fd, path.as_bytes());
        let dir = fs::File::open(self.host(path)).unwrap();
        self.process.shared.borrow_mut().insert(fd, dir.into());
    }

    /// Where the program was moved to, each time, and the paths it was given instead of its own.
    pub(crate) fn moved(&self) -> Vec<Vec<u8>> {
        self.mover.0.lock().unwrap().clone()
    }

    /// The chips that were opened.
    pub(crate) fn opened(&self) -> Vec<(u32, u32)> {
        self.opener.opened.lock().unwrap().clone()
    }

    /// How often open files were brought up to date.
    pub(crate) fn settled(&self) -> usize {
        self.opener.settled.load(Ordering::Relaxed)
    }

    pub(crate) fn call(&self, sys: Sys, args: &[Arg<'_>]) -> Reply {
        let mut registers = [0; 6];
        let mut at = STRINGS;
        for (register, arg) in registers.iter_mut().zip(args) {
            *register = match arg {
                Arg::Raw(value) => *value,
                Arg::Int(value) => u64::from(value.cast_unsigned()),
                Arg::Text(text) => {
                    let addr = MEMORY + u64::try_from(at).unwrap();
                    self.process
                        .write(addr, &[text.as_bytes(), b"\0"].concat())
                        .unwrap();
                    at += text.len() + 1;
                    addr
                }
            };
        }
        let nr = Arch::NATIVE.number(sys).unwrap_or_default();
        let tid = Pid::from_raw(TID.cast_signed()).unwrap();
        self.layer.answer(
            &Call {
                id: 1,
                tid,
                sys: Some(sys),
                nr,
                args: registers,
            },
            &self.process,
            &self.mover,
        )
    }

    /// The first bytes of [`BUFFER`].
    pub(crate) fn answer(&self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.process.read(BUFFER, &mut bytes).unwrap();
        bytes
    }

    /// Resolves a path from the working directory.
    pub(crate) fn resolve(&self, path: &str, want: Want) -> Resolution {
        let identify = |link: &[u8]| self.opener.identify(link);
        let view = View {
            prefix: self.layer.host.clone(),
            root: Vec::new(),
            tid: TID,
        };
        let resolver = Resolver::new(&self.shadow, &view, &identify);
        let cwd = self.process.cwd.borrow();
        let base = match self.shadow.inside(&cwd) {
            Some(inside) => crate::path::Base::Board(inside),
            None => crate::path::Base::Host(crate::path::Dir::named(cwd.clone())),
        };
        resolver.resolve(&base, path.as_bytes(), want)
    }

    /// What a followed path names if it is not left to the kernel: its virtual path and place.
    pub(crate) fn find(&self, path: &str) -> Option<Result<String, Errno>> {
        let follow = Want {
            follow: true,
            ..Want::default()
        };
        Some(
            self.resolve(path, follow)
                .answer()?
                .map(|target| match target {
                    Target::At(location) => {
                        format!(
                            "{:?} {}",
                            location.place,
                            String::from_utf8(location.path).unwrap()
                        )
                    }
                    Target::Descriptor(identity) => format!("{identity:?}"),
                    Target::Missing { path, place } => {
                        format!("no {place:?} {}", String::from_utf8(path).unwrap())
                    }
                }),
        )
    }
}

fn make(dir: PathBuf) -> PathBuf {
    fs::create_dir(&dir).unwrap();
    dir
}

fn link_of(fd: &OwnedFd) -> Vec<u8> {
    let link = fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).unwrap();
    link.as_os_str().as_bytes().to_vec()
}

/// Asserts that a call was let through.
#[track_caller]
pub(crate) fn is_native(reply: Reply) {
    assert!(matches!(reply, Reply::Continue), "answered: {reply:?}");
}

/// Asserts that the program makes the call again with this path.
#[track_caller]
pub(crate) fn goes_to(world: &World, reply: Reply, path: &str) {
    returns(reply, 1);
    let last = world
        .moved()
        .pop()
        .map(|path| String::from_utf8(path).unwrap());
    assert_eq!(last.as_deref(), Some(path));
}

/// Asserts that a call failed.
#[track_caller]
pub(crate) fn fails(reply: Reply, errno: Errno) {
    assert!(
        matches!(reply, Reply::Fail(got) if got == errno),
        "not {errno:?}: {reply:?}"
    );
}

/// Asserts that a call returned a value.
#[track_caller]
pub(crate) fn returns(reply: Reply, value: i64) {
    assert!(
        matches!(reply, Reply::Return(got) if got == value),
        "not {value}: {reply:?}"
    );
}
