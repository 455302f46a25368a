//! Texts as attributes take them: words, numbers and booleans, by Linux's rules of parsing.
// KERNEL: lib/kstrtox.c kstrtobool, kstrtouint; lib/string_helpers.c sysfs_streq (v6.12)

use gpiolib::Errno;

/// The text up to its first NUL: all that C sees.
fn c_string(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or(text)
}

fn is_blank(byte: u8) -> bool {
    // KERNEL: lib/ctype.c (v6.12): isspace counts the no-break space of Latin-1 too
    matches!(byte, b'\t'..=b'\r' | b' ' | 0xa0)
}

/// The text without blanks at either end.
pub(super) fn trim(text: &[u8]) -> &[u8] {
    let text = c_string(text);
    let start = text
        .iter()
        .position(|byte| !is_blank(*byte))
        .unwrap_or(text.len());
    let end = text
        .iter()
        .rposition(|byte| !is_blank(*byte))
        .map_or(start, |last| last + 1);
    &text[start..end]
}

/// Whether the text is this word, with or without a newline behind it.
pub(super) fn is_word(text: &[u8], word: &[u8]) -> bool {
    let text = c_string(text);
    text.strip_suffix(b"\n").unwrap_or(text) == word
}

/// A yes or no, judged by its first letter, or two.
pub(super) fn boolean(text: &[u8]) -> Result<bool, Errno> {
    match text {
        [b'y' | b'Y' | b't' | b'T' | b'1', ..] | [b'o' | b'O', b'n' | b'N', ..] => Ok(true),
        [b'n' | b'N' | b'f' | b'F' | b'0', ..] | [b'o' | b'O', b'f' | b'F', ..] => Ok(false),
        _ => Err(Errno::EINVAL),
    }
}

/// A number, decimal, octal or hexadecimal by its prefix.
pub(super) fn unsigned(text: &[u8]) -> Result<u32, Errno> {
    let text = c_string(text);
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let (base, digits) = match text {
        [b'0', b'x' | b'X', first, ..] if first.is_ascii_hexdigit() => (16, &text[2..]),
        [b'0', ..] => (8, text),
        _ => (10, text),
    };
    if digits.is_empty() {
        return Err(Errno::EINVAL);
    }
    let digit = |byte: &u8| char::from(*byte).to_digit(base).ok_or(Errno::EINVAL);
    let mut value: Option<u32> = Some(0);
    for byte in digits {
        let digit = digit(byte)?;
        value = value.and_then(|value| value.checked_mul(base)?.checked_add(digit));
    }
    value.ok_or(Errno::ERANGE)
}

/// The offset in `line<offset>`. Blanks and zeros before the number are skipped.
pub(super) fn line_offset(name: &[u8]) -> Result<u32, Errno> {
    let rest = name.strip_prefix(b"line").ok_or(Errno::EINVAL)?;
    let start = rest
        .iter()
        .position(|byte| !is_blank(*byte))
        .ok_or(Errno::EINVAL)?;
    let digits = &rest[start..];
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(Errno::EINVAL);
    }
    // KERNEL: lib/vsprintf.c vsscanf %u (v6.12): what does not fit is cut to 32 bits.
    // DIFFERS: here it is no name of a line.
    let text = core::str::from_utf8(digits).map_err(|_| Errno::EINVAL)?;
    text.parse().map_err(|_| Errno::EINVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (text, expected) in [
            (&b"8"[..], Ok(8)),
            (b"8\n", Ok(8)),
            (b"8\0", Ok(8)),
            (b"8\0rubbish", Ok(8)),
            (b"+8", Ok(8)),
            (b"0x10", Ok(16)),
            (b"0X1f\n", Ok(31)),
            (b"010", Ok(8)),
            (b"0", Ok(0)),
            (b"4294967295", Ok(u32::MAX)),
            (b"4294967296", Err(Errno::ERANGE)),
            (b"99999999999999999999", Err(Errno::ERANGE)),
            (b"99999999999999999999x", Err(Errno::EINVAL)),
            (b"8x", Err(Errno::EINVAL)),
            (b" 9", Err(Errno::EINVAL)),
            (b"9\n\n", Err(Errno::EINVAL)),
            (b"08", Err(Errno::EINVAL)),
            (b"0x", Err(Errno::EINVAL)),
            (b"-1", Err(Errno::EINVAL)),
            (b"x", Err(Errno::EINVAL)),
            (b"\n", Err(Errno::EINVAL)),
            (b"", Err(Errno::EINVAL)),
            (b"\0", Err(Errno::EINVAL)),
        ] {
            assert_eq!(unsigned(text), expected, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn booleans() {
        for yes in [
            "1",
            "1\n",
            "y",
            "Y",
            "true",
            "on",
            "ON",
            "t",
            "1abc",
            "yes please",
        ] {
            assert_eq!(boolean(yes.as_bytes()), Ok(true), "{yes}");
        }
        for no in ["0", "n", "no", "off", "oF", "f", "N\n", "0\0"] {
            assert_eq!(boolean(no.as_bytes()), Ok(false), "{no}");
        }
        for neither in ["2", "x", "o", "oz", " 1", "\n", "-1", "\0", ""] {
            assert_eq!(boolean(neither.as_bytes()), Err(Errno::EINVAL), "{neither}");
        }
    }

    #[test]
    fn names_of_lines() {
        for (name, offset) in [
            ("line0", 0),
            ("line7", 7),
            ("line007", 7),
            ("line 7", 7),
            ("line99999", 99999),
        ] {
            assert_eq!(line_offset(name.as_bytes()), Ok(offset), "{name}");
        }
        for name in [
            "line", "linex", "line1x", "Line1", "line-1", "x0", "hog", "line+1", "line0x2",
            "line1 ",
        ] {
            assert_eq!(line_offset(name.as_bytes()), Err(Errno::EINVAL), "{name}");
        }
    }

    #[test]
    fn trimming_ends_at_a_nul() {
        assert_eq!(trim(b"  in the  middle \n"), b"in the  middle");
        assert_eq!(trim(b"foobar\0"), b"foobar");
        assert_eq!(trim(b"\0"), b"");
        assert_eq!(trim(b" \n"), b"");
        assert_eq!(trim(b"a \0 b"), b"a");
    }

    #[test]
    fn words_may_end_in_one_newline() {
        assert!(is_word(b"input", b"input") && is_word(b"input\n", b"input"));
        assert!(is_word(b"input\0", b"input") && is_word(b"input\n\0", b"input"));
        for other in [
            &b"input\n\n"[..],
            b"input ",
            b" input",
            b"Input",
            b"",
            b"\n",
        ] {
            assert!(!is_word(other, b"input"), "{}", other.escape_ascii());
        }
    }
}
