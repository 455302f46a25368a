//! What the words of `$var` and `$scope` mean, however their writer ordered them.

/// A signal as a dump declares it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Declared {
    /// `wire`, `logic`, `string`, …; empty if that was left out.
    pub(crate) kind: String,
    /// How many bits it has.
    pub(crate) size: u64,
    /// The identifier by which changes name it.
    pub(crate) id: String,
    /// What it is called.
    pub(crate) name: String,
    /// Which bits of that it is, with its brackets; empty for all.
    pub(crate) index: String,
}

impl Declared {
    /// From the words between `$var` and `$end`: kind, size, identifier, name, and indices.
    ///
    /// # Errors
    /// A word is missing, or the size is none.
    pub(crate) fn of(words: &[String]) -> Result<Declared, String> {
        // Some leave the kind out; none begins with a digit.
        let has_kind = !words.first().is_some_and(|word| is_number(word));
        let (kind, rest) = words.split_at(usize::from(has_kind && !words.is_empty()));
        let [size, id, name @ ..] = rest else {
            return Err("`$var` needs a kind, a size, an identifier and a name".to_owned());
        };
        if !is_number(size) {
            return Err("`$var` has no size".to_owned());
        }
        // The index is the end of it that is in brackets, in one word or in several.
        let is_indexed = name.last().is_some_and(|word| word.ends_with(']'));
        let index = name.iter().skip(1).position(|word| word.starts_with('['));
        let begin = index.filter(|_| is_indexed).map_or(name.len(), |at| at + 1);
        let (name, index) = name.split_at(begin);
        Ok(Declared {
            kind: kind.concat(),
            // What is longer than any signal is certainly no line.
            size: size.parse().unwrap_or(u64::MAX),
            // PulseView's channels are called what their owner likes, with blanks in it.
            name: if name.is_empty() {
                id.clone()
            } else {
                name.join("_")
            },
            id: id.clone(),
            index: index.concat(),
        })
    }

    /// Whether it is a signal of one bit.
    pub(crate) fn is_line(&self) -> bool {
        const NO_BITS: [&str; 6] = [
            "string",
            "real",
            "realtime",
            "shortreal",
            "real_parameter",
            "sparray",
        ];
        self.size == 1 && !NO_BITS.contains(&self.kind.to_ascii_lowercase().as_str())
    }
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// The name of a scope from the words between `$scope` and `$end`: its kind, and the name, which may be
/// missing.
pub(super) fn scope(words: &[String]) -> String {
    const KINDS: [&str; 5] = ["module", "task", "function", "begin", "fork"];
    match words {
        [] => String::new(),
        [one] if KINDS.contains(&one.as_str()) => String::new(),
        [one] => one.clone(),
        [_, name @ ..] => name.join("_"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn of(text: &str) -> (String, String, u64) {
        let declared = Declared::of(&words(text)).unwrap();
        (declared.name, declared.index, declared.size)
    }

    #[test]
    fn names_and_indices_are_told_apart() {
        let wanted = |name: &str, index: &str, size| (name.to_owned(), index.to_owned(), size);
        assert_eq!(of("wire 1 ! clk"), wanted("clk", "", 1));
        assert_eq!(of("wire 1 ! my clk"), wanted("my_clk", "", 1));
        assert_eq!(of("wire 8 # d [7:0]"), wanted("d", "[7:0]", 8));
        assert_eq!(of("wire 8 # d [7 : 0]"), wanted("d", "[7:0]", 8));
        assert_eq!(of("wire 1 d two [1][2]"), wanted("two", "[1][2]", 1));
        assert_eq!(of("wire 1 d two [1] [2]"), wanted("two", "[1][2]", 1));
        assert_eq!(of("wire 1 d - D [3]"), wanted("-_D", "[3]", 1));
        assert_eq!(of("reg 4 % cnt[3:0]"), wanted("cnt[3:0]", "", 4));
        assert_eq!(of("wire 1 ! [0]"), wanted("[0]", "", 1));
        assert_eq!(of("1 ! clk"), wanted("clk", "", 1));
        assert_eq!(of("wire 1 !"), wanted("!", "", 1));
        assert_eq!(of("wire 99999999999999999999 ! a").2, u64::MAX);
        assert!(Declared::of(&words("wire")).is_err());
        assert!(Declared::of(&words("wire one ! a")).is_err());
        assert!(Declared::of(&[]).is_err());
    }

    #[test]
    fn reals_and_strings_are_no_lines() {
        let is_line = |text: &str| Declared::of(&words(text)).unwrap().is_line();
        assert!(is_line("wire 1 ! a") && is_line("made_up 1 ! a"));
        assert!(!is_line("real 1 ! a") && !is_line("string 1 ! a") && !is_line("wire 2 ! a"));
    }

    #[test]
    fn scopes_may_lack_anything() {
        let name = |text: &str| scope(&words(text));
        assert_eq!(name("module top"), "top");
        assert_eq!(name("vhdl_architecture my board"), "my_board");
        assert_eq!(
            (name(""), name("module"), name("top")),
            (String::new(), String::new(), "top".into())
        );
    }
}
