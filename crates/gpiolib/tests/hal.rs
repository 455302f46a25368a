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
use gpiolib::{Drive, Error, Level, LineConfig, Registry};

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

#[test]
fn levels_are_electrical_whatever_the_polarity() {
    let chip = TestChip::new();
    let registration = chip.register(&Registry::new(), "a", 2);
    let mut desc = request(&registration, 0);
    for _ in 0..2 {
        assert_eq!(blink(&mut desc), Ok(true));
        assert_eq!(chip.level(0), Level::High);
        desc.set_low().unwrap();
        assert_eq!(desc.is_low(), Ok(true));
        desc.toggle_active_low();
    }
    let drive = Drive::OpenDrain;
    desc.apply_flags(&LineConfig {
        drive,
        ..desc.config()
    });
    chip.calls();
    desc.set_high().unwrap();
    assert_eq!(
        chip.calls(),
        ["input 0"],
        "an open drain is let go, not driven"
    );
    registration.unregister();
    assert_eq!(desc.set_high(), Err(Error::Revoked));
    assert_eq!(desc.is_high(), Err(Error::Revoked));
}

#[test]
fn waiting_ends_with_the_edge_the_level_or_the_chip() {
    let chip = TestChip::new();
    let registration = chip.register(&Registry::new(), "a", 2);
    let mut desc = request(&registration, 0);
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let mut context = Context::from_waker(&waker);
    {
        let mut rising = pin!(desc.wait_for_rising_edge());
        assert!(rising.as_mut().poll(&mut context).is_pending());
        chip.pull(0, Level::High);
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert_eq!(rising.as_mut().poll(&mut context), Poll::Ready(Ok(())));
    }
    assert_eq!(
        pin!(desc.wait_for_high()).poll(&mut context),
        Poll::Ready(Ok(())),
        "it is high"
    );
    {
        let mut low = pin!(desc.wait_for_low());
        assert!(low.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(
        chip.count("disarm"),
        3,
        "a wait that is given up leaves nothing armed"
    );
    let mut any = pin!(desc.wait_for_any_edge());
    assert!(any.as_mut().poll(&mut context).is_pending());
    registration.unregister();
    assert_eq!(count.0.load(Ordering::SeqCst), 2, "the reader is woken");
    assert_eq!(
        any.as_mut().poll(&mut context),
        Poll::Ready(Err(Error::Revoked))
    );
}
