//! The second ABI.

mod attributes;
mod debounce;
mod drivers;
mod events;
mod get_line;
mod get_lineinfo;
mod get_values;
mod read_changes;
mod read_events;
mod set_config;
mod set_values;
mod watch;
