//! What `--help` teaches after the options: examples, forms of names, exit statuses.
//!
//! Raw text, wrapped by hand at 80 columns. [`super::Cli`] attaches each to its verb.

macro_rules! names {
    () => {
        "LINE is a line's name, CHIP:OFFSET or CHIP:NAME. CHIP is gpiochipN, N, a path or
a label. A name that several lines have is an error that says where they are."
    };
}

macro_rules! statuses {
    () => {
        "Exit status:
  0  done
  1  the answer is no: a time-out passed, or nothing of the kind is there
  2  the command line or an input line is not understood
  3  a chip or line is not found, busy, refused or broken
  4  the chip was unplugged while it was in use"
    };
}

/// After the list of verbs.
pub(crate) const ROOT: &str = concat!(
    "Start here:
  ugpio run --chip demo -- sh          a shell with a simulated chip of 8 lines
  ugpio run --chip demo -- ugpio info  the same chip, seen by an ordinary client
  ugpio doctor                         can this machine do it?

detect, info, get, set, monitor, watch and wait are ordinary clients of
/dev/gpiochipN: they work the same under `ugpio run` and on a real kernel.

",
    statuses!(),
    "
`ugpio run` exits with the status of its program; see `ugpio run --help`."
);

/// After the options of `run`.
pub(crate) const RUN: &str = "\
PROGRAM and all it starts see the chips as /dev/gpiochipN, and everything else
as it is. Each run has a board of its own; the program finds the socket for
`ugpio ctl` in $UGPIO_SOCKET.

Examples:
  ugpio run --chip demo -- gpioinfo
  ugpio run --chip demo:4 --chip other:32 -- ugpio detect
  ugpio run --board BOARD.toml -- PROGRAM
  ugpio run --strict --chip demo -- PROGRAM
  ugpio run --chip demo -- sh -c 'ugpio ctl pull demo 2 up; ugpio get demo:2'
  ugpio run --chip demo --trace out.vcd -- PROGRAM; ugpio trace show out.vcd
  ugpio run --chip demo --replay in.vcd --expect golden.vcd -- PROGRAM

Exit status:
  that of PROGRAM; if a signal ended it, the same signal ends ugpio run; else
  1    PROGRAM exited with 0, but its outputs are not those of --expect, or
       --lint=strict found something
  125  ugpio run itself failed
  126  PROGRAM cannot be executed
  127  PROGRAM is not found";

/// After the options of `chaos`.
pub(crate) const CHAOS: &str = "\
Each seed is a run in which calls fail, chips go and come back, edges are lost,
lines stick and queues overflow. What goes wrong depends only on the seed and on
the number of the call on its line. Reported are crashes (a signal, a panic, an
exception), hangs, loops that spin, and files of dead chips that are never
closed; each with the command that repeats it. That PROGRAM fails with a status
of its own is an honest end.

Examples:
  ugpio chaos --chip demo -- PROGRAM
  ugpio chaos --seeds 200 --timeout 3s --board BOARD.toml -- PROGRAM
  ugpio run --chaos --seed 17 --trace bad.vcd --chip demo -- PROGRAM

Exit status:
  0  no seed found a bug
  1  one did
  2  the command line is not understood
  3  no run could be made";

/// After the verbs of `ctl`.
pub(crate) const CTL: &str = concat!(
    "`ugpio ctl` is the world outside the chips: it presses buttons, reads LEDs and
pulls plugs. It finds the run by $UGPIO_SOCKET, which programs inside have, by
--socket, or because only one is running.

Examples:
  ugpio ctl list
  ugpio ctl pull demo 2 up             press the button on line 2 of demo
  ugpio ctl wait demo 3 high --timeout 5s && echo the LED is lit
  ugpio ctl unplug demo
  ugpio ctl wire loop demo:2 demo:3    a wire between two lines
  ugpio ctl press START --hold 200ms   a button of the board file
  ugpio ctl events --json | jq -c .

",
    statuses!()
);

/// After the argument of `explain`.
pub(crate) const EXPLAIN: &str = concat!(
    "An errno is given by name or number, an ioctl by its name or number in
<linux/gpio.h>. What a program does wrong at the moment, `ugpio run --explain`
says.

Examples:
  ugpio explain EBUSY
  ugpio explain GPIO_V2_GET_LINE
  ugpio run --chip demo --explain -- ./blink

",
    statuses!()
);

/// After the verbs of `trace`.
pub(crate) const TRACE: &str = concat!(
    "Recordings are value change dumps (.vcd): of `ugpio run --trace`, or of
PulseView, Wokwi or a simulator; or FSTs (.fst) of `ugpio run --trace`, whatever
they are called. GTKWave and Surfer show both kinds of ours, PulseView dumps.

Examples:
  ugpio run --chip demo --trace out.vcd -- ./blink
  ugpio trace show out.vcd
  ugpio trace show out.vcd --from 10ms --to 20ms demo.led
  ugpio trace svg out.vcd > out.svg
  ugpio trace diff yesterday.vcd out.vcd --tolerance 5ms

",
    statuses!()
);

/// After the options of `detect`.
pub(crate) const DETECT: &str = concat!(
    "Prints NAME [LABEL] (LINES lines) for each chip.

Examples:
  ugpio detect
  ugpio detect --json | jq -r .path

",
    statuses!()
);

/// After the options of `info`.
pub(crate) const INFO: &str = concat!(
    "Prints one row for each line: CHIP:OFFSET, name, direction, then what differs
from the default and who holds it. Reading it disturbs nobody.

",
    names!(),
    "

Examples:
  ugpio info                           every line of every chip
  ugpio info gpiochip0 led             a chip, and a line elsewhere
  ugpio info --json | jq -r 'select(.used) | .name'

",
    statuses!()
);

/// After the options of `get`.
pub(crate) const GET: &str = concat!(
    "Prints LINE=active or LINE=inactive, a line each. BIAS is as-is, disabled,
pull-up or pull-down.

",
    names!(),
    "

Examples:
  ugpio get button
  ugpio get --numeric gpiochip0:1 gpiochip0:2
  ugpio get --active-low --bias pull-up button
  ugpio get --as-is led                what an output is at, if nobody holds it

",
    statuses!()
);

/// After the options of `set`.
pub(crate) const SET: &str = concat!(
    "A line is driven as long as it has a consumer, so set stays until it is killed.
VALUE is 1, active, on, true or 0, inactive, off, false. BIAS is as-is,
disabled, pull-up or pull-down; DRIVE is push-pull, open-drain or open-source.

With - it reads further LINE=VALUE words from standard input, where VALUE may
also be toggle and # starts a comment, and ends with the input. --json prints
each change once it is made.

",
    names!(),
    "

Examples:
  ugpio set led=1
  ugpio set led=on fan=off &
  while sleep 1; do echo led=toggle; done | ugpio set led=0 -
  ugpio set --once --active-low reset=1

",
    statuses!()
);

/// After the options of `monitor`.
pub(crate) const MONITOR: &str = concat!(
    "Prints SECONDS rising|falling LINE for each edge. Rising is towards active. The
lines are held as inputs meanwhile. BIAS is as-is, disabled, pull-up or
pull-down. Edges that were lost because nobody read them in time are counted on
standard error.

",
    names!(),
    "

Examples:
  ugpio monitor button
  ugpio monitor -n 1 --idle-timeout 5s --edges rising button && echo pressed
  ugpio monitor --debounce 10ms --json gpiochip0:1 gpiochip0:2 | jq -c .edge

",
    statuses!()
);

/// After the options of `watch`.
pub(crate) const WATCH: &str = concat!(
    "Prints SECONDS requested|released|reconfigured LINE and the line's new state.
Watching disturbs nobody: the lines stay free for others.

",
    names!(),
    "

Examples:
  ugpio watch led
  ugpio watch --chip gpiochip0         every line of a chip
  ugpio watch -n 1 led && echo somebody has taken or left the led

",
    statuses!()
);

/// After the arguments of `wait`.
pub(crate) const WAIT: &str = concat!(
    "Exits at once if the line already has the value. The line is held as an input
meanwhile; to look at a line that another program holds, use `ugpio ctl wait`.
BIAS is as-is, disabled, pull-up or pull-down.

",
    names!(),
    "

Examples:
  ugpio wait button 1
  ugpio wait --timeout 5s gpiochip0:4 inactive || echo still active

",
    statuses!()
);

/// After the arguments of `completions`.
pub(crate) const COMPLETIONS: &str = "\
The script asks ugpio itself: verbs and options, chips, lines, nets and parts of
the run that is going, boards by name, board files, recordings.

Examples:
  ugpio completions bash >~/.local/share/bash-completion/completions/ugpio
  ugpio completions zsh >~/.zfunc/_ugpio     with ~/.zfunc in $fpath
  ugpio completions fish >~/.config/fish/completions/ugpio.fish";

/// After the arguments of `complete`.
pub(crate) const COMPLETE: &str = "\
Prints one candidate a line, and after a tab what it is.

Examples:
  ugpio complete -- ugpio ctl pull de
  ugpio complete -- ugpio run --board ''";

/// After the arguments of `man`.
pub(crate) const MAN: &str = "\
Examples:
  ugpio man | man -l -
  ugpio man ~/.local/share/man/man1 && man -M ~/.local/share/man ugpio-run";

/// After the arguments of `board`.
pub(crate) const BOARD: &str = "\
Examples:
  ugpio board list
  ugpio run --board pi4 -- PROGRAM
  ugpio board show pi4 >my.toml && ugpio board check my.toml
  ugpio board schema >ugpio-board.json";
