//! The guard alone, on threads; `tests/loom_guard.rs` has every interleaving.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::mpsc;

use super::*;

/// A key that leads to a gate, and something to see it go by.
struct Key {
    gate: Arc<Gated<u32, ()>>,
    _seen: Arc<()>,
}

// SAFETY: never changed.
unsafe impl Leads for Key {
    type Chip = u32;
    type State = ();

    fn gate(&self) -> &Gated<u32, ()> {
        &self.gate
    }
}

type Way = Pass<Key>;

fn way(gate: &Arc<Gated<u32, ()>>) -> Way {
    Pass::new(Key {
        gate: Arc::clone(gate),
        _seen: Arc::new(()),
    })
}

fn gate() -> Arc<Gated<u32, ()>> {
    Arc::new(Gated::new(Box::new(7), ()))
}

fn inside(way: &Way) -> u32 {
    way.slot.get().unwrap().0.inside.load(Ordering::Relaxed)
}

#[test]
fn enters_until_closed() {
    let gate = gate();
    let pass = way(&gate);
    assert_eq!(pass.enter().map(|chip| *chip), Ok(7));
    assert_eq!(gate.enter_shared().map(|chip| *chip), Ok(7));
    let closed = gate.close().unwrap();
    assert!(gate.close().is_none(), "only one closes");
    assert_eq!(pass.enter().err(), Some(Error::Revoked));
    assert_eq!(gate.enter_shared().err(), Some(Error::Revoked));
    assert_eq!(pass.clone().enter().err(), Some(Error::Revoked));
    assert_eq!(closed.take().as_deref(), Some(&7));
}

#[test]
fn nested_calls_count_out_in_any_order() {
    let gate = gate();
    let pass = way(&gate);
    let outer = pass.enter().unwrap();
    let inner = pass.enter().unwrap();
    drop(outer);
    assert_eq!(inside(&pass), 1, "the inner call is still inside");
    let third = pass.enter().unwrap();
    drop(inner);
    assert_eq!(inside(&pass), 1);
    drop(third);
    assert_eq!(inside(&pass), 0);
}

#[test]
fn a_panic_inside_counts_out() {
    let gate = gate();
    let pass = way(&gate);
    let call = core::panic::AssertUnwindSafe(|| {
        let _outer = pass.enter().unwrap();
        let _inner = pass.enter().unwrap();
        std::panic::resume_unwind(Box::new("the chip panicked"));
    });
    assert!(std::panic::catch_unwind(call).is_err());
    assert_eq!(inside(&pass), 0);
    assert_eq!(gate.close().unwrap().take().as_deref(), Some(&7));
}

#[test]
fn slots_are_reused_and_forgotten() {
    let gate = gate();
    for _ in 0..10 {
        drop(way(&gate).enter().unwrap());
    }
    assert_eq!(gate.slots.lock().taken.len(), 1);
    let late = way(&gate);
    drop(late.enter().unwrap());
    gate.close().unwrap().take().unwrap();
    assert!(gate.slots.lock().taken.is_empty());
    drop(late);
    assert!(gate.slots.lock().free.is_empty(), "its place means nothing");
}

#[test]
fn a_key_goes_with_the_last_clone() {
    let seen = Arc::new(());
    let first = Pass::new(Key {
        gate: gate(),
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
        let chip = caller.enter().unwrap();
        entered.send(()).unwrap();
        wait_release.recv().unwrap();
        *chip
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
