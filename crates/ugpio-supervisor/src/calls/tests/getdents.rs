//! Listings of directories that both worlds have names in.

use std::collections::BTreeSet;

use rustix::io::Errno;

use crate::{
    arch::Sys,
    calls::testing::{
        Arg::{Int, Raw},
        BUFFER, UNMAPPED, World, fails, is_native,
    },
    outcome::Reply,
};

/// The names and positions that one call gives, with `room` bytes.
fn some(world: &World, fd: i32, room: u64) -> Vec<(String, u64, u8)> {
    let reply = world.call(Sys::Getdents64, &[Int(fd), Raw(BUFFER), Raw(room)]);
    let Reply::Return(length) = reply else {
        panic!("{reply:?}")
    };
    let bytes = world.answer(usize::try_from(length).unwrap());
    let mut entries = Vec::new();
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let length = usize::from(u16::from_ne_bytes(rest[16..18].try_into().unwrap()));
        let next = u64::from_ne_bytes(rest[8..16].try_into().unwrap());
        let name: Vec<u8> = rest[19..length]
            .iter()
            .copied()
            .take_while(|byte| *byte != 0)
            .collect();
        entries.push((String::from_utf8(name).unwrap(), next, rest[18]));
        rest = &rest[length..];
    }
    entries
}

/// All names, read with `room` bytes at a time. None comes twice.
fn all(world: &World, fd: i32, room: u64) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    loop {
        let part = some(world, fd, room);
        if part.is_empty() {
            return names;
        }
        for (name, ..) in part {
            assert!(names.insert(name.clone()), "{name} twice");
        }
    }
}

fn rewind(world: &World, fd: i32, to: u64) {
    use crate::calls::process::Process as _;
    use std::io::{Seek as _, SeekFrom};
    let mut file = std::fs::File::from(world.process.share(fd).unwrap());
    file.seek(SeekFrom::Start(to)).unwrap();
}

#[test]
fn both_worlds_are_listed_whatever_the_room() {
    let world = World::new();
    world.open_dir(5, "/dev");
    let expected: BTreeSet<String> = [".", "..", "fd", "gpiochip0", "null", "pts"]
        .map(String::from)
        .into();
    for room in [4096, 2048, 100, 64, 32, 4096] {
        assert_eq!(all(&world, 5, room), expected, "{room}");
        assert_eq!(some(&world, 5, room), [], "the end stays the end");
        rewind(&world, 5, 0);
    }
    let room_for_none = world.call(Sys::Getdents64, &[Int(5), Raw(BUFFER), Raw(20)]);
    fails(room_for_none, Errno::INVAL);
    fails(
        world.call(Sys::Getdents64, &[Int(5), Raw(UNMAPPED), Raw(4096)]),
        Errno::FAULT,
    );
    assert_eq!(all(&world, 5, 4096), expected, "what failed took nothing");
}

#[test]
fn a_listing_goes_on_at_any_position() {
    let world = World::new();
    world.open_dir(5, "/sys/bus");
    let whole = some(&world, 5, 4096);
    let names = |entries: &[(String, u64, u8)]| {
        entries
            .iter()
            .map(|(name, ..)| name.clone())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(
        names(&whole),
        [".", "..", "gpio", "pci", "platform"]
            .map(String::from)
            .into()
    );
    for (at, (_, next, _)) in whole.iter().enumerate() {
        rewind(&world, 5, *next);
        assert_eq!(names(&some(&world, 5, 4096)), names(&whole[at + 1..]));
    }
}

#[test]
fn a_chip_that_comes_or_goes_is_seen_by_the_next_listing() {
    let world = World::new();
    world.open_dir(5, "/dev");
    assert!(all(&world, 5, 4096).contains("gpiochip0"));
    world.shadow.remove_chip(0).unwrap();
    assert!(!all(&world, 5, 4096).contains("gpiochip0"), "not rewound");
    rewind(&world, 5, 0);
    assert!(!all(&world, 5, 4096).contains("gpiochip0"));
}

#[test]
fn chips_are_character_devices_and_the_machines_are_hidden() {
    let world = World::new();
    world.open_dir(5, "/dev");
    let listed = some(&world, 5, 4096);
    let kind = |name: &str| {
        listed
            .iter()
            .find(|entry| entry.0 == name)
            .map(|entry| entry.2)
    };
    assert_eq!(kind("gpiochip0"), Some(libc::DT_CHR));
    assert_eq!(kind("gpiochip7"), None);
    assert_eq!(kind("pts"), Some(libc::DT_DIR));
}

#[test]
fn other_directories_are_the_kernels() {
    let world = World::new();
    world.open_dir(5, "/tmp/dir");
    is_native(world.call(Sys::Getdents64, &[Int(5), Raw(BUFFER), Raw(4096)]));
    is_native(world.call(Sys::Getdents64, &[Int(99), Raw(BUFFER), Raw(4096)]));
}

#[cfg(target_arch = "x86_64")]
#[test]
fn the_old_call_has_the_type_in_the_last_byte() {
    let world = World::new();
    world.open_dir(5, "/dev");
    let reply = world.call(Sys::Getdents, &[Int(5), Raw(BUFFER), Raw(4096)]);
    assert!(matches!(reply, Reply::Return(1..)), "{reply:?}");
    let bytes = world.answer(32);
    let length = usize::from(u16::from_ne_bytes([bytes[16], bytes[17]]));
    assert_eq!(&bytes[18..27], b"gpiochip0");
    assert_eq!(bytes[length - 1], libc::DT_CHR);
}
