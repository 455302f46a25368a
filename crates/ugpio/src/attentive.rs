//! A program's calls, and what faults want done between a call and its answer.
//!
//! A fault that takes a chip away must have done so when the call that met it is answered, or the same
//! program would not meet the same board twice. [`Attentive`] passes calls on to the [`World`] and looks
//! after the board before each answer.

use std::sync::{Arc, RwLockReadGuard};

use rustix::process::Pid;
use ugpio_supervisor::notif::{Dispatch, Listener};
use ugpio_supervisor::outcome::{Call, Reply};
use ugpio_supervisor::world::World;

use crate::control::plugged::{Attention, Shared};
use crate::control::server;

/// A world whose board is looked after.
pub(crate) struct Attentive {
    world: Arc<World>,
    plugged: Shared,
    attention: Attention,
}

impl Attentive {
    /// Looks after these chips while this world answers.
    pub(crate) fn new(world: &Arc<World>, plugged: &Shared) -> Attentive {
        Attentive {
            world: Arc::clone(world),
            plugged: plugged.clone(),
            attention: plugged.borrow().attention(),
        }
    }
}

impl Dispatch for Attentive {
    fn before_each(&self) {
        self.world.before_each();
    }

    fn replaces_image(&self, thread: Pid) {
        self.world.replaces_image(thread);
    }

    fn changes_root(&self) {
        self.world.changes_root();
    }

    fn answering(&self) -> Option<RwLockReadGuard<'_, ()>> {
        self.world.answering()
    }

    fn dispatch(&self, call: &Call, listener: &Listener) -> Reply {
        let begun = self.attention.begin();
        let reply = self.world.dispatch(call, listener);
        if self.attention.end(begun) {
            self.plugged.borrow_mut().attend(server::now());
        }
        reply
    }
}
