//! Cells, keep-outs and the file: what a consumer reads and writes, byte for byte.

#![cfg(not(loom))]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Board, SIZE};
use gpiolib::Errno;
use nvmem::{
    Access, CellInfo, CellLookup, Config, Error, Keepout, MemoryType, PostProcess, Provider,
    Registration, Registry,
};

fn register(change: impl FnOnce(&mut Config)) -> (Registry, Registration<impl Provider>) {
    let board = Board::new();
    let mut config = Config::new("mem", SIZE);
    change(&mut config);
    let registration = board.memories.register(config, board.memory().0).unwrap();
    (board.memories, registration)
}

fn errno<T>(result: nvmem::Result<T>) -> Option<Errno> {
    result.err().map(Error::errno)
}

#[test]
fn cells_are_found_by_the_consumers_name() {
    let (memories, registration) =
        register(|config| config.cells = vec![CellInfo::bytes("mac-address", 8, 6)]);
    memories.add_cell_lookup(CellLookup {
        dev_id: "eth0".into(),
        con_id: "mac".into(),
        device: "mem".into(),
        cell: "mac-address".into(),
    });
    let cell = memories.cell("eth0", "mac").unwrap();
    assert_eq!(cell.write(b"abcdef"), Ok(6));
    assert_eq!(cell.read().unwrap(), b"abcdef");
    assert_eq!(errno(cell.write(b"abc")), Some(Errno::EINVAL));
    assert_eq!(errno(memories.cell("eth1", "mac")), Some(Errno::ENOENT));
    assert_eq!(
        errno(registration.device().cell("serial")),
        Some(Errno::ENOENT)
    );
    registration.unregister();
    assert_eq!(
        errno(memories.cell("eth0", "mac")),
        Some(Errno::EPROBE_DEFER)
    );
    assert_eq!(cell.read(), Err(Error::Revoked));
}

#[test]
fn bit_cells_leave_their_neighbours_alone() {
    let (_, registration) = register(|config| {
        config.cells = vec![
            CellInfo::bits("trim", 2, 6, 5),
            CellInfo::bits("low", 4, 0, 3),
        ];
    });
    let device = registration.device();
    device.write(2, &[0xff, 0xff]).unwrap();
    let trim = device.cell("trim").unwrap();
    assert_eq!(trim.read().unwrap(), [0x1f, 0], "two bytes long");
    assert_eq!(trim.write(&[0x0a]), Ok(1), "its bits fit in one");
    let mut raw = [0; 2];
    device.read(2, &mut raw).unwrap();
    assert_eq!(raw, [0b1011_1111, 0b1111_1010]);
    assert_eq!(trim.read_variable_le_u32(), Ok(0x0a));
    assert_eq!(errno(trim.write(&[0; 3])), Some(Errno::EINVAL));

    device.write(4, &[0b1010_1101]).unwrap();
    let low = device.cell("low").unwrap();
    assert_eq!(low.read_u8(), Ok(0b101));
    low.write(&[0b010]).unwrap();
    device.read(4, &mut raw[..1]).unwrap();
    assert_eq!(raw[0], 0b1010_1010);
}

#[test]
fn integers_want_their_length() {
    let (_, registration) = register(|config| {
        config.cells = vec![
            CellInfo::bytes("three", 0, 3),
            CellInfo::bytes("four", 0, 4),
            CellInfo::bytes("nine", 0, 9),
        ];
    });
    let device = registration.device();
    device.write(0, &[1, 2, 3, 4, 5, 6, 7, 8, 9]).unwrap();
    let [three, four, nine] = ["three", "four", "nine"].map(|name| device.cell(name).unwrap());
    assert_eq!(four.read_u32(), Ok(u32::from_ne_bytes([1, 2, 3, 4])));
    assert_eq!(errno(four.read_u16()), Some(Errno::EINVAL));
    assert_eq!(errno(three.read_u32()), Some(Errno::EINVAL));
    assert_eq!(three.read_variable_le_u32(), Ok(0x03_02_01));
    assert_eq!(three.read_variable_le_u64(), Ok(0x03_02_01));
    assert_eq!(errno(nine.read_variable_le_u64()), Some(Errno::ERANGE));
    assert_eq!(errno(nine.read_u64()), Some(Errno::EINVAL));
}

#[test]
fn a_post_processed_cell_reads_changed_and_is_not_written() {
    let (_, registration) = register(|config| {
        let reverse = PostProcess::new(|data| {
            data.reverse();
            Ok(())
        });
        config.cells = vec![CellInfo {
            post_process: Some(reverse),
            ..CellInfo::bytes("mac", 0, 3)
        }];
    });
    registration.device().write(0, b"abc").unwrap();
    let mac = registration.device().cell("mac").unwrap();
    assert_eq!(mac.read().unwrap(), b"cba");
    assert_eq!(errno(mac.write(b"abc")), Some(Errno::EINVAL));
}

#[test]
fn keepouts_read_their_value_and_swallow_writes() {
    let (_, registration) = register(|config| {
        config.keepouts = vec![Keepout {
            start: 4,
            end: 8,
            value: 0xee,
        }];
    });
    let device = registration.device();
    device.write(2, &[1; 8]).unwrap();
    let mut data = [9; 10];
    device.read(1, &mut data).unwrap();
    assert_eq!(data, [0, 1, 1, 0xee, 0xee, 0xee, 0xee, 1, 1, 0]);
}

#[test]
fn the_file_goes_by_words_and_strides() {
    let (_, registration) = register(|config| {
        config.word_size = 2;
        config.stride = 4;
        config.kind = MemoryType::Eeprom;
    });
    let device = registration.device();
    assert_eq!(device.kind().text(), "EEPROM");
    assert_eq!(device.file_mode(), 0o644);
    assert_eq!(device.file_write(4, b"abcde"), Ok(4), "whole words");
    let mut data = [0; 7];
    assert_eq!(device.file_read(4, &mut data), Ok(6));
    assert_eq!(&data[..6], b"abcd\0\0");
    assert_eq!(errno(device.file_read(2, &mut data)), Some(Errno::EINVAL));
    assert_eq!(
        errno(device.file_read(4, &mut data[..1])),
        Some(Errno::EINVAL)
    );
    let end = SIZE as u64;
    assert_eq!(device.file_read(end, &mut data), Ok(0));
    assert_eq!(
        device.file_read(end - 4, &mut data),
        Ok(4),
        "cut at the end"
    );
    assert_eq!(device.file_write(end, &[0; 4]), Err(Error::TooBig));
    device.set_read_only(true).unwrap();
    assert_eq!(device.file_mode(), 0o444);
    assert_eq!(errno(device.file_write(0, &[0; 4])), Some(Errno::EPERM));
}

#[test]
fn a_provider_of_one_kind_only_refuses_the_other() {
    struct Otp(Access);
    impl Provider for Otp {
        fn access(&self) -> Access {
            self.0
        }
    }
    for (access, mode) in [(Access::ReadOnly, 0o444), (Access::WriteOnly, 0o200)] {
        let memories = Registry::new();
        let config = Config::new("otp", 4);
        let otp = memories.register(config, Otp(access)).unwrap();
        let device = otp.device();
        assert_eq!(device.file_mode(), mode);
        match access {
            Access::ReadOnly => {
                assert_eq!(device.write(0, &[1]), Err(Error::NotPermitted));
                assert_eq!(device.set_read_only(false), Err(Error::NotPermitted));
            }
            _ => assert_eq!(device.read(0, &mut [0]), Err(Error::NotPermitted)),
        }
    }
}

#[test]
fn accesses_beyond_the_end_are_refused() {
    let (_, registration) = register(|_| ());
    let device = registration.device();
    assert_eq!(errno(device.write(SIZE, &[1])), Some(Errno::EINVAL));
    assert_eq!(
        errno(device.read(usize::MAX, &mut [0])),
        Some(Errno::EINVAL)
    );
    assert_eq!(device.write(SIZE, &[]), Ok(()));
}
