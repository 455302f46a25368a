//! Images of threads, kept from call to call: see [`crate::thread`].

use std::collections::HashSet;
use std::sync::{Arc, MutexGuard, PoisonError};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::ProcDirs;
use crate::sys::image::Image;

/// How many images are kept; each takes three descriptors.
pub(crate) const KEPT: usize = 16;

/// Images of threads that were written to lately.
#[derive(Debug, Default)]
pub(crate) struct Images {
    // Newest last.
    pub(crate) kept: Vec<(Pid, Arc<Image>)>,
    /// Which of them [`tidy`](Self::tidy) looked at last.
    pub(crate) looked_at: usize,
    /// How often a thread was about to replace its image.
    pub(crate) replacements: u64,
    /// First threads of processes of which another thread was.
    pub(crate) taken_over: HashSet<Pid>,
    /// Whether the first thread of such a process could not be found out. Then no image is kept any more.
    pub(crate) is_unsure: bool,
}

impl Images {
    pub(crate) fn of(&self, tid: Pid) -> Option<Arc<Image>> {
        let found = self.kept.iter().rfind(|(owner, _)| *owner == tid);
        found.map(|(_, image)| Arc::clone(image))
    }

    /// Drops an image whose thread has died. Looks at one of those kept, the next one each time: a process that has
    /// ended holds no descriptors of ours for long, and no call pays for more than one look.
    pub(crate) fn tidy(&mut self) {
        if self.kept.is_empty() {
            return;
        }
        self.looked_at = (self.looked_at + 1) % self.kept.len();
        if !self.kept[self.looked_at].1.is_inhabited() {
            self.kept.remove(self.looked_at);
        }
    }

    pub(crate) fn forget(&mut self, tid: Pid) {
        self.kept.retain(|(owner, _)| *owner != tid);
    }

    /// Keeps an image, unless a thread has begun to replace one since it was opened.
    pub(crate) fn keep(&mut self, tid: Pid, image: &Arc<Image>, replacements: u64) {
        if self.is_unsure
            || self.replacements != replacements
            || self.taken_over.contains(&tid)
            || !image.is_inhabited()
        {
            return;
        }
        self.forget(tid);
        if self.kept.len() == KEPT {
            self.kept.remove(0);
        }
        self.kept.push((tid, Arc::clone(image)));
    }
}

impl ProcDirs {
    /// The images that are kept.
    pub(crate) fn images(&self) -> MutexGuard<'_, Images> {
        self.images.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread is about to replace its image. To be called before the kernel may carry that out.
    pub(crate) fn replaced(&self, tid: Pid) {
        // KERNEL: kernel/pid.c pidfd_open (6.12): without a flag, of first threads only
        let is_first = pidfd_open(tid, PidfdFlags::empty()).is_ok();
        let first = if is_first {
            Ok(tid)
        } else {
            self.first_thread(tid)
        };
        let mut images = self.images();
        images.replacements = images.replacements.wrapping_add(1);
        images.kept.clear();
        match first {
            Ok(first) if first != tid => drop(images.taken_over.insert(first)),
            // Dead, it replaces nothing.
            Ok(_) | Err(Errno::SRCH) => {}
            Err(_) => images.is_unsure = true,
        }
    }
}
