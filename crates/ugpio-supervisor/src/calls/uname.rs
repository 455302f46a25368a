//! `uname`, for programs that insist on a kernel with gpio-sim.

use rustix::io::Errno;

use super::{context::Context, route::Targets};
use crate::outcome::Reply;

/// Length of each of the six texts of `struct utsname`.
const FIELD: usize = 65;

/// What `uname` says beside the release: the machine's words for the kind of kernel, without those of who built it,
/// which often name its release.
pub(super) fn version() -> String {
    shown_version(&rustix::system::uname().version().to_string_lossy())
}

// KERNEL: init/Makefile, scripts/mkcompile_h (v6.12): a number, SMP, PREEMPT and its like, then the builder's text
fn shown_version(own: &str) -> String {
    let is_kind = |word: &&str| {
        word.bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    let words = own.split_whitespace().skip(1).take_while(is_kind);
    let words: Vec<_> = core::iter::once("#1")
        .chain(words)
        .chain(["ugpio"])
        .collect();
    words.join(" ")
}

/// `uname(buf)`: the machine's answer with the kernel release that was asked for.
pub(super) fn uname(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    let Some(release) = &context.layer.release else {
        return Ok(Reply::Continue);
    };
    let (real, version) = (rustix::system::uname(), version());
    let mut record = [0; 6 * FIELD];
    let fields = [
        real.sysname().to_bytes(),
        real.nodename().to_bytes(),
        release.as_bytes(),
        version.as_bytes(),
        real.machine().to_bytes(),
        real.domainname().to_bytes(),
    ];
    for (field, text) in record.chunks_exact_mut(FIELD).zip(fields) {
        let length = text.len().min(FIELD - 1);
        field[..length].copy_from_slice(&text[..length]);
    }
    context.give(context.call.args[0], &record, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_names_no_other_release() {
        for (own, shown) in [
            ("#1 SMP PREEMPT_DYNAMIC @0", "#1 SMP PREEMPT_DYNAMIC ugpio"),
            (
                "#1 SMP PREEMPT_RT Debian 6.12.9-1 (2025-01-10)",
                "#1 SMP PREEMPT_RT ugpio",
            ),
            ("#91-Ubuntu SMP Tue Nov 14", "#1 SMP ugpio"),
            ("", "#1 ugpio"),
        ] {
            assert_eq!(shown_version(own), shown);
        }
    }
}
