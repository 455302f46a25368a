//! `openat2`: `open` with its arguments in memory.

use rustix::{fs::ResolveFlags, io::Errno};

use super::{
    context::{Context, PathArg},
    open::{self, How, open_at},
    route::{Found, Targets},
};
use crate::{
    outcome::Reply,
    path::{Base, Location, Resolution, Target, lexical},
};

/// Size of the first version of `struct open_how`: flags, mode, resolve.
const SIZE: usize = 24;
/// Largest size the kernel reads: a page.
const SIZE_MAX: u64 = 4096;

/// `openat2(dirfd, path, how, size)`
///
/// Arguments that the kernel would refuse are let through, for it to refuse them.
// DIFFERS: RESOLVE_BENEATH, RESOLVE_IN_ROOT and RESOLVE_NO_XDEV keep a program in a directory of
// the machine, so such calls see no virtual files; from a virtual directory the first and the last do.
pub(super) fn openat2(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    let call = context.call;
    let Some(([flags, mode, resolve], rest)) = read(context) else {
        return Ok(Reply::Continue);
    };
    let resolve = ResolveFlags::from_bits_retain(resolve);
    let mut known = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let base = match context.base(call.int(0)) {
        Some(Base::Board(base)) => {
            known |= ResolveFlags::BENEATH | ResolveFlags::NO_XDEV;
            base
        }
        _ => Vec::new(),
    };
    let Ok(flags) = u32::try_from(flags) else {
        return Ok(Reply::Continue);
    };
    let creates = flags & (libc::O_CREAT.cast_unsigned() | open::TMPFILE) != 0;
    if rest.iter().any(|byte| *byte != 0) || (mode != 0 && !creates) {
        return Ok(Reply::Continue);
    }
    if !known.contains(resolve) {
        return stay_on_machine(context, resolve, flags);
    }
    let how = How {
        no_links: resolve.contains(ResolveFlags::NO_SYMLINKS),
        is_bound: resolve.intersects(ResolveFlags::BENEATH | ResolveFlags::NO_XDEV),
        ..How::new(flags)
    };
    if resolve.contains(ResolveFlags::BENEATH) {
        stay_beneath(context, &base, &how)?;
    }
    open_at(context, call.int(0), 1, &how)
}

/// Lets a call through that sees no virtual files, unless the kernel would find the machine's own GPIO.
fn stay_on_machine(
    context: &Context<'_>,
    resolve: ResolveFlags,
    flags: u32,
) -> Result<Reply, Errno> {
    let Some(mut arg) = context.path(context.call.int(0), 1) else {
        return Ok(Reply::Continue);
    };
    if resolve.contains(ResolveFlags::IN_ROOT)
        && let Some(base) = context.base(context.call.int(0))
    {
        let inside = lexical::normalize(&arg.path);
        arg = PathArg {
            base,
            path: inside[1..].to_vec(),
        };
        if arg.path.is_empty() {
            return Ok(Reply::Continue);
        }
    }
    let how = How::new(flags);
    let resolution = context.resolve(&arg, how.want());
    if let Some(refused) = open::chip_of_machine(context, &resolution, &how) {
        return refused;
    }
    match context.sort(&arg, resolution) {
        Ok(Found::Native) | Err(_) => Ok(Reply::Continue),
        // The kernel judges a descriptor of the shadow tree as it is.
        Ok(_) if matches!(arg.base, Base::Board(_)) => Ok(Reply::Continue),
        Ok(_) => Err(Errno::NOENT),
    }
}

/// Refuses a path that leads out of the virtual directory `base`.
fn stay_beneath(context: &Context<'_>, base: &[u8], how: &How) -> Result<(), Errno> {
    let Some(arg) = context.path(context.call.int(0), 1) else {
        return Ok(());
    };
    if arg.path.starts_with(b"/") {
        return Err(Errno::XDEV);
    }
    let found = match context.resolve(&arg, how.want()) {
        Resolution::Walked {
            target: Ok(Target::At(Location { path, .. }) | Target::Missing { path, .. }),
            ..
        } => path,
        // It leads nowhere, which the open says too.
        _ => return Ok(()),
    };
    if lexical::below(&found, base).is_none() {
        return Err(Errno::XDEV);
    }
    Ok(())
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
