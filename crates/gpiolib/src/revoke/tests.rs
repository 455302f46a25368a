//! The guard alone, on threads; `tests/loom_lifetime.rs` has every interleaving.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::mpsc;

use super::*;
use crate::Offset;

/// A key that leads to a gate, and something to see it go by.
struct Key {
    gate: Arc<Gated<u32, ()>>,
    word: AtomicU32,
    _seen: Arc<()>,
}

// SAFETY: never changed.
unsafe impl Leads for Key {
    type Chip = u32;
    type State = ();

    fn gate(&self) -> &Gated<u32, ()> {
        &self.gate
    }

    fn word(&self) -> &AtomicU32 {
        &self.word
    }
}

impl Lines for () {
    fn words(&self) -> &[AtomicU32] {
        &[]
    }
}

impl Lines for [AtomicU32; 2] {
    fn words(&self) -> &[AtomicU32] {
        self
    }
}

type Way = Pass<Key>;

fn way(gate: &Arc<Gated<u32, ()>>) -> Way {
    Pass::new(Key {
        gate: Arc::clone(gate),
        word: AtomicU32::new(5),
        _seen: Arc::new(()),
    })
}

fn gate() -> Arc<Gated<u32, ()>> {
    Arc::new(Gated::new(Box::new(7), ()))
}

fn inside(way: &Way) -> u32 {
    way.slot.get().unwrap().inside.load(Ordering::Relaxed)
}

/// What the chip says, asked through this way.
fn ask(way: &Way) -> Result<u32> {
    way.call(|chip| Ok(*chip))
}

#[test]
fn enters_until_closed() {
    let gate = gate();
    let pass = way(&gate);
    assert_eq!(ask(&pass), Ok(7));
    assert_eq!(ask(&pass), Ok(7), "the second call is the common case");
    assert_eq!(gate.enter_shared().map(|chip| *chip), Ok(7));
    let closed = gate.close().unwrap();
    assert!(gate.close().is_none(), "only one closes");
    assert_eq!(ask(&pass), Err(Error::Revoked));
    assert_eq!(gate.enter_shared().err(), Some(Error::Revoked));
    assert_eq!(ask(&pass.clone()), Err(Error::Revoked));
    assert_eq!(closed.take().as_deref(), Some(&7));
}

#[test]
fn nested_calls_count_in_and_out() {
    let gate = gate();
    let pass = way(&gate);
    let third = || pass.call(|_| Ok(inside(&pass)));
    let second = || pass.call(|_| Ok((third()?, inside(&pass))));
    let first = pass.call(|_| Ok((second()?, inside(&pass))));
    assert_eq!(first, Ok(((3, 2), 1)), "each is counted while it is inside");
    assert_eq!(inside(&pass), 0);
}

#[test]
fn a_panic_inside_counts_out() {
    let gate = gate();
    let pass = way(&gate);
    let panics = || -> Result<()> { std::panic::resume_unwind(Box::new("the chip panicked")) };
    let call = core::panic::AssertUnwindSafe(|| pass.call(|_| pass.call(|_| panics())));
    assert!(std::panic::catch_unwind(call).is_err());
    assert_eq!(inside(&pass), 0);
    assert_eq!(gate.close().unwrap().take().as_deref(), Some(&7));
}

#[test]
fn slots_are_reused_and_forgotten() {
    let gate = gate();
    for _ in 0..10 {
        ask(&way(&gate)).unwrap();
    }
    assert_eq!(gate.slots.lock().all.len(), 1);
    let (early, late) = (way(&gate), way(&gate));
    ask(&early).unwrap();
    ask(&late).unwrap();
    assert_eq!(gate.slots.lock().all.len(), 2, "two at once need two");
    gate.close().unwrap().take().unwrap();
    assert!(gate.slots.lock().all.is_empty());
    drop(late);
    assert!(gate.slots.lock().free.is_empty(), "its place means nothing");
}

#[test]
fn a_line_lets_one_caller_in() {
    const TAKEN: u32 = 1;
    let gate = Gated::new(Box::new(7), [0, 0].map(AtomicU32::new));
    let flags = |offset: usize| gate.state[offset].load(Ordering::Relaxed);
    let enter = |offset| gate.enter_line(Offset::new(offset), TAKEN, TAKEN, TAKEN);

    let at_line = enter(0).unwrap();
    assert_eq!((*at_line, at_line.before), (7, 0));
    assert_eq!(enter(0).err(), Some(Error::Busy));
    assert!(
        gate.enter_line(Offset::new(0), 0, 0, 0).is_err(),
        "one mark"
    );
    assert!(enter(1).is_ok(), "given up: nothing is left of it");
    assert_eq!((flags(0), flags(1)), (TAKEN | line::HELD | INSIDE, 0));
    assert!(gate.is_held());
    at_line.leave(0);
    assert_eq!(flags(0), TAKEN, "kept, but not held");

    gate.close().unwrap().take().unwrap();
    let freeing = gate.enter_line(Offset::new(0), 0, 0, TAKEN);
    assert_eq!(freeing.err(), Some(Error::Revoked));
    assert!(enter(2).is_err(), "there is no such line");
}

#[test]
fn a_key_goes_with_the_last_clone() {
    let seen = Arc::new(());
    let first = Pass::new(Key {
        gate: gate(),
        word: AtomicU32::new(5),
        _seen: Arc::clone(&seen),
    });
    let second = first.clone();
    drop(first);
    assert_eq!(Arc::strong_count(&seen), 2);
    drop(second);
    assert_eq!(Arc::strong_count(&seen), 1);
}

#[test]
fn take_waits_for_callers_inside() {
    let gate = gate();
    let (entered, wait_entered) = mpsc::channel();
    let (release, wait_release) = mpsc::channel::<()>();
    let caller = way(&gate);
    let call = std::thread::spawn(move || {
        let stay = |chip: &u32| {
            entered.send(()).unwrap();
            wait_release.recv().unwrap();
            Ok(*chip)
        };
        caller.call(stay).unwrap()
    });
    wait_entered.recv().unwrap();
    let (closed, wait_closed) = mpsc::channel();
    let taker = {
        let gate = Arc::clone(&gate);
        std::thread::spawn(move || {
            let token = gate.close().unwrap();
            closed.send(()).unwrap();
            token.take()
        })
    };
    wait_closed.recv().unwrap();
    assert!(!taker.is_finished());
    release.send(()).unwrap();
    assert_eq!(call.join().unwrap(), 7);
    assert_eq!(taker.join().unwrap().as_deref(), Some(&7));
}
