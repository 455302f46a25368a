//! Sockets: who gets one, who is found, what is cleaned up.

use std::os::unix::net::UnixListener;

use super::*;

fn temp() -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let dir = std::env::temp_dir().join(format!("ugpio-socket-{}-{n}", std::process::id()));
    fs::create_dir(&dir).unwrap();
    dir
}

/// A socket on which nobody listens any more.
fn dead(path: &Path) {
    drop(UnixListener::bind(path).unwrap());
    assert!(path.exists());
}

#[test]
fn a_socket_is_private_and_goes_with_its_owner() {
    let dir = temp().join("ugpio");
    let bound = bind(None, std::slice::from_ref(&dir)).unwrap();
    assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(bound.path()).unwrap().mode() & 0o777, 0o600);
    UnixStream::connect(bound.path()).unwrap();
    let path = bound.path().to_path_buf();
    drop(bound);
    assert!(!path.exists());
}

#[test]
fn a_socket_that_was_left_to_another_process_stays() {
    let dir = temp();
    let bound = bind(Some(&dir.join("s")), &[]).unwrap();
    let other = bound.listener().unwrap();
    bound.leave();
    UnixStream::connect(dir.join("s")).unwrap();
    drop(other);
}

#[test]
fn a_taken_path_is_refused_and_a_dead_one_is_used_again() {
    let path = temp().join("s");
    let first = bind(Some(&path), &[]).unwrap();
    let error = bind(Some(&path), &[]).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "control socket {}: taken, another run listens there",
            path.display()
        )
    );
    drop(first);
    dead(&path);
    bind(Some(&path), &[]).unwrap();
}

#[test]
fn a_file_is_never_replaced() {
    let path = temp().join("s");
    fs::write(&path, "precious").unwrap();
    let error = bind(Some(&path), &[]).unwrap_err().to_string();
    let wanted = format!(
        "control socket {}: taken by something that is not a socket",
        path.display()
    );
    assert_eq!(error, wanted);
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    assert_eq!(
        fs::read_dir(path.parent().unwrap()).unwrap().count(),
        1,
        "nothing is left over"
    );
}

#[test]
fn a_path_that_cannot_be_is_one_clear_line() {
    let error = bind(Some(Path::new("/nonexistent/s")), &[])
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "control socket /nonexistent/s: no such file or directory"
    );
    let long = temp().join("x".repeat(120));
    let error = bind(Some(&long), &[]).unwrap_err().to_string();
    assert!(
        error.ends_with(": the path is too long for a socket"),
        "{error}"
    );
}

#[test]
fn a_directory_that_others_can_use_is_passed_over() {
    let dirs = [temp(), temp().join("ok")];
    fs::set_permissions(&dirs[0], fs::Permissions::from_mode(0o755)).unwrap();
    let bound = bind(None, &dirs).unwrap();
    assert!(bound.path().starts_with(&dirs[1]));
    let error = bind(None, &dirs[..1]).unwrap_err().to_string();
    assert!(
        error.contains("not a directory of mode 0700 that belongs to uid"),
        "{error}"
    );
}

#[test]
fn two_runs_with_one_number_get_two_names() {
    let dirs = [temp().join("d")];
    let first = bind(None, &dirs).unwrap();
    let second = bind(None, &dirs).unwrap();
    assert_ne!(first.path(), second.path());
}

#[test]
fn the_variable_comes_first_then_the_option_then_the_only_run() {
    let dirs = [temp().join("d"), temp().join("e")];
    let found = |variable: Option<&str>, option: Option<&str>| {
        find(variable.map(OsStr::new), option.map(Path::new), &dirs).map_err(|e| e.to_string())
    };
    assert_eq!(found(Some("/a"), Some("/b")).unwrap(), Path::new("/a"));
    assert_eq!(found(None, Some("/b")).unwrap(), Path::new("/b"));
    assert_eq!(found(Some(""), Some("/b")).unwrap(), Path::new("/b"));
    assert!(
        found(None, None)
            .unwrap_err()
            .starts_with("no run of yours is going")
    );

    let first = bind(None, &dirs[..1]).unwrap();
    dead(&dirs[0].join("9.sock"));
    assert_eq!(found(None, None).unwrap(), first.path());
    assert!(
        !dirs[0].join("9.sock").exists(),
        "what a dead run left is removed"
    );

    let second = bind(None, &dirs[1..]).unwrap();
    let several = found(None, None).unwrap_err();
    let wanted = format!(
        "several runs are going: choose one with --socket PATH\n  {}\n  {}",
        first.path().display(),
        second.path().display()
    );
    assert_eq!(several, wanted);
}

#[test]
fn the_directories_follow_the_environment() {
    let tmp = PathBuf::from("/tmp/ugpio-7");
    let slice = std::slice::from_ref;
    let runtime = |dir: &str| directories_of(Some(OsStr::new(dir)), 7);
    assert_eq!(
        runtime("/run/user/7"),
        [PathBuf::from("/run/user/7/ugpio"), tmp.clone()]
    );
    assert_eq!(runtime("relative"), slice(&tmp));
    assert_eq!(runtime(""), slice(&tmp));
    assert_eq!(directories_of(None, 7), [tmp]);
}
