//! The server over a socket pair, with the real client at the other end.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream as StdStream;
use std::thread;

use gpiolib::Registry;
use tokio::net::UnixStream;

use super::*;
use crate::board::Board;
use crate::control::client::{Client as Caller, ClientError, Events};
use crate::control::plugged::{Chance, Plugged};
use crate::control::protocol::{
    ChipParams, ChipState, Held, Key, Level, LineParams, List, MAX_REQUEST, NetState, PlugParams,
    Pull, PullParams, Reply, WireParams,
};
use crate::control::view::View;

/// Serves one chip, `demo` with 4 lines, to `clients` clients, and lets `test` be them.
fn with_server(clients: usize, test: impl FnOnce(Vec<StdStream>) + Send + 'static) {
    with_server_until(clients, test, false);
}

/// The same; with `is_over` the run ends at once.
fn with_server_until(
    clients: usize,
    test: impl FnOnce(Vec<StdStream>) + Send + 'static,
    is_over: bool,
) {
    let (ours, theirs): (Vec<_>, Vec<_>) = (0..clients).map(|_| StdStream::pair().unwrap()).unzip();
    let test = thread::spawn(move || test(theirs));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let board = Board {
        chips: vec![ChipSpec::plain("demo", 4)],
        ..Board::default()
    };
    let plugged = Plugged::new(&Registry::new(), &board, Chance::default(), now()).unwrap();
    let plugged = Shared::new(plugged);
    let hello = Hello {
        protocol: 1,
        ugpio: "0".into(),
        pid: 7,
        program: "blink".into(),
    };
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let hub = Hub::new(plugged, hello, Box::new(|| true));
        let relay = spawn_local(relay(Rc::clone(&hub)));
        let painter = spawn_local(follow::painter(Rc::clone(&hub)));
        let mut tasks = Vec::new();
        for stream in ours {
            stream.set_nonblocking(true).unwrap();
            let stream = UnixStream::from_std(stream).unwrap();
            tasks.push(spawn_local(client(stream, Rc::clone(&hub))));
        }
        if is_over {
            hub.end().await;
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(hub.seats.taken(), 0);
        relay.abort();
        painter.abort();
    });
    test.join().unwrap();
}

fn one(streams: Vec<StdStream>) -> Caller {
    let mut streams = streams.into_iter();
    Caller::over(streams.next().unwrap())
}

fn two(streams: Vec<StdStream>) -> (Caller, Caller) {
    let mut streams = streams.into_iter().map(Caller::over);
    (streams.next().unwrap(), streams.next().unwrap())
}

fn pull(line: u32, pull: Pull) -> Request {
    Request::Pull(PullParams {
        chip: "demo".into(),
        line: Key::Number(line),
        pull,
    })
}

fn wait(line: u32, level: Level, timeout_ms: Option<u64>) -> Request {
    Request::Wait(WaitParams {
        chip: "demo".into(),
        line: Key::Number(line),
        level,
        timeout_ms,
    })
}

#[test]
fn requests_are_answered_in_order() {
    with_server(1, |streams| {
        let mut caller = one(streams);
        let hello: Hello = caller.call(&Request::Hello).unwrap();
        assert_eq!((hello.pid, hello.program.as_str()), (7, "blink"));
        let list: List = caller.call(&Request::List).unwrap();
        assert_eq!(list.chips.len(), 1);
        let _: LineState = caller.call(&pull(2, Pull::Up)).unwrap();
        let level = Request::Level(LineParams {
            chip: Key::Number(0),
            line: "2".into(),
        });
        assert_eq!(caller.call::<LineState>(&level).unwrap().level, Level::High);
        let plug = PlugParams {
            label: "new".into(),
            lines: None,
            base: Some(40),
            names: [(1, "A".into())].into(),
            hogs: vec![serde_json::from_str(r#"{"line":7,"consumer":"me"}"#).unwrap()],
        };
        let chip: ChipState = caller.call(&Request::Plug(plug)).unwrap();
        assert_eq!(
            (chip.id, chip.lines.len(), chip.lines[1].name.as_deref()),
            (1, 8, Some("A"))
        );
        assert_eq!(chip.lines[7].info.consumer.as_deref(), Some("me"));
        let twice = r#"{"label":"x","hogs":[{"line":1},{"line":1,"direction":"output-low"}]}"#;
        let twice = Request::Plug(serde_json::from_str(twice).unwrap());
        let refused = caller.call::<ChipState>(&twice).unwrap_err();
        assert!(matches!(refused, ClientError::Refused(f) if f.code == Code::BadParams));
        let unplug = Request::Unplug(ChipParams { chip: "new".into() });
        let _: serde_json::Value = caller.call(&unplug).unwrap();
        let refused = caller.call::<serde_json::Value>(&unplug).unwrap_err();
        assert!(matches!(refused, ClientError::Refused(f) if f.code == Code::NoSuchChip));
    });
}

#[test]
fn bad_requests_are_refused_and_the_connection_goes_on() {
    with_server(1, |mut streams| {
        let mut stream = streams.remove(0);
        stream.write_all(b"nonsense\0{\"v\":3}\0").unwrap();
        let mut answers = Vec::new();
        while answers.iter().filter(|byte| **byte == 0).count() < 2 {
            let mut buffer = [0; 512];
            let count = stream.read(&mut buffer).unwrap();
            answers.extend_from_slice(&buffer[..count]);
        }
        let text = String::from_utf8(answers).unwrap();
        assert!(
            text.starts_with("{\"v\":1,\"error\":{\"code\":\"bad-message\""),
            "{text}"
        );
        assert!(
            text.contains("\0{\"v\":1,\"error\":{\"code\":\"bad-version\""),
            "{text}"
        );
        let _: List = Caller::over(stream).call(&Request::List).unwrap();
    });
}

#[test]
fn too_long_a_request_is_refused_and_the_connection_ends() {
    with_server(1, |mut streams| {
        let mut stream = streams.remove(0);
        // The server may close while this is still being written.
        let _ = stream.write_all(&vec![b'x'; MAX_REQUEST + 4096]);
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text);
        assert!(text.starts_with(b"{\"v\":1,\"error\":{\"code\":\"bad-message\""));
    });
}

#[test]
fn events_reach_every_listener() {
    with_server(2, |streams| {
        let (listener, mut actor) = two(streams);
        let mut events = listener.events().unwrap();
        let _: LineState = actor.call(&pull(1, Pull::Up)).unwrap();
        let _: serde_json::Value = actor
            .call(&Request::Unplug(ChipParams {
                chip: "demo".into(),
            }))
            .unwrap();
        let mut next = || events.next().unwrap().unwrap().event;
        assert!(matches!(next(), Event::Pull { pull: Pull::Up, line } if line.offset == 1));
        assert!(matches!(next(), Event::Level { level: Level::High, line } if line.offset == 1));
        assert!(matches!(next(), Event::Unplugged(chip) if chip.label == "demo"));
    });
}

#[test]
fn a_wait_ends_with_the_level() {
    with_server(2, |streams| {
        let (mut waiter, mut actor) = two(streams);
        let state: LineState = waiter.call(&wait(3, Level::Low, None)).unwrap();
        assert_eq!(
            (state.offset, state.level),
            (3, Level::Low),
            "it is there already"
        );
        let waiting = thread::spawn(move || waiter.call::<LineState>(&wait(3, Level::High, None)));
        // Whichever comes first, the wait ends: it looks after it has begun to listen.
        let _: LineState = actor.call(&pull(3, Pull::Up)).unwrap();
        assert_eq!(waiting.join().unwrap().unwrap().level, Level::High);
    });
}

#[test]
fn a_wait_that_is_in_vain_ends_with_its_time_or_its_chip() {
    with_server(2, |streams| {
        let (mut waiter, mut actor) = two(streams);
        let refused = waiter
            .call::<LineState>(&wait(3, Level::High, Some(1)))
            .unwrap_err();
        let wanted = "line 3 of \"demo\" was not high within 1 ms";
        assert!(
            matches!(refused, ClientError::Refused(f) if f.code == Code::TimedOut && f.message == wanted)
        );
        let refused = waiter
            .call::<LineState>(&wait(9, Level::High, None))
            .unwrap_err();
        assert!(matches!(refused, ClientError::Refused(f) if f.code == Code::NoSuchLine));
        let waiting =
            thread::spawn(move || waiter.call::<LineState>(&wait(3, Level::High, Some(u64::MAX))));
        let unplug = Request::Unplug(ChipParams {
            chip: "demo".into(),
        });
        let _: serde_json::Value = actor.call(&unplug).unwrap();
        let Err(ClientError::Refused(failure)) = waiting.join().unwrap() else {
            panic!("refused")
        };
        // Unplugged while waiting, or before it began.
        assert!(matches!(failure.code, Code::Unplugged | Code::NoSuchChip));
    });
}

#[test]
fn a_waiter_that_goes_away_is_forgotten() {
    // `with_server` returns only when the server has seen every client go.
    with_server(1, |mut streams| {
        let mut stream = streams.remove(0);
        stream
            .write_all(&wait(3, Level::High, None).encode())
            .unwrap();
    });
}

#[test]
fn the_end_of_the_run_lets_listeners_and_waiters_go() {
    let test = |streams| {
        let (listener, mut waiter) = two(streams);
        assert!(listener.events().unwrap().next().is_none());
        let ended = waiter
            .call::<LineState>(&wait(3, Level::High, None))
            .unwrap_err();
        assert!(matches!(ended, ClientError::Ended));
    };
    with_server_until(2, test, true);
}

#[test]
fn idle_clients_give_way_to_new_ones() {
    let test = |streams: Vec<StdStream>| {
        let mut callers: Vec<Caller> = streams.into_iter().map(Caller::over).collect();
        let mut last = callers.pop().unwrap();
        let _: Hello = last.call(&Request::Hello).unwrap();
        let refused = callers[0].call::<Hello>(&Request::Hello).unwrap_err();
        assert!(
            matches!(&refused, ClientError::Refused(f) if f.code == Code::NotAllowed),
            "{refused}"
        );
        // All others have their seats.
        for caller in &mut callers[1..] {
            let _: Hello = caller.call(&Request::Hello).unwrap();
        }
    };
    with_server(SEATS.most + 1, test);
}

#[test]
fn who_listens_stays_and_leaves_room_for_those_who_ask_and_go() {
    let test = |mut streams: Vec<StdStream>| {
        let late = streams.split_off(SEATS.most - SEATS.reserve);
        let mut late: Vec<Caller> = late.into_iter().map(Caller::over).collect();
        let listening: Vec<Events> = streams
            .into_iter()
            .map(|stream| Caller::over(stream).events().unwrap())
            .collect();
        for caller in &mut late {
            let _: Hello = caller.call(&Request::Hello).unwrap();
        }
        let refused = late[0]
            .call::<LineState>(&wait(0, Level::High, None))
            .unwrap_err();
        assert!(
            matches!(&refused, ClientError::Refused(f) if f.code == Code::NotAllowed),
            "{refused}"
        );
        let _: LineState = late[0].call(&pull(0, Pull::Up)).unwrap();
        for mut events in listening {
            assert!(matches!(events.next(), Some(Ok(_))));
        }
    };
    with_server(SEATS.most, test);
}

/// The next message of one who follows.
fn view(stream: &mut impl io::BufRead) -> View {
    let mut message = Vec::new();
    stream.read_until(0, &mut message).unwrap();
    message.pop();
    match Reply::decode(&message).unwrap() {
        Reply::View(view) => *view,
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_follows_gets_the_board_and_then_what_changes() {
    with_server(2, |streams| {
        let mut streams = streams.into_iter();
        let mut follower = io::BufReader::new(streams.next().unwrap());
        let mut actor = Caller::over(streams.next().unwrap());
        let _: LineState = actor.call(&pull(2, Pull::Up)).unwrap();
        follower
            .get_mut()
            .write_all(&Request::Follow.encode())
            .unwrap();
        let mut answer = Vec::new();
        io::BufRead::read_until(&mut follower, 0, &mut answer).unwrap();
        let View::Board { list, .. } = view(&mut follower) else {
            panic!("the board comes first")
        };
        assert_eq!(list.chips[0].lines[2].level, Level::High);
        for _ in 0..3 {
            let _: LineState = actor.call(&pull(1, Pull::Up)).unwrap();
            let _: LineState = actor.call(&pull(1, Pull::Down)).unwrap();
        }
        let (mut changes, mut updates) = (0, 0);
        while changes < 6 {
            let View::Update { at_ns, lines, .. } = view(&mut follower) else {
                panic!("no chip came or went")
            };
            let [line] = lines.as_slice() else {
                panic!("{lines:?}")
            };
            assert_eq!((line.chip.as_str(), line.offset), ("gpiochip0", 1));
            assert!(line.moments_ns.iter().all(|moment| *moment <= at_ns));
            changes += line.changes;
            updates += 1;
        }
        assert!(changes == 6 && updates <= 6);
        let unplug = Request::Unplug(ChipParams {
            chip: "demo".into(),
        });
        let _: serde_json::Value = actor.call(&unplug).unwrap();
        let View::Board { list, .. } = view(&mut follower) else {
            panic!("a chip went")
        };
        assert_eq!(list.chips, []);
    });
}

#[test]
fn who_follows_sees_nets_change_and_the_board_anew_when_they_are_wired() {
    with_server(2, |streams| {
        let mut streams = streams.into_iter();
        let mut follower = io::BufReader::new(streams.next().unwrap());
        let mut actor = Caller::over(streams.next().unwrap());
        let follow = Request::Follow.encode();
        follower.get_mut().write_all(&follow).unwrap();
        io::BufRead::read_until(&mut follower, 0, &mut Vec::new()).unwrap();
        assert!(matches!(view(&mut follower), View::Board { .. }));
        let line = |line| LineParams {
            chip: "demo".into(),
            line: Key::Number(line),
        };
        let wire = Request::Wire(WireParams {
            net: "bus".into(),
            lines: vec![line(0), line(1)],
            pull: None,
            delay_ns: None,
        });
        let _: NetState = actor.call(&wire).unwrap();
        // The lines may have been told of before.
        let list = loop {
            if let View::Board { list, .. } = view(&mut follower) {
                break list;
            }
        };
        assert_eq!(list.nets[0].lines, ["demo:0", "demo:1"]);
        let _: LineState = actor.call(&pull(1, Pull::Up)).unwrap();
        let update = loop {
            let View::Update { nets, .. } = view(&mut follower) else {
                panic!("nothing was wired")
            };
            let is_new = |net: &NetUpdate| net.level == Level::High;
            if let Some(net) = nets.into_iter().find(is_new) {
                break net;
            }
        };
        assert_eq!((update.net.as_str(), update.held), ("bus", Held::Firmly));
    });
}

#[test]
fn without_a_live_board_there_is_no_link() {
    with_server(1, |streams| {
        let refused = one(streams).call::<Link>(&Request::Web).unwrap_err();
        assert!(matches!(refused, ClientError::Refused(f) if f.message.contains("--web")));
    });
}
