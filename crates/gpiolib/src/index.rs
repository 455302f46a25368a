//! Look-up by text: from a line's name, or a chip's label, to the first place that carries it.
//!
//! An [`Index`] is a hash table from text to [`Place`], so a look-up costs the same among ten names
//! and among a million. Texts need not be unique: the first place by id and offset is the one in
//! the table, the others wait in a side table until they are first. Kept by the registry, under its
//! lock.

use alloc::collections::{BTreeMap, BTreeSet};
use core::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable, hash_table};

use crate::{Name, Offset};

/// A line of a registered device; ordered by id, then offset.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Place {
    pub(crate) id: u32,
    pub(crate) offset: Offset,
}

/// One text and the first place that carries it.
struct Entry {
    text: Text,
    first: Place,
}

/// A text. A short one lies in the table itself, so that a look-up in a big one waits for memory
/// once and not twice.
enum Text {
    Short { len: u8, bytes: [u8; Text::SHORT] },
    Long(Name),
}

const _: () = assert!(size_of::<Entry>() <= 32, "two entries share a cache line");

impl Text {
    const SHORT: usize = 22;

    fn new(name: &Name) -> Self {
        let text = name.as_bytes();
        let mut bytes = [0; Self::SHORT];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(text);
                Self::Short { len, bytes }
            }
            _ => Self::Long(name.clone()),
        }
    }

    #[inline]
    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Self::Long(name) => name.as_bytes(),
        }
    }
}

/// A table of texts.
#[derive(Default)]
pub(crate) struct Index {
    table: HashTable<Entry>,
    hasher: DefaultHashBuilder,
    /// The places of a text that are not its first; only texts that have some.
    others: BTreeMap<Name, BTreeSet<Place>>,
}

impl Index {
    /// The first place that carries this text.
    #[inline]
    pub(crate) fn first(&self, text: &[u8]) -> Option<Place> {
        let hash = self.hasher.hash_one(text);
        self.table
            .find(hash, |entry| entry.text.as_bytes() == text)
            .map(|entry| entry.first)
    }

    /// Adds a place that carries this text.
    pub(crate) fn insert(&mut self, text: &Name, place: Place) {
        let Self {
            table,
            hasher,
            others,
        } = self;
        let hash = hasher.hash_one(text.as_bytes());
        let rehash = |entry: &Entry| hasher.hash_one(entry.text.as_bytes());
        match table.entry(
            hash,
            |entry| entry.text.as_bytes() == text.as_bytes(),
            rehash,
        ) {
            hash_table::Entry::Vacant(vacant) => {
                vacant.insert(Entry {
                    text: Text::new(text),
                    first: place,
                });
            }
            hash_table::Entry::Occupied(mut occupied) => {
                let entry = occupied.get_mut();
                let later = place.max(entry.first);
                entry.first = place.min(entry.first);
                others.entry(text.clone()).or_default().insert(later);
            }
        }
    }

    /// Forgets a place that carries this text.
    pub(crate) fn remove(&mut self, text: &Name, place: Place) {
        let hash = self.hasher.hash_one(text.as_bytes());
        let Ok(mut entry) = self
            .table
            .find_entry(hash, |entry| entry.text.as_bytes() == text.as_bytes())
        else {
            return;
        };
        if entry.get().first != place {
            if let Some(others) = self.others.get_mut(text) {
                others.remove(&place);
            }
        } else if let Some(next) = self.others.get_mut(text).and_then(BTreeSet::pop_first) {
            entry.get_mut().first = next;
        } else {
            entry.remove();
        }
        if self.others.get(text).is_some_and(BTreeSet::is_empty) {
            self.others.remove(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(id: u32, offset: u32) -> Place {
        let offset = Offset::new(offset);
        Place { id, offset }
    }

    #[test]
    fn the_first_place_wins_whatever_came_first() {
        for text in [
            "LED",
            "",
            "exactly-22-bytes-long!",
            "a-name-of-more-than-22-bytes",
        ] {
            first_place_wins(&Name::from(text));
        }
    }

    fn first_place_wins(name: &Name) {
        let mut index = Index::default();
        for at in [place(3, 0), place(1, 7), place(1, 2), place(2, 0)] {
            index.insert(name, at);
        }
        assert_eq!(index.first(name.as_bytes()), Some(place(1, 2)));
        index.remove(name, place(2, 0));
        index.remove(name, place(1, 2));
        assert_eq!(index.first(name.as_bytes()), Some(place(1, 7)));
        index.remove(name, place(1, 7));
        assert_eq!(index.first(name.as_bytes()), Some(place(3, 0)));
        assert!(index.others.is_empty());
        index.remove(name, place(9, 9));
        index.remove(name, place(3, 0));
        assert_eq!(index.first(name.as_bytes()), None);
        assert!(index.table.is_empty());
    }
}
