//! What other writers put into the header of a value change dump, made what the parser takes.
//!
//! The parser of the crate `vcd` keeps to the standard; writers do not. [`readable`] rewrites the header
//! line by line, so that the numbers of lines stay what they are, and leaves all else alone. Used by
//! [`Wave`](super::wave::Wave).

use std::io::{self, BufRead, Cursor, Read as _};

use ::vcd::{ScopeType, VarType};

/// The deepest that scopes may lie in each other: the parser follows them by recursion.
const DEPTH_MAX: usize = 256;

/// The same dump with a header that the parser takes, and with a newline at its end: Wokwi forgets it at times.
///
/// # Errors
/// It cannot be read, or its scopes lie in each other too deeply.
pub(super) fn readable(mut from: impl BufRead) -> io::Result<impl BufRead> {
    let head = head(&mut from)?;
    Ok(Cursor::new(head).chain(from).chain(&b"\n"[..]))
}

/// The lines of the header, with whatever follows it on its last one.
fn head(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let (mut head, mut line) = (Vec::new(), Vec::new());
    let (mut is_begun, mut depth) = (false, 0_usize);
    loop {
        line.clear();
        if from.read_until(b'\n', &mut line)? == 0 {
            return Ok(head);
        }
        // What is not text will be refused by the parser, which says where.
        let text = std::str::from_utf8(&line).unwrap_or_default();
        depth = depth.saturating_add(text.matches("$scope").count());
        depth = depth.saturating_sub(text.matches("$upscope").count());
        if depth > DEPTH_MAX {
            return Err(io::Error::other("its scopes lie in each other too deeply"));
        }
        let is_last = text.contains("$enddefinitions");
        match rewritten(text, is_begun) {
            Some(text) => head.extend_from_slice(format!("{text}\n").as_bytes()),
            None => head.extend_from_slice(&line),
        }
        if is_last {
            return Ok(head);
        }
        is_begun |= text.trim_start().starts_with('$');
    }
}

/// What a line should be, if not what it is.
fn rewritten(line: &str, is_begun: bool) -> Option<String> {
    // sigrok-cli puts what it says to the user before what it writes.
    if !is_begun && line.starts_with("META ") {
        return Some(String::new());
    }
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    match words.as_slice() {
        ["$var", kind, size, code, name @ .., "$end"] => {
            let (index, name) = match name {
                [name @ .., index] if !name.is_empty() && index.starts_with('[') => (*index, name),
                name => ("", name),
            };
            let kind = if kind.parse::<VarType>().is_ok() {
                kind
            } else {
                "wire"
            };
            // PulseView's channels are called what their owner likes, with blanks in it.
            let name = name.join("_");
            is_one(&words).then(|| format!("$var {kind} {size} {code} {name} {index} $end"))
        }
        ["$scope", kind, name @ .., "$end"] if !name.is_empty() => {
            let kind = if kind.parse::<ScopeType>().is_ok() {
                kind
            } else {
                "module"
            };
            let name = name.join("_");
            is_one(&words).then(|| format!("$scope {kind} {name} $end"))
        }
        // What GTKWave's converters write down of languages.
        ["$attrbegin", .., "$end"] => is_one(&words).then(String::new),
        _ => None,
    }
}

/// Whether a line is one command.
fn is_one(words: &[&str]) -> bool {
    words.iter().filter(|word| **word == "$end").count() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        let mut all = String::new();
        readable(text.as_bytes())
            .unwrap()
            .read_to_string(&mut all)
            .unwrap();
        all
    }

    #[test]
    fn a_header_is_mended_and_keeps_its_lines() {
        let dump = "META samplerate: 1000\n$comment\nMETA is a word $end\n$timescale 1 ms $end\n\
                    $attrbegin misc 02 std_logic 1 $end\n$scope vhdl_architecture my board $end\n\
                    $var wire 1 ! my clock $end\n$var logic 8 \" bus [7:0] $end\n$upscope $end\n\
                    $enddefinitions $end #0 1!\n#1 $var wire 1 a b c $end";
        let wanted = "\n$comment\nMETA is a word $end\n$timescale 1 ms $end\n\n\
                      $scope module my_board $end\n$var wire 1 ! my_clock  $end\n\
                      $var wire 8 \" bus [7:0] $end\n$upscope $end\n\
                      $enddefinitions $end #0 1!\n#1 $var wire 1 a b c $end\n";
        assert_eq!(read(dump), wanted);
    }

    #[test]
    fn what_needs_no_mending_stays_what_it_is() {
        for text in ["", "hello\n", "$var wire 1 ! a $end $var wire 1 b b $end\n"] {
            assert_eq!(read(text), format!("{text}\n"));
        }
        let deep = "$scope module a $end\n".repeat(DEPTH_MAX + 1);
        assert!(readable(deep.as_bytes()).is_err());
    }
}
