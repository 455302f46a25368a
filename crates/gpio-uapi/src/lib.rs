//! The Linux GPIO character device with the kernel taken away.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod abi;
