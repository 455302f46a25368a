#[test]
fn a_pressed_button_reads_active() -> Result<(), Box<dyn std::error::Error>> {
    let mut request = gpiocdev::Request::builder();
    let button = request.on_chip("/dev/gpiochip0").with_line(4).request()?;
    let mut press = std::process::Command::new("ugpio");
    press.args("ctl pull bench 4 up".split(' '));
    assert!(press.status()?.success());
    assert_eq!(button.value(4)?, gpiocdev::line::Value::Active);
    Ok(())
}
