//! The guard alone, on threads; the loom models of gpiolib have every interleaving.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::mpsc;

use crate::sync::Arc;
use crate::sync::atomic::Ordering;
use crate::word::{HELD, INSIDE};
use crate::{Claim, Claimed, Handle, Last, Refused, Revocable, Revoked};

type Way = Claimed<u32, (), Seen>;

/// Something to see a claim's end by.
#[derive(Clone, Default)]
struct Seen(Arc<()>);

impl Claim<u32, ()> for Seen {
    fn end(&mut self, last: Last<'_, u32, ()>) {
        drop(last.enter(0));
    }
}

/// A way in by a word that is free.
fn way(gate: &Revocable<u32>) -> Way {
    (0..)
        .find_map(|word| {
            Claimed::take(gate, word, 0, 0, |_| Ok::<_, Refused>(Seen::default())).ok()
        })
        .unwrap()
}

fn gate() -> Revocable<u32> {
    Revocable::with(Box::new(7), 8, ())
}

fn inside(way: &Way) -> u32 {
    way.inside().unwrap()
}

/// What the resource says, asked through this way.
fn ask(way: &Way) -> Result<u32, Revoked> {
    way.call(|chip| Ok(*chip))
}

#[test]
fn enters_until_closed() {
    let gate = gate();
    let pass = way(&gate);
    assert_eq!(ask(&pass), Ok(7));
    assert_eq!(ask(&pass), Ok(7), "the second call is the common case");
    assert_eq!(gate.enter().map(|chip| *chip), Ok(7));
    assert!(gate.revoke());
    assert!(!gate.revoke(), "only one closes");
    assert_eq!(ask(&pass), Err(Revoked));
    assert_eq!(gate.enter().err(), Some(Revoked));
    assert_eq!(ask(&pass.clone()), Err(Revoked));
    assert_eq!(gate.take().as_deref(), Some(&7));
    assert!(gate.take().is_none(), "only one has it");
}

#[test]
fn nested_calls_count_in_and_out() {
    let gate = gate();
    let pass = way(&gate);
    let third = || pass.call(|_| Ok::<_, Revoked>(inside(&pass)));
    let second = || pass.call(|_| Ok::<_, Revoked>((third()?, inside(&pass))));
    let first = pass.call(|_| Ok::<_, Revoked>((second()?, inside(&pass))));
    assert_eq!(first, Ok(((3, 2), 1)), "each is counted while it is inside");
    assert_eq!(inside(&pass), 0);
}

#[test]
fn a_panic_inside_counts_out() {
    let gate = gate();
    let pass = way(&gate);
    let panics =
        || -> Result<(), Revoked> { std::panic::resume_unwind(Box::new("the chip panicked")) };
    let call = core::panic::AssertUnwindSafe(|| pass.call(|_| pass.call(|_| panics())));
    assert!(std::panic::catch_unwind(call).is_err());
    assert_eq!(inside(&pass), 0);
    assert_eq!(gate.take().as_deref(), Some(&7));
}

#[test]
fn slots_are_reused_and_forgotten() {
    let gate = gate();
    for _ in 0..10 {
        ask(&way(&gate)).unwrap();
    }
    assert_eq!(gate.0.slots.lock().all.len(), 1);
    let (early, late) = (way(&gate), way(&gate));
    ask(&early).unwrap();
    ask(&late).unwrap();
    assert_eq!(gate.0.slots.lock().all.len(), 2, "two at once need two");
    gate.take().unwrap();
    assert!(gate.0.slots.lock().all.is_empty());
    drop(late);
    assert!(
        gate.0.slots.lock().free.is_empty(),
        "its place means nothing"
    );
}

#[test]
fn a_word_lets_one_caller_in() {
    const TAKEN: u32 = 1;
    let gate = Revocable::with(Box::new(7), 2, ());
    let raw = |word: usize| gate.words()[word].raw().load(Ordering::Relaxed);
    let enter = |word| gate.enter_word(word, TAKEN, TAKEN, TAKEN);

    let at_word = enter(0).unwrap();
    assert_eq!((*at_word, at_word.before()), (7, 0));
    assert_eq!(enter(0).err(), Some(Refused::Busy));
    assert!(gate.enter_word(0, 0, 0, 0).is_err(), "one mark");
    assert!(enter(1).is_ok(), "given up: nothing is left of it");
    assert_eq!((raw(0), raw(1)), (TAKEN | HELD | INSIDE, 0));
    assert!(gate.0.is_held());
    at_word.leave(0);
    assert_eq!(raw(0), TAKEN, "kept, but not held");

    gate.take().unwrap();
    let freeing = gate.enter_word(0, 0, 0, TAKEN);
    assert_eq!(freeing.err(), Some(Refused::Revoked));
    assert_eq!(enter(2).err(), Some(Refused::NoWord));
}

#[test]
fn the_guards_bits_are_out_of_reach() {
    let gate = gate();
    let held = way(&gate);
    let word = &gate.words()[0];
    let marked = word.raw().load(Ordering::Relaxed);
    assert_eq!(marked & HELD, HELD);
    let order = Ordering::Relaxed;
    word.fetch_and(0, order);
    word.fetch_or(u32::MAX, order);
    word.fetch_xor(u32::MAX, order);
    word.fetch_update(order, order, |_| Some(0)).unwrap();
    assert_eq!(word.raw().load(Ordering::Relaxed), marked);
    assert_eq!(word.load(order), 0);
    drop(held);
    assert_eq!(word.raw().load(Ordering::Relaxed), 0);
}

#[test]
fn a_claim_goes_with_the_last_clone() {
    let seen = Seen::default();
    let gate = gate();
    let first = Claimed::take(&gate, 0, 0, 0, |_| Ok::<_, Refused>(seen.clone())).unwrap();
    let second = first.clone();
    drop(first);
    assert_eq!(Arc::strong_count(&seen.0), 2);
    drop(second);
    assert_eq!(Arc::strong_count(&seen.0), 1);
}

#[test]
fn it_can_be_revoked_from_inside_and_taken_by_another() {
    let gate = gate();
    let handle = gate.handle();
    let (own, later) = (gate.clone(), handle.clone());
    let inside = handle.call(|chip| {
        assert!(own.revoke(), "it does not wait for this call");
        assert_eq!(later.call(|chip| Ok(*chip)), Err(Revoked));
        Ok::<_, Revoked>(*chip)
    });
    assert_eq!(
        inside,
        Ok(7),
        "the call that was inside ends as it would have"
    );
    let takers = [gate.clone(), gate].map(|gate| std::thread::spawn(move || gate.take().is_some()));
    let taken = takers.map(|taker| taker.join().unwrap());
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
}

fn _handles_can_be_sent(handle: Handle<u32>) -> impl Send {
    handle
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
            Ok::<_, Revoked>(*chip)
        };
        caller.call(stay).unwrap()
    });
    wait_entered.recv().unwrap();
    let (closed, wait_closed) = mpsc::channel();
    let taker = {
        let gate = gate.clone();
        std::thread::spawn(move || {
            assert!(gate.revoke());
            closed.send(()).unwrap();
            gate.take()
        })
    };
    wait_closed.recv().unwrap();
    assert!(!taker.is_finished());
    release.send(()).unwrap();
    assert_eq!(call.join().unwrap(), 7);
    assert_eq!(taker.join().unwrap().as_deref(), Some(&7));
}
