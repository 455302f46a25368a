//! Many processes under one run leave nothing behind.

use std::io::Write;

use crate::support::{Running, children, eventually, scaled, script};

/// The supervisor's open descriptors and threads, once it is quiet.
fn held(run: &Running) -> (usize, usize) {
    let supervisor = run.supervisor();
    eventually("the orphans are reaped", || {
        children(supervisor.pid).len() == 1
    });
    let count = |what: &str| {
        std::fs::read_dir(format!("/proc/{}/{what}", supervisor.pid.as_raw_nonzero()))
            .unwrap()
            .count()
    };
    (count("fd"), count("task"))
}

fn runs_without_leaks(round: &str) {
    let mut run = Running::start(script(&format!(
        "while read x; do {round}; echo done; done"
    )));
    let mut step = || {
        run.input.as_mut().unwrap().write_all(b"\n").unwrap();
        assert_eq!(run.line(), "done");
        held(&run)
    };
    let (fds, threads) = step();
    // What answered last may still be cleared away; where a call took long, a thread that stood in for
    // another goes with one of the next calls.
    eventually("no more is held than before", || {
        let now = step();
        now.0 <= fds && now.1 <= threads
    });
    run.input.take();
    assert!(run.child.wait().unwrap().success());
}

#[test]
fn a_thousand_processes_one_after_another() {
    let count = scaled(500);
    runs_without_leaks(&format!(
        "i=0; while [ $i -lt {count} ]; do /bin/true; i=$((i+1)); done"
    ));
}

#[test]
fn a_hundred_processes_at_once() {
    let count = scaled(100);
    runs_without_leaks(&format!(
        "i=0; while [ $i -lt {count} ]; do ls / >/dev/null & i=$((i+1)); done; wait"
    ));
}
