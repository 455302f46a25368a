//! Counts in words for people: `1 line`, `2 lines`.

use std::fmt::Display;

/// So many of something whose plural takes an s.
pub(crate) fn counted<N: Display + From<u8> + PartialEq>(count: N, one: &str) -> String {
    match count == N::from(1) {
        true => format!("{count} {one}"),
        false => format!("{count} {one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_is_no_plural() {
        assert_eq!(counted(0_u32, "line"), "0 lines");
        assert_eq!(counted(1_usize, "line"), "1 line");
        assert_eq!(counted(2_u64, "line"), "2 lines");
    }
}
