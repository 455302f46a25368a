//! The file-backed memory is whole whatever kills the program, and when.

#![cfg(all(feature = "std", not(loom)))]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs::Permissions;
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, symlink};
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

/// The names in a folder, but for the store's.
fn others(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "eeprom").collect()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn nothing_but_the_store_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("eeprom");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "untouched").unwrap();
    symlink(&secret, folder.path().join("eeprom.new")).unwrap();
    let mut store = FileStore::open(&path, 4).unwrap();
    store.write(0, b"mine").unwrap();
    assert_eq!(std::fs::read(&secret).unwrap(), b"untouched");
    assert_eq!(contents(&path, 4), b"mine");
    let mut left = others(folder.path());
    left.sort();
    assert_eq!(left, ["eeprom.new", "secret"]);
}

#[test]
fn the_file_keeps_its_mode() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("eeprom");
    for wanted in [0o600, 0o640, 0o666, 0o755] {
        std::fs::write(&path, "old!").unwrap();
        set_mode(&path, wanted);
        let mut store = FileStore::open(&path, 4).unwrap();
        store.write(0, b"new!").unwrap();
        assert_eq!((mode(&path), contents(&path, 4)), (wanted, b"new!".into()));
    }
}

#[test]
fn a_file_that_is_read_only_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("eeprom");
    std::fs::write(&path, "old!").unwrap();
    let mut before = FileStore::open(&path, 4).unwrap();
    set_mode(&path, 0o444);
    let mut store = FileStore::open(&path, 4).unwrap();
    assert_eq!(store.access(), nvmem::Access::ReadOnly);
    for store in [&mut before, &mut store] {
        assert_eq!(store.write(0, b"new!"), Err(nvmem::Error::NotPermitted));
    }
    assert_eq!((mode(&path), contents(&path, 4)), (0o444, b"old!".into()));
    assert!(others(folder.path()).is_empty());
}

#[test]
fn a_file_of_two_names_is_not_torn_in_two() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("eeprom");
    std::fs::write(&path, "old!").unwrap();
    std::fs::hard_link(&path, folder.path().join("second")).unwrap();
    let mut store = FileStore::open(&path, 4).unwrap();
    assert_eq!(store.access(), nvmem::Access::ReadOnly);
    assert_eq!(store.write(0, b"new!"), Err(nvmem::Error::NotPermitted));
    assert_eq!(contents(&path, 4), b"old!");
}

#[test]
fn a_link_goes_on_leading_to_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("real");
    std::fs::create_dir(&real).unwrap();
    let link = folder.path().join("link");
    symlink("real/again", &link).unwrap();
    symlink("eeprom", real.join("again")).unwrap();
    // First nothing is there, then there is: both are the file at the end.
    for text in [b"one!", b"two!"] {
        FileStore::open(&link, 4).unwrap().write(0, text).unwrap();
        assert_eq!(std::fs::read(real.join("eeprom")).unwrap(), text);
    }
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(others(&real), ["again"]);
    symlink("loop", folder.path().join("loop")).unwrap();
    assert!(FileStore::open(folder.path().join("loop"), 4).is_err());
}

#[test]
fn what_is_no_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let kind = |path: &Path| FileStore::open(path, 4).unwrap_err().kind();
    assert_eq!(kind(folder.path()), io::ErrorKind::InvalidData);
    assert_eq!(kind(Path::new("/dev/null")), io::ErrorKind::InvalidData);
    let nowhere = folder.path().join("none/eeprom");
    assert_eq!(kind(&nowhere), io::ErrorKind::NotFound);
    // The store has become a link since it was opened.
    let path = folder.path().join("eeprom");
    let mut store = FileStore::open(&path, 4).unwrap();
    symlink("/dev/null", &path).unwrap();
    assert_eq!(store.write(0, b"new!"), Err(nvmem::Error::Io));
    assert!(std::fs::symlink_metadata(&path).unwrap().is_symlink());
}

#[test]
fn a_write_that_fails_leaves_nothing_behind() {
    for crash in [Step::SyncNew, Step::Rename] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("eeprom");
        let mut store = FileStore::open(&path, 4).unwrap().with_hook(move |step| {
            if step == crash {
                return Err(io::ErrorKind::StorageFull.into());
            }
            Ok(())
        });
        assert_eq!(store.write(0, b"new!"), Err(nvmem::Error::Io));
        assert!(others(folder.path()).is_empty(), "before {crash:?}");
    }
}

#[test]
fn what_the_killed_left_goes_and_what_is_in_use_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("eeprom");
    let left = folder.path().join(".eeprom.0123456789abcdef.new");
    let in_use = folder.path().join(".eeprom.fedcba9876543210.new");
    let unlike = folder.path().join(".eeprom.mine.new");
    for path in [&left, &in_use, &unlike] {
        std::fs::write(path, "half").unwrap();
    }
    let writer = std::fs::File::open(&in_use).unwrap();
    writer.lock().unwrap();
    FileStore::open(&path, 4).unwrap();
    assert!(!left.exists() && in_use.exists() && unlike.exists());
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
    let rounds = std::env::var("NVMEM_TEST_KILLS").map_or(12, |count| count.parse().unwrap());
    for round in 0_usize..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "write_until_killed"])
            .env("NVMEM_TEST_STORE", &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let is_written = |line: &io::Result<String>| line.as_ref().unwrap().contains("written");
        for _ in 0..=round % 12 {
            assert!(lines.by_ref().any(|line| is_written(&line)));
        }
        // It is somewhere in the next write now; SIGKILL.
        for _ in 0..round % 12 * 4_000 {
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
        assert!(others(folder.path()).is_empty(), "swept in round {round}");
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
