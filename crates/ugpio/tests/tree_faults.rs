//! Faults through the gpio-sim tree: `faults` files written and read by shell scripts, for chips of the
//! tree and of the board, by default and under `--strict`.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/home.rs"]
mod home;

use std::process::{Command, Output, Stdio};

/// What every script begins with: a chip of the tree, and where its faults are.
const PRELUDE: &str = "set -u; C=/sys/kernel/config/gpio-sim; G=/sys/kernel/debug/gpio-sim
mkdir $C/d $C/d/b $C/d/b/line3 && echo LED >$C/d/b/line3/name && echo 8 >$C/d/b/num_lines
echo tree >$C/d/b/label; echo 1 >$C/d/live; N=$(cat $C/d/b/chip_name); F=$G/$N/faults
put() { { printf \"$2\" >\"$1\"; } 2>/dev/null && echo ok || echo refused; }
pull() { echo pull-$2 >/sys/bus/gpio/devices/$N/sim_gpio$1/pull; }
# The edges of line $1, while it is pulled as $3... say; $2 of them.
edges() {
	rm -f said seen; mkfifo said
	ugpio monitor --banner -n $2 tree:$1 >seen 2>said & exec 9<said; read banner <&9
	line=$1; shift 2; for pull in \"$@\"; do pull $line $pull; done
	wait $!; cut -d' ' -f2 seen | tr '\\n' ' '; cat <&9
}
";

/// Runs a script; its standard output, and a line for each fault that happened, in their order.
fn run(options: &[&str], script: &str) -> (String, Vec<String>) {
    let place = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
    command.args(["run", "--trace", "t.json"]).args(options);
    command.args(["--", "sh", "-c", &format!("{PRELUDE}{script}")]);
    command.current_dir(place.path()).stdin(Stdio::null());
    home::at_home(&mut command, place.path()).env("TMPDIR", place.path());
    let Output { stdout, stderr, .. } = command.output().unwrap();
    eprintln!("{}", String::from_utf8_lossy(&stderr));
    let trace = std::fs::read_to_string(place.path().join("t.json")).unwrap();
    let fault = |line: &str| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let word = |key: &str| event[key].to_string().replace('"', "");
        let words = [word("label"), word("offset"), word("fault")];
        (event["kind"] == "fault").then(|| words.join(" "))
    };
    let fired = trace.lines().filter_map(fault).collect();
    (String::from_utf8_lossy(&stdout).into_owned(), fired)
}

/// Runs a script by default and under `--strict`.
#[track_caller]
fn prints(options: &[&str], script: &str, expected: &str, faults: &[&str]) {
    for mode in [&[][..], &["--strict"]] {
        let (text, fired) = run(&[options, mode].concat(), script);
        assert_eq!(text, expected, "{mode:?}");
        assert_eq!(fired, faults, "{mode:?}");
    }
}

#[test]
fn what_is_written_is_planned_and_shown_until_it_has_happened() {
    prints(
        &[],
        r#"
test -f $F && test -r $F && test -w $F && cat $F
echo "error LED errno=EBUSY times=2" >$F
echo "slow 1 call=40 time=5ms" >>$F
cat $F
ugpio get tree:3 2>&1; cat $F
ugpio get tree:3 2>&1; cat $F
ugpio get tree:3
printf 'glitch 1 level=high\nnone\nunplug 0 within=9 replug=1s\n\nstuck 2 call=77 to=high' >$F; cat $F
exec 7<>$F; cat <&7 | head -c 8; echo; echo none >&7; cat <&7; exec 7<&-
echo "[$(cat $F)]"; echo "lost-edge" >$F; cat $F; echo >$F; echo "[$(cat $F)]"
"#,
        "error 3 times=2 errno=EBUSY
slow 1 call=40 time=5ms
ugpio: cannot request gpiochip0:3 (LED): device or resource busy
error 3 errno=EBUSY
slow 1 call=40 time=5ms
ugpio: cannot request gpiochip0:3 (LED): device or resource busy
slow 1 call=40 time=5ms
tree:3=inactive
unplug 0 within=9 replug=1s
stuck 2 call=77 to=high
unplug 0
[]
lost-edge
[]
",
        &["tree 3 EBUSY", "tree 3 EBUSY"],
    );
}

#[test]
fn a_mistake_is_the_writes_own_and_nothing_changes() {
    prints(
        &[],
        r#"
echo "error 3" >$F
for text in bad 'glitch\nerror call=0' 'none\nerror 8' 'none 1' 'error NAME' 'flood\377' \
	'slow 1 time=11s' 'error errno=EFOO' 'glitch 1 1' 'glitch wall=1'; do put $F "$text"; done
put $F ""; cat $F
python3 - $F <<'PY'
import errno, os, sys
file = os.open(sys.argv[1], os.O_WRONLY)
def put(text):
    try:
        return os.write(file, text)
    except OSError as error:
        return errno.errorcode[error.errno]
print(put(b"bad"), put(b""), put(b"glitch 1\n"), os.writev(file, [b"gli", b"tch 2"]))
print(put(b" " * 5000), put(b"flood 1\n" * 1000), put(b"none\n" + b"flood 1\n" * 511))
print(put(b"flood 2\n" * 512), put(b"flood 2\n" * 2))
print(put(b"none"))
PY
cat $F
put $G/gpiochip7/faults none; put $G/$N/more none
mkdir $G/x 2>/dev/null || echo no mkdir; rm $F 2>/dev/null || echo no rm
exec 8>$F; echo 0 >$C/d/live; { echo none >&8; } 2>/dev/null || echo gone; ls $G
"#,
        "refused\nrefused\nrefused\nrefused\nrefused\nrefused\nrefused\nrefused\nrefused\nrefused
ok\nerror 3 errno=EIO
EINVAL 0 9 8
EINVAL 4096 4093
4096 ENOSPC
4
refused\nrefused\nno mkdir\nno rm\ngone\n",
        &[],
    );
}

#[test]
fn every_kind_of_fault_is_met() {
    prints(
        &[],
        r#"
echo "slow 0 time=1ms" >$F; ugpio get tree:0
echo "stuck 1 to=high" >$F; ugpio get tree:1; cat $F; pull 1 down; ugpio get tree:1
echo none >$F; ugpio get tree:1
echo "glitch 2 level=high" >$F; edges 2 3 up; echo
echo "lost-edge 4 level=high" >$F; edges 4 2 up down up; echo
echo "flood 5 level=high" >$F; edges 5 16 up | grep -c "rising.*lost"
echo "error 6 errno=EIO" >$F; ugpio get tree:6 2>/dev/null; echo $?
exec 7</dev/$N; echo "unplug 7 replug_calls=1" >$F; ugpio get tree:7 2>/dev/null; echo $?
ls $G; cat $C/d/b/chip_name $C/d/live; ugpio get tree:7
"#,
        "tree:0=inactive
tree:1=active\nstuck 1 to=high\ntree:1=active\ntree:1=inactive
rising falling rising 
rising rising 
1
3
4
gpiochip1\ngpiochip1\n1\ntree:7=inactive
",
        &[
            "tree 0 slow by 1000 us",
            "tree 1 stuck high",
            "tree 2 glitch",
            "tree 4 lost edge",
            "tree 5 flood",
            "tree 6 EIO",
            "tree 7 unplug, back after 1 call",
        ],
    );
}

#[test]
fn control_and_the_tree_see_the_same_faults_of_every_chip() {
    prints(
        &["--chip", "board:4"],
        r#"
ls $G; B=$G/gpiochip0/faults
echo "error 3" >$B; ugpio get board:3 2>/dev/null; echo $?
ugpio ctl fault board unplug 1 --within 9 --replug-calls 2 && cat $B; ugpio ctl mend board; cat $B
ugpio ctl fault tree stuck LED --to high && cat $F && ugpio get LED
ugpio ctl mend tree; ugpio get LED; cat $F
# The plan of a chip of the tree is its own, even if another has its label.
mkdir $C/e $C/e/b; echo tree >$C/e/b/label; echo 1 >$C/e/live
echo "glitch 0 call=9" >$F; cat $G/$(cat $C/e/b/chip_name)/faults; cat $F
# A device that was taken down is another one the next time, and does not come back by itself.
echo "unplug LED replug=10ms" >$F; ugpio get $N:3 2>/dev/null; echo 0 >$C/d/live
ls $G; echo 1 >$C/d/live; cat $G/$(cat $C/d/b/chip_name)/faults
"#,
        "gpiochip0\ngpiochip1\n3
unplug 1 within=9 replug_calls=2
stuck 3\x20to=high\nLED=active\nLED=inactive
glitch 0 call=9
gpiochip0\ngpiochip2
",
        &[
            "board 3 EIO",
            "tree 3 stuck high",
            "tree 3 unplug, back after 10000 us",
        ],
    );
}

#[test]
fn every_moment_can_be_one() {
    prints(
        &["--seed", "7"],
        r#"
echo "error 0 call=5" >$F; until ! ugpio get tree:0 >got 2>/dev/null; do cat got; done; echo failed
echo "unplug 1 level=high replug=20ms" >$F; exec 7</dev/$N; pull 1 up
until [ -e $G/gpiochip1 ]; do :; done; N=gpiochip1 F=$G/$N/faults
cat $C/d/b/chip_name; ugpio get tree:1
echo "error within=20" >$F; until ! ugpio get tree:2 >got 2>/dev/null; do cat got; done; echo failed
"#,
        "tree:0=inactive\nfailed\ngpiochip1\ntree:1=inactive\ntree:2=inactive\nfailed\n",
        &[
            "tree 0 EIO",
            "tree 1 unplug, back after 20000 us",
            "tree 2 EIO",
        ],
    );
}

#[test]
fn chaos_is_for_chips_of_the_tree_too() {
    // One process at a time: what comes back comes back after so many calls.
    let script = "i=0; while [ $i -lt 40 ]; do i=$((i + 1))
        read chip <$C/d/b/chip_name; ugpio get --chip $chip 1 2>&1; done";
    let chaos = |seed| run(&["--seed", seed, "--chaos"], script);
    let (text, faults) = chaos("7");
    assert!(!faults.is_empty() && faults.iter().all(|fault| fault.starts_with("tree ")));
    assert_eq!((&text, &faults), (&chaos("7").0, &chaos("7").1));
    assert_ne!(faults, chaos("8").1);
}
