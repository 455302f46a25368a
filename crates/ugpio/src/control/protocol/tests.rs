//! Messages there and back, and what is refused.

use std::collections::BTreeMap;

use super::*;

fn requests() -> Vec<Request> {
    let (chip, line): (Key, Key) = ("demo".into(), Key::Number(3));
    vec![
        Request::Hello,
        Request::List,
        Request::Events,
        Request::Level(LineParams {
            chip: chip.clone(),
            line: line.clone(),
        }),
        Request::Pull(PullParams {
            chip: chip.clone(),
            line: line.clone(),
            pull: Pull::Up,
        }),
        Request::Wait(WaitParams {
            chip: Key::Number(0),
            line,
            level: Level::Low,
            timeout_ms: Some(5),
        }),
        Request::Unplug(ChipParams { chip }),
        Request::Plug(PlugParams {
            label: "x".into(),
            lines: None,
            base: Some(512),
            names: BTreeMap::from([(3, "LED".to_owned())]),
            hogs: Vec::new(),
        }),
    ]
}

#[test]
fn requests_go_there_and_back() {
    for request in requests() {
        let mut message = request.encode();
        assert_eq!(message.pop(), Some(0));
        assert_eq!(Request::decode(&message), Ok(request));
    }
}

#[test]
fn the_bytes_are_as_documented() {
    let pull = PullParams {
        chip: "demo".into(),
        line: Key::Number(3),
        pull: Pull::Up,
    };
    let wanted =
        "{\"v\":1,\"method\":\"pull\",\"params\":{\"chip\":\"demo\",\"line\":3,\"pull\":\"up\"}}\0";
    assert_eq!(Request::Pull(pull).encode(), wanted.as_bytes());
    let failure = Failure::new(Code::NoSuchLine, "no");
    let wanted = "{\"v\":1,\"error\":{\"code\":\"no-such-line\",\"message\":\"no\"}}\0";
    assert_eq!(Reply::Failure(failure).encode(), wanted.as_bytes());
}

#[test]
fn replies_go_there_and_back() {
    let chip = ChipAt {
        chip: "gpiochip0".into(),
        label: "demo".into(),
    };
    let line = LineAt {
        chip: chip.clone(),
        offset: 1,
        name: None,
    };
    let info = InfoState {
        consumer: None,
        used: false,
        direction: Direction::Input,
        active_low: true,
        bias: Bias::PullUp,
        drive: Drive::OpenDrain,
        edges: Edges::Both,
        debounce_us: 5,
    };
    for reply in [
        Reply::Result(serde_json::json!({})),
        Reply::Failure(Failure::new(Code::TimedOut, "late")),
        Reply::Event(Happened {
            at_ns: 7,
            event: Event::Released { line, info },
        }),
        Reply::Event(Happened {
            at_ns: 8,
            event: Event::Unplugged(chip),
        }),
    ] {
        let mut message = reply.encode();
        assert_eq!(message.pop(), Some(0));
        assert_eq!(Reply::decode(&message), Ok(reply));
    }
}

#[test]
fn what_is_wrong_with_a_request_has_its_code() {
    let cases: &[(&[u8], Code)] = &[
        (b"", Code::BadMessage),
        (b"\xff\xfe", Code::BadMessage),
        (b"[1]", Code::BadMessage),
        (b"{\"v\":1}", Code::BadMessage),
        (b"{\"v\":1,\"method\":7}", Code::BadMessage),
        (
            b"{\"v\":1,\"method\":\"list\",\"more\":1}",
            Code::BadMessage,
        ),
        (b"{\"method\":\"list\"}", Code::BadVersion),
        (b"{\"v\":2,\"method\":\"list\"}", Code::BadVersion),
        (b"{\"v\":\"1\",\"method\":\"list\"}", Code::BadVersion),
        (b"{\"v\":1,\"method\":\"blink\"}", Code::UnknownMethod),
        (
            b"{\"v\":1,\"method\":\"list\",\"params\":{\"chip\":0}}",
            Code::BadParams,
        ),
        (
            b"{\"v\":1,\"method\":\"list\",\"params\":[]}",
            Code::BadParams,
        ),
        (
            b"{\"v\":1,\"method\":\"level\",\"params\":{\"chip\":0}}",
            Code::BadParams,
        ),
        (
            b"{\"v\":1,\"method\":\"level\",\"params\":{\"chip\":0,\"line\":-1}}",
            Code::BadParams,
        ),
        (
            b"{\"v\":1,\"method\":\"unplug\",\"params\":{\"chip\":0,\"x\":1}}",
            Code::BadParams,
        ),
        (
            b"{\"v\":1,\"method\":\"plug\",\"params\":{\"label\":\"a\",\"lines\":5000000000}}",
            Code::BadParams,
        ),
    ];
    for (message, code) in cases {
        let failure = Request::decode(message).unwrap_err();
        assert_eq!(
            failure.code,
            *code,
            "of {}",
            String::from_utf8_lossy(message)
        );
        assert!(!failure.message.contains('\n'));
    }
}

#[test]
fn a_deep_message_is_refused_and_does_not_overflow_the_stack() {
    let deep = "[".repeat(MAX_REQUEST);
    assert_eq!(
        Request::decode(deep.as_bytes()).unwrap_err().code,
        Code::BadMessage
    );
}

#[test]
fn a_code_of_a_newer_ugpio_is_still_a_refusal() {
    let message = b"{\"v\":1,\"error\":{\"code\":\"too-hot\",\"message\":\"m\"}}";
    let Ok(Reply::Failure(failure)) = Reply::decode(message) else {
        panic!("a refusal")
    };
    assert_eq!(failure, Failure::new(Code::Unknown, "m"));
}

#[test]
fn a_refusal_quotes_names_in_one_line_that_no_terminal_obeys() {
    for wrong in ["\u{7f}", "\u{9b}31m", "\\u001b]0;x", "\\n", "\u{202e}"] {
        let unknown =
            format!(r#""method":"operate","params":{{"part":"E","acti{wrong}n":"turn"}}"#);
        let method = format!(r#""method":"{wrong}""#);
        for text in [unknown, method] {
            let refused = Request::decode(format!(r#"{{"v":1,{text}}}"#).as_bytes());
            let message = refused.expect_err("it is no request").message;
            let acts = |c: char| c.is_control() || c == '\u{202e}';
            assert!(!message.contains(acts), "{message:?}");
        }
    }
}
