//! The first ABI.

mod get_lineevent;
mod get_linehandle;
mod get_lineinfo;
mod handle_config;
mod handle_values;
mod read_changes;
mod read_events;
mod watch;
