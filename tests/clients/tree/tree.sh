#!/bin/sh
# The gpio-sim tree by hand: what the kernel's documentation of gpio-sim shows, the way people write it
# in shells, and the legacy class, as a script that knows nothing of ugpio would use them.
# Run as: ugpio run -- sh tree.sh
set -u
config=/sys/kernel/config/gpio-sim
platform=/sys/devices/platform
class=/sys/class/gpio

fail() {
	echo "tree: FAILED: $*" >&2
	exit 1
}
same() { [ "$2" = "$3" ] || fail "$1: wanted '$2', got '$3'"; }
# refused COMMAND: it must fail.
refused() { (eval "$1") 2>/dev/null && fail "not refused: $1" || :; }

make_by_the_book() {
	[ -d $config ] || fail "no $config"
	[ "$(stat -f -c %t $config)" = 62656570 ] || fail "$config is not of configfs"
	mkdir $config/gpio-device $config/gpio-device/gpio-bank0 $config/gpio-device/gpio-bank1
	cd $config/gpio-device || fail "cannot enter"
	same "directory" $config/gpio-device "$(pwd -P)"
	same "not live" "0 none 1" "$(cat live gpio-bank0/chip_name gpio-bank0/num_lines | tr '\n' ' ' | sed 's/ $//')"
	echo 16 >gpio-bank0/num_lines
	echo gpio-label >gpio-bank0/label
	mkdir -p gpio-bank0/line3/hog gpio-bank0/line5
	echo foobar >gpio-bank0/line5/name
	tee gpio-bank0/line3/hog/name >/dev/null <<-END
		hogger
	END
	cat >gpio-bank0/line3/hog/direction <<-END
		output-high
	END
	echo 1 >live || fail "cannot be made live"
	same "dev_name" gpio-sim.0 "$(cat dev_name)"
	same "chips" "gpiochip0 gpiochip1" "$(cat gpio-bank*/chip_name | tr '\n' ' ' | sed 's/ $//')"
}

look_at_it() {
	for name in gpio-bank? live; do [ -e "$name" ] || fail "no $name"; done
	[ -e nothing ] && fail "there is nothing"
	same "glob" "dev_name gpio-bank0 gpio-bank1 live" "$(echo *)"
	same "ls -l" "-r--r--r-- -rw-r--r--" "$(ls -l dev_name live | cut -c 1-10 | tr '\n' ' ' | sed 's/ $//')"
	same "find" 3 "$(find . -name num_lines -o -name hog | wc -l)"
	# Since Linux 6.14 a line has one file more.
	same "find by type" 12 "$(find . -type f ! -name valid | wc -l)"
	same "relative" gpio-label "$(cat ../gpio-device/./gpio-bank0/../gpio-bank0/label)"
	[ -c /dev/gpiochip0 ] || fail "no node"
	same "find /dev" 2 "$(find /dev -maxdepth 1 -type c -name 'gpiochip*' | wc -l)"
	chip=$platform/gpio-sim.0/gpiochip0
	same "bus" $chip "$(readlink -f /sys/bus/gpio/devices/gpiochip0)"
	number=$(cat $chip/dev)
	same "number" $chip "$(readlink -f /sys/dev/char/"$number")"
	same "subsystem" /sys/bus/gpio "$(readlink -f /sys/dev/char/"$number"/subsystem)"
	grep -q '^DEVNAME=gpiochip0$' $chip/uevent || fail "uevent"
	same "hog" " gpio-515 (hogger) output-high,pull-down" "$(grep hogger /sys/kernel/debug/gpio)"
}

drive_lines() {
	line=$platform/gpio-sim.0/gpiochip0/sim_gpio5
	same "untouched" "pull-down 0" "$(cat $line/pull $line/value | tr '\n' ' ' | sed 's/ $//')"
	echo pull-up >$line/pull || fail "pull"
	same "pulled" "pull-up 1" "$(cat $line/pull $line/value | tr '\n' ' ' | sed 's/ $//')"
	(cd $line && printf pull-down >pull && read -r value <value && same "by cd" 0 "$value") || exit 1
	refused "echo up >$line/pull"
	refused "echo 1 >$line/value"
}

refuse() {
	refused "echo 1 >live"
	refused "echo other >gpio-bank0/label"
	refused "echo 8 >gpio-bank0/num_lines"
	refused "mkdir gpio-bank2"
	refused "rmdir gpio-bank0/line3/hog"
	refused "rmdir gpio-bank0"
	refused "rm live"
	refused "mv gpio-bank0 other"
	refused "ln -s live link"
	refused "touch new"
	refused "cat <nothing"
	refused "rm -r gpio-bank0"
	same "still there" gpio-label "$(cat gpio-bank0/label)"
}

use_the_class() {
	base=$(cat $class/gpiochip*/base | sort -n | head -n 1)
	same "count" 16 "$(cat $class/gpiochip"$base"/ngpio)"
	echo $((base + 4)) >$class/export || fail "export"
	refused "echo $((base + 3)) >$class/export"
	cd $class/gpio$((base + 4)) || fail "no exported line"
	same "new" "in 0 none 0" "$(cat direction value edge active_low | tr '\n' ' ' | sed 's/ $//')"
	echo high >direction
	same "output" 1 "$(cat value)"
	same "from outside" 1 "$(cat $platform/gpio-sim.0/gpiochip0/sim_gpio4/value)"
	cd / && echo $((base + 4)) >$class/unexport || fail "unexport"
	[ -e $class/gpio$((base + 4)) ] && fail "unexported and there" || :
}

wait_for_a_node() {
	mkdir -p $config/late/bank
	(until [ -c /dev/gpiochip2 ]; do :; done) &
	echo 1 >$config/late/live
	wait $! || fail "nobody saw the node"
	echo 0 >$config/late/live
	[ -e /dev/gpiochip2 ] && fail "the node stays" || :
	rmdir $config/late/bank $config/late || fail "late stays"
}

take_it_down() {
	cd $config/gpio-device || fail "cannot enter"
	echo 0 >live || fail "stays live"
	same "gone" "" "$(ls -d /dev/gpiochip* 2>/dev/null)"
	[ -e $platform/gpio-sim.0 ] && fail "the device stays" || :
	cd / && find $config/gpio-device -depth -mindepth 1 -type d -exec rmdir {} + || fail "cannot remove"
	rmdir $config/gpio-device
	same "empty" "" "$(ls $config)"
}

make_by_the_book
look_at_it
drive_lines
refuse
use_the_class
wait_for_a_node
take_it_down
echo "tree: ok"
