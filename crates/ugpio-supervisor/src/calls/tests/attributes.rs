//! Attributes at places of their own: a text, and bytes that are read and written at positions.

use std::{
    os::fd::OwnedFd,
    sync::{Arc, Mutex},
};

use rustix::io::Errno;

use crate::{
    arch::Sys,
    attributes::AttributeFile,
    calls::testing::{Arg, BUFFER, CWD, World, fails, is_native, returns},
    outcome::Reply,
};

const PATH: &str = "/sys/bus/nvmem/devices/0-0050/nvmem";
const SIZE: u64 = 8;

/// A memory of eight bytes.
#[derive(Debug, Default)]
struct Memory(Mutex<[u8; 8]>);

impl AttributeFile for Memory {
    fn mode(&self) -> u32 {
        0o600
    }

    fn size(&self) -> Option<u64> {
        Some(SIZE)
    }

    fn show(&self) -> Result<Vec<u8>, Errno> {
        Ok(self.0.lock().unwrap().to_vec())
    }

    fn store(&self, at: u64, bytes: &[u8]) -> Result<usize, Errno> {
        let at = usize::try_from(at).unwrap();
        self.0.lock().unwrap()[at..at + bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

fn open(world: &World, fd: i32) -> OwnedFd {
    let reply = world.call(Sys::Openat, &[CWD, Arg::Text(PATH), Arg::Int(libc::O_RDWR)]);
    world.install_file(fd, reply)
}

fn write(world: &World, sys: Sys, fd: i32, bytes: &[u8], at: i32) -> Reply {
    world.put(bytes);
    let count = Arg::Raw(u64::try_from(bytes.len()).unwrap());
    let at = Arg::Raw(i64::from(at).cast_unsigned());
    world.call(sys, &[Arg::Int(fd), Arg::Raw(BUFFER), count, at])
}

fn content(file: &OwnedFd) -> Vec<u8> {
    let mut bytes = [0; 16];
    let count = rustix::io::pread(file, &mut bytes, 0).unwrap();
    bytes[..count].to_vec()
}

#[test]
fn bytes_are_stored_where_they_are_written() {
    let mut world = World::new();
    let memory = Arc::new(Memory::default());
    let shown = world.show(PATH, memory.clone());
    let file = open(&world, 5);
    returns(write(&world, Sys::Write, 5, b"abc", 0), 3);
    returns(write(&world, Sys::Write, 5, b"de", 0), 2);
    returns(write(&world, Sys::Pwrite64, 5, b"X", 1), 1);
    assert_eq!(content(&file), b"aXcde\0\0\0");
    memory.0.lock().unwrap()[7] = b'!';
    shown.refresh(PATH);
    assert_eq!(content(&file), b"aXcde\0\0!");
    // The last store ends where the file does, and behind it is no room.
    returns(write(&world, Sys::Write, 5, b"fghij", 0), 3);
    fails(write(&world, Sys::Write, 5, b"k", 0), Errno::FBIG);
    fails(write(&world, Sys::Pwrite64, 5, b"k", 8), Errno::FBIG);
    fails(write(&world, Sys::Pwrite64, 5, b"k", -1), Errno::INVAL);
    returns(write(&world, Sys::Pwrite64, 5, b"", 7), 0);
    assert_eq!(content(&file), b"aXcdefgh");
}

#[test]
fn a_file_of_bytes_says_its_size() {
    let mut world = World::new();
    world.show(PATH, Arc::new(Memory::default()));
    let blank = [0; 256];
    world.put(&blank);
    returns(
        world.call(Sys::Newfstatat, &[CWD, Arg::Text(PATH), Arg::Raw(BUFFER)]),
        0,
    );
    let size = core::mem::offset_of!(libc::stat, st_size);
    let stat = world.answer(size + 8);
    assert_eq!(stat[size..], SIZE.to_ne_bytes());
}

#[test]
fn what_is_hidden_takes_and_gives_nothing() {
    let mut world = World::new();
    let shown = world.show(PATH, Arc::new(Memory::default()));
    let file = open(&world, 5);
    is_native(write(&world, Sys::Read, 5, b"", 0));
    shown.hide(PATH).unwrap();
    assert_eq!(content(&file), b"");
    let link = std::os::fd::AsRawFd::as_raw_fd(&file);
    let link = std::fs::read_link(format!("/proc/self/fd/{link}")).unwrap();
    world.set_fd(5, link.as_os_str().as_encoded_bytes());
    fails(write(&world, Sys::Write, 5, b"a", 0), Errno::NODEV);
    fails(write(&world, Sys::Read, 5, b"", 0), Errno::NODEV);
    // One that is shown there again is another.
    shown.show(PATH, Arc::new(Memory::default())).unwrap();
    fails(write(&world, Sys::Write, 5, b"a", 0), Errno::NODEV);
}
