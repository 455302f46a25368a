//! The gpio-sim control tree under `ugpio run`, by shell scripts as people write them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::process::{Command, Output};

/// What every script begins with.
const PRELUDE: &str = "set -u; C=/sys/kernel/config/gpio-sim; P=/sys/devices/platform; cd /
try() { \"$@\" 2>/dev/null && echo ok || echo failed; }
put() { { printf \"$2\" >\"$1\"; } 2>/dev/null && echo ok || echo refused; }
";

fn command(options: &[&str], script: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
    command.arg("run").args(options).arg("--");
    command.args(["/bin/sh", "-c", &format!("{PRELUDE}{script}")]);
    command.env("UGPIO", env!("CARGO_BIN_EXE_ugpio"));
    command
}

#[track_caller]
fn prints_with(options: &[&str], script: &str, expected: &str) {
    let Output { stdout, stderr, .. } = command(options, script).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&stdout),
        expected,
        "{}",
        String::from_utf8_lossy(&stderr)
    );
}

#[track_caller]
fn prints(script: &str, expected: &str) {
    prints_with(&["--kernel-release", "6.12"], script, expected);
}

#[test]
fn a_chip_is_made_used_and_removed_as_the_kernel_documents_it() {
    prints(
        r#"
mkdir $C/my-device $C/my-device/bank0 $C/my-device/bank1
echo 16 >$C/my-device/bank0/num_lines
echo foobar >$C/my-device/bank0/label
mkdir $C/my-device/bank0/line3 $C/my-device/bank0/line3/hog
echo baz >$C/my-device/bank0/line3/name
echo hogger >$C/my-device/bank0/line3/hog/name
echo output-high >$C/my-device/bank0/line3/hog/direction
ls $C/my-device $C/my-device/bank0/line3
echo 1 >$C/my-device/live
cat $C/my-device/dev_name $C/my-device/bank0/chip_name $C/my-device/bank1/chip_name
D=$P/$(cat $C/my-device/dev_name)/$(cat $C/my-device/bank0/chip_name)
cat $D/sim_gpio3/value $D/sim_gpio5/pull $D/sim_gpio5/value
echo pull-up >$D/sim_gpio5/pull
cat $D/sim_gpio5/pull $D/sim_gpio5/value
test -c /dev/gpiochip0 && readlink -f /sys/bus/gpio/devices/gpiochip0
echo 0 >$C/my-device/live
ls -d $P/gpio-sim.0 /dev/gpiochip0 2>/dev/null
cat $C/my-device/bank0/chip_name
rmdir $C/my-device/bank0/line3/hog $C/my-device/bank0/line3
rmdir $C/my-device/bank0 $C/my-device/bank1 $C/my-device
ls $C
"#,
        "/sys/kernel/config/gpio-sim/my-device:
bank0\nbank1\ndev_name\nlive
\n/sys/kernel/config/gpio-sim/my-device/bank0/line3:
hog\nname
gpio-sim.0\ngpiochip0\ngpiochip1
1\npull-down\n0\npull-up\n1
/sys/devices/platform/gpio-sim.0/gpiochip0
none\n",
    );
}

#[test]
fn errors_come_from_the_write_itself() {
    prints(
        r#"
mkdir $C/d $C/d/b
put $C/d/live 1
put $C/d/live 1
put $C/d/b/num_lines 4
put $C/d/b/label x
L=$P/gpio-sim.0/gpiochip0/sim_gpio0
put $L/pull up
put $L/pull 'pull-up\0'
put $L/value 1
put $C/d/dev_name x
put $C/d/new x
try rmdir $C/d
try mkdir $C/d/c
try rmdir $C/d/live
try mv $C/d $C/e
try ln -s x $C/d/e
try rm $C/d/live
exec 3>$C/d/live; echo 0 >&3 && cat $C/d/live
"#,
        "ok\nrefused\nrefused\nrefused\nrefused\nok\nrefused\nrefused\nrefused
failed\nfailed\nfailed\nfailed\nfailed\nfailed\n0\n",
    );
}

#[test]
fn programs_live_in_the_tree() {
    prints(
        r#"
cd $C && mkdir d && cd d && mkdir -p b/line1 && pwd
echo 2 >b/num_lines; cat ./b/../b/num_lines
echo lab | tee b/label
cat <<E >b/line1/name
name
E
for f in *; do echo $f; done
find . | sort | tr '\n' ' '; echo
echo 1 >live; cd $P/gpio-sim.0/gpiochip0/sim_gpio1; pwd -P; cat pull
cd /sys/bus/gpio/devices/gpiochip0/..; ls -d gpiochip*
"#,
        "/sys/kernel/config/gpio-sim/d
2\nlab\nb\ndev_name\nlive
. ./b ./b/chip_name ./b/label ./b/line1 ./b/line1/name ./b/num_lines ./dev_name ./live \n\
/sys/devices/platform/gpio-sim.0/gpiochip0/sim_gpio1\npull-down\ngpiochip0\n",
    );
}

#[test]
fn attributes_take_what_linux_takes() {
    prints(
        r#"
mkdir $C/d $C/d/b
put $C/d/b/num_lines '7\n'; put $C/d/b/num_lines 9; put $C/d/b/num_lines '8\0'
put $C/d/b/num_lines ' 6'; put $C/d/b/num_lines '6\n\n'; put $C/d/b/num_lines 0
cat $C/d/b/num_lines
# A store takes 4095 bytes; dd writes the rest, which is a store of its own.
head -c 5000 /dev/zero | tr '\0' x | dd of=$C/d/b/label bs=5000 iflag=fullblock 2>/dev/null; echo $?
wc -c <$C/d/b/label
printf short | dd of=$C/d/b/label bs=1 conv=notrunc seek=3 2>/dev/null; cat $C/d/b/label
echo more >>$C/d/b/label; cat $C/d/b/label
stat -c '%a %F' $C/d/b/label $C/d/b/chip_name $C/d
"#,
        "ok\nok\nok\nrefused\nrefused\nrefused\n8\n0\n906\nt\nmore
644 regular file\n444 regular file\n755 directory\n",
    );
}

#[test]
fn ctl_and_the_tree_show_and_change_the_same_chips() {
    prints_with(
        &["--chip", "board:2"],
        r#"
mkdir $C/d $C/d/b; echo 4 >$C/d/b/num_lines; echo made >$C/d/b/label; echo 1 >$C/d/live
cat $C/d/dev_name
$UGPIO ctl pull made 2 up >/dev/null
cat $P/gpio-sim.1/gpiochip1/sim_gpio2/value
echo pull-up >$P/gpio-sim.0/gpiochip0/sim_gpio1/pull
$UGPIO ctl level board 1 | grep -o 'high\|1' | head -1 | sed 's/high/1/'
$UGPIO ctl unplug made
ls /dev | grep gpiochip
"#,
        "gpio-sim.1\n1\n1\ngpiochip0\n",
    );
}

#[test]
fn an_open_file_of_a_line_shows_each_change() {
    prints_with(
        &["--chip", "board:2"],
        r#"
L=$P/gpio-sim.0/gpiochip0/sim_gpio1
exec 3<$L/value
read one <&3; $UGPIO ctl pull board 1 up >/dev/null
exec 4</proc/self/fd/3; read two <&4; echo $one $two
"#,
        "0 1\n",
    );
}

#[test]
fn runs_side_by_side_have_trees_of_their_own() {
    let script =
        "mkdir $C/d $C/d/b; echo 1 >$C/d/live; ls $C; cat $C/d/dev_name; ls /dev | grep gpiochip";
    let runs: Vec<_> = (0..2)
        .map(|_| {
            let mut command = command(&[], script);
            command
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "d\ngpio-sim.0\ngpiochip0\n"
        );
    }
}

#[test]
fn clients_find_configfs_and_a_kernel_with_gpio_sim() {
    prints_with(
        &["--kernel-release", "6.14.1"],
        r#"
grep -c ' /sys/kernel/config configfs ' /proc/mounts
grep -c ' /sys/kernel/config .* - configfs ' /proc/self/mountinfo
grep -cw configfs /proc/filesystems
grep gpiochip /proc/devices
cat /sys/module/gpio_sim/initstate
stat -f -c %t $C
uname -r
mkdir -p $C/d/b/line0; cat $C/d/b/line0/valid
"#,
        "1\n1\n1\n254 gpiochip\nlive\n62656570\n6.14.1\n1\n",
    );
}
