//! Control: what a test, a person or another program does to a run from outside.
//!
//! `ugpio run` serves a control socket with [`server`] over its [`plugged`] chips; `ugpio ctl` is the
//! [`client`], the live board comes in by an [`inlet`]. [`protocol`] is what they say to each other, [`socket`] is where they meet.

pub(crate) mod client;
mod follow;
pub(crate) mod frame;
pub(crate) mod inlet;
pub(crate) mod params;
mod peer;
pub(crate) mod plugged;
pub(crate) mod protocol;
pub(crate) mod seats;
pub(crate) mod server;
pub(crate) mod socket;
mod state;
pub(crate) mod view;
