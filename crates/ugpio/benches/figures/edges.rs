//! Edges: from a pull changed outside to the program's `read` returning, and how many per second.
//!
//! The measured program is this binary inside a run. It pulls its own lines over the control socket,
//! as a test does, while a thread of it sleeps in `read`. Pulls go out in batches that fit the event
//! queue and the next batch waits until the last was read, so nothing is lost if the reader keeps up;
//! a gap in the sequence numbers fails the bench.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Instant;

use gpio_uapi::abi::v2::{LineEvent, LineFlags};
use zerocopy::FromBytes;

use crate::{Effort, client, me, printed, run, spread};

/// Pulls sent at once; the event queue holds 1024.
const BATCH: u32 = 256;

/// Prints the rows.
pub(crate) fn print(effort: Effort) {
    let pulls = (effort.calls / BATCH + 1) * BATCH;
    let mut client = run();
    client
        .arg(me())
        .args(["client", "edges", &pulls.to_string()]);
    print!("{}", printed(&mut client));
}

/// The program inside the run.
pub(crate) fn measure(pulls: u32) {
    let chip = client::chip();
    let mut control = Control::connect();
    latency(&chip, &mut control, pulls.min(2_000));
    for lines in [1, 64] {
        let rate = rate(&chip, &mut control, lines, pulls);
        println!(
            "{:<44} {rate:>9.0} {:>9} /s",
            format!("events of {lines} line(s), none lost"),
            ""
        );
    }
}

/// One pull at a time.
fn latency(chip: &std::fs::File, control: &mut Control, pulls: u32) {
    let seen = reader(chip, 1, pulls);
    let (mut edge, mut question) = (Vec::new(), Vec::new());
    for n in 0..pulls {
        let start = Instant::now();
        control.send(&[(0, n % 2 == 0)]);
        let (at, _) = seen.next();
        edge.push(at.duration_since(start).as_secs_f64() * 1e6);
        control.answers(1);
        let start = Instant::now();
        control.ask("{\"v\":1,\"method\":\"level\",\"params\":{\"chip\":\"bench\",\"line\":0}}");
        control.answers(1);
        question.push(start.elapsed().as_secs_f64() * 1e6);
    }
    let ((best, median), (best_q, median_q)) = (spread(&edge), spread(&question));
    println!(
        "{:<44} {best:>9.2} {median:>9.2} us  vs {best_q:>9.2} {median_q:>9.2}   x{:.2}",
        "pull sent to read returned vs a question",
        median / median_q
    );
}

/// Events per second with batches in flight.
fn rate(chip: &std::fs::File, control: &mut Control, lines: u32, pulls: u32) -> f64 {
    let seen = reader(chip, lines, pulls);
    let mut levels = [false; 64];
    let start = Instant::now();
    for batch in 0..pulls / BATCH {
        let pull = |n: u32| {
            let line = n % lines;
            let level = &mut levels[line as usize];
            *level = !*level;
            (line, *level)
        };
        let pulls: Vec<(u32, bool)> = (batch * BATCH..(batch + 1) * BATCH).map(pull).collect();
        control.send(&pulls);
        control.answers(BATCH);
        let mut read = 0;
        while read < BATCH {
            read += seen.next().1;
        }
    }
    let rate = f64::from(pulls / BATCH * BATCH) / start.elapsed().as_secs_f64();
    // Levels go back to low, so that the next measurement starts alike.
    let high: Vec<(u32, bool)> = (0..lines)
        .filter(|line| levels[*line as usize])
        .map(|line| (line, false))
        .collect();
    control.send(&high);
    control.answers(u32::try_from(high.len()).unwrap());
    rate
}

/// Reads events on a thread. When this is dropped the thread has ended and has released its lines, so
/// that the next reader can request them.
struct Reader {
    seen: mpsc::Receiver<(Instant, u32)>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    /// When how many events were read.
    fn next(&self) -> (Instant, u32) {
        self.seen.recv().expect("the reader has lost an event")
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // After a failure the thread may sleep for ever.
        if std::thread::panicking() {
            return;
        }
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(
            ended.is_none_or(|ended| ended.is_ok()),
            "the reader has failed"
        );
    }
}

/// A thread that reads `count` events and reports when it read how many.
fn reader(chip: &std::fs::File, lines: u32, count: u32) -> Reader {
    let flags = LineFlags::INPUT | LineFlags::EDGE_RISING | LineFlags::EDGE_FALLING;
    let mut file = client::request(chip, lines, flags);
    let (report, seen) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let mut records = [0; 64 * 48];
        let mut last = 0;
        while last < count {
            let got = file.read(&mut records).unwrap();
            let at = Instant::now();
            for record in records[..got].chunks(48) {
                last += 1;
                assert_eq!(
                    LineEvent::read_from_bytes(record).unwrap().seqno,
                    last,
                    "an event was lost"
                );
            }
            let _ = report.send((at, u32::try_from(got / 48).unwrap()));
        }
    });
    Reader {
        seen,
        thread: Some(thread),
    }
}

/// The control socket, with requests in flight.
struct Control {
    stream: BufReader<UnixStream>,
}

impl Control {
    fn connect() -> Self {
        let path = std::env::var_os("UGPIO_SOCKET").unwrap();
        Self {
            stream: BufReader::new(UnixStream::connect(path).unwrap()),
        }
    }

    fn send(&mut self, pulls: &[(u32, bool)]) {
        let message = |(line, up): &(u32, bool)| {
            let pull = if *up { "up" } else { "down" };
            format!(
                "{{\"v\":1,\"method\":\"pull\",\"params\":{{\"chip\":\"bench\",\"line\":{line},\"pull\":\"{pull}\"}}}}\0"
            )
        };
        let text: String = pulls.iter().map(message).collect();
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn ask(&mut self, message: &str) {
        self.stream
            .get_mut()
            .write_all(format!("{message}\0").as_bytes())
            .unwrap();
    }

    fn answers(&mut self, count: u32) {
        let mut answer = Vec::new();
        for _ in 0..count {
            answer.clear();
            self.stream.read_until(0, &mut answer).unwrap();
            assert!(
                answer.windows(8).any(|word| word == b"\"result\""),
                "{}",
                String::from_utf8_lossy(&answer)
            );
        }
    }
}
