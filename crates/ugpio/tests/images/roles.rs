//! What the programs of the runs do.
#![expect(unsafe_code, reason = "mappings at fixed addresses, forks, and ioctls")]

use std::ffi::CString;
use std::fs::File;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, exit};

use gpio_uapi::abi::ioctl;
use gpio_uapi::abi::v2::{LineFlags, LineRequest, LineValues};
use rustix::io::Errno;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use zerocopy::FromZeros as _;

/// Where the argument lies, and what else is there in another image.
const PLACE: usize = 0x6000_0000_0000;
const PAGE: usize = 4096;
/// What fills the page of whoever did not ask.
const FOREIGN: u8 = 0xaa;

pub(crate) fn play(role: &str) {
    match role {
        "executes" => executes(),
        "victim" => look_on(),
        "killed" => killed(),
        "read-only" => read_only(),
        "vfork" => shares_memory(),
        "root" => changes_root(),
        "mounts" => changes_mounts(),
        // Neither has the listener's ADDFD; the older has no listeners.
        "linux 4.19" => on_a_kernel_without(libc::SYS_seccomp, 0, libc::SECCOMP_GET_NOTIF_SIZES),
        "linux 5.10" => on_a_kernel_without(libc::SYS_ioctl, 1, NOTIF_ADDFD),
        "leaves" => leaves(),
        other => panic!("no role is called {other}"),
    }
    println!("played");
}

/// `SECCOMP_IOCTL_NOTIF_ADDFD`.
const NOTIF_ADDFD: u32 = 0x4018_2103;

/// Executes the words after the role where a system call with this argument says `EINVAL`.
fn on_a_kernel_without(call: libc::c_long, argument: u32, value: u32) -> ! {
    let call = u32::try_from(call).unwrap();
    let op = |code: u32, jump_else: u8, k: u32| libc::sock_filter {
        code: u16::try_from(code).unwrap(),
        jt: 0,
        jf: jump_else,
        k,
    };
    // The number lies first in `seccomp_data`, arguments of 8 bytes from byte 16.
    let (load, unless) = (
        libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
        libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
    );
    let mut program = [
        op(load, 0, 0),
        op(unless, 3, call),
        op(load, 0, 16 + 8 * argument),
        op(unless, 1, value),
        op(
            libc::BPF_RET,
            0,
            libc::SECCOMP_RET_ERRNO | libc::EINVAL.cast_unsigned(),
        ),
        op(libc::BPF_RET, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).unwrap(),
        filter: program.as_mut_ptr(),
    };
    rustix::thread::set_no_new_privs(true).unwrap();
    // SAFETY: the kernel reads the program, which lives until the call returns.
    let done = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const filter,
        )
    };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    let words: Vec<_> = std::env::args_os().skip(2).collect();
    panic!("{}", Command::new(&words[0]).args(&words[1..]).exec());
}

/// A page at the fixed place.
fn map(fill: u8) -> &'static mut [u8] {
    let prot = ProtFlags::READ | ProtFlags::WRITE;
    let flags = MapFlags::PRIVATE | MapFlags::FIXED;
    let place = core::ptr::without_provenance_mut(PLACE);
    // SAFETY: nothing else lies at this address, far from where the kernel puts mappings.
    let page = unsafe { rustix::mm::mmap_anonymous(place, PAGE, prot, flags) };
    // SAFETY: mapped just now, as long, and never unmapped.
    let page = unsafe { core::slice::from_raw_parts_mut(page.unwrap().cast::<u8>(), PAGE) };
    page.fill(fill);
    page
}

fn protect(flags: MprotectFlags) {
    let place = core::ptr::without_provenance_mut(PLACE);
    // SAFETY: the page was mapped by `map`; the caller makes it writable again before it writes to it.
    unsafe { rustix::mm::mprotect(place, PAGE, flags) }.unwrap();
}

fn chip() -> File {
    File::open("/dev/gpiochip0").unwrap()
}

fn request(chip: &File) -> Result<OwnedFd, Errno> {
    let mut request = LineRequest::new_zeroed();
    request.num_lines = 1;
    request.config.flags = LineFlags::INPUT.bits();
    call(
        chip.as_raw_fd(),
        ioctl::GPIO_V2_GET_LINE,
        core::ptr::from_mut(&mut request).addr(),
    )?;
    use std::os::fd::FromRawFd as _;
    // SAFETY: fresh, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(request.fd) })
}

fn call(fd: i32, command: u32, argument: usize) -> Result<(), Errno> {
    // SAFETY: the argument is memory of the size that the command has, or none that is used as anything else.
    if unsafe { libc::ioctl(fd, libc::Ioctl::from(command), argument) } == -1 {
        return Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap());
    }
    Ok(())
}

/// Asks for the value of a line, with the argument at the fixed place.
fn get(line: &OwnedFd) -> Result<(), Errno> {
    call(line.as_raw_fd(), ioctl::GPIO_V2_LINE_GET_VALUES, PLACE)
}

/// Makes every later call on line 0 take long: longer than a thread of the supervisor is waited for.
fn slow() {
    let mut ctl = Command::new("ugpio");
    let done = ctl
        .args(["ctl", "fault", "a", "slow", "0", "--time", "800ms"])
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

fn ask(page: &mut [u8]) {
    // The mask is the second word.
    page.fill(0);
    page[size_of::<LineValues>() / 2] = 1;
}

/// Comes back when a thread waits in an ioctl, which the supervisor then has received: it looks at one at a time.
fn await_ioctl(thread: Pid) {
    let path = format!("/proc/{}/syscall", thread.as_raw_nonzero());
    let wanted = libc::SYS_ioctl.to_string();
    loop {
        let text = std::fs::read_to_string(&path).unwrap();
        if text.split(' ').next() == Some(&wanted) {
            return;
        }
        std::thread::yield_now();
    }
}

/// The first thread waits, another executes this program anew.
fn executes() {
    let page = map(0);
    let line = request(&chip()).unwrap();
    slow();
    ask(page);
    let first = rustix::thread::gettid();
    std::thread::spawn(move || {
        await_ioctl(first);
        let error = Command::new(std::env::current_exe().unwrap())
            .arg("role:victim")
            .exec();
        panic!("{error}");
    });
    let answer = get(&line);
    // It must not come back, unless the other thread was kept waiting for all that time.
    println!("the answer came first: {answer:?}");
    loop {
        std::thread::park();
    }
}

/// The first thread sleeps in an open that leads through the board and out to a FIFO, which its call is repeated for;
/// another executes this program anew, and takes over its number. Whatever the new image calls is its own from the
/// first call on. Many times, since the supervisor learns of the end of the first thread at some time of its own.
fn leaves() {
    /// How many images are still to come.
    const LEFT: &str = "UGPIO_TEST_LEFT";
    let left = std::env::var(LEFT).map_or(40, |left| left.parse().unwrap());
    File::open("/dev/gpiochip0").expect("the chip is there for a new image");
    let home = std::env::current_dir().unwrap();
    let out = format!("/sys/class/gpio/../../..{}", home.display());
    std::fs::read_dir(&out).expect("so is a way through the board and out again");
    if left == 0 {
        return;
    }
    let fifo = home.join(format!("fifo{left}"));
    let mode = rustix::fs::Mode::RWXU;
    rustix::fs::mknodat(rustix::fs::CWD, fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let first = rustix::thread::gettid();
    let path = CString::new(format!("{out}/fifo{left}")).unwrap();
    let own = path.as_ptr().addr();
    std::thread::spawn(move || {
        await_repetition(first, own);
        let error = Command::new(std::env::current_exe().unwrap())
            .arg("role:leaves")
            .env(LEFT, (left - 1).to_string())
            .exec();
        panic!("{error}");
    });
    let opened = rustix::fs::openat(
        rustix::fs::CWD,
        path,
        rustix::fs::OFlags::RDONLY,
        rustix::fs::Mode::empty(),
    );
    panic!("no process opens the other end: {opened:?}");
}

/// Comes back when a thread waits in an open with another path than its own.
fn await_repetition(thread: Pid, own: usize) {
    let file = format!("/proc/{}/syscall", thread.as_raw_nonzero());
    let (number, own) = (libc::SYS_openat.to_string(), format!("{own:#x}"));
    loop {
        let text = std::fs::read_to_string(&file).unwrap();
        let words: Vec<&str> = text.split(' ').collect();
        if words[0] == number && words[2] != own {
            return;
        }
        std::thread::yield_now();
    }
}

/// Has its own bytes at the place, and they stay.
fn look_on() {
    let page = map(FOREIGN);
    let chip = chip();
    while request(&chip).map(drop) == Err(Errno::BUSY) {
        std::thread::yield_now();
    }
    let changed = page.iter().position(|&byte| byte != FOREIGN);
    assert_eq!(
        changed,
        None,
        "the answer of another image was written: {:?}",
        &page[..16]
    );
}

/// A child waits and is killed; another gets its number.
fn killed() {
    map(FOREIGN);
    let (ready, tell) = std::io::pipe().unwrap();
    let (go, let_go) = std::io::pipe().unwrap();
    let asking = fork(|| {
        let page = map(0);
        let line = request(&chip()).unwrap();
        ask(page);
        rustix::io::write(&tell, b"r").unwrap();
        rustix::io::read(&go, &mut [0]).unwrap();
        let _ = get(&line);
    });
    rustix::io::read(&ready, &mut [0]).unwrap();
    slow();
    rustix::io::write(&let_go, b"g").unwrap();
    await_ioctl(asking);
    kill_process(asking, Signal::KILL).unwrap();
    waitpid(Some(asking), WaitOptions::empty()).unwrap();
    let number = asking.as_raw_nonzero().get();
    let successor = loop {
        std::fs::write("/proc/sys/kernel/ns_last_pid", (number - 1).to_string()).unwrap();
        let child = fork(look_on);
        if child == asking {
            break child;
        }
        kill_process(child, Signal::KILL).unwrap();
        waitpid(Some(child), WaitOptions::empty()).unwrap();
    };
    let (_, status) = waitpid(Some(successor), WaitOptions::empty())
        .unwrap()
        .unwrap();
    assert_eq!(status.exit_status(), Some(0));
}

fn fork(act: impl FnOnce()) -> Pid {
    // SAFETY: this process has one thread.
    match unsafe { libc::fork() } {
        0 => {
            act();
            exit(0)
        }
        child => Pid::from_raw(child).unwrap(),
    }
}

/// The page can be read and not written: Linux gives EFAULT, after a successful call too.
fn read_only() {
    let page = map(0);
    let line = request(&chip()).unwrap();
    ask(page);
    protect(MprotectFlags::READ);
    assert_eq!(get(&line), Err(Errno::FAULT));
    protect(MprotectFlags::READ | MprotectFlags::WRITE);
    assert_eq!(get(&line), Ok(()));
    assert_eq!(page[size_of::<LineValues>() / 2], 1);
    protect(MprotectFlags::READ);
    assert_eq!(get(&line), Err(Errno::FAULT));
}

/// A child that shares the memory is answered in it, executes another program, and its parent is answered as before.
fn shares_memory() {
    let page = map(0);
    let line = request(&chip()).unwrap();
    ask(page);
    let mut stack = vec![0_u128; 4096];
    for _ in 0..50 {
        let mut number = line.as_raw_fd();
        let top = stack.as_mut_ptr_range().end.cast();
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
        // SAFETY: the child has a stack of its own, and its parent waits until it has executed or ended.
        let child = unsafe { libc::clone(ask_and_execute, top, flags, (&raw mut number).cast()) };
        let child = Pid::from_raw(child);
        let (_, status) = waitpid(child, WaitOptions::empty()).unwrap().unwrap();
        assert_eq!(status.exit_status(), Some(0));
        assert_eq!(get(&line), Ok(()));
    }
}

/// Runs on memory that is another's: makes three system calls and nothing else.
extern "C" fn ask_and_execute(number: *mut core::ffi::c_void) -> i32 {
    // SAFETY: the parent's variable, which lives as long as the parent waits.
    let number = unsafe { *number.cast::<i32>() };
    let get = libc::Ioctl::from(ioctl::GPIO_V2_LINE_GET_VALUES);
    // SAFETY: the page has room for the argument.
    if unsafe { libc::ioctl(number, get, PLACE) } == -1 {
        return 2;
    }
    let arguments = [c"true".as_ptr(), core::ptr::null()];
    // SAFETY: an array of strings that a null pointer ends.
    unsafe { libc::execv(c"/bin/true".as_ptr(), arguments.as_ptr()) };
    1
}

/// Whether a link leads to the board's node, which only those find who know where the link is.
fn leads_to_the_board(link: &Path) -> bool {
    std::fs::metadata(link).is_ok_and(|found| found.file_type().is_char_device())
}

/// A place of our own with a link to the board's node, looked at; in new spaces in which we may do everything.
fn with_a_link(spaces: libc::c_int) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    symlink("/dev/gpiochip0", place.path().join("link")).unwrap();
    assert!(leads_to_the_board(&place.path().join("link")));
    assert!(!leads_to_the_board("/link".as_ref()));
    let ids = [
        rustix::process::getuid().as_raw(),
        rustix::process::getgid().as_raw(),
    ];
    // SAFETY: it makes no two threads differ, since there is one.
    let made = unsafe { libc::unshare(libc::CLONE_NEWUSER | spaces) };
    if made != 0 {
        println!("not tested: this machine gives us no spaces of our own");
        println!("played");
        exit(0);
    }
    // Files belong to somebody there.
    std::fs::write("/proc/self/setgroups", "deny").unwrap();
    for (table, id) in ["uid_map", "gid_map"].into_iter().zip(ids) {
        std::fs::write(format!("/proc/self/{table}"), format!("0 {id} 1")).unwrap();
    }
    place
}

fn changes_root() {
    let place = with_a_link(0);
    rustix::process::chroot(place.path()).unwrap();
    std::env::set_current_dir("/").unwrap();
    assert!(leads_to_the_board("/link".as_ref()));
    assert!(leads_to_the_board("link".as_ref()));
}

fn changes_mounts() {
    let place = with_a_link(libc::CLONE_NEWNS);
    let (mut name, kind) = (place.path().as_os_str().as_bytes().to_vec(), c"tmpfs");
    name.push(0);
    // SAFETY: three strings that end in NUL, and no data.
    let done = unsafe {
        let null = core::ptr::null();
        libc::mount(kind.as_ptr(), name.as_ptr().cast(), kind.as_ptr(), 0, null)
    };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    assert!(!leads_to_the_board(&place.path().join("link")), "covered");
    symlink("/dev/gpiochip0", place.path().join("other")).unwrap();
    assert!(leads_to_the_board(&place.path().join("other")));
}
