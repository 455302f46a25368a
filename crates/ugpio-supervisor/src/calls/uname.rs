//! `uname`, for programs that insist on a kernel with gpio-sim.

use rustix::io::Errno;

use super::{context::Context, route::Targets};
use crate::outcome::Reply;

/// Length of each of the six texts of `struct utsname`.
const FIELD: usize = 65;

/// `uname(buf)`: the machine's answer with the kernel release that was asked for.
pub(super) fn uname(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    let Some(release) = &context.layer.release else {
        return Ok(Reply::Continue);
    };
    let real = rustix::system::uname();
    let mut record = [0; 6 * FIELD];
    let fields = [
        real.sysname().to_bytes(),
        real.nodename().to_bytes(),
        release.as_bytes(),
        real.version().to_bytes(),
        real.machine().to_bytes(),
        real.domainname().to_bytes(),
    ];
    for (field, text) in record.chunks_exact_mut(FIELD).zip(fields) {
        let length = text.len().min(FIELD - 1);
        field[..length].copy_from_slice(&text[..length]);
    }
    context.give(context.call.args[0], &record, 0)
}
