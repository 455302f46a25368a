//! What paths say by their letters: [`lexical`] takes them apart, [`owned`] knows which are the board's.

pub(crate) mod lexical;
pub(crate) mod owned;
