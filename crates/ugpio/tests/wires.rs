//! Nets and parts under `ugpio run`: programs at both ends of a wire.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/home.rs"]
mod home;

use std::process::{Command, Stdio};

/// What a shell prints on a board with this file.
fn script(board: &str, script: &str) -> String {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("board.toml");
    std::fs::write(&file, board).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
    command.args(["run", "--board"]).arg(&file);
    command.args(["--", "sh", "-c", script]);
    command.stdin(Stdio::null()).current_dir(place.path());
    let output = home::at_home(&mut command, place.path()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{} {}",
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

const LOOP: &str = "[[chip]]\nlabel = \"a\"\n[[chip]]\nlabel = \"b\"\n\
                    [[net]]\nname = \"loop\"\nlines = [\"a:0\", \"b:0\"]\n";

#[test]
fn what_one_program_drives_another_reads() {
    let printed = script(
        LOOP,
        "ugpio set a:0=1 & ugpio wait b:0 1 && ugpio get b:0 && kill $!; wait $!; ugpio ctl list | grep ^net",
    );
    assert_eq!(printed, "b:0=active\nnet \"loop\" high floating: a:0 b:0\n");
}

#[test]
fn edges_of_a_wire_reach_a_program_that_sleeps_on_them() {
    // The monitor prints once the line is its own; only then does the other begin.
    let printed = script(
        LOOP,
        "ugpio monitor -n 2 b:0 >seen & m=$!
         until ugpio ctl list | grep -q '\"ugpio\"'; do :; done
         printf 'a:0=1\\na:0=0\\n' | ugpio set a:0=0 - && wait $m && cut -d' ' -f2- seen; rm -f seen",
    );
    assert_eq!(printed.lines().count(), 2, "{printed}");
    assert!(printed.starts_with("rising b:0"), "{printed}");
}

#[test]
fn a_short_is_told_to_those_who_listen() {
    let printed = script(
        LOOP,
        "ugpio ctl events >seen & e=$!
         until test -s seen; do ugpio ctl pull a 1 up; ugpio ctl pull a 1 down; done
         ugpio set a:0=1 & a=$!
         ugpio ctl wait b 0 high
         ugpio set b:0=0 & b=$!
         ugpio ctl wait a 0 low
         until grep short seen; do :; done; kill $a $b $e; rm -f seen",
    );
    let short = "net \"loop\" short: a:0 drives high, b:0 drives low\n";
    assert!(printed.contains(short), "{printed}");
}

#[test]
fn parts_are_operated_and_seen_and_take_their_time() {
    let board = "[[chip]]\nlabel = \"a\"\n\
                 [[part]]\nkind = \"button\"\nname = \"go\"\nline = \"a:0\"\nbounce = \"1ms\"\n\
                 [[part]]\nkind = \"relay\"\nname = \"k1\"\noperate = \"2ms\"\npins = { coil = \"a:1\", no = \"a:2\" }\n\
                 [[part]]\nkind = \"square-wave\"\nname = \"clock\"\nline = \"a:3\"\nfrequency = 200\n";
    let printed = script(
        board,
        "ugpio ctl level a 0; ugpio ctl press go; ugpio ctl wait a 0 low; ugpio ctl release go; ugpio ctl wait a 0 high
         ugpio set a:1=1 & ugpio ctl wait a 2 high; ugpio ctl list | grep 'part.*k1'; kill $!
         ugpio monitor -n 4 a:3 | wc -l",
    );
    let wanted = "high\npart \"k1\" relay on coil=a:1 no=a:2\n4\n";
    assert_eq!(printed, wanted);
}

#[test]
fn wires_are_laid_while_programs_run() {
    let printed = script(
        "[[chip]]\nlabel = \"a\"\n",
        "ugpio set a:0=1 & ugpio ctl wait a 0 high
         ugpio ctl wire new a:0 a:1 --delay 1ms && ugpio ctl wait a 1 high
         ugpio ctl unwire new && ugpio ctl level a 1
         ugpio ctl unwire new 2>&1; ugpio ctl press nobody 2>&1; kill $!",
    );
    let wanted = "low\nugpio: no net is called \"new\" on this board\n\
                  ugpio: no part is called \"nobody\" on this board\n";
    assert_eq!(printed, wanted);
}
