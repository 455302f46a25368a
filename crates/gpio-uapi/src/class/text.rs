//! Texts as the files of the class take them.
// KERNEL: lib/kstrtox.c kstrtol; lib/string_helpers.c sysfs_streq (v6.12)

use gpiolib::{Edges, Errno};

/// The text up to its first NUL, without one newline behind it.
pub(super) fn word(text: &[u8]) -> &[u8] {
    let text = text.split(|byte| *byte == 0).next().unwrap_or(text);
    text.strip_suffix(b"\n").unwrap_or(text)
}

/// A number with a sign or none: decimal, octal or hexadecimal by its prefix.
pub(super) fn number(text: &[u8]) -> Result<i64, Errno> {
    let text = word(text);
    let (is_negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let (base, digits) = match text {
        [b'0', b'x' | b'X', first, ..] if first.is_ascii_hexdigit() => (16, &text[2..]),
        [b'0', ..] => (8, text),
        _ => (10, text),
    };
    if digits.is_empty() {
        return Err(Errno::EINVAL);
    }
    let mut value: Option<i64> = Some(0);
    for byte in digits {
        let digit = char::from(*byte).to_digit(base).ok_or(Errno::EINVAL)?;
        value = value.and_then(|value| {
            let value = value.checked_mul(i64::from(base))?;
            value.checked_add(i64::from(digit))
        });
    }
    let value = value.ok_or(Errno::ERANGE)?;
    Ok(if is_negative { -value } else { value })
}

/// A number of 32 bits without a minus sign, written as for [`number`].
pub(super) fn unsigned(text: &[u8]) -> Result<u32, Errno> {
    if text.first() == Some(&b'-') {
        return Err(Errno::EINVAL);
    }
    u32::try_from(number(text)?).map_err(|_| Errno::ERANGE)
}

const EDGES: [(&str, Edges); 4] = [
    ("none", Edges::NONE),
    (
        "falling",
        Edges {
            rising: false,
            falling: true,
        },
    ),
    (
        "rising",
        Edges {
            rising: true,
            falling: false,
        },
    ),
    ("both", Edges::BOTH),
];

/// The edges that a word means.
pub(super) fn edges(text: &[u8]) -> Result<Edges, Errno> {
    let word = word(text);
    let meant = EDGES.iter().find(|(name, _)| name.as_bytes() == word);
    meant.map(|(_, edges)| *edges).ok_or(Errno::EINVAL)
}

/// The word for some edges.
pub(super) fn edges_name(edges: Edges) -> &'static str {
    let named = EDGES.iter().find(|(_, meant)| *meant == edges);
    named.map_or("none", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_the_kernel_reads_them() {
        for (text, expected) in [
            (&b"512"[..], Ok(512)),
            (b"512\n", Ok(512)),
            (b"0x200", Ok(512)),
            (b"01000", Ok(512)),
            (b"+1", Ok(1)),
            (b"-1\n", Ok(-1)),
            (b"0", Ok(0)),
            (b"1\0x", Ok(1)),
            (b"", Err(Errno::EINVAL)),
            (b"\n", Err(Errno::EINVAL)),
            (b"-", Err(Errno::EINVAL)),
            (b" 1", Err(Errno::EINVAL)),
            (b"1 ", Err(Errno::EINVAL)),
            (b"1\n\n", Err(Errno::EINVAL)),
            (b"0x", Err(Errno::EINVAL)),
            (b"08", Err(Errno::EINVAL)),
            (b"99999999999999999999", Err(Errno::ERANGE)),
        ] {
            assert_eq!(number(text), expected, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn unsigned_numbers_have_32_bits() {
        for (text, expected) in [
            (&b"3"[..], Ok(3)),
            (b"0x3\n", Ok(3)),
            (b"01", Ok(1)),
            (b"+1", Ok(1)),
            (b"4294967295", Ok(u32::MAX)),
            (b"4294967296", Err(Errno::ERANGE)),
            (b"99999999999", Err(Errno::ERANGE)),
            (b"-1", Err(Errno::EINVAL)),
            (b"-0", Err(Errno::EINVAL)),
            (b"", Err(Errno::EINVAL)),
            (b"1x", Err(Errno::EINVAL)),
            (b" 1", Err(Errno::EINVAL)),
        ] {
            assert_eq!(unsigned(text), expected, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn edges_by_their_words() {
        for (name, meant) in EDGES {
            assert_eq!(edges(name.as_bytes()), Ok(meant));
            assert_eq!(edges_name(meant), name);
        }
        assert_eq!(edges(b"both\n"), Ok(Edges::BOTH));
        for wrong in [&b"Both"[..], b"both ", b"", b"both\n\n", b"change"] {
            assert_eq!(edges(wrong), Err(Errno::EINVAL), "{}", wrong.escape_ascii());
        }
    }
}
