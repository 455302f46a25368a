//! What a program sees of the kernel's release under `ugpio run`: the machine's own, or the one asked for.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::process::{Command, Output};

/// What every script begins with: a device with one bank of four lines, not live yet.
const PRELUDE: &str = "set -u; C=/sys/kernel/config/gpio-sim/d; G=/sys/class/gpio; cd /
put() { { printf \"$2\" >\"$1\"; } 2>/dev/null && echo ok || echo refused; }
mkdir -p $C/b/line1; echo 4 >$C/b/num_lines; echo lab >$C/b/label
";

fn run(options: &[&str], script: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
    command.arg("run").args(options).arg("--");
    command.args(["/bin/sh", "-c", &format!("{PRELUDE}{script}")]);
    command.output().unwrap()
}

/// Runs a script in a release; gives what it prints.
#[track_caller]
fn said(options: &[&str], script: &str) -> String {
    let output = run(options, script);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{options:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn prints(release: &str, script: &str, expected: &str) {
    for mode in [&[][..], &["--strict"]] {
        let options = [&["--kernel-release", release], mode].concat();
        assert_eq!(said(&options, script), expected, "{options:?}");
    }
}

/// The numbers of this machine's release, or of the one that stands for an older one.
fn machine() -> (u32, u32) {
    let uname = Command::new("uname").arg("-r").output().unwrap();
    let text = String::from_utf8(uname.stdout).unwrap();
    let mut numbers = text.split(|c: char| !c.is_ascii_digit());
    let mut number = || numbers.next()?.parse().ok();
    let own = number().zip(number()).unwrap_or_default();
    own.max((6, 12))
}

#[test]
fn a_release_that_was_asked_for_has_three_numbers() {
    prints("6.17", "uname -r", "6.17.0\n");
    prints("6.17-rc1", "uname -r", "6.17.0-rc1\n");
    prints("7.3.4+deb14-amd64", "uname -r", "7.3.4+deb14-amd64\n");
}

/// Bare, in a run that shows the machine's own, and in one that shows another.
#[test]
fn every_place_that_names_the_release_says_the_same() {
    let script = "uname -r; uname -v; cat /proc/sys/kernel/osrelease /proc/sys/kernel/version /proc/version; \
        cd /proc/sys; cat kernel/osrelease; cat /proc/self/root/proc/version";
    for mode in [&[][..], &["--strict"]] {
        let shown = said(&[&["--kernel-release", "6.17"], mode].concat(), script);
        let rows: Vec<&str> = shown.lines().collect();
        let [release, version, osrelease, same, banner, again, rooted] = rows[..] else {
            panic!("{rows:?}");
        };
        assert_eq!([release, osrelease, again], ["6.17.0"; 3]);
        assert_eq!(version, same);
        assert!(version.ends_with(" ugpio"), "{version}");
        assert!(banner.starts_with("Linux version 6.17.0 "), "{banner}");
        assert!(banner.ends_with(&format!(" {version}")), "{banner}");
        assert_eq!(banner, rooted);
    }
    if said(&[], "uname -r") == "6.12.0-ugpio\n" {
        return;
    }
    let bare = Command::new("sh").args(["-c", script]).output().unwrap();
    assert_eq!(said(&[], script), String::from_utf8(bare.stdout).unwrap());
}

#[test]
fn garbage_is_refused_before_anything_runs() {
    let output = run(&["--kernel-release", "6.x\n"], "echo ran");
    assert_eq!(output.status.code(), Some(125));
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = "--kernel-release \"6.x\\n\": not a release such as 6.12.0";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn without_one_the_machine_s_decides() {
    let shown = said(&[], "uname -r; ls $C/b/line1; echo 1 >$C/live; ls $G");
    let mut rows = shown.lines();
    let release = rows.next().unwrap();
    let own = Command::new("uname").arg("-r").output().unwrap();
    let own = String::from_utf8(own.stdout).unwrap();
    assert!([own.trim(), "6.12.0-ugpio"].contains(&release), "{release}");
    let names: Vec<&str> = rows.collect();
    assert_eq!(names.contains(&"valid"), machine() >= (6, 14), "{names:?}");
    assert_eq!(names.contains(&"chip0"), machine() >= (6, 17), "{names:?}");
}

#[test]
fn lines_have_valid_from_6_14_on() {
    prints("6.13.99", "ls $C/b/line1", "name\n");
    let script = "ls $C/b/line1; echo n >$C/b/line1/valid; cat $C/b/line1/valid
echo 1 >$C/live; put $C/b/line1/valid 1; put $C/b/line1/name x; put $C/b/line1/valid x
put $G/export 513";
    let expected = "name\nvalid\n0\nok\nrefused\nrefused\nrefused\n";
    prints("6.14", script, expected);
    prints("7.3.4", script, expected);
}

#[test]
fn chips_have_directories_by_their_numbers_from_6_17_on() {
    let script = "echo 1 >$C/live; ls $G; cat $G/chip0/label $G/chip0/ngpio; ls $G/chip0";
    let output = run(&["--kernel-release", "6.16.99"], script);
    let names = String::from_utf8(output.stdout).unwrap();
    assert_eq!(names, "export\ngpiochip512\nunexport\n");
    let own = "device\nexport\nlabel\nngpio\npower\nsubsystem\nuevent\nunexport\n";
    let expected = format!("chip0\nexport\ngpiochip512\nunexport\nlab\n4\n{own}");
    prints("6.17", script, &expected);
    prints("7.3", script, &expected);
}

#[test]
fn a_line_is_exported_to_both_directories_and_from_both() {
    let script = "echo 1 >$C/live
for t in 4 -1 x ' 1' 99999999999 2 2; do put $G/chip0/export \"$t\"; done
ls $G $G/chip0/gpio2; readlink $G/gpio514; stat -c %a $G/chip0/gpio2/value $G/chip0/export
put $G/unexport 514; ls $G | grep -c 514; ls $G/chip0 | grep -c ^gpio
put $G/export 513; ls $G/chip0 | grep ^gpio; put $G/chip0/unexport 1; put $G/chip0/unexport 1
ls $G | grep -c 513";
    let expected = "refused\nrefused\nrefused\nrefused\nrefused\nok\nrefused
/sys/class/gpio:\nchip0\nexport\ngpio514\ngpiochip512\nunexport
\n/sys/class/gpio/chip0/gpio2:\ndirection\nvalue
../../devices/platform/gpio-sim.0/gpiochip0/gpio/gpio514\n644\n200
ok\n0\n0\nok\ngpio1\nok\nrefused\n0\n";
    let ends = |script: &str| format!("{script}; true");
    prints("6.17", &ends(script), expected);
}

#[test]
fn both_directories_show_one_line() {
    let script = "echo 1 >$C/live; echo 2 >$G/chip0/export; A=$G/chip0/gpio2; B=$G/gpio514
cat $A/direction $A/value; put $A/value 1; put $A/direction high; cat $B/direction $B/value
put $B/active_low 1; cat $A/value; put $A/value 1; cat $B/value
cat /sys/devices/platform/gpio-sim.0/gpiochip0/sim_gpio2/value; put $A/direction up";
    prints(
        "6.17",
        script,
        "in\n0\nrefused\nok\nout\n1\nok\n0\nok\n1\n0\nrefused\n",
    );
}

#[test]
fn an_unplug_takes_the_exports_with_it() {
    let script = "echo 1 >$C/live; echo 2 >$G/chip0/export
exec 3<>$G/chip0/gpio2/value 4>$G/chip0/export 5<>$G/gpio514/direction
echo 0 >$C/live; ls $G
{ echo 1 >&3; } 2>/dev/null || echo gone; { echo 1 >&4; } 2>/dev/null || echo gone
{ echo in >&5; } 2>/dev/null || echo gone
{ dd bs=16 count=1 <&3; } 2>&1 | grep -c 'No such device'
{ dd bs=16 count=1 <&5; } 2>&1 | grep -c 'No such device'
echo 1 >$C/live; ls $G/chip0 | grep ^gpio; true";
    prints("6.17", script, "export\nunexport\ngone\ngone\ngone\n1\n1\n");
}

#[test]
fn hogs_are_active_low_and_must_be_from_7_1_on() {
    let hog = "mkdir $C/b/line1/hog; ls $C/b/line1/hog; ";
    prints("7.0", hog, "direction\nname\n");
    let script = format!(
        "{hog}echo output-high >$C/b/line1/hog/direction; echo 1 >$C/b/line1/hog/active_low
echo 1 >$C/live; cat /sys/devices/platform/gpio-sim.0/gpiochip0/sim_gpio1/value
put $C/b/line1/hog/active_low 0"
    );
    prints("7.1", &script, "active_low\ndirection\nname\n0\nrefused\n");
    let beyond = "mkdir -p $C/b/line9/hog; put $C/live 1; cat $C/live";
    prints("7.0", beyond, "ok\n1\n");
    prints("7.1", beyond, "refused\n0\n");
    prints("7.3.4", beyond, "refused\n0\n");
}

#[test]
fn a_stale_node_can_be_opened_from_7_2_on() {
    let script = "echo 1 >$C/live; exec 3<>/dev/gpiochip0; echo 0 >$C/live
{ exec 4<>/proc/self/fd/3; } 2>/dev/null && echo opened || echo refused; true";
    prints("7.1", &format!("({script}) || echo refused"), "refused\n");
    prints("7.2", script, "opened\n");
    prints("7.3.4", script, "opened\n");
}

#[test]
fn clients_say_why_an_invalid_line_cannot_be_had() {
    let script = format!(
        "echo 0 >$C/b/line1/valid; echo 1 >$C/live; U={}
$U info gpiochip0:1; $U get gpiochip0:0 gpiochip0:1 2>&1; $U get gpiochip0:0",
        env!("CARGO_BIN_EXE_ugpio")
    );
    let expected =
        "gpiochip0:1  unnamed  input used (no consumer: not valid, or the kernel's own)
ugpio: cannot request gpiochip0:0, gpiochip0:1: gpiochip0:1 is not valid, or the kernel's own: invalid argument
gpiochip0:0=inactive\n";
    prints("6.14", &script, expected);
}
