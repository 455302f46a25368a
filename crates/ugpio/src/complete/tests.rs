//! Every argument is proposed for, and what is proposed is what would be accepted.

use clap::{Arg, Command, CommandFactory};

use super::*;

/// What is proposed for a line, whose last word ends at its end.
fn proposed_for(line: &str) -> Vec<String> {
    let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
    let text = |candidate: CompletionCandidate| candidate.get_value().to_str().unwrap().to_owned();
    candidates(&words).into_iter().map(text).collect()
}

/// The arguments of all verbs, with their verbs.
fn arguments(command: &Command, verb: &str, found: &mut Vec<(String, Arg)>) {
    for inner in command
        .get_subcommands()
        .filter(|inner| inner.get_name() != "help")
    {
        let verb = format!("{verb} {}", inner.get_name())
            .trim_start()
            .to_owned();
        arguments(inner, &verb, found);
        found.extend(
            inner
                .get_arguments()
                .map(|argument| (verb.clone(), argument.clone())),
        );
    }
}

#[test]
fn every_argument_that_takes_a_word_is_known() {
    let mut root = Cli::command();
    root.build();
    let mut found = Vec::new();
    arguments(&root, "", &mut found);
    assert!(found.len() > 100);
    for (verb, argument) in found {
        let name = argument.get_id().as_str();
        let takes = argument
            .get_num_args()
            .is_some_and(|count| count.takes_values());
        // A word of a shell's own line, a number, a time: what they may be is said by their help.
        let is_checked = ["Path", "String", "OsString"].iter().all(|kind| {
            let parser = format!("{:?}", argument.get_value_parser());
            !parser.contains(kind)
        });
        let has_own = !argument.get_possible_values().is_empty() || is_checked;
        if takes && verb != "complete" && !has_own {
            assert!(values_of(&verb, name).is_some(), "`{verb}` takes a {name}");
        }
    }
    for (verb, name, _) in VALUES {
        let mut found = Vec::new();
        arguments(&root, "", &mut found);
        let is_it =
            |(of, argument): &(String, Arg)| of.starts_with(verb) && argument.get_id() == *name;
        assert!(found.iter().any(is_it), "nothing has {verb:?} {name:?}");
    }
}

#[test]
fn verbs_options_and_words_of_a_list_are_proposed() {
    assert_eq!(proposed_for("ugpio mon"), ["monitor"]);
    assert_eq!(proposed_for("ugpio board s"), ["show", "schema"]);
    assert!(proposed_for("ugpio run --tr").contains(&"--trace".to_owned()));
    assert_eq!(proposed_for("ugpio ctl pull demo 3 "), ["up", "down"]);
    assert_eq!(proposed_for("ugpio ctl fault demo st"), ["stuck"]);
    assert_eq!(
        proposed_for("ugpio get --bias pull-"),
        ["pull-up", "pull-down"]
    );
    assert_eq!(proposed_for("ugpio completions f"), ["fish"]);
    assert_eq!(
        proposed_for("ugpio explain GPIO_V2_GET_LINEINFO_"),
        ["GPIO_V2_GET_LINEINFO_WATCH"]
    );
    assert_eq!(
        proposed_for("ugpio run --kernel-release 7."),
        ["7.0", "7.1", "7.2", "7.3"]
    );
}

#[test]
fn every_release_that_is_proposed_is_one() {
    for (release, _) in scene::releases() {
        assert!(
            crate::release::Shown::wanted(Some(&release)).is_ok(),
            "{release}"
        );
    }
}

#[test]
fn boards_are_proposed_by_name() {
    assert!(proposed_for("ugpio run --board pi").contains(&"pi4".to_owned()));
    assert_eq!(
        proposed_for("ugpio run --board=jets"),
        ["--board=jetson-nano"]
    );
    assert_eq!(
        proposed_for("ugpio board show bea"),
        ["beaglebone", "beagleplay"]
    );
    assert!(proposed_for("ugpio chaos -b pi").contains(&"pi5".to_owned()));
}

#[test]
fn behind_the_program_everything_is_its_own() {
    assert!(proposed_for("ugpio run -- sh").contains(&"sh".to_owned()));
    assert!(proposed_for("ugpio run sh --chi").is_empty());
    assert_eq!(proposed_for("ugpio run -- ugpio dete"), ["detect"]);
    assert_eq!(
        proposed_for("ugpio run --board pi4 -- sh /bin/s"),
        proposed_for("ugpio chaos sh /bin/s")
    );
}

#[test]
fn nothing_is_proposed_for_nothing() {
    for line in [
        "",
        "ugpio",
        "ugpio nonsense x",
        "ugpio ctl --socket /nonsense pull ",
    ] {
        assert!(
            proposed_for(line).is_empty(),
            "{line}: {:?}",
            proposed_for(line)
        );
    }
}
