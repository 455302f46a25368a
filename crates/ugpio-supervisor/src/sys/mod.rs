//! The only unsafe code of the supervisor: raw system calls that no safe crate offers.
//!
//! One file a mechanism: `seccomp` (filter, listener), `remote` (another process's memory), `process` (fork, exec,
//! wait, signals), `ptrace` (another thread's registers), `startup` (what this process was started with). Everything exported is safe to call; each block
//! carries its proof.

pub(crate) mod handle;
pub(crate) mod image;
pub(crate) mod insn;
pub(crate) mod kcmp;
pub(crate) mod process;
pub(crate) mod ptrace;
pub mod remote;
pub mod seccomp;
pub(crate) mod socket;
pub(crate) mod startup;

/// Turns the `-1` of a C call into `errno`.
fn check(result: impl Into<i64>) -> Result<i64, rustix::io::Errno> {
    let result = result.into();
    if result == -1 {
        Err(last_errno())
    } else {
        Ok(result)
    }
}

/// `errno` as the C call that has just failed in this thread left it.
fn last_errno() -> rustix::io::Errno {
    std::io::Error::last_os_error()
        .raw_os_error()
        .map_or(rustix::io::Errno::IO, rustix::io::Errno::from_raw_os_error)
}
