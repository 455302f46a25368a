//! The definition as a whole: consistent, complete in help, and each verb's words in their places.

use std::ffi::OsString;

use clap::CommandFactory;

use super::words::{Bias, Edges, SetWord, Value};
use super::{Cli, Refusal, Verb, client, ctl, parse, status};

fn words(line: &str) -> Vec<OsString> {
    line.split(' ').map(OsString::from).collect()
}

fn parsed(line: &str) -> Verb {
    parse(&words(line))
        .unwrap_or_else(|refusal| panic!("{line}: {}", refusal.text))
        .verb
}

fn refused(line: &str) -> Refusal {
    parse(&words(line)).unwrap_err()
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_verb_but_doctor_teaches_by_example() {
    for verb in Cli::command().get_subcommands() {
        let after = verb
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        let name = verb.get_name();
        assert!(
            after.contains("Examples:") || name == "doctor",
            "{name} has no example"
        );
        for line in after.lines() {
            assert!(line.chars().count() <= 80, "{name}: {line}");
        }
    }
}

#[test]
fn the_program_of_run_keeps_its_own_options() {
    for line in [
        "ugpio run --chip demo:8 -v ls -l --chip x",
        "ugpio run --chip demo:8 -v -- ls -l --chip x",
    ] {
        let Verb::Run(args) = parsed(line) else {
            panic!("{line}")
        };
        assert_eq!(
            args.command,
            ["ls", "-l", "--chip", "x"].map(OsString::from)
        );
        assert_eq!(args.chips.len(), 1);
        assert_eq!(args.chips[0].lines, 8);
        assert_eq!(args.verbose, 1);
    }
    let Verb::Run(args) = parsed("ugpio run -- -odd --") else {
        panic!()
    };
    assert_eq!(args.command, ["-odd", "--"].map(OsString::from));
}

#[test]
fn mistakes_of_run_have_the_status_of_its_own_failures() {
    for line in [
        "ugpio run",
        "ugpio run --bogus true",
        "ugpio run --chip demo:0 true",
        "ugpio run --wait --kill true",
    ] {
        let refusal = refused(line);
        assert_eq!(refusal.status, status::OWN_FAILURE, "{line}");
        assert!(
            refusal.text.starts_with("ugpio: "),
            "{line}: {}",
            refusal.text
        );
    }
}

#[test]
fn ctl_words() {
    let Verb::Ctl(args) = parsed("ugpio ctl wait demo 3 high --timeout 500ms --json") else {
        panic!()
    };
    assert!(args.json);
    let ctl::Verb::Wait {
        chip,
        line,
        level,
        timeout,
    } = args.verb
    else {
        panic!()
    };
    assert_eq!(
        (chip.as_str(), line.as_str(), level),
        ("demo", "3", ctl::Level::High)
    );
    assert_eq!(timeout.unwrap().as_millis(), 500);
    let Verb::Ctl(args) = parsed("ugpio ctl --socket /s pull 0 led up") else {
        panic!()
    };
    assert_eq!(args.socket.unwrap().to_str(), Some("/s"));
    assert!(matches!(
        args.verb,
        ctl::Verb::Pull {
            pull: ctl::Pull::Up,
            ..
        }
    ));
    let Verb::Ctl(args) = parsed("ugpio ctl plug demo:4 --name 3=led --base 20") else {
        panic!()
    };
    let ctl::Verb::Plug { chip, names, base } = args.verb else {
        panic!()
    };
    assert_eq!((chip.lines, names), (4, vec![(3, "led".to_owned())]));
    assert_eq!(base, Some(20));
}

#[test]
fn client_words() {
    let line = "ugpio get -l -b pull-up -c 0 --numeric 1 2";
    let Verb::Client(client::Verb::Get(args)) = parsed(line) else {
        panic!()
    };
    assert_eq!(args.lines, ["1", "2"]);
    assert_eq!(args.line.bias, Bias::PullUp);
    assert!(args.line.active_low && args.numeric && !args.as_is);
    assert_eq!(args.find.chip.as_deref(), Some("0"));
    let line = "ugpio monitor --edges rising -n 3 --debounce 5ms button";
    let Verb::Client(client::Verb::Monitor(args)) = parsed(line) else {
        panic!()
    };
    assert_eq!(args.edges, Edges::Rising);
    assert_eq!(args.debounce_us, Some(5_000));
    assert_eq!(args.until.num_events.unwrap().get(), 3);
    let Verb::Client(client::Verb::Set(args)) = parsed("ugpio set led=1 -") else {
        panic!()
    };
    assert_eq!(args.words[1], SetWord::Input);
    let line = "ugpio wait button inactive -t 2";
    let Verb::Client(client::Verb::Wait(args)) = parsed(line) else {
        panic!()
    };
    assert_eq!(args.value, Value::Inactive);
}

#[test]
fn mistakes_are_usage() {
    for line in [
        "ugpio bogus",
        "ugpio get",
        "ugpio get --bias up led",
        "ugpio get --as-is --bias pull-up led",
        "ugpio set led",
        "ugpio set led=2",
        "ugpio monitor --debounce 5 led",
        "ugpio monitor -n 0 led",
        "ugpio wait led maybe",
        "ugpio completions tcsh",
        "ugpio ctl pull demo 3 sideways",
    ] {
        let refusal = refused(line);
        assert_eq!(refusal.status, status::USAGE, "{line}");
        assert!(
            refusal.text.starts_with("ugpio: "),
            "{line}: {}",
            refusal.text
        );
    }
}
