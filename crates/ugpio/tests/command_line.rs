//! The built program without any chip: help, mistakes, completions, man pages.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const VERBS: [&str; 14] = [
    "run",
    "ctl",
    "trace",
    "explain",
    "detect",
    "info",
    "get",
    "set",
    "monitor",
    "watch",
    "wait",
    "doctor",
    "completions",
    "man",
];

fn ugpio(words: &[impl AsRef<OsStr>]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
    command.args(words).output().expect("the program is built")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("ugpio writes UTF-8")
}

#[test]
fn help_lists_every_verb_and_goes_to_standard_output() {
    let output = ugpio(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    for verb in VERBS {
        assert!(
            text(&output.stdout).contains(&format!("\n  {verb} ")),
            "{verb}"
        );
    }
    assert!(text(&output.stdout).contains("Exit status:"));
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn every_verb_has_help() {
    for verb in VERBS {
        let output = ugpio(&[verb, "--help"]);
        assert_eq!(output.status.code(), Some(0), "{verb}");
        assert!(text(&output.stdout).contains("Usage: ugpio"), "{verb}");
    }
}

#[test]
fn the_version_is_printed() {
    let output = ugpio(&["--version"]);
    let version = concat!("ugpio ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(text(&output.stdout), version);
}

#[test]
fn no_words_at_all_is_a_mistake_that_shows_help() {
    let output = ugpio(&[] as &[&str]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout), "");
    assert!(text(&output.stderr).contains("Usage: ugpio"));
}

#[test]
fn mistakes_begin_with_the_program_and_name_the_word() {
    for (words, status, named) in [
        (&["bogus"] as &[&str], 2, "'bogus'"),
        (&["get"], 2, "<LINE>"),
        (&["set", "led"], 2, "'led' is not LINE=VALUE"),
        (&["set", "led=5"], 2, "'5' is not a value"),
        (
            &["wait", "led", "1", "--timeout", "soon"],
            2,
            "'soon' is not a time",
        ),
        (&["monitor", "--debounce", "5", "led"], 2, "has no unit"),
        (&["run"], 125, "<PROGRAM>"),
        (&["run", "--chip", "demo:many", "true"], 125, "many"),
    ] {
        let output = ugpio(words);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{words:?}: {error}");
        assert!(error.starts_with("ugpio: "), "{words:?}: {error}");
        assert!(error.contains(named), "{words:?}: {error}");
        assert_eq!(text(&output.stdout), "", "{words:?}");
    }
}

#[test]
fn what_is_no_chip_is_named_and_fails() {
    let output = ugpio(&["get", "-c", "/dev/null", "0"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        text(&output.stderr),
        "ugpio: /dev/null is not a GPIO chip\n"
    );
    let output = ugpio(&["detect", "no-such-chip"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).starts_with("ugpio: no chip 'no-such-chip': "));
}

#[test]
fn completions_know_the_verbs() {
    let words = ugpio(&["complete", "--", "ugpio", ""]);
    assert_eq!(words.status.code(), Some(0));
    let words = text(&words.stdout);
    for verb in VERBS {
        let offered = words
            .lines()
            .any(|line| line.split('\t').next() == Some(verb));
        assert!(offered, "{verb}: {words}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let output = ugpio(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let script = text(&output.stdout);
        assert!(script.contains(" complete -- ugpio "), "{shell}: {script}");
    }
}

#[test]
fn bash_takes_its_completions() {
    let script = ugpio(&["completions", "bash"]).stdout;
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ugpio.bash");
    fs::write(&path, script).unwrap();
    match Command::new("bash").arg("-n").arg(&path).output() {
        Ok(output) => assert!(output.status.success(), "{}", text(&output.stderr)),
        Err(error) => eprintln!("skipped: no bash: {error}"),
    }
}

#[test]
fn man_pages_are_written_one_a_verb() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("man/man1");
    let output = ugpio(&[OsStr::new("man"), dir.as_os_str()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for verb in VERBS {
        let page = fs::read_to_string(dir.join(format!("ugpio-{verb}.1"))).unwrap();
        assert!(page.contains(".TH"), "{verb}");
    }
    assert!(dir.join("ugpio.1").exists());
}

#[test]
fn the_man_page_is_printed() {
    let output = ugpio(&["man"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains(".TH ugpio 1"));
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
    command
        .args(["completions", "bash"])
        .stdout(writer)
        .stderr(Stdio::piped());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
}
