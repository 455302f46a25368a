//! The live board: updates a second that pages get, and what they cost the run.
//!
//! A program changes 64 lines at a steady pace, first alone and then with pages open. A page is a reader
//! of `/api/v1/follow`, as a browser's is, without the drawing: `tests/browser/figures.py` has real ones.
//! The processor time is that of the supervisor, which also answers the program's calls; so the row
//! without pages is the yardstick.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gpio_uapi::abi::ioctl;
use gpio_uapi::abi::v2::{LineFlags, LineValues};

use crate::{Effort, client, me};

/// The program's pace: all 64 lines change so often.
const PACE: Duration = Duration::from_millis(2);

/// Prints the rows.
pub(crate) fn print(effort: Effort) {
    let time = Duration::from_millis(u64::from(effort.calls) / 4);
    println!(
        "{:<44} {:>9} {:>9} {:>9} {:>9}",
        "live board, 64 lines changing", "rounds/s", "updates/s", "kB/s", "CPU"
    );
    for pages in [0, 1, 10] {
        let shown = measure(pages, time);
        let name = format!("{pages} pages open (updates and kB of one)");
        println!("{name:<44} {shown}");
    }
}

/// The program inside the run: changes all lines at its pace until told to end.
pub(crate) fn program() {
    let lines = client::request(&client::chip(), 64, LineFlags::OUTPUT);
    let mut rounds = 0_u64;
    let ended = Arc::new(AtomicU64::new(0));
    let end = Arc::clone(&ended);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        end.store(1, Ordering::SeqCst);
    });
    println!("ready");
    let start = Instant::now();
    while ended.load(Ordering::SeqCst) == 0 {
        rounds += 1;
        let bits = if rounds.is_multiple_of(2) {
            0
        } else {
            u64::MAX
        };
        let mut values = LineValues {
            bits,
            mask: u64::MAX,
        };
        client::call(&lines, ioctl::GPIO_V2_LINE_SET_VALUES, &mut values);
        std::thread::sleep(PACE);
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of rounds")]
    let rate = rounds as f64 / start.elapsed().as_secs_f64();
    println!("{rate:.0}");
}

fn measure(pages: u32, time: Duration) -> String {
    let mut run = Command::new(env!("CARGO_BIN_EXE_ugpio"));
    run.args(["run", "--web", "--chip", "bench:64", "--"]);
    run.arg(me()).args(["client", "pages"]);
    run.stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut run = run.spawn().unwrap();
    let mut said = BufReader::new(run.stderr.take().unwrap());
    let mut out = BufReader::new(run.stdout.take().unwrap());
    let (mut link, mut ready) = (String::new(), String::new());
    said.read_line(&mut link).unwrap();
    out.read_line(&mut ready).unwrap();
    let (updates, bytes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (address, cookie) = enter(&link);
    for _ in 0..pages {
        let (address, cookie) = (address.clone(), cookie.clone());
        let (updates, bytes) = (Arc::clone(&updates), Arc::clone(&bytes));
        std::thread::spawn(move || page(&address, &cookie, &updates, &bytes));
    }
    let supervisor = child_of(child_of(run.id()));
    let before = processor_time(supervisor);
    let (seen, read) = (updates.load(Ordering::SeqCst), bytes.load(Ordering::SeqCst));
    let start = Instant::now();
    std::thread::sleep(time);
    let seconds = start.elapsed().as_secs_f64();
    let used = processor_time(supervisor) - before;
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let per_page = |count: u64| count as f64 / seconds / f64::from(pages.max(1));
    let updates = per_page(updates.load(Ordering::SeqCst) - seen);
    let bytes = per_page(bytes.load(Ordering::SeqCst) - read) / 1e3;
    drop(run.stdin.take());
    let mut rate = String::new();
    out.read_line(&mut rate).unwrap();
    assert!(run.wait().unwrap().success());
    format!(
        "{:>9} {updates:>9.1} {bytes:>9.0} {:>8.1}%",
        rate.trim(),
        used / seconds * 100.0
    )
}

/// The address of a link, and the cookie that it lets in with.
fn enter(link: &str) -> (String, String) {
    let (_, place) = link.trim().split_once("http://").unwrap();
    let (address, path) = place.split_once('/').unwrap();
    let mut stream = get(address, path, "");
    let mut head = String::new();
    while !head.starts_with("set-cookie: ") {
        head.clear();
        stream.read_line(&mut head).unwrap();
    }
    let cookie = head["set-cookie: ".len()..].split(';').next().unwrap();
    (address.to_owned(), format!("Cookie: {cookie}\r\n"))
}

fn get(address: &str, path: &str, headers: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET /{path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n"
    )
    .unwrap();
    BufReader::new(stream)
}

/// One page: reads until the run ends.
fn page(address: &str, cookie: &str, updates: &AtomicU64, bytes: &AtomicU64) {
    let mut stream = get(address, "api/v1/follow", cookie);
    let mut line = Vec::new();
    while let Ok(count @ 1..) = stream.read_until(b'\n', &mut line) {
        bytes.fetch_add(count as u64, Ordering::SeqCst);
        updates.fetch_add(u64::from(line.starts_with(b"data: ")), Ordering::SeqCst);
        line.clear();
    }
}

/// The only child of a process.
fn child_of(parent: u32) -> u32 {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.find(|pid| stat(*pid).and_then(|stat| stat.get(1)?.parse().ok()) == Some(parent))
        .unwrap()
}

/// The fields of a process's state after its name: state, parent ….
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    Some(rest.split(' ').map(str::to_owned).collect())
}

/// Seconds of processor time that a process has used, in the program's and the system's name.
fn processor_time(pid: u32) -> f64 {
    let stat = stat(pid).unwrap();
    let ticks = |at: usize| stat[at].parse::<f64>().unwrap();
    // A tick is 10 ms on every architecture that we run on (USER_HZ).
    (ticks(11) + ticks(12)) / 100.0
}
