//! Whole programs under `ugpio run` against the same programs alone.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::{Effort, head, row, run, spread};

/// Prints the rows.
pub(crate) fn print(effort: Effort) {
    head();
    let scratch = tempfile::tempdir().unwrap();
    let source = scratch.path().join("small.c");
    std::fs::write(
        &source,
        "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n",
    )
    .unwrap();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    start_up(effort);
    let programs: [(&str, &[&str]); 4] = [
        ("python3 -c pass", &["/usr/bin/python3", "-c", "pass"]),
        ("ls -l /usr/bin", &["ls", "-l", "/usr/bin"]),
        // Whoever owns the repository.
        (
            "git status",
            &["git", "-c", "safe.directory=*", "status", "--short"],
        ),
        ("cc -c small.c", &["cc", "-c", "small.c", "-o", "small.o"]),
    ];
    for (name, words) in programs {
        let directory = if name.starts_with("cc") {
            scratch.path()
        } else {
            &repository
        };
        let (mut bare, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..effort.samples * 3 {
            let mut command = Command::new(words[0]);
            bare.push(time(command.args(&words[1..]).current_dir(directory)));
            ours.push(time(run().args(words).current_dir(directory)));
        }
        row(
            &format!(
                "{name} vs bare ({} calls trapped)",
                trapped(words, directory)
            ),
            "ms",
            &bare,
            &ours,
        );
    }
}

/// A run of nothing: an empty board, and one with a chip of 64 lines.
fn start_up(effort: Effort) {
    let (mut bare, mut empty, mut full) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..effort.samples * 6 {
        bare.push(time(&mut Command::new("true")));
        empty.push(time(
            Command::new(env!("CARGO_BIN_EXE_ugpio")).args(["run", "--", "true"]),
        ));
        full.push(time(run().arg("true")));
    }
    more("ugpio run -- true vs bare", &bare, &empty);
    more("the same with a chip of 64 lines", &bare, &full);
}

/// One row with what a run adds: the median of the differences of neighbours.
fn more(what: &str, bare: &[f64], ours: &[f64]) {
    let added: Vec<f64> = ours
        .iter()
        .zip(bare)
        .map(|(our, bare)| our - bare)
        .collect();
    let ((best, median), (best_y, median_y)) = (spread(ours), spread(bare));
    println!(
        "{what:<44} {best:>9.2} {median:>9.2} ms  vs {best_y:>9.2} {median_y:>9.2}   +{:.1} ms",
        spread(&added).1
    );
}

/// How long a command takes, in milliseconds.
fn time(command: &mut Command) -> f64 {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status().unwrap();
    let taken = start.elapsed().as_secs_f64() * 1e3;
    assert!(status.success(), "{command:?}: {status}");
    taken
}

/// How many calls of a program were trapped, as `ugpio run -v` says at its end.
fn trapped(words: &[&str], directory: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ugpio"))
        .args(["run", "-v", "--chip", "bench:64", "--"])
        .args(words)
        .current_dir(directory)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let count = text.lines().find_map(|line| {
        line.split_once(" calls trapped")?
            .0
            .rsplit(' ')
            .next()
            .map(str::to_owned)
    });
    count.unwrap_or_else(|| "?".into())
}
