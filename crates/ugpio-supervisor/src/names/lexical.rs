//! Paths as text: joining, and normalising without looking at any file system.
//!
//! Nothing here resolves a path. Lexical answers only decide whether a path *may* be virtual
//! ([`visits`]); what it names is decided by the walk in `path/walk.rs`, because `..` after a
//! symbolic link cannot be judged from the text. The key functions are [`normalize`], [`join`] and
//! [`components`]; the resolver and the shadow tree call them.

/// Longest file name of one component, in bytes (`NAME_MAX`).
pub(crate) const NAME_MAX: usize = 255;

/// Appends `rest` to the directory `base` with exactly one slash between.
pub(crate) fn join(base: &[u8], rest: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(base.len() + 1 + rest.len());
    path.extend_from_slice(base);
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(rest);
    path
}

/// The parts of a path between its slashes, empty ones left out.
pub(crate) fn components(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty())
}

/// The parent of a canonical absolute path; the root is its own parent.
pub(crate) fn parent(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|byte| *byte == b'/') {
        None | Some(0) => b"/",
        Some(slash) => &path[..slash],
    }
}

/// An absolute path with `.`, `..` and repeated slashes taken out of its text.
///
/// A `..` at the root stays at the root. A path that does not begin with a slash is read as if it
/// did.
pub(crate) fn normalize(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len() + 1);
    for part in components(path) {
        step(&mut out, part);
    }
    if out.is_empty() {
        out.push(b'/');
    }
    out
}

/// Whether any place that a lexical walk along `path` passes satisfies `test`.
///
/// `/sys/bus/gpio/../pci` passes `/sys/bus/gpio`: its text ends elsewhere, but where it really
/// ends depends on what is there.
pub(crate) fn visits(path: &[u8], mut test: impl FnMut(&[u8]) -> bool) -> bool {
    let mut at = Vec::with_capacity(path.len() + 1);
    components(path).any(|part| {
        step(&mut at, part);
        test(&at)
    })
}

/// What `path` is below `prefix`: `Some(b"")` for the prefix itself, otherwise a path that begins
/// with a slash; `None` if it lies elsewhere.
pub(crate) fn below<'a>(path: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let rest = path.strip_prefix(prefix)?;
    (rest.is_empty() || rest[0] == b'/').then_some(rest)
}

/// One lexical step; the root is the empty string here.
fn step(at: &mut Vec<u8>, part: &[u8]) {
    match part {
        b"." => {}
        b".." => at.truncate(at.iter().rposition(|byte| *byte == b'/').unwrap_or(0)),
        name => {
            at.push(b'/');
            at.extend_from_slice(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn normalising_known_paths() {
        for (path, expected) in [
            ("/", "/"),
            ("", "/"),
            ("//", "/"),
            ("/..", "/"),
            ("/../../dev", "/dev"),
            ("/dev/./gpiochip0", "/dev/gpiochip0"),
            ("/dev//gpiochip0/", "/dev/gpiochip0"),
            ("/tmp/../dev/gpiochip0", "/dev/gpiochip0"),
            ("/sys/bus/gpio/devices/..", "/sys/bus/gpio"),
            ("/...", "/..."),
        ] {
            assert_eq!(normalize(path.as_bytes()), expected.as_bytes(), "{path}");
        }
    }

    #[test]
    fn a_prefix_ends_at_a_component() {
        assert_eq!(below(b"/sys/bus/gpio", b"/sys/bus/gpio"), Some(&b""[..]));
        assert_eq!(
            below(b"/sys/bus/gpio/x", b"/sys/bus/gpio"),
            Some(&b"/x"[..])
        );
        assert_eq!(below(b"/sys/bus/gpios", b"/sys/bus/gpio"), None);
    }

    #[test]
    fn the_root_is_its_own_parent() {
        assert_eq!(parent(b"/a/b"), b"/a");
        assert_eq!(parent(b"/a"), b"/");
        assert_eq!(parent(b"/"), b"/");
    }

    #[test]
    fn passing_through_counts_as_a_visit() {
        let gpio = |at: &[u8]| at == b"/sys/bus/gpio";
        assert!(visits(b"/sys/bus/gpio/../pci", gpio));
        assert!(visits(b"/x/../sys/bus//gpio", gpio));
        assert!(!visits(b"/sys/bus/../gpio", gpio));
    }

    /// The same rule, spelled with a stack of names.
    fn naive(path: &str) -> String {
        let mut stack = Vec::new();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(stack.pop()),
                name => stack.push(name),
            }
        }
        format!("/{}", stack.join("/"))
    }

    proptest! {
        #[test]
        fn normalising_agrees_with_a_stack(path in "/?([a-c.]{0,3}/{0,2}){0,8}") {
            let normal = normalize(path.as_bytes());
            prop_assert_eq!(&normal, &naive(&path).into_bytes());
            prop_assert_eq!(&normalize(&normal), &normal);
        }

        #[test]
        fn normalising_any_bytes_gives_a_clean_absolute_path(path in proptest::collection::vec(any::<u8>(), 0..64)) {
            let normal = normalize(&path);
            prop_assert_eq!(normal[0], b'/');
            prop_assert!(components(&normal).all(|part| part != b"." && part != b".."));
            prop_assert!(!normal.windows(2).any(|pair| pair == b"//"));
        }

        #[test]
        fn the_end_of_a_path_is_visited(path in "/?([a-c.]{0,3}/{0,2}){1,8}") {
            let end = normalize(path.as_bytes());
            prop_assume!(end != b"/");
            prop_assert!(visits(path.as_bytes(), |at| at == end));
        }
    }
}
