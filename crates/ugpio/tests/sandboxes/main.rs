//! Sandboxes in a run, and the machine's own chips, which no road leads to.
//!
//! What a sandbox shows and forbids must not depend on the run: the same program prints the same there, bare and in a
//! run. The tests are for whoever runs them, root included; what a machine forbids is named and left out.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../support/home.rs"]
mod home;
mod roads;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A script beside this file.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/sandboxes")
        .join(name)
}

/// A Python that every user can run.
fn python() -> &'static str {
    let system = "/usr/bin/python3";
    if Path::new(system).exists() {
        system
    } else {
        "python3"
    }
}

/// Runs words at home in `place`, which is where its runs have their files.
fn run(place: &Path, words: &[&str]) -> Output {
    let (first, rest) = words.split_first().unwrap();
    let mut command = Command::new(first);
    home::at_home(&mut command, place)
        .args(rest)
        .current_dir("/")
        .output()
        .unwrap_or_else(|error| panic!("{first}: {error}"))
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A private `/dev` and `/tmp` on which files may lie, and the program after them.
const PRIVATE: &str = "mount -t tmpfs none /mnt && mkdir /mnt/d && cp -a /dev/null /mnt/d/ 2>/dev/null; \
    touch /mnt/d/private; mount --bind $PLACE /media && mount -t tmpfs none /tmp && mkdir -p $PLACE && \
    mount --bind /media $PLACE && mount --rbind /mnt/d /dev && exec \"$@\"";
/// The machine's root at another place, and the program with that as its root.
const ROOTED: &str =
    "mkdir -p $PLACE/root && mount --rbind / $PLACE/root && exec chroot $PLACE/root \"$@\"";

/// The sandboxes, each as the words before a program's.
fn sandboxes(place: &str) -> Vec<(&'static str, Vec<String>)> {
    let own = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let shell = |words: &str, line: &str| {
        let line = line.replace("$PLACE", place);
        [
            own(words),
            vec!["sh".into(), "-c".into(), line, "sh".into()],
        ]
        .concat()
    };
    let bwrap = format!(
        "bwrap --ro-bind / / --dev /dev --proc /proc --tmpfs /tmp --bind {place} {place} --unshare-user --unshare-pid"
    );
    let mut all = vec![
        ("user namespace", own("unshare -Ur")),
        ("mounts of its own", shell("unshare -Urm", PRIVATE)),
        ("processes of its own", own("unshare -Urpf --mount-proc")),
        ("chroot", shell("unshare -Urm", ROOTED)),
        ("bwrap", own(&bwrap)),
        ("bwrap, all", own(&(bwrap + " --unshare-all"))),
    ];
    if is_root() {
        all.push(("mounts of root", shell("unshare -m", PRIVATE)));
        all.push(("chroot of root", shell("unshare -m", ROOTED)));
        // A user's firejail needs the set-uid bit, which does nothing in a run.
        all.push(("firejail", own("firejail --quiet --noprofile --")));
    }
    all
}

/// What is in a directory, with kinds, modes and sizes.
fn left_in(dir: &Path) -> String {
    let format = ["-printf", "%P %y %m %U %G %s\n"];
    let found = Command::new("find").arg(dir).args(format).output().unwrap();
    let mut rows: Vec<String> = String::from_utf8_lossy(&found.stdout)
        .lines()
        .filter(|row| !row.starts_with("root/"))
        .map(str::to_owned)
        .collect();
    rows.sort();
    rows.join("\n")
}

#[test]
fn a_sandbox_is_the_same_in_a_run() {
    let home = tempfile::tempdir().unwrap();
    let base = tempfile::tempdir().unwrap();
    let place = base.path().join(format!("place-{}", std::process::id()));
    std::fs::create_dir(&place).unwrap();
    // The machine's own, which a private `/tmp` has not.
    let name = place.file_name().unwrap().to_str().unwrap();
    let marker = tempfile::Builder::new()
        .prefix(&format!(".facts-{name}"))
        .rand_bytes(0)
        .tempfile_in("/tmp");
    let _marker = marker.unwrap();
    std::fs::write(place.join("shown"), "shown\n").unwrap();
    let text = place.to_str().unwrap();
    let facts = script("facts.py").to_str().unwrap().to_owned();
    let mut tried = 0;
    for (name, before) in sandboxes(text) {
        let before: Vec<&str> = before.iter().map(String::as_str).collect();
        let program = [python(), "-B", &facts, text];
        if !Command::new(before[0])
            .args(&before[1..])
            .arg("true")
            .output()
            .is_ok_and(|done| done.status.success())
        {
            println!("{name}: not possible here");
            continue;
        }
        let bare = run(home.path(), &[&before[..], &program].concat());
        let left = left_in(&place);
        let ugpio = ["ugpio", "run", "--chip", "a:8", "--"];
        let inside = run(home.path(), &[&ugpio[..], &before, &program].concat());
        let said = |done: &Output| {
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            // A sandbox may end before its first process does.
            let stays = |row: &&str| !row.starts_with("ugpio: the run goes on as long as");
            let err: Vec<_> = text(&done.stderr)
                .lines()
                .filter(stays)
                .map(str::to_owned)
                .collect();
            format!(
                "{}--\n{}\n{}",
                text(&done.stdout),
                err.join("\n"),
                done.status
            )
        };
        assert!(bare.status.success(), "{name}: {}", said(&bare));
        pretty(name, &said(&bare), &said(&inside));
        assert_eq!(left, left_in(&place), "{name}");
        let board = "test $(stat -c %t:%T /dev/gpiochip0) = fe:0 && cat /sys/bus/gpio/devices/gpiochip0/dev";
        let board = run(
            home.path(),
            &[&ugpio[..], &before, &["sh", "-c", board]].concat(),
        );
        assert_eq!(board.stdout, b"254:0\n", "{name}: {}", said(&board));
        tried += 1;
    }
    println!("{tried} sandboxes");
}

/// Asserts that two texts are the same, and shows the rows that are not.
#[track_caller]
fn pretty(name: &str, bare: &str, inside: &str) {
    let rows = bare.lines().zip(inside.lines());
    let differ: Vec<_> = rows.filter(|(bare, inside)| bare != inside).collect();
    assert!(bare == inside, "{name}: bare and in a run: {differ:#?}");
}
