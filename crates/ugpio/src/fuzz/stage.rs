//! A run without a program, for the fuzz target `dispatcher`: a board, what programs see of it, and who answers.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use gpiolib::Registry;
use ugpio_supervisor::inside::seccomp::{Listener, Notification, Wait};
use ugpio_supervisor::notif::{Dispatch, Dispatcher};
use ugpio_supervisor::shadow;
use ugpio_supervisor::world::{Extras, World};

use crate::attentive::Attentive;
use crate::board;
use crate::control::plugged::{Chance, Plugged, Shared};
use crate::control::server::now;
use crate::tree::SimTree;

/// The chip that the program uses is `gpiochip0`; the other is its heir's alone.
const BOARD: &str = "[[chip]]\nlabel = \"ours\"\nlines = 8\nnames = [\"L\", \"M\"]\n\
    [[chip]]\nlabel = \"theirs\"\nlines = 4\n\
    [[net]]\nname = \"n\"\nlines = [\"ours:1\", \"ours:2\"]\n";

/// The numbers of descriptors on which reads are trapped.
const READ_NUMBERS: core::ops::Range<i32> = 200..220;

/// One board, with all that is between it and a program.
pub struct Stage {
    world: Arc<World>,
    plugged: Shared,
    dispatcher: Dispatcher,
    dir: PathBuf,
}

impl core::fmt::Debug for Stage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Stage").field("dir", &self.dir).finish()
    }
}

impl Stage {
    /// Sets one up below the directory for temporary files; `null` stands for the listener.
    ///
    /// # Panics
    ///
    /// If that is not possible.
    #[must_use]
    pub fn new(null: OwnedFd, is_strict: bool) -> Stage {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!(".ugpio-shadow-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        fs::create_dir(&dir).expect("a place for the shadow tree");
        let registry = Registry::new();
        let board = board::from_text(BOARD).expect("the board is good");
        let plugged = Plugged::new(&registry, &board, Chance::default(), now());
        let plugged = Shared::new(plugged.expect("the board is good"));
        let extras = Extras {
            tree: Some(Arc::new(SimTree::new(plugged.clone()))),
            release: Some("6.12.0-ugpio".to_owned()),
            is_strict,
            read_numbers: READ_NUMBERS,
            files: Vec::new(),
        };
        let world = World::with(registry, &dir, extras).expect("the shadow tree can be built");
        let world = Arc::new(world);
        if let Some(mounted) = world.mounted() {
            plugged.borrow().lines().show_in(Arc::downgrade(mounted));
        }
        let answers: Arc<dyn Dispatch> = Arc::new(Attentive::new(&world, &plugged));
        let listener = Arc::new(Listener::new(null, Wait::Killable));
        Stage {
            dispatcher: Dispatcher::without_threads(listener, answers),
            world,
            plugged,
            dir,
        }
    }

    /// Answers one call.
    pub fn serve(&self, notification: &Notification) {
        self.dispatcher.serve(notification);
    }

    /// How many files programs have open, now that what was closed is let go.
    #[must_use]
    pub fn open_files(&self) -> usize {
        self.world.files().reap();
        self.world.files().sweep_gone();
        self.world.files().len()
    }

    /// What is so of the chip that the program does not use, in words.
    #[must_use]
    pub fn theirs(&self) -> String {
        let list = self.plugged.borrow().list();
        let theirs = list.chips.iter().find(|chip| chip.label == "theirs");
        serde_json::to_string(&theirs).expect("clients receive it")
    }

    /// The consumers of the lines of the other chips.
    #[must_use]
    pub fn consumers(&self) -> Vec<String> {
        let list = self.plugged.borrow().list();
        let ours = list.chips.iter().filter(|chip| chip.label != "theirs");
        ours.flat_map(|chip| &chip.lines)
            .filter_map(|line| line.info.consumer.clone())
            .collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = shadow::remove(&self.dir);
    }
}
