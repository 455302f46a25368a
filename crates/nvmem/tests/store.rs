//! The file-backed memory is whole whatever kills the program, and when.

#![cfg(all(feature = "std", not(loom)))]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use nvmem::{FileStore, Provider, Step};

const SIZE: usize = 64 * 1024;

fn contents(path: &Path, size: usize) -> Vec<u8> {
    let mut data = vec![0; size];
    let mut store = FileStore::open(path, size).unwrap();
    store.read(0, &mut data).unwrap();
    data
}

#[test]
fn the_steps_come_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let steps = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&steps);
    let mut store = FileStore::open(folder.path().join("eeprom"), 16)
        .unwrap()
        .with_hook(move |step| {
            told.lock().unwrap().push(step);
            Ok(())
        });
    store.write(3, b"abc").unwrap();
    let order = [Step::Write, Step::SyncNew, Step::Rename, Step::SyncFolder];
    assert_eq!(*steps.lock().unwrap(), order);
    let path = folder.path().join("eeprom");
    assert_eq!(&contents(&path, 16)[..7], b"\xff\xff\xffabc\xff");
    assert!(
        FileStore::open(&path, 17).is_err(),
        "another size is refused"
    );
}

#[test]
fn a_crash_at_any_step_leaves_the_old_or_the_new() {
    for crash in [Step::Write, Step::SyncNew, Step::Rename, Step::SyncFolder] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("eeprom");
        FileStore::open(&path, 4)
            .unwrap()
            .write(0, b"old!")
            .unwrap();
        let mut store = FileStore::open(&path, 4).unwrap().with_hook(move |step| {
            if step == crash {
                return Err(io::Error::other("power cut"));
            }
            Ok(())
        });
        assert_eq!(store.write(0, b"new!"), Err(nvmem::Error::Io));
        let expected = if crash == Step::SyncFolder {
            b"new!"
        } else {
            b"old!"
        };
        let mut seen = [0; 4];
        store.read(0, &mut seen).unwrap();
        assert_eq!(&seen, expected, "what it says is what the file has");
        assert_eq!(contents(&path, 4), expected, "crash before {crash:?}");
    }
}

/// What the killed child does: writes ever new generations, each filling the memory, and says so.
#[test]
#[ignore = "run by kill_9_in_the_middle_of_a_write"]
fn write_until_killed() {
    let Some(path) = std::env::var_os("NVMEM_TEST_STORE") else {
        return;
    };
    let mut store = FileStore::open(path, SIZE).unwrap();
    for generation in (0..=254).cycle() {
        store.write(0, &vec![generation; SIZE]).unwrap();
        println!("written {generation}");
    }
}

#[test]
fn kill_9_in_the_middle_of_a_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("eeprom");
    for round in 0_usize..12 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "write_until_killed"])
            .env("NVMEM_TEST_STORE", &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let is_written = |line: &io::Result<String>| line.as_ref().unwrap().contains("written");
        for _ in 0..=round {
            assert!(lines.by_ref().any(|line| is_written(&line)));
        }
        // It is somewhere in the next write now; SIGKILL.
        for _ in 0..round * 4_000 {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let said: Vec<String> = lines.map_while(Result::ok).collect();
        let whole = contents(&path, SIZE);
        assert!(
            whole.iter().all(|byte| *byte == whole[0]),
            "torn in round {round}"
        );
        let last = said
            .iter()
            .rev()
            .find_map(|line| line.rsplit("written ").next()?.parse().ok());
        if let Some(last) = last {
            let next: u8 = if last == 254 { 0 } else { last + 1 };
            assert!(
                [last, next].contains(&whole[0]),
                "a write that was said is there"
            );
        }
    }
}
