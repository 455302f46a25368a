//! What the fuzz targets of this crate call; compiled with `--cfg fuzzing` only (`scripts/fuzz`).
//!
//! Each function takes any bytes. Nothing may panic, hang or grow, and what is said of bad input is one
//! line; `fuzz/front` makes a library of this crate so that the targets reach it.

pub mod stage;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::rc::Rc;

use gpio_sim::part::parse_time_ns;
use gpiolib::Registry;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::{LocalSet, spawn_local};

use crate::board::fault_text::{Line, text};
use crate::board::{self, Board};
use crate::control::frame::Frames;
use crate::control::inlet;
use crate::control::plugged::{Chance, Plugged, Shared};
use crate::control::protocol::{Hello, MAX_REQUEST, Reply, Request};
use crate::control::server::{Hub, now};
use crate::web;

/// A board for those that need one.
const BOARD: &str = "[[chip]]\nlabel = \"a\"\nlines = 4\nnames = [\"L\"]\n[[chip]]\nlabel = \"b\"\nlines = 2\n\
    [[net]]\nname = \"n\"\nlines = [\"a:1\", \"b:0\"]\n\
    [[part]]\nkind = \"button\"\nname = \"B\"\nline = \"a:2\"\n\
    [[part]]\nkind = \"encoder\"\nname = \"E\"\npins = { a = \"a:3\", b = \"b:1\" }\n";

/// As many chips as are plugged in of a board that could be read.
const CHIPS_MAX: usize = 8;

fn one_line(said: &str) {
    assert_eq!(said.lines().count(), 1, "{said:?}");
    assert!(!said.chars().any(char::is_control), "{said:?}");
}

/// A board file: read, and plugged in if it is one.
pub fn board(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    match board::from_text(text) {
        Err(error) => one_line(&error.to_string()),
        Ok(board) if board.chips.len() <= CHIPS_MAX => {
            let plugged = Plugged::new(&Registry::new(), &board, Chance::default(), now());
            let list = plugged
                .expect("a board that was read can be plugged in")
                .list();
            assert_eq!(list.chips.len(), board.chips.len());
        }
        Ok(_) => {}
    }
}

/// A line of fault text, and a time: what is written of a fault means the same when it is read again.
pub fn faults(bytes: &[u8]) {
    let Ok(line) = str::from_utf8(bytes) else {
        return;
    };
    if let Ok(ns) = parse_time_ns(line) {
        assert!(ns <= 10_000_000_000);
    }
    let Ok(Line::Fault(words, line)) = line.parse() else {
        return;
    };
    let offset = line.and_then(|line| line.parse().ok());
    let Ok(planned) = words.planned(offset) else {
        return;
    };
    let written = text(&planned);
    let Ok(Line::Fault(words, line)) = written.parse() else {
        panic!("{written:?} is not read again");
    };
    let offset = line.map(|line| line.parse().expect("an offset was written"));
    assert_eq!(words.planned(offset), Ok(planned), "{written:?}");
}

fn hub() -> Rc<Hub> {
    thread_local! {
        static READ: Board = board::from_text(BOARD).expect("the board is good");
    }
    READ.with(hub_of)
}

fn hub_of(board: &Board) -> Rc<Hub> {
    let plugged = Plugged::new(&Registry::new(), board, Chance::default(), now());
    let hello = Hello {
        protocol: 1,
        ugpio: String::new(),
        pid: 1,
        program: String::new(),
    };
    let plugged = Shared::new(plugged.expect("the board is good"));
    Hub::new(plugged, hello, Box::new(|| true))
}

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder
        .enable_all()
        .build()
        .expect("a loop needs three descriptors")
}

/// The control protocol: messages that a client sends, each done on a board and answered.
pub fn control(bytes: &[u8]) {
    thread_local! {
        static RUNTIME: Runtime = runtime();
    }
    RUNTIME.with(|runtime| LocalSet::new().block_on(runtime, async { converse(bytes).await }));
}

async fn converse(bytes: &[u8]) {
    let (hub, mut frames) = (hub(), Frames::new(MAX_REQUEST));
    frames.push(bytes);
    frames.push(&[0]);
    while let Ok(Some(message)) = frames.take() {
        let result = match Request::decode(&message) {
            Ok(Request::Events | Request::Follow) => Ok(serde_json::json!({})),
            Ok(Request::Wait(mut params)) => {
                params.timeout_ms = Some(0);
                hub.perform(Request::Wait(params)).await
            }
            Ok(request) => {
                let again = request.encode();
                let again = Request::decode(&again[..again.len() - 1]);
                assert_eq!(again.as_ref(), Ok(&request), "it is written as it was read");
                hub.perform(request).await
            }
            Err(failure) => Err(failure),
        };
        if let Err(failure) = &result {
            one_line(&failure.message);
        }
        let reply = result.map_or_else(Reply::Failure, Reply::Result);
        assert!(Reply::decode(reply.text().as_bytes()).is_ok());
    }
    hub.catch_up();
}

/// What bytes 1 to 4 stand for in [`http`], so that inputs get past the door.
const START: &str = "POST /api/v1/";
const REST: &str = " HTTP/1.1\r\n";
const LENGTH: &str = "Content-Length: ";

/// HTTP: what a client of the live board sends, with or without a session.
pub fn http(bytes: &[u8]) {
    thread_local! {
        static RUNTIME: Runtime = runtime();
    }
    RUNTIME.with(|runtime| LocalSet::new().block_on(runtime, serve(bytes)));
}

/// Returns when all that can happen without time or news has happened: a stream of events stays open, though its client
/// sends no more.
async fn settled() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

async fn serve(bytes: &[u8]) {
    let address = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 4000));
    let (calls_in, calls) = inlet::inlet();
    let hub_task = spawn_local(inlet::serve(calls, hub()));
    let (connect, connections) = mpsc::channel(1);
    let (server, cookie) = web::fuzzed(calls_in, address, connections);
    let server = spawn_local(server);
    let entry =
        format!("Host: {address}\r\nCookie: {cookie}\r\nContent-Type: application/json\r\n");
    let mut sent = Vec::new();
    for byte in bytes {
        match byte {
            1 => sent.extend_from_slice(entry.as_bytes()),
            2 => sent.extend_from_slice(START.as_bytes()),
            3 => sent.extend_from_slice(REST.as_bytes()),
            4 => sent.extend_from_slice(LENGTH.as_bytes()),
            byte => sent.push(*byte),
        }
    }
    let (mut ours, theirs): (DuplexStream, DuplexStream) = tokio::io::duplex(1 << 20);
    let _ = connect.send(theirs).await;
    let _ = ours.write_all(&sent).await;
    let _: io::Result<()> = ours.shutdown().await;
    let mut answer = Vec::new();
    let whole = async {
        while ours
            .read_buf(&mut answer)
            .await
            .is_ok_and(|count| count > 0)
        {}
    };
    tokio::select! {
        () = whole => {}
        () = settled() => {}
    }
    let is_http = answer.is_empty() || answer.starts_with(b"HTTP/1.");
    assert!(is_http, "{}", String::from_utf8_lossy(&answer));
    server.abort();
    hub_task.abort();
}
