#!/bin/sh
# What people write in shells: pipes, background jobs, timeout, kill, names in /dev, around the verbs
# of ugpio, which are ordinary clients of the character device.
# Run as: ugpio run --chip desk:8 --chip doomed:4 -- sh client.sh
set -u
LIMIT=60
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

fail() {
	echo "shell: FAILED: $*" >&2
	exit 1
}
same() { [ "$2" = "$3" ] || fail "$1: wanted '$2', got '$3'"; }
level() { ugpio ctl wait desk "$1" "$2" --timeout $LIMIT || fail "line $1 is not $2"; }
# ended NAME STATUS PID: the job must end, with this status.
ended() {
	wait "$3"
	same "status of $1" "$2" $?
}

names_in_dev() {
	set -- /dev/gpiochip*
	same "chips in /dev" 2 $#
	node=$(ugpio detect desk | sed -n 's/^\(gpiochip[0-9]*\).*/\1/p')
	[ -c "/dev/$node" ] || fail "/dev/$node is no character device"
	ln -s "/dev/$node" link
	[ -c link ] || fail "a link to the node is no character device"
	same "link" "/dev/$node" "$(readlink link)"
	same "number" "$(stat -c '%Hr:%Lr' "/dev/$node")" "$(cat "/sys/bus/gpio/devices/$node/dev")"
	(cd /dev && ls -l "$node" >/dev/null) || fail "ls in /dev"
	(exec 3<"/dev/$node" && ls /proc/self/fd >/dev/null) || fail "redirection from the node"
	[ -c /dev/null ] || fail "/dev has lost something"
	[ ! -e /dev/gpiochip99 ] || fail "/dev has found something"
}

pipes() {
	same "lines in info" 8 "$(ugpio info -c desk | grep -c '^gpiochip')"
	ugpio ctl pull desk 1 up
	ugpio ctl pull desk 2 down
	same "values" "1 0" "$(ugpio get --numeric desk:1 desk:2 | cat)"
	echo 'desk:3=1' | ugpio set --once - || fail "set from a pipe"
	same "first chip" 1 "$(yes | ugpio detect | head -n 1 | wc -l)"
}

background_jobs() {
	ugpio set desk:0=1 &
	first=$!
	ugpio set desk:1=1 desk:2=1 &
	second=$!
	for line in 0 1 2; do level $line high; done
	ugpio get desk:1 2>busy && fail "a held line was given away"
	grep -qi busy busy || fail "no word of busy: $(cat busy)"
	kill -TERM $first
	kill -KILL $second
	ended "a job that was terminated" 143 $first
	ended "a job that was killed" 137 $second
	ugpio get desk:0 desk:1 desk:2 >/dev/null || fail "lines of killed jobs are not free"
}

edges_through_a_fifo() {
	mkfifo ready
	ugpio monitor --banner -n 2 desk:4 >edges 2>ready &
	monitor=$!
	read -r _ <ready || fail "monitor did not begin"
	ugpio ctl pull desk 4 up
	ugpio ctl pull desk 4 down
	ended "monitor" 0 $monitor
	same "edges" "2" "$(grep -c . edges)"
}

time_out() {
	timeout 0.3 ugpio monitor desk:5
	same "timeout" 124 $?
	timeout -s KILL 0.3 ugpio set desk:5=1
	same "timeout that kills" 137 $?
	ugpio get desk:5 >/dev/null || fail "line of a killed job is not free"
	ugpio wait desk:5 active --timeout 300ms
	same "wait that ends without the value" 1 $?
}

a_whole_group() {
	mkfifo group
	# The leader names itself and holds two lines through children; all are killed with one signal.
	setsid sh -c 'echo $$ >group; ugpio set desk:6=1 & ugpio set desk:7=1 & wait' &
	read -r leader <group
	level 6 high
	level 7 high
	kill -s KILL -- "-$leader"
	ended "the leader" 137 $!
	level 6 low # released: only its pull is left
	level 7 low
	ugpio get desk:6 desk:7 >/dev/null || fail "lines of a killed group are not free"
}

unplug() {
	mkfifo ready2
	ugpio monitor --banner doomed:0 >/dev/null 2>ready2 &
	monitor=$!
	{
		read -r _ || fail "monitor did not begin"
		ugpio ctl unplug doomed
		last=$(cat)
	} <ready2
	wait $monitor && fail "monitor ended well though its chip went"
	case $last in
	*"was unplugged"*) ;;
	*) fail "monitor said: $last" ;;
	esac
	same "chips left" 1 "$(ugpio detect | grep -c .)"
}

for part in names_in_dev pipes background_jobs edges_through_a_fifo time_out a_whole_group unplug; do
	$part
	echo "$part: ok"
done
echo "shell: ok"
