//! `ugpio run` with `ugpio ctl` from inside and from outside: one run, several, and ones that died.
//!
//! A [`Place`] is a runtime directory of its own, so that tests do not find each other's runs. Nothing
//! sleeps: who has to wait reads an event of the run.

#[path = "../support/home.rs"]
mod home;
mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use support::{Done, Place};

#[test]
fn a_program_can_be_its_own_controller() {
    let done = Place::new().script(
        "ugpio ctl pull demo 2 up && ugpio ctl level demo 2 && ugpio ctl level gpiochip0 1 &&
         ugpio ctl pull 0 2 down && ugpio ctl level demo 2 && ugpio ctl list",
    );
    let wanted = "high\nlow\nlow\ngpiochip0 \"demo\", 4 lines\n";
    let printed = done.printed();
    assert!(printed.starts_with(wanted), "{printed}");
    assert_eq!(printed.lines().count(), 8);
}

#[test]
fn what_ctl_pulls_the_program_reads_and_what_it_drives_ctl_waits_for() {
    let done = Place::new().script(
        "ugpio set demo:1=1 & ugpio ctl wait demo 1 high && kill $! && ugpio ctl wait demo 1 low &&
         ugpio ctl pull demo 2 up && ugpio get -c demo 2 3",
    );
    let printed = done.printed();
    assert!(printed.contains('2') && printed.contains("=active") && printed.contains("3=inactive"));
}

#[test]
fn a_run_adds_nothing_and_ends_as_its_program_does() {
    let place = Place::new();
    let done = place.output(&["run", "--", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert_eq!(
        (done.status, done.out.as_str(), done.err.as_str()),
        (Some(7), "out\n", "err\n")
    );
    assert_eq!(place.output(&["run", "--", "true"]).printed(), "");
    assert_eq!(place.sockets(), Vec::<PathBuf>::new(), "nothing is left");
}

#[test]
fn with_v_it_says_what_it_does() {
    let done = Place::new().output(&["run", "-v", "--chip", "demo:3", "--", "true"]);
    assert_eq!((done.status, done.out.as_str()), (Some(0), ""));
    assert!(
        done.err.contains("gpiochip0 \"demo\" has 3 lines"),
        "{}",
        done.err
    );
    assert!(done.err.contains("control socket /"), "{}", done.err);
}

#[test]
fn programs_that_cannot_be_run_have_the_shell_s_statuses() {
    let place = Place::new();
    place.write("text", "no program");
    let missing = place.output(&["run", "--", "./missing"]).complaint(127);
    assert!(
        missing.starts_with("ugpio: ") && missing.contains("./missing"),
        "{missing}"
    );
    let text = place.output(&["run", "--", "./text"]).complaint(126);
    assert!(
        text.starts_with("ugpio: ") && text.contains("./text"),
        "{text}"
    );
    assert_eq!(place.sockets(), Vec::<PathBuf>::new(), "nothing is left");
}

#[test]
fn a_bad_board_is_one_line_with_file_line_and_key() {
    let place = Place::new();
    place.write("b.toml", "[[chip]]\nlabel = \"a\"\nspeed = 3\n");
    let line = place
        .output(&["run", "--board", "b.toml", "--", "true"])
        .complaint(125);
    // Which keys are known is in the tests of the board's reader.
    let (known, rest) = line.split_at(line.find("label").unwrap_or(0));
    assert_eq!(
        known,
        "ugpio: b.toml:3: chip[0].speed: unknown key, known here: "
    );
    assert!(
        rest.starts_with("label, lines, names, hogs") && rest.lines().count() == 1,
        "{rest}"
    );
    let line = place
        .output(&["run", "--board", "none.toml", "--", "true"])
        .complaint(125);
    assert_eq!(line, "ugpio: none.toml: no such file or directory\n");
    let line = place
        .output(&["run", "--chip", "a", "--chip", "a", "--", "true"])
        .complaint(125);
    assert_eq!(
        line,
        "ugpio: --chip a: another chip of this board has the label \"a\"\n"
    );
}

#[test]
fn a_board_file_and_chips_of_the_command_line_go_together() {
    let place = Place::new();
    place.write(
        "b.toml",
        "[[chip]]\nlabel = \"one\"\nlines = 2\nnames = [\"A\"]\nhogs = [{ line = 1, name = \"h\", direction = \"output-high\" }]\n",
    );
    let script = "ugpio ctl list --json";
    let words = [
        "run", "--board", "b.toml", "--chip", "two:1", "--", "sh", "-c", script,
    ];
    let printed = place.output(&words).printed();
    let list: serde_json::Value = serde_json::from_str(&printed).expect("it is JSON");
    let chips = list["chips"].as_array().expect("there are chips");
    assert_eq!(chips.len(), 2);
    assert_eq!(
        (&chips[0]["label"], &chips[1]["label"]),
        (&"one".into(), &"two".into())
    );
    let hog = &chips[0]["lines"][1];
    assert_eq!(
        (&hog["consumer"], &hog["level"]),
        (&"h".into(), &"high".into())
    );
    assert_eq!(
        (&hog["direction"], &chips[0]["lines"][0]["name"]),
        (&"output".into(), &"A".into())
    );
}

#[test]
fn the_socket_is_the_user_s_alone_and_goes_with_the_run() {
    let place = Place::new();
    let mut run = place.start(&["--chip", "demo"]);
    let sockets = place.sockets();
    let [socket] = sockets.as_slice() else {
        panic!("one socket, not {sockets:?}")
    };
    let mode = |path: &Path| fs::metadata(path).expect("it exists").mode() & 0o777;
    assert_eq!((mode(socket), mode(&place.path("ugpio"))), (0o600, 0o700));
    assert_eq!(run.echo("still there"), "still there\n");
    assert_eq!(run.end(), Some(0));
    assert!(!socket.exists());
}

#[test]
fn ctl_finds_the_only_run_and_lists_several() {
    let place = Place::new();
    let none = place.output(&["ctl", "list"]).complaint(3);
    assert!(
        none.starts_with("ugpio: no run of yours is going"),
        "{none}"
    );
    let first = place.start(&["--chip", "one:1"]);
    assert!(
        place
            .output(&["ctl", "list"])
            .printed()
            .starts_with("gpiochip0 \"one\"")
    );
    let socket = place.path("second");
    let second = place.start(&["--chip", "two:1", "--socket", "second"]);
    assert!(
        place.output(&["ctl", "list"]).printed().contains("\"one\""),
        "a named one is not looked for"
    );
    let named = place
        .output(&["ctl", "--socket", "second", "list"])
        .printed();
    assert!(named.contains("\"two\""), "{named}");
    let mut inside = place.ugpio(&["ctl", "list"]);
    let inside = inside
        .env("UGPIO_SOCKET", &socket)
        .output()
        .expect("ugpio is built");
    assert!(Done::of(&inside).printed().contains("\"two\""));

    let third = place.start(&["--chip", "three:1"]);
    let several = place.output(&["ctl", "list"]);
    assert_eq!(
        (several.status, several.err.lines().count()),
        (Some(3), 3),
        "{}",
        several.err
    );
    assert!(
        several.err.starts_with("ugpio: several runs are going"),
        "{}",
        several.err
    );
    for run in [first, second, third] {
        assert_eq!(run.end(), Some(0));
    }
}

#[test]
fn boards_of_two_runs_never_meet() {
    let place = Place::new();
    let one = place.start(&["--chip", "demo:2", "--socket", "one"]);
    let two = place.start(&["--chip", "demo:2", "--socket", "two"]);
    place
        .output(&["ctl", "--socket", "one", "pull", "demo", "1", "up"])
        .printed();
    let level = |socket| {
        place
            .output(&["ctl", "--socket", socket, "level", "demo", "1"])
            .printed()
    };
    assert_eq!(
        (level("one"), level("two")),
        ("high\n".into(), "low\n".into())
    );
    drop((one, two));
}

#[test]
fn a_taken_socket_is_one_clear_line() {
    let place = Place::new();
    let run = place.start(&["--socket", "s"]);
    let taken = place
        .output(&["run", "--socket", "s", "--", "true"])
        .complaint(125);
    assert!(
        taken.ends_with("/s: taken, another run listens there\n"),
        "{taken}"
    );
    assert_eq!(run.end(), Some(0));
    place.write("file", "precious");
    let file = place
        .output(&["run", "--socket", "file", "--", "true"])
        .complaint(125);
    assert!(
        file.ends_with("/file: taken by something that is not a socket\n"),
        "{file}"
    );
    let nowhere = place
        .output(&["run", "--socket", "/no/where", "--", "true"])
        .complaint(125);
    assert_eq!(
        nowhere,
        "ugpio: control socket /no/where: no such file or directory\n"
    );
}

#[test]
fn sockets_of_dead_runs_are_removed() {
    let place = Place::new();
    fs::create_dir(place.path("ugpio")).expect("the directory is ours");
    let private = fs::Permissions::from_mode(0o700);
    fs::set_permissions(place.path("ugpio"), private).expect("the directory is ours");
    for dead in ["ugpio/1.sock", "s"] {
        drop(UnixListener::bind(place.path(dead)).expect("the directory is ours"));
    }
    place.output(&["ctl", "list"]).complaint(3);
    assert_eq!(place.sockets(), Vec::<PathBuf>::new());
    assert_eq!(
        place
            .output(&["run", "--socket", "s", "--", "true"])
            .printed(),
        ""
    );
    assert!(!place.path("s").exists());
}

#[test]
fn events_are_every_change_in_order() {
    let place = Place::new();
    let run = place.start(&["--chip", "demo:4", "--socket", "s"]);
    let mut events = place.ugpio(&["ctl", "--socket", "s", "events"]);
    let mut events = events
        .stdout(Stdio::piped())
        .spawn()
        .expect("ugpio is built");
    let mut seen = BufReader::new(events.stdout.take().expect("it is piped"));
    let mut next = || {
        let mut line = String::new();
        seen.read_line(&mut line).expect("ugpio writes UTF-8");
        line
    };
    let act = |words: &[&str]| {
        let words: Vec<&str> = ["ctl", "--socket", "s"]
            .iter()
            .chain(words)
            .copied()
            .collect();
        place.output(&words).printed()
    };
    // The listener may not have begun to listen yet: pull until it has.
    let mut levels = ["up", "down"].iter().cycle();
    let stop = std::thread::scope(|scope| {
        let (done, is_done) = std::sync::mpsc::channel();
        let act = &act;
        let levels = &mut levels;
        let puller = scope.spawn(move || {
            let mut last = "down";
            while is_done.try_recv().is_err() {
                last = levels.next().expect("it is a cycle");
                act(&["pull", "demo", "0", last]);
            }
            last
        });
        next();
        done.send(()).expect("the puller waits for it");
        puller.join().expect("the puller is content")
    });
    act(&[
        "pull",
        "demo",
        "0",
        if stop == "up" { "down" } else { "up" },
    ]);
    act(&["plug", "new:1"]);
    while next() != "gpiochip1 \"new\" plugged\n" {}
    act(&["pull", "demo", "3", "up"]);
    act(&["unplug", "new"]);
    let wanted = [
        "gpiochip0 3 - pull up\n",
        "gpiochip0 3 - level high\n",
        "gpiochip1 \"new\" unplugged\n",
    ];
    assert_eq!([next(), next(), next()], wanted);
    assert_eq!(run.end(), Some(0));
    assert_eq!(next(), "", "the stream ends with the run");
    assert_eq!(events.wait().expect("it is our child").code(), Some(0));
}

#[test]
fn a_chip_can_go_under_a_program_and_another_come() {
    let done = Place::new().script(
        "ugpio monitor demo:2 & program=$!
         until ugpio ctl list | grep -q '   2 .*\"ugpio\"'; do :; done
         ugpio ctl unplug demo; wait $program; echo $?
         test -e /dev/gpiochip0 || echo gone
         ugpio ctl plug demo:2; ls /dev/gpiochip*; ugpio detect",
    );
    assert_eq!(done.status, Some(0), "{}", done.err);
    let wanted = "4\ngone\ngpiochip0\n/dev/gpiochip0\ngpiochip0 [demo] (2 lines)\n";
    assert_eq!(done.out, wanted);
}

#[test]
fn refusals_have_a_status_a_line_and_a_code() {
    let place = Place::new();
    let run = place.start(&["--chip", "demo:4", "--socket", "s"]);
    let ctl = |words: &[&str]| {
        let words: Vec<&str> = ["ctl", "--socket", "s"]
            .iter()
            .chain(words)
            .copied()
            .collect();
        place.output(&words)
    };
    let line = ctl(&["level", "nope", "0"]).complaint(3);
    assert_eq!(line, "ugpio: no chip is called \"nope\" on this board\n");
    let line = ctl(&["pull", "demo", "4", "up"]).complaint(3);
    assert_eq!(
        line,
        "ugpio: no line of gpiochip0 \"demo\" has the offset \"4\", it has lines 0 to 3\n"
    );
    let line = ctl(&["plug", "demo"]).complaint(3);
    assert_eq!(
        line,
        "ugpio: another chip of this board has the label \"demo\"\n"
    );
    let line = ctl(&["wait", "demo", "0", "high", "--timeout", "10ms"]).complaint(1);
    assert_eq!(
        line,
        "ugpio: line \"0\" of \"demo\" was not high within 10 ms\n"
    );
    let json = ctl(&["--json", "unplug", "nope"]);
    let value: serde_json::Value = serde_json::from_str(&json.out).expect("it is JSON");
    assert_eq!(
        (json.status, &value["error"]["code"]),
        (Some(3), &"no-such-chip".into())
    );
    assert_eq!(run.end(), Some(0));
}

#[test]
fn a_waiter_hears_that_the_run_has_ended() {
    let place = Place::new();
    let run = place.start(&["--chip", "demo:4", "--socket", "s"]);
    let mut waiter = place.ugpio(&["ctl", "--socket", "s", "wait", "demo", "0", "high"]);
    let waiter = waiter.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let waiter = waiter.expect("ugpio is built");
    assert_eq!(run.end(), Some(0));
    let done = Done::of(&waiter.wait_with_output().expect("it is our child"));
    // Gone while it waited, or before it came.
    let told = [
        "ugpio: the run has ended\n",
        "no such file or directory\n",
        "connection refused\n",
    ];
    assert!(told.iter().any(|end| done.err.ends_with(end)), "{done:?}");
    assert!(matches!(done.status, Some(3 | 4)), "{done:?}");
}

#[test]
fn a_run_survives_nonsense_on_its_socket() {
    let place = Place::new();
    let run = place.start(&["--chip", "demo:4", "--socket", "s"]);
    let connect = || UnixStream::connect(place.path("s")).expect("the run listens");
    let mut long = connect();
    let _ = long.write_all(&[b'x'; 200_000]);
    let mut answer = Vec::new();
    let _ = long.read_to_end(&mut answer);
    assert!(answer.starts_with(b"{\"v\":1,\"error\":{\"code\":\"bad-message\""));
    let idle: Vec<UnixStream> = (0..100).map(|_| connect()).collect();
    let mut deep = connect();
    deep.write_all(&[b'['; 60_000])
        .and_then(|()| deep.write_all(b"\0"))
        .expect("the run reads");
    let mut first = [0; 8];
    deep.read_exact(&mut first).expect("the run answers");
    assert_eq!(
        place
            .output(&["ctl", "--socket", "s", "level", "demo", "0"])
            .printed(),
        "low\n"
    );
    drop((idle, deep));
    assert_eq!(run.end(), Some(0));
}

#[test]
fn the_doctor_finds_this_machine_well() {
    let done = Place::new().output(&["doctor", "--json"]);
    assert_eq!(
        (done.status, done.err.as_str()),
        (Some(0), ""),
        "{}",
        done.out
    );
    let last = done.out.lines().last().expect("it says something");
    let trial: serde_json::Value = serde_json::from_str(last).expect("it is JSON");
    assert_eq!(
        (&trial["check"], &trial["state"]),
        (&"trial run".into(), &"ok".into()),
        "{last}"
    );
    let inside = Place::new().script("ugpio doctor");
    assert!(
        inside.out.contains("warn  trial run: left out"),
        "{}",
        inside.out
    );
}

#[test]
fn a_listener_left_behind_does_not_keep_the_run_alive() {
    // They hold our pipes too: this returns only when they are gone, whenever they began.
    let script = "ugpio ctl events & ugpio ctl wait demo 1 high &";
    let words = [
        "run", "--wait", "--chip", "demo:4", "--", "sh", "-c", script,
    ];
    let done = Place::new().output(&words);
    assert_eq!((done.status, done.out.as_str()), (Some(0), ""));
    assert_eq!(done.err, "ugpio: the run has ended\n");
}

#[test]
fn what_the_program_held_is_released_with_it_and_told() {
    let place = Place::new();
    let script = "mkfifo f; echo ready; read go; ugpio monitor --banner demo:0 2>f &
         read banner <f; ugpio ctl pull demo 0 up; kill -9 $!; kill -9 $$";
    let words = [
        "run", "--chip", "demo:1", "--socket", "s", "--", "sh", "-c", script,
    ];
    let mut command = place.ugpio(&words);
    let run = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut run = run.expect("ugpio is built");
    let mut ready = String::new();
    // Kept: the monitor ends when nobody reads it.
    let mut out = BufReader::new(run.stdout.take().expect("it is piped"));
    out.read_line(&mut ready).expect("sh writes UTF-8");
    let mut listener = UnixStream::connect(place.path("s")).expect("the run listens");
    listener
        .write_all(b"{\"v\":1,\"method\":\"events\"}\0")
        .expect("the run reads");
    let mut listener = BufReader::new(listener);
    listener
        .read_until(0, &mut Vec::new())
        .expect("the run answers");
    let mut stdin = run.stdin.take().expect("it is piped");
    stdin.write_all(b"go\n").expect("sh reads");
    let mut rest = String::new();
    listener
        .read_to_string(&mut rest)
        .expect("the run writes UTF-8");
    let kind = |message: &str| {
        let message: serde_json::Value = serde_json::from_str(message).expect("it is JSON");
        message["event"]["kind"].as_str().map(str::to_owned)
    };
    let messages = rest.split_terminator('\0');
    let kinds: Vec<String> = messages.filter_map(kind).collect();
    assert_eq!(kinds, ["requested", "pull", "level", "released"], "{rest}");
    let status = run.wait().expect("it is our child");
    assert_eq!(status.signal(), Some(9), "killed as its program was");
    drop(out);
}

/// A line that consumers of the board share is theirs: a program sees who has it, and cannot take it.
#[test]
fn a_shared_line_is_held_by_shared_and_busy_for_a_program() {
    let place = Place::new();
    place.write(
        "board.toml",
        "[[chip]]\nlabel = \"demo\"\nlines = 4\nshared = [3]\n",
    );
    let run =
        |script: &str| place.output(&["run", "--board", "board.toml", "--", "sh", "-c", script]);
    let info = run("ugpio info demo").printed();
    let of = |line: &str| {
        let found = info
            .lines()
            .find(|text| text.trim_start().starts_with(line));
        found
            .unwrap_or_else(|| panic!("{line} in {info}"))
            .to_owned()
    };
    assert!(of("gpiochip0:3").contains("consumer=\"shared\""), "{info}");
    assert!(!of("gpiochip0:2").contains("consumer=\"shared\""), "{info}");
    for verb in ["ugpio get -c demo 3", "ugpio set demo:3=1"] {
        let refused = run(verb).complaint(3);
        assert!(
            refused.contains("in use by \"shared\": device or resource busy"),
            "{refused}"
        );
    }
    assert!(run("ugpio get -c demo 2").printed().contains("2=inactive"));
}
