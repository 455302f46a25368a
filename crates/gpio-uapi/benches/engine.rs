//! What an ioctl costs in the engine, over a simulated chip: everything but carrying the call.
//!
//! `cargo bench -p gpio-uapi`; figures are per ioctl, and per pair for request and release.

use std::sync::Arc;

use divan::Bencher;
use gpio_sim::Sim;
use gpio_uapi::abi::v2::{LineFlags, LineInfo, LineRequest, LineValues};
use gpio_uapi::abi::{IntoBytes, ioctl};
use gpio_uapi::{Caller, Fault, File, Outcome, Records, Ring};
use gpiolib::{Errno, Timestamp};

fn main() {
    divan::main();
}

/// A program whose memory is one structure, and which keeps the last file it was given.
struct Program {
    memory: Vec<u8>,
    file: Option<File>,
}

impl Caller for Program {
    fn copy_in(&mut self, _addr: u64, buf: &mut [u8]) -> Result<(), Fault> {
        buf.copy_from_slice(self.memory.get(..buf.len()).ok_or(Fault)?);
        Ok(())
    }

    fn copy_out(&mut self, _addr: u64, data: &[u8]) -> Result<(), Fault> {
        self.memory
            .get_mut(..data.len())
            .ok_or(Fault)?
            .copy_from_slice(data);
        Ok(())
    }

    fn records(&mut self) -> Box<dyn Records> {
        Box::new(Ring::new())
    }

    fn reserve_fd(&mut self) -> Result<i32, Errno> {
        Ok(3)
    }

    fn install_fd(&mut self, _fd: i32, file: File) {
        self.file = Some(file);
    }
}

/// A chip of 64 lines, opened by a program that has `argument` in its memory.
fn opened(argument: &[u8]) -> (Sim, File, Program) {
    let sim = Sim::simple(64).expect("64 lines are fine");
    let chip = File::open(sim.device(), Box::new(Ring::new())).expect("the chip is there");
    let mut memory = vec![0; 1024];
    memory[..argument.len()].copy_from_slice(argument);
    (sim, chip, Program { memory, file: None })
}

fn lines(count: u32, flags: LineFlags) -> LineRequest {
    let mut request = LineRequest {
        num_lines: count,
        ..Default::default()
    };
    request.config.flags = flags.bits();
    for (offset, place) in (0..count).zip(&mut request.offsets) {
        *place = offset;
    }
    request
}

fn call(file: &File, cmd: u32, program: &mut Program) {
    let outcome = file.ioctl(cmd, 0, program, Timestamp::at(1));
    assert_eq!(outcome, Outcome::Done(0));
}

/// Measures one ioctl on the chip.
fn on_chip(bencher: Bencher<'_, '_>, cmd: u32, argument: &[u8]) {
    let (_sim, chip, mut program) = opened(argument);
    bencher.bench_local(|| call(&chip, cmd, &mut program));
}

/// Measures one ioctl on a request of `count` lines.
fn on_lines(bencher: Bencher<'_, '_>, cmd: u32, count: u32, flags: LineFlags) {
    let (_sim, chip, mut program) = opened(lines(count, flags).as_bytes());
    call(&chip, ioctl::GPIO_V2_GET_LINE, &mut program);
    let line = Arc::new(program.file.take().expect("the request made a file"));
    let values = LineValues {
        bits: 0x5555_5555_5555_5555,
        mask: u64::MAX,
    };
    bencher.bench_local(|| {
        program.memory[..16].copy_from_slice(values.as_bytes());
        call(&line, cmd, &mut program);
    });
}

#[divan::bench]
fn chip_info(bencher: Bencher<'_, '_>) {
    on_chip(bencher, ioctl::GPIO_GET_CHIPINFO, &[]);
}

#[divan::bench]
fn line_info(bencher: Bencher<'_, '_>) {
    on_chip(
        bencher,
        ioctl::GPIO_V2_GET_LINEINFO,
        LineInfo::default().as_bytes(),
    );
}

#[divan::bench(args = [1, 8, 64])]
fn get_values(bencher: Bencher<'_, '_>, count: u32) {
    on_lines(
        bencher,
        ioctl::GPIO_V2_LINE_GET_VALUES,
        count,
        LineFlags::INPUT,
    );
}

#[divan::bench(args = [1, 8, 64])]
fn set_values(bencher: Bencher<'_, '_>, count: u32) {
    on_lines(
        bencher,
        ioctl::GPIO_V2_LINE_SET_VALUES,
        count,
        LineFlags::OUTPUT,
    );
}

#[divan::bench(args = [1, 8, 64])]
fn request_and_release(bencher: Bencher<'_, '_>, count: u32) {
    let request = lines(count, LineFlags::INPUT);
    let (_sim, chip, mut program) = opened(&[]);
    bencher.bench_local(|| {
        program.memory[..request.as_bytes().len()].copy_from_slice(request.as_bytes());
        call(&chip, ioctl::GPIO_V2_GET_LINE, &mut program);
        program.file = None;
    });
}
