//! What `ugpio ctl` sends and prints, against a run that is played over a socket pair.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use super::*;
use crate::control::protocol::{Bias, Direction, Drive, Edges, Failure, Reply, json};

fn line(offset: u32, name: Option<&str>, consumer: Option<&str>) -> LineState {
    let info = InfoState {
        consumer: consumer.map(str::to_owned),
        used: consumer.is_some(),
        direction: if consumer.is_some() {
            Direction::Output
        } else {
            Direction::Input
        },
        active_low: offset == 1,
        bias: Bias::AsIs,
        drive: Drive::PushPull,
        edges: Edges::None,
        debounce_us: 0,
    };
    LineState {
        offset,
        name: name.map(str::to_owned),
        level: Level::High,
        pull: Pull::Down,
        net: None,
        info,
    }
}

fn chip() -> ChipState {
    let lines = vec![line(0, Some("LED"), Some("blink")), line(1, None, None)];
    ChipState {
        id: 2,
        name: "gpiochip2".into(),
        label: "demo".into(),
        base: None,
        lines,
    }
}

/// Does `verb` with a run that answers `replies`; gives what was asked, what was printed, the status.
fn play(verb: Verb, json: bool, replies: Vec<Reply>) -> (Request, String, u8) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let run = thread::spawn(move || {
        let mut stream = BufReader::new(theirs);
        let mut message = Vec::new();
        stream.read_until(0, &mut message).unwrap();
        message.pop();
        for reply in replies {
            stream.get_mut().write_all(&reply.encode()).unwrap();
        }
        Request::decode(&message).unwrap()
    });
    let printer = Printer {
        json,
        to: Vec::new(),
    };
    let (text, status) = match perform(Client::over(ours), &verb, printer) {
        Ok(text) => (text, 0),
        Err(error) => (Vec::new(), error.status()),
    };
    (
        run.join().unwrap(),
        String::from_utf8(text).unwrap(),
        status,
    )
}

#[test]
fn list_is_a_table_or_one_object() {
    let reply = || {
        vec![Reply::Result(json(&List {
            chips: vec![chip()],
            ..List::default()
        }))]
    };
    let (request, text, status) = play(Verb::List, false, reply());
    assert_eq!((request, status), (Request::List, 0));
    let wanted = "gpiochip2 \"demo\", 2 lines\n\
                  \x20    0 \"LED\" output high pull down \"blink\"\n\
                  \x20    1 -     input  high pull down active-low\n";
    assert_eq!(text, wanted);
    let (_, text, _) = play(Verb::List, true, reply());
    assert!(
        text.starts_with("{\"chips\":[{\"id\":2,\"name\":\"gpiochip2\","),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn verbs_send_what_they_say() {
    let answer = || vec![Reply::Result(json(&line(0, Some("LED"), None)))];
    let (chip, line) = (|| "demo".to_owned(), || "LED".to_owned());
    let (request, text, _) = play(Verb::Level(chip(), line()), false, answer());
    assert_eq!(text, "high\n");
    assert_eq!(
        request,
        Request::Level(LineParams {
            chip: "demo".into(),
            line: "LED".into()
        })
    );

    let verb = Verb::Pull(chip(), line(), Pull::Up);
    let (request, text, _) = play(verb, false, answer());
    assert_eq!(text, "");
    let params = PullParams {
        chip: "demo".into(),
        line: "LED".into(),
        pull: Pull::Up,
    };
    assert_eq!(request, Request::Pull(params));

    let timeout = Some(Duration::from_millis(1500));
    let verb = Verb::Wait(chip(), line(), Level::High, timeout);
    let (request, text, _) = play(verb, true, answer());
    assert!(text.contains("\"level\":\"high\""));
    let (level, timeout_ms) = (Level::High, Some(1500));
    let params = WaitParams {
        chip: "demo".into(),
        line: "LED".into(),
        level,
        timeout_ms,
    };
    assert_eq!(request, Request::Wait(params));
}

#[test]
fn chips_are_plugged_and_unplugged() {
    let names = vec![(2, "X".to_owned())];
    let mut new: ChipSpec = "new:3".parse().unwrap();
    new.names = names.clone();
    new.base = Some(0);
    let verb = Verb::Plug(new);
    let (request, text, _) = play(verb, false, vec![Reply::Result(json(&chip()))]);
    assert_eq!(text, "gpiochip2\n");
    let (label, names) = ("new".into(), names.into_iter().collect());
    assert_eq!(
        request,
        Request::Plug(PlugParams {
            label,
            lines: Some(3),
            base: Some(0),
            names,
            hogs: Vec::new()
        })
    );

    let verb = Verb::Unplug("demo".into());
    let (request, ..) = play(verb, false, vec![Reply::Result(serde_json::json!({}))]);
    assert_eq!(
        request,
        Request::Unplug(ChipParams {
            chip: "demo".into()
        })
    );
}

#[test]
fn events_are_a_line_each() {
    let chip = ChipAt {
        chip: "gpiochip0".into(),
        label: "demo".into(),
    };
    let line = || LineAt {
        chip: chip.clone(),
        offset: 3,
        name: Some("LED".into()),
    };
    let info = || InfoState {
        consumer: Some("blink".into()),
        used: true,
        direction: Direction::Output,
        active_low: false,
        bias: Bias::AsIs,
        drive: Drive::PushPull,
        edges: Edges::None,
        debounce_us: 0,
    };
    let events = [
        Event::Level {
            line: line(),
            level: Level::High,
        },
        Event::Pull {
            line: line(),
            pull: Pull::Up,
        },
        Event::Requested {
            line: line(),
            info: info(),
        },
        Event::Plugged(chip.clone()),
        Event::Lost { count: 7 },
    ];
    let mut replies = vec![Reply::Result(serde_json::json!({}))];
    replies.extend(
        events
            .into_iter()
            .map(|event| Reply::Event(Happened { at_ns: 5, event })),
    );
    let (request, text, status) = play(Verb::Events, false, replies.clone());
    assert_eq!((request, status), (Request::Events, 0));
    let wanted = "gpiochip0 3 \"LED\" level high\n\
                  gpiochip0 3 \"LED\" pull up\n\
                  gpiochip0 3 \"LED\" requested output \"blink\"\n\
                  gpiochip0 \"demo\" plugged\n\
                  7 events lost\n";
    assert_eq!(text, wanted);
    let (_, text, _) = play(Verb::Events, true, replies);
    let first = text.lines().next().unwrap();
    let wanted = "{\"at_ns\":5,\"kind\":\"level\",\"chip\":\"gpiochip0\",\"label\":\"demo\",\"offset\":3,\"name\":\"LED\",\"level\":\"high\"}";
    assert_eq!(first, wanted);
}

#[test]
fn the_status_says_who_is_to_blame() {
    let refuse = |code| vec![Reply::Failure(Failure::new(code, "no"))];
    assert_eq!(play(Verb::List, false, refuse(Code::TimedOut)).2, 1);
    assert_eq!(play(Verb::List, false, refuse(Code::NoSuchChip)).2, 3);
    assert_eq!(play(Verb::List, false, refuse(Code::Unplugged)).2, 4);
    assert_eq!(play(Verb::List, false, vec![]).2, 4);
}
