//! `ugpio explain`, `ugpio run --explain` and `--lint`, with programs that do things wrong.
//!
//! The programs are Python, with bare ioctls: no library stands between a habit and the lint.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/home.rs"]
mod home;

use std::process::{Command, Output, Stdio};

/// What the Python programs have in common: a chip, and requests of both ABIs.
const PRELUDE: &str = "
import fcntl, os, select, struct, sys
chip = os.open('/dev/gpiochip0', os.O_RDWR)
def line(offset, flags=4, debounce=None, size=0):
    b = bytearray(592)
    struct.pack_into('I', b, 0, offset)
    b[256:260] = b'prog'
    struct.pack_into('Q', b, 288, flags)
    struct.pack_into('II', b, 560, 1, size)
    fcntl.ioctl(chip, 0xC250B407, b)
    return struct.unpack_from('i', b, 588)[0]
def refused(call, *words):
    try: call(*words)
    except OSError as e: print(e.errno)
";

fn ugpio(words: &[&str]) -> Output {
    let place = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
    command.args(words).stdin(Stdio::null());
    home::at_home(&mut command, place.path()).output().unwrap()
}

/// Runs a Python program on chip `demo` with 4 lines: status, output, standard error.
fn run(options: &[&str], program: &str) -> (Option<i32>, String, String) {
    let program = format!("{PRELUDE}{program}");
    let words = [
        &["run", "--chip", "demo:4"],
        options,
        &["--", "python3", "-c", &program],
    ];
    let output = ugpio(&words.concat());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// The complaints, with `N` for each process id.
fn complaints(err: &str) -> Vec<String> {
    let plain = |line: &str| match line.split_once("(pid ") {
        Some((before, after)) => {
            let (_, after) = after.split_once(')').unwrap();
            let after = complaints(after).concat();
            format!("{before}(pid N){after}")
        }
        None => line.to_owned(),
    };
    err.lines().map(plain).collect()
}

#[test]
fn a_refused_call_is_explained_in_the_words_of_the_reference() {
    let program = "
held = line(3)
refused(line, 3)
refused(line, 9)
refused(line, 1, 0x104 | 8)
refused(line, 1, 0x100)
refused(line, 1, 0x14, None, 1)
refused(fcntl.ioctl, held, 0xC010B40F, struct.pack('QQ', 1, 1))
refused(fcntl.ioctl, held, 0xC010B40E, struct.pack('QQ', 0, 0))
refused(fcntl.ioctl, chip, 0xC010B40E, bytes(16))
refused(fcntl.ioctl, chip, 0x5401, bytes(64))
";
    let (status, out, err) = run(&["--explain"], program);
    assert_eq!(
        (status, out.as_str()),
        (Some(0), "16\n22\n22\n22\n22\n1\n22\n22\n22\n")
    );
    let by = "on gpiochip0 by `python3` (pid N)";
    let wanted = [
        format!("ugpio: GPIO_V2_GET_LINE {by}: EBUSY: line 3 is held by `python3` (pid N)"),
        format!("ugpio: GPIO_V2_GET_LINE {by}: EINVAL: there is no line 9, gpiochip0 has 0 to 3"),
        format!(
            "ugpio: GPIO_V2_GET_LINE {by}: EINVAL: line 1: INPUT and OUTPUT exclude each other"
        ),
        format!("ugpio: GPIO_V2_GET_LINE {by}: EINVAL: line 1: bias needs a direction"),
        format!("ugpio: GPIO_V2_GET_LINE {by}: EINVAL: line 1: event buffer of 1 with edges"),
        format!("ugpio: GPIO_V2_LINE_SET_VALUES {by}: EPERM: line 3: the line is not an output"),
        format!(
            "ugpio: GPIO_V2_LINE_GET_VALUES {by}: EINVAL: the mask selects no line of the request"
        ),
        format!("ugpio: GPIO_V2_LINE_GET_VALUES {by}: EINVAL: this kind of file has no such ioctl"),
        format!("ugpio: ioctl 0x5401 {by}: EINVAL: this kind of file has no such ioctl"),
    ];
    assert_eq!(complaints(&err), wanted);
}

#[test]
fn explanations_go_to_a_file_and_into_the_trace_if_wanted() {
    let place = tempfile::tempdir().unwrap();
    let path = |name| place.path().join(name).display().to_string();
    let explain = format!("--explain={}", path("why"));
    let options = [
        &explain,
        "--trace",
        &path("a.vcd"),
        "--trace",
        &path("a.json"),
    ];
    let (status, out, err) = run(&options, "refused(line, 9)");
    assert_eq!((status, out.as_str(), err.as_str()), (Some(0), "22\n", ""));
    let read = |name| std::fs::read_to_string(path(name)).unwrap();
    let wanted = "GPIO_V2_GET_LINE on gpiochip0 by `python3` (pid N): EINVAL: there is no line 9, \
                  gpiochip0 has 0 to 3";
    assert_eq!(complaints(&read("why")), [format!("ugpio: {wanted}")]);
    let remark = format!("\ns{wanted} a\nsEINVAL ");
    let dump = complaints(&read("a.vcd").replace("\\040", " ")).join("\n");
    assert!(dump.contains(&remark), "{dump}");
    assert!(read("a.json").contains("\"kind\":\"failed\",\"chip\":\"gpiochip0\""));
    // Nobody asked, nothing is said.
    assert_eq!(run(&[], "refused(line, 9)").2, "");
}

#[test]
fn good_programs_have_nothing_to_fear_from_lint() {
    let program = "
import threading
button = line(1, 0x34)
os.system('ugpio ctl pull demo 1 up')
select.select([button], [], [])
assert len(os.read(button, 48)) == 48
os.close(button)
";
    let (status, out, err) = run(&["--lint=strict"], program);
    assert_eq!((status, out.as_str(), err.as_str()), (Some(0), "", ""));
}

#[test]
fn lines_that_are_held_until_the_end_and_the_first_abi_are_found() {
    let program = "
line(2)
old = bytearray(364)
struct.pack_into('I', old, 0, 1)
struct.pack_into('I', old, 256, 1)
struct.pack_into('I', old, 356, 1)
fcntl.ioctl(chip, 0xC16CB403, old)
os.close(struct.unpack_from('i', old, 360)[0])
";
    let wanted = [
        "ugpio: lint: `python3` (pid N) exited without releasing line 2 of gpiochip0",
        "ugpio: lint: `python3` (pid N) used GPIO_GET_LINEHANDLE of the first ABI once: the second \
         has GPIO_V2_GET_LINE",
    ];
    let (status, _, err) = run(&["--lint"], program);
    assert_eq!(
        (status, complaints(&err)),
        (Some(0), wanted.map(str::to_owned).to_vec())
    );
    let (status, _, err) = run(&["--lint=strict"], program);
    assert_eq!(
        (status, complaints(&err)),
        (Some(1), wanted.map(str::to_owned).to_vec())
    );
    let failing = format!("{program}\nsys.exit(7)");
    assert_eq!(run(&["--lint=strict"], &failing).0, Some(7));
}

#[test]
fn lost_events_and_busy_loops_are_found() {
    let lost = "
button = line(1, 0x34, None, 2)
os.system('for i in 1 2 3; do ugpio ctl pull demo 1 up; ugpio ctl pull demo 1 down; done')
os.close(button)
";
    let (status, _, err) = run(&["--lint"], lost);
    let wanted = "ugpio: lint: `python3` (pid N) read line 1 of gpiochip0 too slowly: 4 events were \
                  dropped, which only the sequence numbers show";
    assert_eq!(
        (status, complaints(&err)),
        (Some(0), vec![wanted.to_owned()])
    );
    // Of 2000 calls within a second, however seconds are counted, one counts 1000. A busy machine needs
    // more than one attempt.
    let spin = "
import time
def spin(call):
    seconds = 1
    while seconds >= 1:
        start = time.monotonic()
        for i in range(2000): call()
        seconds = time.monotonic() - start
def look():
    try: os.read(button, 48)
    except BlockingIOError: pass
button = line(1, 0x34)
os.set_blocking(button, False)
spin(look)
os.system('ugpio ctl unplug demo')
poll = select.poll()
poll.register(button, select.POLLIN)
spin(poll.poll)
os.close(button)
";
    for options in [&["--lint"][..], &["--lint", "--strict"]] {
        spins(&run(options, spin));
    }
}

/// What is found about a program that spins on an empty queue, and then on a hang-up.
#[track_caller]
fn spins((status, _, err): &(Option<i32>, String, String)) {
    let wanted = [
        "ugpio: lint: `python3` (pid N) read line 1 of gpiochip0 1000 times within a second and found \
         nothing: poll before reading",
        "ugpio: lint: `python3` (pid N) used line 1 of gpiochip0 1000 times within a second after the \
         chip was unplugged: on POLLHUP or ENODEV close the file",
    ];
    assert_eq!(
        (*status, complaints(err)),
        (Some(0), wanted.map(str::to_owned).to_vec())
    );
}

#[test]
fn words_are_explained_offline() {
    let text = |words: &[&str]| String::from_utf8(ugpio(words).stdout).unwrap();
    let busy = text(&["explain", "EBUSY"]);
    assert!(
        busy.contains("EBUSY of GPIO_V2_GET_LINE:\n  the line is held\n"),
        "{busy}"
    );
    assert_eq!(text(&["explain", "16"]), busy);
    let set = text(&["explain", "gpio_v2_line_set_values_ioctl"]);
    let wanted = "
  1. ENODEV     the chip is gone
  2. EFAULT     the argument does not point to memory that can be read and written
  3. EPERM      the line is not an output
  4. EINVAL     the mask selects no line of the request
  5. EIO        the driver cannot do it, or its bus failed
";
    assert!(set.ends_with(wanted), "{set}");
    let unknown = ugpio(&["explain", "ELOOP"]);
    assert_eq!(unknown.status.code(), Some(3));
    assert!(unknown.stderr.starts_with(b"ugpio: \"ELOOP\" is no errno"));
}
