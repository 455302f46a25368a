//! The gpio-sim control tree of a run: `gpio_sim::tree` joined to the chips that control sees too.
//!
//! [`SimTree`] is what the supervisor asks when a program makes directories or writes to attributes.
//! Chips that come about that way are plugged in beside those of the board and are the same to
//! `ugpio ctl`. [`Lines`] are the simulated lines for `pull` and `value`, of all chips.
//!
//! Lock order: the tree, the chips, and then the table of lines, which is never held while a chip is
//! asked to do something.

mod fault;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use gpio_sim::tree::{Attribute, Host, Kind, PluggedChip, Tree as Model, line};
use gpio_sim::{Bank, Observer, SimChip};
use gpiolib::{Offset, Timestamp};
use rustix::io::Errno;
use ugpio_supervisor::tree::{ControlTree, Entry, LineAt, Mounted, SimAttribute, Token};

use crate::control::plugged::Shared;
use crate::control::server;

/// The tree of one run.
#[derive(Debug)]
pub(crate) struct SimTree {
    model: Mutex<Model>,
    plugged: Shared,
    lines: Arc<Lines>,
}

impl SimTree {
    /// An empty tree that plugs its chips in beside these, with the attributes of their release.
    pub(crate) fn new(plugged: Shared) -> SimTree {
        let (lines, release) = {
            let plugged = plugged.borrow();
            (Arc::clone(plugged.lines()), plugged.release())
        };
        SimTree {
            model: Mutex::new(Model::new(release)),
            plugged,
            lines,
        }
    }

    fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slots(&self) -> Slots<'_> {
        Slots {
            plugged: &self.plugged,
            now: server::now(),
        }
    }
}

impl ControlTree for SimTree {
    fn mkdir(&self, path: &[&[u8]]) -> Result<Vec<Entry>, Errno> {
        let kinds = self.model().mkdir(path, &mut self.slots()).map_err(errno)?;
        let entry = |kind: &Kind| Entry {
            name: kind.name(),
            mode: kind.mode(),
        };
        Ok(kinds.iter().map(entry).collect())
    }

    fn rmdir(&self, path: &[&[u8]]) -> Result<(), Errno> {
        self.model().rmdir(path, &mut self.slots()).map_err(errno)
    }

    fn find(&self, path: &[&[u8]]) -> Option<Token> {
        self.model().find(path).map(token)
    }

    fn faults(&self, chip: u32) -> Option<Token> {
        self.plugged.borrow().tag_of(chip).map(fault::token)
    }

    fn show(&self, attribute: Token) -> Result<Vec<u8>, Errno> {
        if let Some(tag) = fault::tag(attribute) {
            return fault::show(&self.plugged, tag);
        }
        let attribute = attribute_of(attribute).ok_or(Errno::NOENT)?;
        self.model().show(attribute, &self.slots()).map_err(errno)
    }

    fn store(&self, attribute: Token, text: &[u8]) -> Result<usize, Errno> {
        if let Some(tag) = fault::tag(attribute) {
            return fault::store(&self.plugged, tag, text);
        }
        let attribute = attribute_of(attribute).ok_or(Errno::NOENT)?;
        self.model()
            .store(attribute, text, &mut self.slots())
            .map_err(errno)
    }

    fn show_line(&self, at: LineAt, file: SimAttribute) -> Result<Vec<u8>, Errno> {
        let chip = self.lines.chip(at.chip).ok_or(Errno::NODEV)?;
        let line = chip
            .line(Offset::new(at.offset))
            .map_err(|_| Errno::NODEV)?;
        Ok(file_of(file).show(&line).to_vec())
    }

    fn store_line(&self, at: LineAt, file: SimAttribute, text: &[u8]) -> Result<usize, Errno> {
        let chip = self.lines.chip(at.chip).ok_or(Errno::NODEV)?;
        let text = text.get(..line::STORE_MAX).unwrap_or(text);
        if let Some(pull) = file_of(file).parse(text).map_err(errno)? {
            chip.apply_pull(Offset::new(at.offset), pull, server::now())
                .map_err(|_| Errno::NODEV)?;
        }
        Ok(text.len())
    }
}

/// Where the tree's chips are plugged in.
struct Slots<'a> {
    plugged: &'a Shared,
    now: Timestamp,
}

impl Host for Slots<'_> {
    fn take_platform_id(&mut self) -> u32 {
        self.plugged.borrow_mut().take_platform_id()
    }

    fn free_platform_id(&mut self, id: u32) {
        self.plugged.borrow_mut().free_platform_id(id);
    }

    fn plug(&mut self, bank: Bank) -> gpiolib::Result<PluggedChip> {
        self.plugged.borrow_mut().adopt(bank, self.now)
    }

    fn unplug(&mut self, key: u64) {
        self.plugged.borrow_mut().pull_out(key, self.now);
    }

    fn name(&self, key: u64) -> Option<String> {
        self.plugged.borrow().name(key)
    }
}

/// The lines of all simulated chips, by the chips' ids.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    chips: Mutex<BTreeMap<u32, SimChip>>,
    mounted: Arc<OnceLock<Weak<Mounted>>>,
}

impl Lines {
    /// Sets where the files of the lines are, once.
    pub(crate) fn show_in(&self, mounted: Weak<Mounted>) {
        // Set twice only if there were two worlds for one board.
        let _ = self.mounted.set(mounted);
    }

    /// Adds a chip, whose files are kept up to date from now on.
    pub(crate) fn insert(&self, id: u32, chip: &SimChip) {
        chip.observe(Arc::new(Files {
            id,
            mounted: Arc::clone(&self.mounted),
        }));
        self.lock().insert(id, chip.clone());
    }

    /// Removes a chip, before it goes.
    pub(crate) fn remove(&self, id: u32) {
        self.lock().remove(&id);
        if let Some(mounted) = self.mounted.get().and_then(Weak::upgrade) {
            mounted.forget(id);
        }
    }

    fn chip(&self, id: u32) -> Option<SimChip> {
        self.lock().get(&id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, SimChip>> {
        self.chips.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The files of a chip's lines, which it updates when a line changes.
#[derive(Debug)]
struct Files {
    id: u32,
    mounted: Arc<OnceLock<Weak<Mounted>>>,
}

impl Observer for Files {
    fn changed(&self, offset: Offset) {
        if let Some(mounted) = self.mounted.get().and_then(Weak::upgrade) {
            mounted.refresh(LineAt {
                chip: self.id,
                offset: offset.get(),
            });
        }
    }
}

fn file_of(file: SimAttribute) -> line::LineFile {
    match file {
        SimAttribute::Pull => line::LineFile::Pull,
        SimAttribute::Value => line::LineFile::Value,
    }
}

fn token(attribute: Attribute) -> Token {
    let kind = Kind::ALL.iter().position(|kind| *kind == attribute.kind);
    let kind = kind
        .and_then(|kind| u32::try_from(kind).ok())
        .unwrap_or(u32::MAX);
    Token([attribute.device, attribute.dir, kind])
}

fn attribute_of(token: Token) -> Option<Attribute> {
    let Token([device, dir, kind]) = token;
    let kind = *Kind::ALL.get(usize::try_from(kind).ok()?)?;
    Some(Attribute { device, dir, kind })
}

fn errno(errno: gpiolib::Errno) -> Errno {
    Errno::from_raw_os_error(i32::from(errno.get()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::{Board, ChipSpec};
    use crate::control::plugged::{Chance, Plugged};
    use crate::control::protocol::{Key, Pull};

    fn tree_beside(chips: Vec<ChipSpec>) -> (SimTree, Shared) {
        let board = Board {
            chips,
            ..Board::default()
        };
        let plugged = Plugged::new(
            &gpiolib::Registry::new(),
            &board,
            Chance::default(),
            Timestamp::at(0),
        )
        .unwrap();
        let plugged = Shared::new(plugged);
        (SimTree::new(plugged.clone()), plugged)
    }

    fn store(tree: &SimTree, path: &[&[u8]], text: &[u8]) {
        tree.store(tree.find(path).unwrap(), text).unwrap();
    }

    #[test]
    fn chips_of_the_tree_are_those_of_control() {
        let (tree, plugged) = tree_beside(vec![ChipSpec::plain("board", 2)]);
        tree.mkdir(&[b"d"]).unwrap();
        assert_eq!(
            tree.show(tree.find(&[b"d", b"dev_name"]).unwrap()).unwrap(),
            b"gpio-sim.1\n"
        );
        tree.mkdir(&[b"d", b"b"]).unwrap();
        store(&tree, &[b"d", b"b", b"num_lines"], b"4");
        store(&tree, &[b"d", b"b", b"label"], b"made");
        store(&tree, &[b"d", b"live"], b"1");

        let made = Key::Word("made".into());
        let pull = |pull| {
            plugged
                .borrow()
                .pull(&made, &Key::Number(3), pull, Timestamp::at(1))
        };
        pull(Pull::Up).unwrap();
        let line = LineAt { chip: 1, offset: 3 };
        assert_eq!(tree.show_line(line, SimAttribute::Value).unwrap(), b"1\n");
        tree.store_line(line, SimAttribute::Pull, b"pull-down\n")
            .unwrap();
        assert_eq!(
            plugged.borrow().line(&made, &Key::Number(3)).unwrap().pull,
            Pull::Down
        );

        store(&tree, &[b"d", b"live"], b"0");
        assert!(pull(Pull::Up).is_err());
        assert_eq!(tree.show_line(line, SimAttribute::Value), Err(Errno::NODEV));
        assert_eq!(plugged.borrow().list().chips.len(), 1);
    }

    #[test]
    fn a_chip_that_control_unplugs_stays_away() {
        let (tree, plugged) = tree_beside(Vec::new());
        tree.mkdir(&[b"d"]).unwrap();
        tree.mkdir(&[b"d", b"b"]).unwrap();
        store(&tree, &[b"d", b"live"], b"1");
        plugged
            .borrow_mut()
            .unplug(&Key::Number(0), Timestamp::at(1))
            .unwrap();
        assert_eq!(
            tree.show(tree.find(&[b"d", b"live"]).unwrap()).unwrap(),
            b"1\n"
        );
        store(&tree, &[b"d", b"live"], b"0");
        store(&tree, &[b"d", b"live"], b"1");
        assert_eq!(plugged.borrow().list().chips.len(), 1);
    }
}
