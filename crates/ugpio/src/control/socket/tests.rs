//! Sockets: who gets one, who is found, what is cleaned up.

use std::os::unix::net::UnixListener;

use super::*;

fn temp() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn bind_path(path: &Path) -> Result<Bound, SocketError> {
    bind(Some(path), Path::new("/nonexistent"))
}

/// A socket on which nobody listens any more.
fn dead(path: &Path) {
    drop(UnixListener::bind(path).unwrap());
    assert!(path.exists());
}

#[test]
fn a_socket_is_private_and_goes_with_its_owner() {
    let base = temp();
    let dir = base.path().join("ugpio");
    let bound = bind(None, &dir).unwrap();
    assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(bound.path()).unwrap().mode() & 0o777, 0o600);
    UnixStream::connect(bound.path()).unwrap();
    let path = bound.path().to_path_buf();
    drop(bound);
    assert!(!path.exists());
}

#[test]
fn a_socket_that_was_left_to_another_process_stays() {
    let base = temp();
    let path = base.path().join("s");
    let bound = bind_path(&path).unwrap();
    let other = bound.listener().unwrap();
    bound.leave();
    UnixStream::connect(path).unwrap();
    drop(other);
}

#[test]
fn a_taken_path_is_refused_and_a_dead_one_is_used_again() {
    let base = temp();
    let path = base.path().join("s");
    let first = bind_path(&path).unwrap();
    let error = bind_path(&path).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "control socket {}: taken, another run listens there",
            path.display()
        )
    );
    drop(first);
    dead(&path);
    bind_path(&path).unwrap();
}

#[test]
fn a_file_is_never_replaced() {
    let base = temp();
    let path = base.path().join("s");
    fs::write(&path, "precious").unwrap();
    let error = bind_path(&path).unwrap_err().to_string();
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
    let error = bind_path(Path::new("/nonexistent/s"))
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "control socket /nonexistent/s: no such file or directory"
    );
    let base = temp();
    let long = base.path().join("x".repeat(120));
    let error = bind_path(&long).unwrap_err().to_string();
    assert!(
        error.ends_with(": the path is too long for a socket"),
        "{error}"
    );
}

#[test]
fn a_directory_that_others_can_use_is_refused() {
    let dir = temp();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let error = bind(None, dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("not a directory of mode 0700 that belongs to uid"),
        "{error}"
    );
}

#[test]
fn two_runs_with_one_number_get_two_names() {
    let base = temp();
    let dir = base.path().join("ugpio");
    let first = bind(None, &dir).unwrap();
    let second = bind(None, &dir).unwrap();
    assert_ne!(first.path(), second.path());
}

#[test]
fn the_variable_comes_first_then_the_option_then_the_only_run() {
    let base = temp();
    let dir = base.path().join("ugpio");
    let found = |variable: Option<&str>, option: Option<&str>| {
        let option = option.map(Path::new);
        find(
            variable.map(OsStr::new),
            option,
            core::slice::from_ref(&dir),
        )
        .map_err(|e| e.to_string())
    };
    assert_eq!(found(Some("/a"), Some("/b")).unwrap(), Path::new("/a"));
    assert_eq!(found(None, Some("/b")).unwrap(), Path::new("/b"));
    assert_eq!(found(Some(""), Some("/b")).unwrap(), Path::new("/b"));
    assert!(
        found(None, None)
            .unwrap_err()
            .starts_with("no run of yours is going")
    );

    let first = bind(None, &dir).unwrap();
    dead(&dir.join("9.sock"));
    assert_eq!(found(None, None).unwrap(), first.path());
    assert!(
        !dir.join("9.sock").exists(),
        "what a dead run left is removed"
    );

    let second = bind(None, &dir).unwrap();
    let several = found(None, None).unwrap_err();
    let lines: Vec<&str> = several.lines().collect();
    assert_eq!(
        lines[0],
        "several runs are going: choose one with --socket PATH"
    );
    for bound in [&first, &second] {
        assert!(
            lines.contains(&format!("  {}", bound.path().display()).as_str()),
            "{several}"
        );
    }
}

#[test]
fn the_directory_follows_the_environment() {
    let shared = ["/tmp/ugpio-7", "/dev/shm/ugpio-7", "/var/tmp/ugpio-7"].map(PathBuf::from);
    let base = temp();
    let places = places_of(Some(base.path().as_os_str()), 7);
    assert_eq!(places[0], base.path().join("ugpio"));
    assert_eq!(places[1..], shared);
    let long = base.path().join("x".repeat(80));
    fs::create_dir(&long).unwrap();
    for unusable in ["", "relative", "/nonexistent", long.to_str().unwrap()] {
        assert_eq!(
            places_of(Some(OsStr::new(unusable)), 7),
            shared,
            "{unusable}"
        );
    }
    assert_eq!(places_of(None, 7), shared);
}

/// What another user, or a mistake, has put where the directory should be.
#[test]
fn a_place_that_is_taken_is_passed_by_and_runs_there_are_found() {
    let base = temp();
    let uid = rustix::process::geteuid().as_raw();
    let place = base.path().join(format!("ugpio-{uid}"));
    let obstacles: [&dyn Fn(); 3] = [
        &|| fs::write(&place, "").unwrap(),
        &|| std::os::unix::fs::symlink(base.path(), &place).unwrap(),
        &|| {
            fs::create_dir(&place).unwrap();
            fs::set_permissions(&place, fs::Permissions::from_mode(0o777)).unwrap();
        },
    ];
    for obstacle in obstacles {
        obstacle();
        let places = [PathBuf::from("/nonexistent/ugpio"), place.clone()];
        let chosen = directory_among(&places);
        assert_ne!(chosen, place);
        assert!(chosen.starts_with(base.path()), "{}", chosen.display());
        let bound = bind(None, &chosen).unwrap();
        let found = find(None, None, &directories_among(&places)).unwrap();
        assert_eq!(found, bound.path());
        drop(bound);
        fs::remove_dir(&chosen).unwrap();
        let _ = fs::remove_file(&place);
    }
    fs::remove_dir(&place).unwrap();
    let next = [PathBuf::from("/nonexistent/ugpio"), place.clone()];
    assert_eq!(directory_among(&next), place, "made");
    assert_eq!(
        directory_among(&next[..1]),
        next[0],
        "the reason is that of the first"
    );
}
