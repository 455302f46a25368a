//! `GPIO_GET_LINEEVENT`.

use gpio_uapi::abi::IntoBytes;
use gpio_uapi::abi::ioctl::{
    GPIO_GET_LINEEVENT, GPIOHANDLE_SET_CONFIG, GPIOHANDLE_SET_LINE_VALUES,
};
use gpio_uapi::abi::v1::{EventFlags, EventRequest, HandleFlags};
use gpiolib::Errno;

use crate::common::chips::{ENOTSUPP, Refusing, Script};
use crate::common::make::{ACTIVE_LOW, INPUT, PULL_UP, USED};
use crate::common::make::{event, lines, text};
use crate::common::{ARG, READ_ONLY, Rig};

const INPUT_V1: HandleFlags = HandleFlags::INPUT;

#[test]
fn what_is_checked() {
    type F = HandleFlags;
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let both = EventFlags::all();
    for bad in [
        event(4, INPUT_V1, both),
        event(0, INPUT_V1 | F::from_bits_retain(0x100), both),
        event(0, INPUT_V1, EventFlags::from_bits_retain(4)),
        event(0, F::OUTPUT, both),
        event(0, F::INPUT | F::OUTPUT, both),
        event(0, INPUT_V1 | F::OPEN_DRAIN, both),
        event(0, INPUT_V1 | F::OPEN_SOURCE, both),
        event(0, INPUT_V1 | F::BIAS_PULL_UP | F::BIAS_PULL_DOWN, both),
    ] {
        assert_eq!(rig.get_event(chip, bad), Err(Errno::EINVAL));
    }
    let flags = INPUT_V1 | F::ACTIVE_LOW | F::BIAS_DISABLE;
    assert!(
        rig.get_event(chip, event(0, flags, EventFlags::RISING_EDGE))
            .is_ok()
    );
}

#[test]
fn row_092_bias_needs_no_input_here() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    rig.get_event(chip, event(0, HandleFlags::BIAS_PULL_UP, EventFlags::all()))
        .unwrap();
    assert_eq!(rig.flags(chip, 0), INPUT | PULL_UP | USED);
    assert_eq!(rig.level(0), 1);
}

#[test]
fn row_093_no_edges_wanted_no_events_ever() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let edge = rig
        .get_event(chip, event(0, INPUT_V1, EventFlags::empty()))
        .unwrap();
    rig.pulse(0, 4);
    assert!(rig.poll(edge).is_empty());
    assert_eq!(rig.read(edge, 16), Err(Errno::EAGAIN));
}

#[test]
fn row_094_setting_is_einval() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let edge = rig
        .get_event(chip, event(0, INPUT_V1, EventFlags::all()))
        .unwrap();
    for cmd in [GPIOHANDLE_SET_LINE_VALUES, GPIOHANDLE_SET_CONFIG] {
        assert_eq!(rig.ioctl_at(edge, cmd, ARG), Err(Errno::EINVAL));
    }
}

#[test]
fn a_line_without_interrupt_is_enodev_and_was_requested() {
    let script = Script {
        arm: Some(ENOTSUPP),
        ..Default::default()
    };
    let (_, mut rig, _registration) = Refusing::scripted(script);
    let watcher = rig.watcher();
    let refused = rig.get_event(watcher, event(1, INPUT_V1, EventFlags::all()));
    assert_eq!(refused, Err(Errno::ENODEV));
    assert_eq!(rig.changes(watcher), "REQ1 REL1");
}

#[test]
fn it_sends_no_hint_to_the_driver() {
    let (driver, mut rig, _registration) = Refusing::scripted(Script::default());
    let chip = rig.open();
    let edge = rig.get_event(
        chip,
        event(1, HandleFlags::ACTIVE_LOW, EventFlags::RISING_EDGE),
    );
    assert_eq!(driver.calls(), ["request 1", "input 1", "arm 1 01"]);
    rig.close(edge.unwrap());
    assert_eq!(driver.calls(), ["disarm 1", "free 1"]);
}

#[test]
fn only_the_descriptor_is_written() {
    let mut rig = Rig::new(4);
    let (chip, watcher) = (rig.open(), rig.watcher());
    let mut request = event(1, INPUT_V1 | HandleFlags::ACTIVE_LOW, EventFlags::all());
    request.consumer_label = text(&[b'w'; 32]);
    let before = request;
    rig.ioctl(chip, GPIO_GET_LINEEVENT, &mut request).unwrap();
    assert_ne!(request.fd, before.fd);
    assert_eq!(
        EventRequest {
            fd: before.fd,
            ..request
        },
        before
    );
    assert_eq!(rig.flags(chip, 1), INPUT | ACTIVE_LOW | USED);
    rig.changes(watcher);
    rig.program
        .put(READ_ONLY, event(2, INPUT_V1, EventFlags::all()).as_bytes());
    assert_eq!(
        rig.ioctl_at(chip, GPIO_GET_LINEEVENT, READ_ONLY),
        Err(Errno::EFAULT)
    );
    assert_eq!(rig.changes(watcher), "REQ2 REL2");
    rig.get_line(chip, lines(&[3], INPUT)).unwrap();
    let busy = rig.get_event(chip, event(3, INPUT_V1, EventFlags::all()));
    assert_eq!(busy, Err(Errno::EBUSY));
}
