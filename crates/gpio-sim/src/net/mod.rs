//! Nets: wires between the lines of any chips, resolved as on a board.
//!
//! A [`Nets`] is the wiring of one board. [`Nets::wire`] joins lines to a named net; from then on a line
//! reads its net, and its chip's sticky value waits until it is unwired. What holds a net is resolved by
//! [`resolve`], and an [`Engine`] works out what follows, parts included. Edges are delivered
//! when no lock is held, in the order of the changes, whichever threads made them. What is to be seen from
//! outside, levels as well as reports, goes to [`Changes`](crate::Changes) while the lock is held under
//! which the nets are resolved: so the same changes are always reported in the same order.
//!
//! ```
//! use gpio_sim::{Bank, net::Nets};
//! use gpiolib::{Level, Offset, Registry, Value};
//!
//! let registry = Registry::new();
//! let (a, b) = (Bank::new(1).register(&registry)?, Bank::new(1).register(&registry)?);
//! let nets = Nets::new(None);
//! nets.add("wire", None, 0);
//! nets.wire("wire", a.chip(), Offset::new(0), "a:0");
//! nets.wire("wire", b.chip(), Offset::new(0), "b:0");
//!
//! let line = |sim: &gpio_sim::Sim| sim.device().line(Offset::new(0)).expect("it has one");
//! let output = line(&a).request("out")?;
//! let input = line(&b).request("in")?;
//! input.direction_input()?;
//! output.direction_output(Value::Active)?;
//! assert_eq!(input.level()?, Level::High);
//! # Ok::<(), gpiolib::Error>(())
//! ```

mod engine;
pub mod resolve;
mod settle;
mod slab;
mod wiring;

pub use engine::{Engine, NetId, News, PartId, PinId, Report, Seen};
pub use resolve::{NetNode, PinDrive, Strength};
pub(crate) use wiring::WeakNets;
pub use wiring::{NetChange, NetView, Nets, PartView};
