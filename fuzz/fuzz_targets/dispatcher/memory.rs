//! The program's memory: places for paths, structures and data, at the same addresses for its heir.

use std::cell::RefCell;

/// Where in it things are.
pub(crate) const PATHS: [usize; 2] = [0, 0x1400];
pub(crate) const STRUCTURE: usize = 0x2800;
pub(crate) const BUFFER: usize = 0x3000;
/// How large it is.
pub(crate) const SIZE: usize = 0x5000;

thread_local! {
    static MEMORY: RefCell<Box<[u8]>> = RefCell::new(vec![0; SIZE].into_boxed_slice());
}

/// The address of a place.
pub(crate) fn address(at: usize) -> u64 {
    MEMORY.with_borrow(|memory| memory[at..].as_ptr().addr() as u64)
}

/// Puts bytes somewhere.
pub(crate) fn put(at: usize, bytes: &[u8]) {
    MEMORY.with_borrow_mut(|memory| memory[at..at + bytes.len()].copy_from_slice(bytes));
}

/// Puts the same byte everywhere from one place to another.
pub(crate) fn fill(from: usize, to: usize, byte: u8) {
    MEMORY.with_borrow_mut(|memory| memory[from..to].fill(byte));
}

/// What the heir has there: the paths, requests and data of another program, all of them good.
pub(crate) fn heirs() {
    fill(0, SIZE, 0);
    put(PATHS[0], b"/dev/gpiochip1\0");
    put(PATHS[1], b"/sys/devices/platform/gpio-sim.1/them\0");
    put(STRUCTURE, &super::calls::line_request(1, b"them"));
    put(BUFFER, b"3\n");
}
