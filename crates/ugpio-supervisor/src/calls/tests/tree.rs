//! The calls on a control tree: the errno of each that is refused, and what a write stores.

use std::sync::{Arc, Mutex};

use rustix::io::Errno;

use crate::{
    arch::Sys,
    calls::testing::{Arg, BUFFER, CWD, UNMAPPED, World, fails, is_native, returns},
    outcome::Reply,
    tree::{ControlTree, Entry, LineAt, SimAttribute, Token},
};

const ROOT: &str = "/sys/kernel/config/gpio-sim";
/// The faults of the world's chip; kept as `live` is.
const FAULTS: Token = Token([u32::MAX, 0, 1]);

/// Devices with two attributes, of which one can be stored to, and chips with one line.
#[derive(Debug, Default)]
struct Fake {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    devices: Vec<(Vec<u8>, u32)>,
    next: u32,
    live: Vec<u8>,
    pull: Vec<u8>,
}

impl ControlTree for Fake {
    fn mkdir(&self, path: &[&[u8]]) -> Result<Vec<Entry>, Errno> {
        let mut state = self.state.lock().unwrap();
        let [name] = path else {
            return Err(Errno::INVAL);
        };
        state.next += 1;
        let serial = state.next;
        state.devices.push((name.to_vec(), serial));
        Ok(vec![
            Entry {
                name: b"live",
                mode: 0o644,
            },
            Entry {
                name: b"dev_name",
                mode: 0o444,
            },
        ])
    }

    fn rmdir(&self, path: &[&[u8]]) -> Result<(), Errno> {
        let mut state = self.state.lock().unwrap();
        if path == [b"busy"] {
            return Err(Errno::BUSY);
        }
        state.devices.retain(|(name, _)| [name.as_slice()] != *path);
        Ok(())
    }

    fn find(&self, path: &[&[u8]]) -> Option<Token> {
        let [device, attribute] = path else {
            return None;
        };
        let state = self.state.lock().unwrap();
        let (_, serial) = state.devices.iter().find(|(name, _)| name == device)?;
        Some(Token([*serial, 0, u32::from(*attribute == b"live")]))
    }

    fn faults(&self, chip: u32) -> Option<Token> {
        (chip == 0).then_some(FAULTS)
    }

    fn show(&self, attribute: Token) -> Result<Vec<u8>, Errno> {
        let state = self.state.lock().unwrap();
        Ok(if attribute.0[2] == 1 {
            state.live.clone()
        } else {
            b"name\n".to_vec()
        })
    }

    fn store(&self, attribute: Token, text: &[u8]) -> Result<usize, Errno> {
        let mut state = self.state.lock().unwrap();
        let is_fault = attribute == FAULTS;
        let is_there = |(_, serial): &(Vec<u8>, u32)| *serial == attribute.0[0];
        if !is_fault && !state.devices.iter().any(is_there) {
            return Err(Errno::NOENT);
        }
        if text.is_empty() {
            return Err(Errno::FAULT);
        }
        state.live = text.to_vec();
        Ok(text.len().min(4095))
    }

    fn show_line(&self, _: LineAt, _: SimAttribute) -> Result<Vec<u8>, Errno> {
        Ok(self.state.lock().unwrap().pull.clone())
    }

    fn store_line(&self, _: LineAt, file: SimAttribute, text: &[u8]) -> Result<usize, Errno> {
        if file == SimAttribute::Value {
            return Err(Errno::PERM);
        }
        self.state.lock().unwrap().pull = text.to_vec();
        Ok(text.len())
    }
}

fn mounted() -> (World, Arc<Fake>) {
    let (mut world, tree) = (World::new(), Arc::new(Fake::default()));
    world.mount(tree.clone());
    (world, tree)
}

fn in_tree(rest: &str) -> String {
    format!("{ROOT}/{rest}")
}

fn path_call(world: &World, sys: Sys, path: &str) -> Reply {
    world.call(sys, &[Arg::Text(path), Arg::Int(0)])
}

fn open(world: &World, path: &str, flags: i32) -> Reply {
    world.call(
        Sys::Openat,
        &[CWD, Arg::Text(path), Arg::Int(flags), Arg::Int(0o666)],
    )
}

fn write(world: &World, fd: i32, text: &[u8]) -> Reply {
    world.put(text);
    let count = u64::try_from(text.len()).unwrap();
    world.call(
        Sys::Write,
        &[Arg::Int(fd), Arg::Raw(BUFFER), Arg::Raw(count)],
    )
}

#[test]
fn directories_come_with_their_files_and_go_with_them() {
    let (world, _) = mounted();
    returns(path_call(&world, Sys::Mkdir, &in_tree("d")), 0);
    fails(path_call(&world, Sys::Mkdir, &in_tree("d")), Errno::EXIST);
    fails(
        path_call(&world, Sys::Mkdir, &in_tree("d/live")),
        Errno::EXIST,
    );
    fails(
        path_call(&world, Sys::Mkdir, &in_tree("no/x")),
        Errno::NOENT,
    );
    fails(path_call(&world, Sys::Mkdir, &in_tree("d/x")), Errno::INVAL);
    let listed = world.install(
        5,
        open(&world, &in_tree("d"), libc::O_RDONLY | libc::O_DIRECTORY),
    );
    assert_eq!(std::fs::read_dir(&listed).unwrap().count(), 2);
    returns(
        world.call(Sys::Mkdirat, &[CWD, Arg::Text(&in_tree("e/")), Arg::Int(0)]),
        0,
    );
    returns(path_call(&world, Sys::Rmdir, &in_tree("e/")), 0);
    returns(
        world.call(
            Sys::Unlinkat,
            &[CWD, Arg::Text(&in_tree("d")), Arg::Int(libc::AT_REMOVEDIR)],
        ),
        0,
    );
    assert!(!listed.exists());
    returns(path_call(&world, Sys::Mkdir, &in_tree("busy")), 0);
    fails(path_call(&world, Sys::Rmdir, &in_tree("busy")), Errno::BUSY);
}

#[test]
fn names_are_refused_with_the_errno_of_linux() {
    let (world, _) = mounted();
    returns(path_call(&world, Sys::Mkdir, &in_tree("d")), 0);
    let sys = "/sys/devices/platform/gpio-sim.0/gpiochip0";
    for (sys, path, errno) in [
        (Sys::Mkdir, "/sys/kernel/config/x".into(), Errno::PERM),
        (Sys::Mkdir, format!("{sys}/x"), Errno::PERM),
        (Sys::Rmdir, ROOT.into(), Errno::PERM),
        (Sys::Rmdir, format!("{sys}/power"), Errno::PERM),
        (Sys::Rmdir, in_tree("d/live"), Errno::NOTDIR),
        (Sys::Rmdir, in_tree("x"), Errno::NOENT),
        (Sys::Rmdir, in_tree("d/."), Errno::INVAL),
        (Sys::Unlink, in_tree("d/live"), Errno::PERM),
        (Sys::Unlink, in_tree("d"), Errno::ISDIR),
        (Sys::Unlink, in_tree("x"), Errno::NOENT),
        (Sys::Unlink, format!("{sys}/dev"), Errno::PERM),
    ] {
        fails(path_call(&world, sys, &path), errno);
    }
    let (d, e) = (in_tree("d"), in_tree("e"));
    let two = |sys, a: &str, b: &str| world.call(sys, &[Arg::Text(a), Arg::Text(b)]);
    fails(two(Sys::Rename, &d, &e), Errno::PERM);
    fails(two(Sys::Rename, &d, "/tmp/e"), Errno::PERM);
    fails(two(Sys::Link, "/tmp/dir", &e), Errno::XDEV);
    fails(two(Sys::Symlink, "text", &e), Errno::PERM);
    fails(two(Sys::Symlink, "text", &d), Errno::EXIST);
    is_native(two(Sys::Rename, "/tmp/dir", "/tmp/e"));
    is_native(path_call(&world, Sys::Mkdir, "/tmp/new"));
    is_native(path_call(&world, Sys::Unlink, "/tmp/new"));
    returns(path_call(&world, Sys::Chmod, &in_tree("d/live")), 0);
    fails(path_call(&world, Sys::Chmod, &in_tree("d/x")), Errno::NOENT);
}

#[test]
fn opening_an_attribute() {
    let (world, tree) = mounted();
    tree.state.lock().unwrap().live = b"0\n".to_vec();
    returns(path_call(&world, Sys::Mkdir, &in_tree("d")), 0);
    for (path, flags, errno) in [
        ("d/dev_name", libc::O_WRONLY, Errno::ACCESS),
        ("d/dev_name", libc::O_RDWR, Errno::ACCESS),
        (
            "d/live",
            libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL,
            Errno::EXIST,
        ),
        ("d/live", libc::O_RDONLY | libc::O_DIRECTORY, Errno::NOTDIR),
        ("d/new", libc::O_WRONLY | libc::O_CREAT, Errno::ACCESS),
        ("d/new", libc::O_RDONLY, Errno::NOENT),
        ("d", libc::O_WRONLY, Errno::ISDIR),
    ] {
        fails(open(&world, &in_tree(path), flags), errno);
    }
    let Reply::Fd { fd, .. } = open(&world, &in_tree("d/live"), libc::O_RDONLY) else {
        panic!("not a descriptor")
    };
    tree.state.lock().unwrap().live = b"1\n".to_vec();
    let text = std::io::read_to_string(std::fs::File::from(fd)).unwrap();
    assert_eq!(text, "0\n", "each open has a text of its own");
    let path = in_tree("d/live");
    world.install(6, open(&world, &path, libc::O_RDONLY));
    let link = [
        Arg::Text("/proc/self/fd/6"),
        Arg::Raw(BUFFER),
        Arg::Raw(4096),
    ];
    returns(
        world.call(Sys::Readlink, &link),
        i64::try_from(path.len()).unwrap(),
    );
    assert_eq!(world.answer(path.len()), path.as_bytes());
}

#[test]
fn the_faults_of_a_chip_are_an_attribute_where_linux_has_nothing() {
    let (world, tree) = mounted();
    let of = |chip: &str| format!("/sys/kernel/debug/gpio-sim/{chip}/faults");
    let listed = world.install(
        5,
        open(&world, "/sys/kernel/debug/gpio-sim", libc::O_DIRECTORY),
    );
    assert_eq!(std::fs::read_dir(listed).unwrap().count(), 1);
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC;
    world.install(6, open(&world, &of("gpiochip0"), flags));
    returns(write(&world, 6, b"error\n"), 6);
    assert_eq!(tree.state.lock().unwrap().live, b"error\n");
    let Reply::Fd { fd, .. } = open(&world, &of("gpiochip0"), libc::O_RDONLY) else {
        panic!("not a descriptor")
    };
    let shown = std::io::read_to_string(std::fs::File::from(fd)).unwrap();
    assert_eq!(shown, "error\n");
    fails(open(&world, &of("gpiochip1"), flags), Errno::NOENT);
    fails(open(&world, &of("gpiochip1"), libc::O_RDONLY), Errno::NOENT);
    let new = "/sys/kernel/debug/gpio-sim/x";
    fails(path_call(&world, Sys::Mkdir, new), Errno::PERM);
}

#[test]
fn a_write_is_a_store_whatever_number_the_descriptor_has() {
    let (world, tree) = mounted();
    returns(path_call(&world, Sys::Mkdir, &in_tree("d")), 0);
    is_native(write(&world, 9, b"before anything was opened"));
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC;
    world.install(1, open(&world, &in_tree("d/live"), flags));
    let settled = world.settled();
    returns(write(&world, 1, b"1\n"), 2);
    assert_eq!(tree.state.lock().unwrap().live, b"1\n");
    assert_eq!(
        world.settled(),
        settled + 1,
        "a store may meet what is open"
    );
    fails(write(&world, 1, b""), Errno::FAULT);
    let at = |addr, count| world.call(Sys::Write, &[Arg::Int(1), Arg::Raw(addr), Arg::Raw(count)]);
    fails(at(UNMAPPED, 2), Errno::FAULT);
    returns(at(BUFFER, 5000), 4095);
    let settled = world.settled();
    is_native(write(&world, 73, b"/dev/null"));
    assert_eq!(world.settled(), settled);
    returns(path_call(&world, Sys::Rmdir, &in_tree("d")), 0);
    fails(write(&world, 1, b"1\n"), Errno::NOENT);
}

#[test]
fn pieces_are_one_store() {
    let (world, tree) = mounted();
    returns(path_call(&world, Sys::Mkdir, &in_tree("d")), 0);
    world.install(3, open(&world, &in_tree("d/live"), libc::O_WRONLY));
    let mut memory = b"out".to_vec();
    memory.resize(16, 0);
    for (at, length) in [(0_u64, 1_u64), (1, 2)] {
        memory.extend((BUFFER + at).to_ne_bytes());
        memory.extend(length.to_ne_bytes());
    }
    world.put(&memory);
    let gather = |count| {
        world.call(
            Sys::Writev,
            &[Arg::Int(3), Arg::Raw(BUFFER + 16), Arg::Raw(count)],
        )
    };
    returns(gather(2), 3);
    assert_eq!(tree.state.lock().unwrap().live, b"out");
    fails(gather(1025), Errno::INVAL);
    let offset = Arg::Raw(u64::MAX);
    let at = world.call(
        Sys::Pwrite64,
        &[Arg::Int(3), Arg::Raw(BUFFER), Arg::Raw(1), offset],
    );
    fails(at, Errno::INVAL);
}

/// A store without a waiting thread would land in what stands for the file, where nothing happens.
#[test]
fn requests_of_io_submit_store_nothing_unseen() {
    let (world, tree) = mounted();
    returns(path_call(&world, Sys::Mkdir, &in_tree("d")), 0);
    world.install(3, open(&world, &in_tree("d/live"), libc::O_RDWR));
    let submit = |requests: &[(u16, i32)]| {
        let (mut table, mut all) = (Vec::new(), Vec::new());
        for (number, (operation, fd)) in (0_u64..).zip(requests) {
            table.extend((BUFFER + 64 + number * 64).to_ne_bytes());
            let mut request = [0; 64];
            request[16..18].copy_from_slice(&operation.to_ne_bytes());
            request[20..24].copy_from_slice(&fd.to_ne_bytes());
            all.extend(request);
        }
        table.resize(64, 0);
        world.put(&[table, all].concat());
        let count = u64::try_from(requests.len()).unwrap();
        let arguments = [Arg::Int(0), Arg::Raw(count), Arg::Raw(BUFFER)];
        world.call(Sys::IoSubmit, &arguments)
    };
    for operation in [1, 8, 2] {
        fails(submit(&[(operation, 3)]), Errno::INVAL);
        fails(submit(&[(0, 3), (operation, 3)]), Errno::INVAL);
        is_native(submit(&[(operation, 73)]));
    }
    for operation in [0, 7, 5] {
        is_native(submit(&[(operation, 3)]));
    }
    is_native(world.call(
        Sys::IoSubmit,
        &[Arg::Int(0), Arg::Int(1), Arg::Raw(UNMAPPED)],
    ));
    is_native(world.call(
        Sys::IoSubmit,
        &[Arg::Int(0), Arg::Raw(u64::MAX), Arg::Raw(UNMAPPED)],
    ));
    assert_ne!(tree.state.lock().unwrap().live, b"1");
}

#[test]
fn files_of_lines_are_live() {
    let (world, tree) = mounted();
    tree.state.lock().unwrap().pull = b"pull-down\n".to_vec();
    let base = "/sys/devices/platform/gpio-sim.0/gpiochip0/sim_gpio0";
    let place = world.install(4, open(&world, &format!("{base}/pull"), libc::O_RDWR));
    assert_eq!(std::fs::read(&place).unwrap(), b"pull-down\n");
    returns(write(&world, 4, b"pull-up"), 7);
    assert_eq!(std::fs::read(&place).unwrap(), b"pull-up");
    world.install(5, open(&world, &format!("{base}/value"), libc::O_WRONLY));
    fails(write(&world, 5, b"1"), Errno::PERM);
    world.shadow.remove_chip(0).unwrap();
    let deleted = [place.as_os_str().as_encoded_bytes(), b" (deleted)"].concat();
    world.set_fd(4, &deleted);
    fails(write(&world, 4, b"pull-up"), Errno::NODEV);
}

#[test]
fn where_a_directory_is_and_which_kernel_it_is() {
    let (world, _) = mounted();
    let kind = |path: &str| {
        returns(
            world.call(Sys::Statfs, &[Arg::Text(path), Arg::Raw(BUFFER)]),
            0,
        );
        i64::from_ne_bytes(world.answer(8).try_into().unwrap())
    };
    assert_eq!(kind("/sys/kernel/config"), 0x6265_6570);
    assert_eq!(kind("/sys/bus/gpio"), 0x6265_6572);
    is_native(world.call(Sys::Statfs, &[Arg::Text("/tmp"), Arg::Raw(BUFFER)]));
    returns(world.call(Sys::Uname, &[Arg::Raw(BUFFER)]), 0);
    assert_eq!(&world.answer(6 * 65)[130..137], b"6.12.0\0");
}

#[test]
fn a_file_beneath_a_virtual_directory_is_brought_up_to_date_too() {
    let (world, tree) = mounted();
    tree.state.lock().unwrap().pull = b"pull-down\n".to_vec();
    let base = "/sys/devices/platform/gpio-sim.0/gpiochip0";
    world.install(8, open(&world, base, libc::O_RDONLY | libc::O_DIRECTORY));
    let mut how = [0; 24];
    // RESOLVE_BENEATH
    how[16] = 8;
    world.put(&how);
    let beneath = |path| {
        let how = [Arg::Raw(BUFFER), Arg::Raw(24)];
        world.call(
            Sys::Openat2,
            &[Arg::Int(8), Arg::Text(path), how[0], how[1]],
        )
    };
    let place = world.install(9, beneath("sim_gpio0/pull"));
    assert_eq!(std::fs::read(place).unwrap(), b"pull-down\n");
    fails(beneath("../uevent"), Errno::XDEV);
    fails(beneath("/dev/null"), Errno::XDEV);
    fails(beneath("none"), Errno::NOENT);
}
