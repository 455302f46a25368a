#!/bin/sh
# What the outside world does to the program in panel.py: looks, presses, pulls a plug out.
# Run by ./demo as: ugpio run --board boards/demo.toml -- sh examples/story.sh PYTHON
set -eu
python=${1:-python3}

tell() { printf '\n== %s\n' "$*"; }
# Shows a command, runs it.
do_it() {
	printf '$ %s\n' "$*"
	"$@"
}
# Waits until a line of the board is where the program should have put it.
sees() {
	ugpio ctl wait demo "$1" "$2" --timeout 60
	echo "         outside: $1 is $(ugpio ctl level demo "$1")"
}

tell "Two GPIO chips that do not exist, on a machine that need not have any. Every program sees them:"
do_it ls -l /dev/gpiochip*
do_it ugpio detect

tell "examples/panel.py, written for libgpiod and unchanged, starts and switches the LED on."
"$python" examples/panel.py &
panel=$!
trap 'kill $panel 2>/dev/null || true' EXIT
sees LED high

tell "Somebody presses the button, twice."
do_it ugpio ctl pull demo BUTTON up
sees LED low
do_it ugpio ctl pull demo BUTTON down
do_it ugpio ctl pull demo BUTTON up
sees LED high

tell "An alarm comes in on the USB expander, and goes."
do_it ugpio ctl pull usb-expander X0 up
sees RELAY high
do_it ugpio ctl pull usb-expander X0 down
sees RELAY low

tell "Who holds what? Any GPIO tool can ask."
do_it ugpio info -c demo

tell "Now the expander is unplugged under the running program."
do_it ugpio ctl unplug usb-expander
sees RELAY high
do_it ugpio detect

tell "The panel goes on with the chip that is left."
do_it ugpio ctl pull demo BUTTON down
do_it ugpio ctl pull demo BUTTON up
sees LED low

kill $panel
wait $panel 2>/dev/null || true
trap - EXIT
do_it ugpio get demo:LED

tell "Done: the program ended, its lines were free at once. No kernel module, no root, no hardware."
