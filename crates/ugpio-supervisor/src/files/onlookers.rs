//! Who looks on while calls are answered: see [`super::telling`].

use std::sync::{Arc, OnceLock};

use crate::lint::Lint;
use crate::observe::CallObserver;

/// Everybody who looks on.
#[derive(Debug, Default)]
pub(super) struct Onlookers {
    pub(super) observer: OnceLock<Arc<dyn CallObserver>>,
    pub(super) lint: OnceLock<Arc<Lint>>,
}
