//! Judgements of facts, and how they are printed.

use super::State::{Fail, Ok, Warn};
use super::*;

fn states(findings: &[Finding]) -> Vec<State> {
    findings.iter().map(|finding| finding.state).collect()
}

#[test]
fn kernels_are_judged_by_what_they_have() {
    let releases = [
        "4.19.0",
        "5.13.0-generic",
        "5.14.0",
        "5.19.17-1",
        "6.5.13",
        "6.6.0",
        "6.12-rc1",
        "7.0",
    ];
    let findings = releases.map(kernel);
    assert_eq!(
        states(&findings),
        [Fail, Fail, Warn, Warn, Warn, Ok, Ok, Ok]
    );
    assert_eq!(kernel("exotic").state, Warn);
}

#[test]
fn facts_are_judged() {
    assert_eq!(
        notification(Some("kill_process trap user_notif allow\n")).state,
        Ok
    );
    assert_eq!(notification(Some("kill_process trap allow\n")).state, Fail);
    assert_eq!(notification(None).state, Warn);
    let scopes = [None, Some("0\n"), Some("1\n"), Some("2\n"), Some("3\n")];
    assert_eq!(states(&scopes.map(yama)), [Ok, Ok, Ok, Fail, Fail]);
    assert_eq!(memory(&["/nonexistent".into()]).state, Fail);
}

#[test]
fn surroundings_are_named() {
    let status = "Name:\tx\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n";
    let found = surroundings(&["Docker".into()], Some(status), "6.8.0").found;
    assert_eq!(
        found,
        "in a container (Docker), under 1 seccomp filter(s) already"
    );
    assert_eq!(
        surroundings(&[], None, "6.8.0").found,
        "no container, no seccomp filter"
    );
    assert_eq!(
        surroundings(&[], None, "5.15-microsoft-standard-WSL2").state,
        Warn
    );
}

#[test]
fn findings_are_lines_or_objects() {
    let findings = [
        Finding::ok("one", "good"),
        Finding::fail("two", "bad", "mend it"),
    ];
    let mut text = Vec::new();
    print(&findings, false, &mut text).unwrap();
    assert_eq!(text, b"ok    one: good\nFAIL  two: bad\n      mend it\n");
    let mut text = Vec::new();
    print(&findings[1..], true, &mut text).unwrap();
    let wanted =
        b"{\"check\":\"two\",\"state\":\"fail\",\"found\":\"bad\",\"advice\":\"mend it\"}\n";
    assert_eq!(text, wanted);
}
