//! The readers of recordings and those who show them, as `ugpio` has them.

#[path = "../../../crates/ugpio/src/trace/diff/mod.rs"]
pub(crate) mod diff;
#[path = "../../../crates/ugpio/src/trace/dump/mod.rs"]
pub(crate) mod dump;
#[path = "../../../crates/ugpio/src/trace/names.rs"]
pub(crate) mod names;
#[path = "../../../crates/ugpio/src/trace/show.rs"]
pub(crate) mod show;
#[path = "../../../crates/ugpio/src/trace/svg.rs"]
pub(crate) mod svg;
#[path = "../../../crates/ugpio/src/trace/view.rs"]
pub(crate) mod view;
#[path = "../../../crates/ugpio/src/trace/wave/mod.rs"]
pub(crate) mod wave;
