//! Every call family against a made-up machine, one file a family.

mod attributes;
mod getdents;
mod misc;
mod nodes;
mod open;
mod stat;
mod tree;
