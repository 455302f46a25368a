//! Descriptors under drivers of the embedded-hal ecosystem.

#![cfg(feature = "embedded-hal")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use common::{TestChip, request};
use embedded_hal::digital::{InputPin, OutputPin, PinState, StatefulOutputPin};
use embedded_hal_async::digital::Wait;
use gpiolib::engine::DescExt;
use gpiolib::{
    Direction, Drive, Error, Input, Level, LineConfig, Offset, Output, Registration, Registry,
    Value,
};

/// Counts wakes.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A driver that knows nothing of gpiolib.
fn blink<P: OutputPin + StatefulOutputPin>(pin: &mut P) -> Result<bool, P::Error> {
    pin.set_state(PinState::High)?;
    pin.toggle()?;
    pin.toggle()?;
    pin.is_set_high()
}

fn output(chip: &Registration<TestChip>, offset: u32) -> Output {
    request(chip, offset).into_output(Value::Inactive).unwrap()
}

fn input(chip: &Registration<TestChip>, offset: u32) -> Input {
    request(chip, offset).into_input().unwrap()
}

#[test]
fn levels_are_electrical_whatever_the_polarity() {
    let chip = TestChip::new();
    let registration = chip.register(&Registry::new(), "a", 2);
    let mut pin = output(&registration, 0);
    for _ in 0..2 {
        assert_eq!(blink(&mut pin), Ok(true));
        assert_eq!(chip.level(0), Level::High);
        pin.set_low().unwrap();
        assert_eq!(pin.is_low(), Ok(true));
        let desc = pin.into_desc();
        desc.toggle_active_low();
        pin = desc.into_output(Value::Active).unwrap();
    }
    let drive = Drive::OpenDrain;
    let desc = pin.into_desc();
    desc.apply_config(&LineConfig {
        drive,
        ..desc.config()
    });
    let mut pin = desc.into_output(Value::Inactive).unwrap();
    chip.calls();
    pin.set_high().unwrap();
    assert_eq!(
        chip.calls(),
        ["input 0"],
        "an open drain is let go, not driven"
    );
    registration.unregister();
    assert_eq!(pin.set_high(), Err(Error::Revoked));
    assert_eq!(pin.is_high(), Err(Error::Revoked));
}

#[test]
fn an_output_is_driven_from_the_start_or_not_made() {
    let chip = TestChip::new();
    let registration = chip.register(&Registry::new(), "a", 1);
    let line = registration.device().line(Offset::new(0)).unwrap();
    chip.log().fails.push(("output", Error::Io));
    assert_eq!(line.output("x", Value::Active).err(), Some(Error::Io));
    assert!(!line.info().used, "the line is free again");
    chip.log().fails.clear();

    let pin = line.output("x", Value::Active).unwrap();
    assert_eq!(chip.level(0), Level::High, "without a further call");
    let desc = pin.into_desc();
    let other = desc.clone();
    // Another handle could make it an input behind the pin's back.
    let refused = desc.into_output(Value::Active).unwrap_err();
    assert_eq!(refused.error, Error::Busy);
    drop(other);
    let pin = refused.desc.into_output(Value::Active).unwrap();
    assert_eq!(pin.line().info().config.direction, Some(Direction::Output));
}

/// What a runtime of several threads asks of a task.
fn is_send<T: Send>(value: T) -> T {
    value
}

#[test]
fn waiting_ends_with_the_edge_the_level_or_the_chip() {
    let chip = TestChip::new();
    let registration = chip.register(&Registry::new(), "a", 2);
    let mut pin = input(&registration, 0);
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let mut context = Context::from_waker(&waker);
    {
        let mut rising = pin!(is_send(pin.wait_for_rising_edge()));
        assert!(rising.as_mut().poll(&mut context).is_pending());
        chip.pull(0, Level::High);
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert_eq!(rising.as_mut().poll(&mut context), Poll::Ready(Ok(())));
    }
    assert_eq!(
        pin!(is_send(pin.wait_for_high())).poll(&mut context),
        Poll::Ready(Ok(())),
        "it is high"
    );
    {
        let mut low = pin!(pin.wait_for_low());
        assert!(low.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(chip.count("arm"), 1, "armed once for all waits");
    {
        let mut any = pin!(pin.wait_for_any_edge());
        assert!(any.as_mut().poll(&mut context).is_pending());
        let before = count.0.load(Ordering::SeqCst);
        registration.unregister();
        assert!(
            count.0.load(Ordering::SeqCst) > before,
            "the reader is woken"
        );
        assert_eq!(
            any.as_mut().poll(&mut context),
            Poll::Ready(Err(Error::Revoked))
        );
    }
    assert_eq!(
        pin!(pin.wait_for_low()).poll(&mut context),
        Poll::Ready(Err(Error::Revoked))
    );
}

#[test]
fn no_edge_is_lost_between_two_waits() {
    let chip = TestChip::new();
    let registration = chip.register(&Registry::new(), "a", 1);
    let mut pin = input(&registration, 0);
    let mut context = Context::from_waker(Waker::noop());
    pin.listen().unwrap();
    // All before the first wait: each is there for one of them.
    for level in [Level::High, Level::Low, Level::High, Level::Low] {
        chip.pull(0, level);
    }
    for _ in 0..2 {
        assert!(
            pin!(pin.wait_for_rising_edge())
                .poll(&mut context)
                .is_ready()
        );
        assert!(
            pin!(pin.wait_for_falling_edge())
                .poll(&mut context)
                .is_ready()
        );
    }
    assert!(
        pin!(pin.wait_for_any_edge())
            .poll(&mut context)
            .is_pending()
    );

    // A wait for a level has seen what came before it, and nothing that comes after.
    chip.pull(0, Level::High);
    assert!(pin!(pin.wait_for_high()).poll(&mut context).is_ready());
    assert!(
        pin!(pin.wait_for_rising_edge())
            .poll(&mut context)
            .is_pending()
    );
    chip.pull(0, Level::Low);
    assert!(
        pin!(pin.wait_for_falling_edge())
            .poll(&mut context)
            .is_ready()
    );

    let desc = pin.into_desc();
    assert_eq!(chip.count("disarm"), 1, "the pin is gone, and its edges");
    drop(desc);
}
