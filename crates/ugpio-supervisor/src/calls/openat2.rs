//! `openat2`: `open` with its arguments in memory.

use rustix::{fs::ResolveFlags, io::Errno};

use super::{
    Context,
    open::{How, open_at},
};
use crate::outcome::Reply;

/// Size of the first version of `struct open_how`: flags, mode, resolve.
const SIZE: usize = 24;
/// Largest size the kernel reads: a page.
const SIZE_MAX: u64 = 4096;

/// `openat2(dirfd, path, how, size)`
///
/// Arguments that the kernel would refuse are let through, for it to refuse them.
// DIFFERS: RESOLVE_BENEATH, RESOLVE_IN_ROOT and RESOLVE_NO_XDEV keep a program in a directory of
// the machine, so such calls see no virtual files.
pub(super) fn openat2(context: &Context<'_>) -> Result<Reply, Errno> {
    let call = context.call;
    let Some(([flags, mode, resolve], rest)) = read(context) else {
        return Ok(Reply::Continue);
    };
    let resolve = ResolveFlags::from_bits_retain(resolve);
    let known = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let (Ok(flags), Ok(mode)) = (u32::try_from(flags), u32::try_from(mode)) else {
        return Ok(Reply::Continue);
    };
    let creates = flags & (libc::O_CREAT | libc::O_TMPFILE).cast_unsigned() != 0;
    if !known.contains(resolve) || rest.iter().any(|byte| *byte != 0) || (mode != 0 && !creates) {
        return Ok(Reply::Continue);
    }
    let how = How {
        no_links: resolve.contains(ResolveFlags::NO_SYMLINKS),
        ..How::new(flags, mode)
    };
    open_at(context, call.int(0), 1, &how)
}

/// The three fields that we know, and what follows them.
fn read(context: &Context<'_>) -> Option<([u64; 3], Vec<u8>)> {
    let size = context.call.args[3];
    if size > SIZE_MAX {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(size).ok()?];
    context
        .process
        .read(context.call.args[2], &mut bytes)
        .ok()?;
    let (known, rest) = bytes.split_at_checked(SIZE)?;
    let field = |at: usize| {
        let mut wide = [0; 8];
        wide.copy_from_slice(&known[at..at + 8]);
        u64::from_ne_bytes(wide)
    };
    Some(([field(0), field(8), field(16)], rest.to_vec()))
}
