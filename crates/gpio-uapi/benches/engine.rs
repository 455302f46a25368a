//! What an ioctl costs in the engine, over a simulated chip: everything but carrying the call.
//!
//! `cargo bench -p gpio-uapi`; figures are per ioctl, and per pair for request and release. At the end
//! each ioctl on one line stands beside what it asks of the core, measured alternately in the same run.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use divan::Bencher;
use gpio_sim::Sim;
use gpio_uapi::abi::v2::{LineFlags, LineInfo, LineRequest, LineValues};
use gpio_uapi::abi::{IntoBytes, ioctl};
use gpio_uapi::{Caller, File, MemoryFault, MemoryRecords, Outcome, Records};
use gpiolib::{Desc, Errno, Level, Offset, Timestamp};

fn main() {
    divan::main();
    // Divan's options are for its own rows: `--test` and `--list` time nothing.
    if !std::env::args().any(|word| word == "--test" || word == "--list") {
        print_ratios();
    }
}

/// A program whose memory is one structure, and which keeps the last file it was given.
struct Program {
    memory: Vec<u8>,
    file: Option<File>,
}

impl Caller for Program {
    fn copy_in(&mut self, _addr: u64, buf: &mut [u8]) -> Result<(), MemoryFault> {
        buf.copy_from_slice(self.memory.get(..buf.len()).ok_or(MemoryFault)?);
        Ok(())
    }

    fn copy_out(&mut self, _addr: u64, data: &[u8]) -> Result<(), MemoryFault> {
        self.memory
            .get_mut(..data.len())
            .ok_or(MemoryFault)?
            .copy_from_slice(data);
        Ok(())
    }

    fn records(&mut self) -> Box<dyn Records> {
        Box::new(MemoryRecords::new())
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
    let chip = File::open(sim.device(), Box::new(MemoryRecords::new())).expect("the chip is there");
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

/// Prints what the engine adds to the core.
fn print_ratios() {
    println!("\n{:<24} {:>8} {:>8}", "best of 9, ns", "engine", "core");
    let desc = || {
        let sim = Sim::simple(64).expect("64 lines are fine");
        let line = sim.device().line(Offset::new(0)).expect("it has lines");
        let desc = line.request("core").expect("it is free");
        (sim, desc)
    };
    let engine = |cmd, flags| {
        let (sim, chip, mut program) = opened(lines(1, flags).as_bytes());
        call(&chip, ioctl::GPIO_V2_GET_LINE, &mut program);
        let line = program.file.take().expect("the request made a file");
        let values = LineValues { bits: 1, mask: 1 };
        move || {
            let _chip = (&sim, &chip);
            program.memory[..16].copy_from_slice(values.as_bytes());
            call(&line, cmd, &mut program);
        }
    };
    let core = |act: fn(&Desc)| {
        let (sim, desc) = desc();
        desc.direction_output(gpiolib::Value::Inactive)
            .expect("a simulated line can be an output");
        move || {
            let _chip = &sim;
            act(&desc);
        }
    };
    row(
        "get_values, 1 line",
        engine(ioctl::GPIO_V2_LINE_GET_VALUES, LineFlags::INPUT),
        core(|desc| _ = black_box(desc.level())),
    );
    row(
        "set_values, 1 line",
        engine(ioctl::GPIO_V2_LINE_SET_VALUES, LineFlags::OUTPUT),
        core(|desc| _ = black_box(desc.set_level(Level::High))),
    );
    let request = lines(1, LineFlags::INPUT);
    let (_sim, chip, mut program) = opened(&[]);
    let sim = Sim::simple(64).expect("64 lines are fine");
    row(
        "request and release",
        || {
            program.memory[..request.as_bytes().len()].copy_from_slice(request.as_bytes());
            call(&chip, ioctl::GPIO_V2_GET_LINE, &mut program);
            program.file = None;
        },
        || {
            let line = sim.device().line(Offset::new(0)).expect("it has lines");
            let desc = line.request("core").expect("it is free");
            desc.direction_input()
                .expect("a simulated line can be an input");
        },
    );
}

/// Prints the best sample of each side, taken alternately, and their ratio.
fn row(what: &str, mut engine: impl FnMut(), mut core: impl FnMut()) {
    let (mut ours, mut theirs) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..9 {
        ours = ours.min(sample(&mut engine));
        theirs = theirs.min(sample(&mut core));
    }
    println!(
        "{what:<24} {ours:>8.1} {theirs:>8.1}  x{:.2}",
        ours / theirs
    );
}

/// Nanoseconds of one call, on average over many.
fn sample(act: &mut impl FnMut()) -> f64 {
    const CALLS: u32 = 100_000;
    let start = Instant::now();
    for _ in 0..CALLS {
        act();
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
}
