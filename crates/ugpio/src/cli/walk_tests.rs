//! Every argument of every verb, wrong in every way that the command line can know: one line that names
//! it, and the status of usage. What only a run can know is walked in `tests/arguments.rs`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use clap::{Arg, ArgAction, Command, CommandFactory};

use super::{Cli, parse, status};

/// Each verb with words that are good: those that must be there, then options. A verb that is not here
/// fails the test.
const GOOD: &[(&str, &str)] = &[
    ("run", "true"),
    ("chaos", "true"),
    ("ctl list", ""),
    ("ctl pull", "demo 0 up"),
    ("ctl level", "demo 0"),
    ("ctl events", ""),
    ("ctl wait", "demo 0 high"),
    ("ctl unplug", "demo"),
    ("ctl plug", "demo"),
    ("ctl wire", "net"),
    ("ctl unwire", "net"),
    ("ctl fault", "demo glitch"),
    ("ctl mend", "demo"),
    ("ctl press", "part"),
    ("ctl release", "part"),
    ("ctl switch", "part on"),
    ("ctl turn", "part"),
    ("ctl tui", ""),
    ("ctl web", ""),
    ("trace show", "f"),
    ("trace svg", "f"),
    ("trace diff", "f g"),
    ("explain", "EIO"),
    ("detect", ""),
    ("info", ""),
    ("get", "l"),
    ("set", "l=1"),
    ("monitor", "l"),
    ("watch", ""),
    ("wait", "l 1"),
    ("doctor", ""),
    ("board list", ""),
    ("board show", "pi4"),
    ("board check", "f"),
    ("board schema", ""),
    ("completions", "bash"),
    ("complete", "-- ugpio"),
    ("man", ""),
];

/// Arguments that take any text: what it names is looked up later.
const FREE: &[&str] = &[
    "chip",
    "line",
    "net",
    "part",
    "file",
    "files",
    "one",
    "other",
    "word",
    "words",
    "what",
    "lines",
    "chips",
    "name",
    "dir",
    "command",
    "board",
    "socket",
    "report",
    "trace",
    "replay",
    "expect",
    "explain",
    "consumer",
    "kernel_release",
];

/// Numbers that an argument takes though most do not.
const NUMBERS: &[(&str, &str)] = &[
    ("pull", "0"),
    ("base", "0"),
    ("base", "+1"),
    ("seed", "0"),
    ("seed", "+1"),
    ("seeds", "+1"),
    ("steps", "+1"),
    ("num_events", "+1"),
    ("width", "+1"),
    ("seeds", "0"),
    ("steps", "0"),
    ("steps", "-1"),
    ("level", "0"),
    ("to", "0"),
    ("value", "0"),
    ("timeout", "0"),
    ("timeout", "1.5"),
    ("idle_timeout", "0"),
    ("idle_timeout", "1.5"),
    ("replug_calls", "0"),
    ("web", "0"),
];

const WRONG: &[&str] = &[
    "",
    "garbage",
    "-1",
    "0",
    "1.5",
    "+1",
    "1e3",
    "0x10",
    "99999999999999999999",
    "-9999999999999999999",
    "99999999999999999999s",
    "1 s",
    "\u{1b}[2J",
    "a\nb",
];

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

/// The verbs of a command, with their names in full.
fn verbs(command: &Command, name: &str, found: &mut Vec<(String, Command)>) {
    for verb in command
        .get_subcommands()
        .filter(|verb| verb.get_name() != "help")
    {
        let name = format!("{name} {}", verb.get_name()).trim().to_owned();
        match verb.has_subcommands() {
            true => verbs(verb, &name, found),
            false => found.push((name, verb.clone())),
        }
    }
}

fn all_verbs() -> Vec<(String, Command)> {
    let mut root = Cli::command();
    root.build();
    let mut found = Vec::new();
    verbs(&root, "", &mut found);
    found
}

fn good(verb: &str) -> Vec<OsString> {
    let good = GOOD.iter().find(|(name, _)| *name == verb);
    let (name, rest) = good.unwrap_or_else(|| panic!("the walk does not know {verb}"));
    [words("ugpio"), words(name), words(rest)].concat()
}

/// Whether a command line is refused, and then rightly.
fn is_refused(line: &[OsString]) -> bool {
    let refusal = match parse(line) {
        Ok(_) => return false,
        Err(refusal) => refusal,
    };
    let is_run = line.get(1).is_some_and(|verb| verb == "run");
    let wanted = if is_run {
        status::OWN_FAILURE
    } else {
        status::USAGE
    };
    assert_eq!(refusal.status, wanted, "{line:?}: {}", refusal.text);
    assert!(
        refusal.text.starts_with("ugpio: "),
        "{line:?}: {}",
        refusal.text
    );
    let said = refusal.text.strip_suffix('\n').unwrap();
    assert!(!said.chars().any(char::is_control), "{line:?}: {said:?}");
    true
}

/// The command line with an argument given this value.
fn with(verb: &str, command: &Command, arg: &Arg, value: OsString) -> Vec<OsString> {
    let mut line = good(verb);
    if let Some(long) = arg.get_long() {
        let mut word = OsString::from(format!("--{long}="));
        word.push(value);
        let at = 1 + verb.split(' ').count();
        line.insert(at, word);
        // What an option is good for only beside others.
        for (option, beside) in [("tolerance", "--expect=f"), ("chaos", "--seed=1")] {
            if long == option {
                line.insert(at, beside.into());
            }
        }
        return line;
    }
    let at = command
        .get_positionals()
        .position(|other| other.get_id() == arg.get_id());
    let at = 1 + verb.split(' ').count() + at.unwrap();
    line.truncate(at.max(1));
    while line.len() < at {
        line.push("x".into());
    }
    // Behind a `--`, so that a minus is a value.
    line.insert(1 + verb.split(' ').count(), "--".into());
    line.push(value);
    let required = command
        .get_positionals()
        .filter(|arg| arg.is_required_set());
    for later in good(verb).into_iter().skip(at + 1).take(required.count()) {
        line.push(later);
    }
    line
}

fn takes_a_value(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
}

#[test]
fn the_good_lines_are_good() {
    for (verb, _) in all_verbs() {
        let line = good(&verb);
        assert!(!is_refused(&line), "{line:?}");
    }
}

#[test]
fn every_value_wrong() {
    let mut walked = 0;
    for (verb, command) in all_verbs() {
        for arg in command.get_arguments().filter(|arg| takes_a_value(arg)) {
            let id = arg.get_id().as_str();
            let is_free = FREE.contains(&id);
            for value in WRONG {
                let is_number = NUMBERS.contains(&(id, value));
                let line = with(&verb, &command, arg, value.into());
                if is_free || is_number || (id == "signals" && !value.is_empty()) {
                    // Must not panic; whether it is meant is seen later.
                    let _ = is_refused(&line);
                } else {
                    assert!(is_refused(&line), "{verb} {id} takes {value:?}: {line:?}");
                }
                walked += 1;
            }
            let bytes = OsString::from_vec(b"a\xffb".to_vec());
            let _ = is_refused(&with(&verb, &command, arg, bytes));
            let _ = is_refused(&with(&verb, &command, arg, "x".repeat(5_000).into()));
        }
    }
    assert!(walked > 500, "{walked} walked");
}

#[test]
fn what_is_missing_unknown_twice_or_too_much() {
    for (verb, command) in all_verbs() {
        let (good, at) = (good(&verb), 1 + verb.split(' ').count());
        for count in 0..command
            .get_positionals()
            .filter(|arg| arg.is_required_set())
            .count()
        {
            assert!(is_refused(&good[..at + count]), "{verb} with {count} words");
        }
        let unknown = [&good[..at], &words("--no-such-option")].concat();
        assert!(is_refused(&unknown), "{verb} --no-such-option");
        for arg in command
            .get_opts()
            .filter(|arg| matches!(arg.get_action(), ArgAction::Set))
        {
            let long = arg.get_long().unwrap();
            let twice = OsString::from(format!("--{long}=1"));
            let line = [&good[..at], &[twice.clone(), twice], &good[at..]].concat();
            assert!(is_refused(&line), "{verb} --{long} twice");
            if !arg.is_require_equals_set() {
                assert!(
                    is_refused(&[&good[..], &[format!("--{long}").into()]].concat())
                        || verb == "run"
                        || verb == "chaos",
                    "{verb} --{long} without a value"
                );
            }
        }
        let is_open = command.get_positionals().any(|arg| {
            arg.get_num_args()
                .is_some_and(|range| range.max_values() > 1)
        });
        if !is_open {
            let more = [good, words("one two three")].concat();
            assert!(is_refused(&more), "{verb} with more words");
        }
    }
}

#[test]
fn what_does_not_go_together() {
    for line in [
        "ugpio ctl fault demo glitch --errno EIO",
        "ugpio ctl fault demo error --errno EWHAT",
        "ugpio ctl fault demo error --time 5ms",
        "ugpio ctl fault demo slow --time 11s",
        "ugpio ctl fault demo slow --to low",
        "ugpio ctl fault demo stuck --replug 5ms",
        "ugpio ctl fault demo unplug --replug 5ms --replug-calls 3",
        "ugpio ctl fault demo error --call 1 --within 2",
        "ugpio ctl fault demo error --call 0",
        "ugpio ctl fault demo error --within 0",
        "ugpio ctl fault demo error --times 0",
        "ugpio ctl fault demo error --times 4294967296",
        "ugpio ctl fault demo unplug --replug-calls 4294967296",
        "ugpio ctl plug demo:4 --name 4=x",
        "ugpio ctl plug demo:4 --name 0=x --name 0=y",
        "ugpio ctl plug 0",
        "ugpio ctl plug gpiochip3",
        "ugpio ctl wire n --delay 2h",
        "ugpio ctl press b --hold 0ns",
        "ugpio ctl press b --hold 2h",
        "ugpio run --chaos true",
        "ugpio run --wait --kill true",
        "ugpio run --tolerance 5ms true",
        "ugpio chaos --seed 1 --seeds 2 true",
        "ugpio get --as-is --bias pull-up l",
        "ugpio get --numeric --json l",
        "ugpio trace show f --all l",
        "ugpio set l=toggle",
    ] {
        assert!(is_refused(&words(line)), "{line}");
    }
    let line = "ugpio ctl fault demo error --errno EWHAT";
    let said = parse(&words(line)).unwrap_err().text;
    assert!(
        said.contains("EWHAT") && said.contains("EIO, ") && said.contains("EBUSY"),
        "{said}"
    );
}
