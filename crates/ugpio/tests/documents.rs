//! The documents, followed to the letter: what they say can be typed is typed, in a checkout.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/home.rs"]
mod home;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn checkout() -> PathBuf {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    dir.canonicalize().unwrap()
}

fn read(name: &str) -> String {
    fs::read_to_string(checkout().join(name)).unwrap()
}

/// Runs a command in a checkout, at the home of a place of its own.
fn output(place: &tempfile::TempDir, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
    command
        .args(words)
        .current_dir(checkout())
        .stdin(Stdio::null());
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    home::at_home(&mut command, place.path()).output().unwrap()
}

#[track_caller]
fn printed(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    out + &err
}

/// The block of this kind that comes first.
fn block<'t>(text: &'t str, kind: &str) -> &'t str {
    let (_, rest) = text.split_once(&format!("```{kind}\n")).unwrap();
    rest.split_once("```").unwrap().0
}

/// The lines of a text that are commands of a shell, indented by four.
fn commands(text: &str) -> Vec<&str> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("    "));
    lines
        .map(|line| line.split(" #").next().unwrap().trim())
        .collect()
}

#[test]
fn the_readme_s_first_page() {
    let readme = read("README.md");
    let mut lines = block(&readme, "").lines();
    let first = lines.next().unwrap().strip_prefix("$ ugpio ").unwrap();
    assert!(first.ends_with(" -- sh"), "{first}");
    let lines: Vec<&str> = lines.collect();
    let typed = lines.iter().filter_map(|line| line.strip_prefix("$ "));
    let script = typed.collect::<Vec<_>>().join("\n") + "\nwait\n";
    let place = tempfile::tempdir().unwrap();
    let mut words: Vec<&str> = first.split(' ').collect();
    words.extend(["-c", &script]);
    let said = printed(&output(&place, &words));
    let wanted: Vec<&str> = lines
        .into_iter()
        .filter(|line| !line.starts_with('$'))
        .collect();
    assert_eq!(said.lines().collect::<Vec<_>>(), wanted);
}

#[test]
fn the_board_and_what_is_done_to_it() {
    let page = read("docs/board.md");
    let place = tempfile::tempdir().unwrap();
    let board = place.path().join("board.toml");
    fs::write(&board, block(&page, "toml")).unwrap();
    let of_control =
        |line: &&str| line.starts_with("ugpio ctl ") || line.contains("/sys/kernel/debug/");
    let script: Vec<&str> = commands(&page).into_iter().filter(of_control).collect();
    assert!(script.len() >= 8, "{script:?}");
    let script = format!("set -e\n{}\n", script.join("\n"));
    let words = [
        "run",
        "--board",
        board.to_str().unwrap(),
        "--",
        "sh",
        "-c",
        &script,
    ];
    let said = printed(&output(&place, &words));
    assert!(said.contains("unplug 0 call=9 replug=100ms"), "{said}");
}

#[test]
fn chaos_as_it_stands_with_fewer_seeds() {
    let page = read("docs/board.md");
    let line = commands(&page)
        .into_iter()
        .find(|line| line.starts_with("ugpio chaos "));
    let words: Vec<&str> = line.unwrap().split(' ').skip(1).collect();
    let words: Vec<&str> = words
        .into_iter()
        .map(|word| if word == "200" { "1" } else { word })
        .collect();
    let place = tempfile::tempdir().unwrap();
    let done = output(&place, &words);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(matches!(done.status.code(), Some(0 | 1)), "{said}");
}

#[test]
fn every_file_that_a_command_names_is_there() {
    let mut seen = 0;
    for name in [
        "README.md",
        "docs/board.md",
        "docs/control.md",
        "docs/recipes.md",
        "docs/trace.md",
    ] {
        let page = read(name);
        for word in page.split(|c: char| c.is_whitespace() || "`'\"()".contains(c)) {
            let in_checkout = ["examples/", "boards/"]
                .iter()
                .any(|dir| word.starts_with(dir));
            if in_checkout && !word.contains(['…', '*', ']']) {
                assert!(
                    checkout()
                        .join(word.trim_end_matches(['.', ',', ':']))
                        .exists(),
                    "{name}: {word}"
                );
                seen += 1;
            }
        }
        for missing in ["blink.py", "lights.py"] {
            let named = page.matches(missing).count();
            let there = page.matches(&format!("examples/{missing}")).count()
                + page.matches(&format!("\n{missing}: ")).count();
            assert_eq!(named, there, "{name} names {missing} without its place");
        }
    }
    assert!(seen >= 4, "{seen} files are named");
}

#[test]
fn man_pages_are_found_where_help_puts_them() {
    let place = tempfile::tempdir().unwrap();
    let man = place.path().join("share/man");
    printed(&output(
        &place,
        &["man", man.join("man1").to_str().unwrap()],
    ));
    let help = printed(&output(&place, &["man", "--help"]));
    assert!(
        help.contains("man -M ~/.local/share/man ugpio-run"),
        "{help}"
    );
    // Where there is a `man`, it finds them.
    let mut command = Command::new("man");
    command.arg("-M").arg(&man).arg("-w").arg("ugpio-run");
    if let Ok(found) = command.output() {
        assert!(printed(&found).contains("ugpio-run.1"));
    }
}

#[test]
fn the_protocol_s_transcript() {
    let page = read("docs/control.md");
    let (_, rest) = page.split_once("## The protocol").unwrap();
    let lines: Vec<&str> = block(rest, "").lines().collect();
    let message = |line: &str, arrow: &str| {
        let text = line.strip_prefix(arrow).unwrap().trim();
        text.strip_suffix('␀').unwrap().to_owned()
    };
    let place = tempfile::tempdir().unwrap();
    let board = place.path().join("b.toml");
    fs::write(
        &board,
        "[[chip]]\nlabel = \"demo\"\nnames = { 3 = \"BUTTON\" }\n",
    )
    .unwrap();
    let client = "import os, socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.connect(os.environ['UGPIO_SOCKET'])\n\
        for m in sys.argv[1:]:\n s.sendall(m.encode() + b'\\0')\n a = b''\n while not a.endswith(b'\\0'): a += s.recv(4096)\n print(a[:-1].decode())\n";
    let asked: Vec<String> = lines
        .iter()
        .step_by(2)
        .map(|line| message(line, "→"))
        .collect();
    let answers: Vec<String> = lines
        .iter()
        .skip(1)
        .step_by(2)
        .map(|line| message(line, "←"))
        .collect();
    let mut words = vec![
        "run",
        "--board",
        board.to_str().unwrap(),
        "--",
        "python3",
        "-c",
        client,
    ];
    words.extend(asked.iter().map(String::as_str));
    let said = printed(&output(&place, &words));
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let said: Vec<_> = said.lines().map(json).collect();
    let wanted: Vec<_> = answers.iter().map(|text| json(text)).collect();
    assert_eq!(said, wanted);
}
