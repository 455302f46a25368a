//! Drivers that refuse, and the order in which they are called.

use gpio_uapi::abi::v2::LineFlags;
use gpiolib::{ChipConfig, Edges, Errno, Error, Offset, Value};

use crate::common::Rig;
use crate::common::chips::{ENOTSUPP, EOPNOTSUPP, Refusing, Script};
use crate::common::make::{
    EDGES, INPUT, OUTPUT, PULL_UP, RISING, USED, config, debounce, lines, lines_with,
};

/// In Linux the kernel may use a line as an interrupt that nobody has requested. Here whoever listens to
/// a line holds it, so a program finds it busy; the line itself refuses in the same way.
// DIFFERS: there are no interrupts without a request.
#[test]
fn row_119_a_line_that_is_listened_to_is_no_output() {
    let mut rig = Rig::new(4);
    let line = rig.sim().device().line(Offset::new(0)).unwrap();
    let button = line.request("button").unwrap();
    button.direction_input().unwrap();
    let edges = button.subscribe(Edges::BOTH, 16).unwrap();
    let refused = button.direction_output(Value::Active);
    assert_eq!(refused.map_err(Error::errno), Err(Errno::EIO));
    let chip = rig.open();
    assert_eq!(rig.get_line(chip, lines(&[0], OUTPUT)), Err(Errno::EBUSY));
    drop((edges, button));
    assert!(rig.get_line(chip, lines(&[0], OUTPUT)).is_ok());
}

#[test]
fn row_120_a_masked_line_is_used_by_nobody_and_cannot_be_had() {
    let mut config = ChipConfig::new("holes", 4);
    config.invalid = vec![Offset::new(2)];
    let (mut rig, _registration) = Refusing::default().rig(&config);
    let chip = rig.open();
    assert_eq!(rig.flags(chip, 2), INPUT | USED);
    assert_eq!(rig.consumer(chip, 2), b"");
    // DIFFERS: Linux looks at the mask only for drivers with a request operation.
    assert_eq!(rig.get_line(chip, lines(&[2], INPUT)), Err(Errno::EINVAL));
}

#[test]
fn row_121_a_bias_that_does_not_exist_is_ignored_and_a_refused_one_is_not() {
    for (answer, expected) in [(ENOTSUPP, Ok(())), (EOPNOTSUPP, Err(Errno::EOPNOTSUPP))] {
        let script = Script {
            bias: Some(answer),
            ..Default::default()
        };
        let (_, mut rig, _registration) = Refusing::scripted(script);
        let chip = rig.open();
        let result = rig.get_line(chip, lines(&[0], INPUT | PULL_UP));
        assert_eq!(result.map(|_| ()), expected);
    }
}

#[test]
fn a_request_calls_the_driver_in_order() {
    let script = Script {
        debounce: Some(ENOTSUPP),
        ..Default::default()
    };
    let (driver, mut rig, _registration) = Refusing::scripted(script);
    let chip = rig.open();
    let request = lines_with(&[1], INPUT | RISING | PULL_UP, &[debounce(9, 1)]);
    let line = rig.get_line(chip, request).unwrap();
    assert_eq!(
        driver.calls(),
        [
            "request 1",
            "config 1 PersistState(true)",
            "input 1",
            "config 1 BiasPullUp",
            "config 1 InputDebounce(9)",
            "arm 1 11",
        ]
    );
    rig.close(line);
    assert_eq!(driver.calls(), ["disarm 1", "free 1"]);
}

#[test]
fn lines_are_released_in_the_order_of_the_request() {
    let (driver, mut rig, _registration) = Refusing::scripted(Script::default());
    let chip = rig.open();
    let line = rig
        .get_line(chip, lines(&[3, 0, 2], LineFlags::empty()))
        .unwrap();
    driver.calls();
    rig.close(line);
    assert_eq!(driver.calls(), ["free 3", "free 0", "free 2"]);
}

#[test]
fn hardware_that_debounces_is_left_to_it() {
    let (driver, mut rig, _registration) = Refusing::scripted(Script::default());
    let chip = rig.open();
    let request = lines_with(&[1], INPUT | RISING, &[debounce(9, 1)]);
    let line = rig.get_line(chip, request).unwrap();
    assert!(
        driver.calls().contains(&"arm 1 10".to_owned()),
        "only the edge asked for"
    );
    assert_eq!(rig.period(chip, 1), Some(9));
    rig.set_config(line, config(INPUT | RISING, &[])).unwrap();
    assert_eq!(rig.period(chip, 1), None, "gone from the info");
    assert!(
        !driver.calls().iter().any(|call| call.contains("Debounce")),
        "but not switched off"
    );
}

#[test]
fn a_period_of_hardware_stays_shown_where_there_were_no_edges() {
    let (_, mut rig, _registration) = Refusing::scripted(Script::default());
    let chip = rig.open();
    let line = rig
        .get_line(chip, lines_with(&[1], INPUT, &[debounce(9, 1)]))
        .unwrap();
    rig.set_config(line, config(INPUT, &[])).unwrap();
    assert_eq!(rig.period(chip, 1), Some(9));
    rig.set_config(line, config(INPUT, &[debounce(0, 1)]))
        .unwrap();
    assert_eq!(rig.period(chip, 1), None);
}

#[test]
fn errors_of_the_driver_come_through() {
    let refused = Some(Error::Driver(Errno::EACCES));
    for (script, flags) in [
        (
            Script {
                request: refused,
                ..Default::default()
            },
            INPUT,
        ),
        (
            Script {
                persist: refused,
                ..Default::default()
            },
            OUTPUT,
        ),
        (
            Script {
                arm: refused,
                ..Default::default()
            },
            EDGES,
        ),
    ] {
        let (_, mut rig, _registration) = Refusing::scripted(script);
        let chip = rig.open();
        assert_eq!(rig.get_line(chip, lines(&[1], flags)), Err(Errno::EACCES));
        assert_eq!(
            rig.flags(chip, 1) & USED,
            LineFlags::empty(),
            "released again"
        );
    }
}

#[test]
fn a_provider_that_is_not_ready_looks_gone() {
    let script = Script {
        request: Some(Error::ProbeDefer),
        ..Default::default()
    };
    let (_, mut rig, _registration) = Refusing::scripted(script);
    let chip = rig.open();
    assert_eq!(rig.get_line(chip, lines(&[1], INPUT)), Err(Errno::ENODEV));
}

#[test]
fn a_line_without_interrupt_has_no_edges_and_no_debouncer() {
    let script = Script {
        arm: Some(ENOTSUPP),
        debounce: Some(ENOTSUPP),
        ..Default::default()
    };
    let (_, mut rig, _registration) = Refusing::scripted(script);
    let chip = rig.open();
    assert_eq!(rig.get_line(chip, lines(&[1], EDGES)), Err(Errno::ENXIO));
    let request = lines_with(&[1], INPUT, &[debounce(9, 1)]);
    assert_eq!(rig.get_line(chip, request), Err(Errno::ENXIO));
    assert!(rig.get_line(chip, lines(&[1], INPUT)).is_ok());
}

#[test]
fn a_chip_that_cannot_read_is_eio() {
    let script = Script {
        get: Some(ENOTSUPP),
        ..Default::default()
    };
    let (_, mut rig, _registration) = Refusing::scripted(script);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[1], LineFlags::empty())).unwrap();
    assert_eq!(rig.values(line, 1), Err(Errno::EIO));
}
