//! The live board over HTTP, as a program sees it: who is let in, requests, streams, and the run's end.
//!
//! What a browser makes of it is tested by `tests/browser`. The links are those that a person gets.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::TryRecvError;

use serde_json::Value;

/// A run of `cat` on the chip `demo` with 4 lines, and its live board.
struct Run {
    child: Child,
    stdin: Option<ChildStdin>,
    address: String,
    token: String,
    dir: tempfile::TempDir,
}

/// An answer.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Run {
    fn start(words: &[&str]) -> Run {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
        command.args(["run", "--chip", "demo:4"]).args(words);
        command.args(["--socket", "s", "--", "cat"]);
        command.current_dir(dir.path()).env_remove("UGPIO_SOCKET");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let link = said.find_map(|line| {
            let line = line.unwrap();
            line.strip_prefix("ugpio: live board: http://")
                .map(str::to_owned)
        });
        let (address, token) = split(&link.unwrap());
        Run {
            stdin: child.stdin.take(),
            child,
            address,
            token,
            dir,
        }
    }

    /// What `ugpio ctl WORDS` prints.
    fn ctl(&self, words: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
        command.args(["ctl", "--socket", "s"]).args(words);
        command
            .current_dir(self.dir.path())
            .env_remove("UGPIO_SOCKET");
        let done = command.output().unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        String::from_utf8(done.stdout).unwrap()
    }

    fn send(&self, start: &str, headers: &str, body: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{start} HTTP/1.1\r\nHost: {}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .unwrap();
        BufReader::new(stream)
    }

    fn ask(&self, start: &str, headers: &str, body: &str) -> Answer {
        let headers = format!("{headers}Connection: close\r\n");
        let mut text = String::new();
        let mut stream = self.send(start, &headers, body);
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    }

    /// Shows a token; the header that then lets in.
    fn enter(&self, token: &str) -> Option<String> {
        let answer = self.ask(&format!("GET /?token={token}"), "", "");
        let cookie = answer
            .head
            .lines()
            .find_map(|line| line.strip_prefix("set-cookie: "))?;
        assert_eq!(answer.status, 303);
        assert!(
            cookie.ends_with("; path=/; httponly; samesite=strict"),
            "{cookie}"
        );
        Some(format!("Cookie: {}\r\n", cookie.split(';').next().unwrap()))
    }

    fn post(&self, method: &str, headers: &str, body: &str) -> (u16, Value) {
        let headers = format!("{headers}Content-Type: application/json\r\n");
        let answer = self.ask(&format!("POST /api/v1/{method}"), &headers, body);
        (answer.status, serde_json::from_str(&answer.body).unwrap())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// The address and the token of a link without `http://`.
fn split(link: &str) -> (String, String) {
    let (address, token) = link.trim().split_once("/?token=").unwrap();
    (address.to_owned(), token.to_owned())
}

/// The next message of a stream of server-sent events.
fn message(stream: &mut BufReader<TcpStream>) -> Value {
    let mut line = String::new();
    while stream.read_line(&mut line).unwrap() > 0 {
        if let Some(data) = line.strip_prefix("data: ") {
            return serde_json::from_str(data).unwrap();
        }
        line.clear();
    }
    Value::Null
}

#[test]
fn a_link_lets_one_in_and_nothing_else_does() {
    let run = Run::start(&["--web"]);
    assert!(run.address.starts_with("127.0.0.1:"), "{}", run.address);
    for start in [
        "GET /",
        "GET /?token=",
        "GET /?token=00",
        "GET /board.js",
        "GET /api/v1/follow",
    ] {
        assert_eq!(run.ask(start, "", "").status, 403, "{start}");
    }
    assert_eq!(run.post("unplug", "", "{\"chip\":0}").0, 403);
    let cookie = run.enter(&run.token).unwrap();
    assert_eq!(run.enter(&run.token), None, "the token is spent");
    let page = run.ask("GET /", &cookie, "");
    assert_eq!(page.status, 200);
    assert!(
        page.head
            .contains("content-security-policy: default-src 'none'")
    );
    let again = run.ask(&format!("GET /?token={}", run.token), &cookie, "");
    assert_eq!(again.status, 303, "the link of who is in leads to the page");
    assert_eq!(run.ask("GET /", "Cookie: ugpio-1=00\r\n", "").status, 403);
    let foreign = format!("{cookie}Sec-Fetch-Site: same-site\r\n");
    assert_eq!(
        run.post("list", &foreign, "").0,
        403,
        "another site's page asked"
    );
    let (_, token) = split(run.ctl(&["web"]).strip_prefix("http://").unwrap());
    assert!(
        run.enter(&token).is_some(),
        "`ugpio ctl web` makes more links"
    );
}

#[test]
fn a_foreign_name_or_page_gets_nothing() {
    let run = Run::start(&["--web"]);
    let cookie = run.enter(&run.token).unwrap();
    let (_, port) = run.address.split_once(':').unwrap();
    let status = |hosts: &[&str]| {
        let hosts: String = hosts
            .iter()
            .map(|host| format!("Host: {host}\r\n"))
            .collect();
        let mut stream = TcpStream::connect(&run.address).unwrap();
        write!(
            stream,
            "GET / HTTP/1.1\r\n{hosts}{cookie}Connection: close\r\n\r\n"
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text.split(' ').nth(1).unwrap().to_owned()
    };
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        assert_eq!(status(&[&format!("{host}:{port}")]), "200", "{host}");
        assert_eq!(status(&[host]), "421", "{host} at another port");
    }
    let (ours, evil) = (format!("127.0.0.1:{port}"), format!("evil.example:{port}"));
    assert_eq!(status(&[&evil]), "421");
    assert_ne!(status(&[&ours, &evil]), "200");
    assert_ne!(status(&[]), "200");
    let in_line = format!("GET http://{evil}/");
    assert_eq!(run.ask(&in_line, &cookie, "").status, 421);
    let list = |origin: &str| {
        let headers = format!("{cookie}Origin: {origin}\r\n");
        let follow = run.send("GET /api/v1/follow", &headers, "");
        let mut line = String::new();
        let mut follow = follow;
        follow.read_line(&mut line).unwrap();
        let streamed = line.split(' ').nth(1).unwrap().parse().unwrap();
        (run.post("list", &headers, "").0, streamed)
    };
    assert_eq!(list(&format!("http://{ours}")), (200, 200));
    for origin in [
        "null",
        "http://evil.example",
        &format!("https://{ours}"),
        &format!("http://localhost:{port}"),
        "http://127.0.0.1:1",
    ] {
        assert_eq!(list(origin), (403, 403), "{origin}");
    }
}

#[test]
fn connections_that_ask_nothing_lock_nobody_out() {
    let run = Run::start(&["--web"]);
    let cookie = run.enter(&run.token).unwrap();
    let mut follower = run.send("GET /api/v1/follow", &cookie, "");
    message(&mut follower);
    let mut idle: Vec<TcpStream> = Vec::new();
    for n in 0..300 {
        let mut stream = TcpStream::connect(&run.address).unwrap();
        // Some ask by halves.
        if n % 2 == 0 {
            stream.write_all(b"GET / HTTP/1.1\r\nHost: ").unwrap();
        }
        idle.push(stream);
    }
    let (_, token) = split(run.ctl(&["web"]).strip_prefix("http://").unwrap());
    let again = run.enter(&token).unwrap();
    assert_eq!(run.post("list", &again, "").0, 200);
    assert_eq!(run.ask("GET /board.js", &cookie, "").status, 200);
    run.ctl(&["pull", "demo", "2", "up"]);
    assert_eq!(message(&mut follower)["event"]["kind"], "update");
    // The first had to go for others; the last go when they have shown no session in time.
    for mut stream in [&idle[0], &idle[299]] {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(
            rest.is_empty() || rest.starts_with(b"HTTP/1.1 4"),
            "{rest:?}"
        );
    }
}

#[test]
fn requests_are_those_of_the_socket() {
    let run = Run::start(&["--web"]);
    let cookie = run.enter(&run.token).unwrap();
    let (status, answer) = run.post("pull", &cookie, r#"{"chip":"demo","line":1,"pull":"up"}"#);
    assert_eq!(
        (status, &answer["result"]["level"], &answer["v"]),
        (200, &"high".into(), &1.into())
    );
    assert_eq!(run.ctl(&["level", "demo", "1"]), "high\n");
    let code = |method: &str, body: &str| {
        let (status, answer) = run.post(method, &cookie, body);
        (status, answer["error"]["code"].as_str().unwrap().to_owned())
    };
    let wait = r#"{"chip":0,"line":1,"level":"low","timeout_ms":1}"#;
    assert_eq!(code("wait", wait), (504, "timed-out".into()));
    assert_eq!(code("blink", ""), (404, "unknown-method".into()));
    assert_eq!(code("level", "{}"), (400, "bad-params".into()));
    assert_eq!(code("level", "{"), (400, "bad-message".into()));
    assert_eq!(code("follow", ""), (400, "bad-message".into()));
    assert_eq!(
        code("unplug", r#"{"chip":"none"}"#),
        (404, "no-such-chip".into())
    );
    assert_eq!(
        run.ask("POST /api/v1/list", &cookie, "{}").status,
        400,
        "not said to be JSON"
    );
    let long = format!("\"{}\"", " ".repeat(70_000));
    let headers = format!("{cookie}Content-Type: application/json\r\n");
    assert_eq!(run.ask("POST /api/v1/list", &headers, &long).status, 413);
}

#[test]
fn streams_tell_the_board_and_its_changes_and_end_with_the_run() {
    let mut run = Run::start(&["--web"]);
    let cookie = run.enter(&run.token).unwrap();
    let mut follower = run.send("GET /api/v1/follow", &cookie, "");
    let mut listener = run.send("GET /api/v1/events", &cookie, "");
    let board = message(&mut follower)["event"].take();
    assert_eq!(board["kind"], "board");
    assert_eq!(board["chips"][0]["lines"].as_array().unwrap().len(), 4);
    // The listener may not have begun to listen yet: it has when it hears something.
    let (heard, is_heard) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let run = &run;
        scope.spawn(move || {
            while is_heard.try_recv() == Err(TryRecvError::Empty) {
                run.ctl(&["pull", "demo", "0", "up"]);
                run.ctl(&["pull", "demo", "0", "down"]);
            }
        });
        message(&mut listener);
        drop(heard);
    });
    run.ctl(&["pull", "demo", "2", "up"]);
    loop {
        let update = message(&mut follower)["event"].take();
        assert_eq!(update["kind"], "update");
        let line = update["lines"].as_array().unwrap().last().unwrap().clone();
        if line["offset"] == 2 {
            assert_eq!(
                (&line["level"], &line["changes"]),
                (&"high".into(), &1.into())
            );
            break;
        }
    }
    while message(&mut listener)["event"]["offset"] != 2 {}
    drop(run.stdin.take());
    assert!(run.child.wait().unwrap().success());
    for mut stream in [follower, listener] {
        let mut rest = String::new();
        stream.read_to_string(&mut rest).unwrap();
        assert!(rest.contains("event: end\ndata: {}\n"), "{rest}");
    }
}

#[test]
fn an_address_can_be_chosen_and_a_bad_one_is_a_plain_error() {
    let run = Run::start(&["--web=[::1]:0"]);
    assert!(run.address.starts_with("[::1]:"), "{}", run.address);
    let taken = format!("--web={}", run.address);
    for word in [taken.as_str(), "--web=192.0.2.1"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
        let done = command.args(["run", word, "--", "true"]).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(125), "{said}");
        assert!(said.starts_with(&format!("ugpio: {word}")), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}
