//! The client verbs under `ugpio run`: each verb as a user types it, with `ugpio ctl` as the world.
//!
//! Nothing sleeps: scripts wait for each
//! other through FIFOs, `ugpio ctl wait`, and the banner that says that a verb listens.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

mod bench;

use bench::{Bench, printed, text};

/// Runs one command that fails, and gives its status and what it complained.
fn complaint(name: &str, script: &str) -> (Option<i32>, String) {
    let output = Bench::new(name).script(script);
    assert_eq!(text(&output.stdout), "", "{script}");
    (output.status.code(), text(&output.stderr).to_owned())
}

#[test]
fn detect_lists_chips() {
    let rows = printed(
        "detect",
        "ugpio detect; ugpio detect --json 1 other /dev/gpiochip0",
    );
    assert_eq!(
        rows,
        "gpiochip0 [demo] (4 lines)\n\
         gpiochip1 [other] (2 lines)\n\
         {\"chip\":\"gpiochip1\",\"path\":\"/dev/gpiochip1\",\"label\":\"other\",\"lines\":2}\n\
         {\"chip\":\"gpiochip1\",\"path\":\"/dev/gpiochip1\",\"label\":\"other\",\"lines\":2}\n\
         {\"chip\":\"gpiochip0\",\"path\":\"/dev/gpiochip0\",\"label\":\"demo\",\"lines\":4}\n"
    );
}

#[test]
fn detect_says_no_on_an_empty_board() {
    let ugpio = env!("CARGO_BIN_EXE_ugpio");
    let output = Command::new(ugpio)
        .args(["run", "--", ugpio, "detect"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("ugpio: there are no chips"));
}

#[test]
fn info_has_a_row_for_each_line() {
    let rows = printed(
        "info",
        "ugpio info demo; ugpio info other:1 LED; ugpio info -c demo --json 3",
    );
    assert_eq!(
        rows,
        "gpiochip0:0  \"LED\"     input\n\
         gpiochip0:1  \"BUTTON\"  input\n\
         gpiochip0:2  \"BOTH\"    input\n\
         gpiochip0:3  unnamed   output consumer=\"power \\\"good\\\"\"\n\
         gpiochip1:1  unnamed  input\n\
         gpiochip0:0  \"LED\"  input\n\
         {\"chip\":\"gpiochip0\",\"offset\":3,\"name\":null,\"used\":true,\
         \"consumer\":\"power \\\"good\\\"\",\"direction\":\"output\",\"active_low\":false,\
         \"drive\":\"push-pull\",\"bias\":\"as-is\",\"edges\":\"none\",\"clock\":\"monotonic\",\
         \"debounce_us\":0}\n"
    );
}

#[test]
fn get_reads_what_the_world_pulls() {
    let rows = printed(
        "get",
        "ugpio ctl pull demo BUTTON up >&2; \
         ugpio get BUTTON demo:0 other:1; \
         ugpio get --numeric LED 1:1 BUTTON; \
         ugpio get --active-low BUTTON; \
         ugpio get -c demo --json 1",
    );
    assert_eq!(
        rows,
        "BUTTON=active\ndemo:0=inactive\nother:1=inactive\n\
         0 0 1\n\
         BUTTON=inactive\n\
         {\"chip\":\"gpiochip0\",\"offset\":1,\"name\":\"BUTTON\",\"value\":1}\n"
    );
}

#[test]
fn set_holds_its_lines_until_it_is_killed() {
    let output = Bench::new("set-holds").script(
        "ugpio set --consumer lamp --active-low LED=0 & \
         ugpio ctl wait demo LED high --timeout 60s || exit 9; \
         ugpio info LED; \
         ugpio get LED; echo status $?; \
         kill $!; wait $!; echo status $?; \
         ugpio get demo:0",
    );
    assert_eq!(
        text(&output.stdout),
        "gpiochip0:0  \"LED\"  output active-low consumer=\"lamp\"\n\
         status 3\nstatus 143\ndemo:0=inactive\n"
    );
    // The shell may add a word about the job that it lost.
    let busy = "ugpio: gpiochip0:0 (LED) is in use by \"lamp\": device or resource busy";
    assert_eq!(text(&output.stderr).lines().next(), Some(busy));
}

#[test]
fn set_once_exits_at_once() {
    assert_eq!(
        printed("set-once", "ugpio set --once LED=1 other:1=0; echo $?"),
        "0\n"
    );
}

#[test]
fn set_follows_its_input_to_the_end() {
    let rows = printed(
        "set-input",
        "printf 'LED=toggle # on\\n\\nother:1=1 LED=toggle\\nLED=on' | ugpio set --json LED=0 -; echo $?",
    );
    let led = |value| {
        format!("{{\"chip\":\"gpiochip0\",\"offset\":0,\"name\":\"LED\",\"value\":{value}}}\n")
    };
    let other = "{\"chip\":\"gpiochip1\",\"offset\":1,\"name\":null,\"value\":1}\n";
    assert_eq!(rows, led(0) + &led(1) + other + &led(0) + &led(1) + "0\n");
}

#[test]
fn set_stops_at_an_input_line_it_does_not_understand() {
    let (status, error) = complaint(
        "set-wrong",
        "printf 'LED=1\\nLED=up\\n' | ugpio set LED=0 -",
    );
    assert_eq!(status, Some(2));
    assert!(
        error.starts_with("ugpio: line 2 of the input: 'up' is not a value"),
        "{error}"
    );
}

#[test]
fn monitor_prints_edges_in_order() {
    let rows = printed(
        "monitor",
        "mkfifo b; \
         ugpio monitor -n 3 --banner BUTTON other:1 2>b & read line <b; echo \"$line\"; \
         ugpio ctl pull demo BUTTON up >b.out; \
         ugpio ctl pull demo BUTTON down >b.out; \
         ugpio ctl pull other 1 up >b.out; \
         wait $!; echo $?",
    );
    let rows: Vec<_> = rows.lines().collect();
    assert_eq!(rows[0], "ugpio: listening");
    let edges: Vec<_> = rows[1..4]
        .iter()
        .map(|row| row.split_once(' ').unwrap().1)
        .collect();
    // Two chips have two queues, so only edges of one chip come in order.
    let (other, demo): (Vec<&str>, Vec<&str>) =
        edges.into_iter().partition(|edge| edge.contains("other"));
    assert_eq!(demo, ["rising BUTTON", "falling BUTTON"]);
    assert_eq!(other, ["rising other:1"]);
    assert_eq!(rows[4], "0");
}

#[test]
fn monitor_filters_edges_and_has_json() {
    let rows = printed(
        "monitor-json",
        "mkfifo b; \
         ugpio monitor -n 1 --edges falling --json --banner BUTTON 2>b & read line <b; \
         ugpio ctl pull demo BUTTON up >b.out; \
         ugpio ctl pull demo BUTTON down >b.out; \
         wait $!; echo $?",
    );
    let (row, status) = rows.split_once('\n').unwrap();
    let row: serde_json::Value = serde_json::from_str(row).unwrap();
    assert_eq!(row["edge"], "falling");
    assert_eq!(
        (&row["chip"], &row["offset"]),
        (&"gpiochip0".into(), &1.into())
    );
    assert_eq!((&row["seqno"], &row["line_seqno"]), (&1.into(), &1.into()));
    assert_eq!(status, "0\n");
}

#[test]
fn monitor_suppresses_pulses_that_are_too_short() {
    // The second pull ends the pulse long before the period does; a third is then reported once.
    let rows = printed(
        "monitor-debounce",
        "mkfifo b; \
         ugpio monitor -n 1 --debounce 100ms --json --banner BUTTON 2>b & read line <b; \
         ugpio ctl pull demo BUTTON up >b.out; \
         ugpio ctl pull demo BUTTON down >b.out; \
         ugpio ctl pull demo BUTTON up >b.out; \
         wait $!; echo $?",
    );
    let (row, status) = rows.split_once('\n').unwrap();
    let row: serde_json::Value = serde_json::from_str(row).unwrap();
    assert_eq!((&row["edge"], &row["seqno"]), (&"rising".into(), &1.into()));
    assert_eq!(status, "0\n");
}

#[test]
fn monitor_says_no_when_nothing_happens() {
    let script = "ugpio monitor -n 1 --idle-timeout 1ms BUTTON; echo $?; \
                  ugpio monitor --idle-timeout 1ms BUTTON; echo $?";
    assert_eq!(printed("monitor-idle", script), "1\n0\n");
}

#[test]
fn watch_prints_who_comes_and_goes() {
    let rows = printed(
        "watch",
        "mkfifo b; \
         ugpio watch -n 2 --banner LED 2>b & read line <b; \
         ugpio get --consumer me --bias pull-up LED >got; \
         wait $!; echo $?; cat got",
    );
    let rows: Vec<_> = rows.lines().collect();
    let changes: Vec<_> = rows[..2]
        .iter()
        .map(|row| row.split_once(' ').unwrap().1)
        .collect();
    assert_eq!(
        changes,
        [
            "requested LED input bias=pull-up consumer=\"me\"",
            "released LED input"
        ]
    );
    assert_eq!(rows[2..], ["0", "LED=active"]);
}

#[test]
fn wait_sees_values_and_changes() {
    let output = Bench::new("wait").script(
        "ugpio wait LED inactive; echo $?; \
         ugpio wait -t 1ms LED 1; echo $?; \
         ugpio wait -t 1ms --json LED 1; echo $?; \
         mkfifo b; ugpio watch -n 1 --banner BUTTON 2>b >watched & read line <b; watch=$!; \
         ugpio wait --timeout 60s BUTTON 1 & waiter=$!; \
         wait $watch; \
         ugpio ctl pull demo BUTTON up >b.out; \
         wait $waiter; echo $?",
    );
    assert_eq!(
        text(&output.stdout),
        "0\n1\n\
         {\"chip\":\"gpiochip0\",\"offset\":0,\"name\":\"LED\",\"value\":1,\"reached\":false}\n1\n0\n"
    );
}

#[test]
fn an_unplugged_chip_ends_every_verb_that_waits() {
    for (verb, words) in [
        ("set", "set LED=1"),
        ("wait", "wait BUTTON 1"),
        ("monitor", "monitor BUTTON"),
    ] {
        let output = Bench::new(&format!("unplug-{verb}")).script(&format!(
            "mkfifo b; ugpio watch -n 1 --banner -c demo 2>b >watched & read line <b; watch=$!; \
             ugpio {words} & verb=$!; \
             wait $watch; \
             ugpio ctl unplug demo >b.out; \
             wait $verb; echo $?"
        ));
        assert_eq!(text(&output.stdout), "4\n", "{words}");
        let error = text(&output.stderr);
        assert_eq!(error, "ugpio: gpiochip0 [demo] was unplugged\n", "{words}");
    }
}

#[test]
fn an_unplugged_chip_ends_watch() {
    let output = Bench::new("unplug-watch").script(
        "mkfifo b; { ugpio watch --banner LED 2>&1 >watched; echo $?; } >b & \
         { read line; ugpio ctl unplug demo >b.out; cat; } <b",
    );
    assert_eq!(
        text(&output.stdout),
        "ugpio: gpiochip0 [demo] was unplugged\n4\n"
    );
}

/// Starts a verb and waits for its banner.
fn listening(bench: &Bench, program: &[&str], stdout: Stdio) -> Child {
    let mut command = bench.command(program);
    let child = command.stdout(stdout).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("ugpio can be started");
    let mut banner = String::new();
    let stderr = child.stderr.take().expect("it is piped");
    let read = BufReader::new(stderr).read_line(&mut banner);
    read.expect("the banner is text");
    assert_eq!(banner, "ugpio: listening\n");
    child
}

#[test]
fn a_reader_that_leaves_ends_a_stream_quietly_and_at_once() {
    for verb in ["monitor", "watch"] {
        let bench = Bench::new(&format!("leave-{verb}"));
        let mut child = listening(&bench, &["ugpio", verb, "--banner", "LED"], Stdio::piped());
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{verb}");
    }
}
