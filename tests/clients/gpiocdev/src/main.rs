//! The published `gpiocdev` crate on lines that do not exist: discovery, find by name, requests,
//! values, and edges, blocking and under two async runtimes. Unplug is seen by all three.
//!
//! Run as: `ugpio run --board ../board.toml -- gpiocdev-client`. Prints one line a check and fails on
//! the first that does not hold.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use gpiocdev::line::{Direction, EdgeDetection, EdgeKind, InfoChangeKind, Value};
use gpiocdev::request::Request;

type Checked = Result<(), Box<dyn std::error::Error>>;

/// After this long, what must happen counts as not happening.
const LIMIT: Duration = Duration::from_secs(60);

/// The world outside the chip: one `ugpio ctl` command.
fn ctl(words: &[&str]) {
    let done = Command::new("ugpio").arg("ctl").args(words).output();
    let done = done.expect("ugpio is on the path");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "ugpio ctl {words:?}: {said}");
}

fn chip(label: &str) -> PathBuf {
    let chips = gpiocdev::chip::chips().expect("/dev can be listed");
    let labelled = |path: &PathBuf| {
        let chip = gpiocdev::Chip::from_path(path).and_then(|chip| chip.info());
        chip.is_ok_and(|info| info.label == label)
    };
    chips
        .into_iter()
        .find(labelled)
        .expect("the board has a chip with this label")
}

fn edges_on(label: &str, offset: u32) -> gpiocdev::Result<Request> {
    Request::builder()
        .on_chip(chip(label))
        .with_line(offset)
        .with_edge_detection(EdgeDetection::BothEdges)
        .request()
}

/// The uAPI's errno for a chip that is gone, however the crate wraps it.
fn is_gone(error: &gpiocdev::Error) -> bool {
    let said = format!("{error:?} {error}");
    said.contains("ENODEV") || said.contains("No such device") || said.contains("(19)")
}

fn discovery() -> Checked {
    let chips = gpiocdev::chip::chips()?;
    let mut labels = Vec::new();
    for path in &chips {
        let info = gpiocdev::Chip::from_path(path)?.info()?;
        assert_eq!(PathBuf::from("/dev").join(&info.name), *path);
        labels.push((info.label, info.num_lines));
    }
    assert!(labels.contains(&("bench".to_owned(), 32)), "{labels:?}");
    assert!(labels.contains(&("wide".to_owned(), 64)), "{labels:?}");
    assert_eq!(gpiocdev::detect_abi_version()?, gpiocdev::AbiVersion::V2);
    assert!(gpiocdev::Chip::from_path("/dev/null").is_err());
    Ok(())
}

fn find_by_name() -> Checked {
    let led = gpiocdev::find_named_line("LED").expect("the board names a line LED");
    assert_eq!((led.chip.clone(), led.info.offset), (chip("bench"), 0));
    let found = gpiocdev::find_named_lines(&["BUTTON", "SENSOR"], true)?;
    assert_eq!(found["BUTTON"].info.offset, 1);
    assert_eq!(found["SENSOR"].info.offset, 25);
    assert!(gpiocdev::find_named_line("NOBODY").is_none());
    Ok(())
}

fn requests_and_values() -> Checked {
    let led = gpiocdev::find_named_line("LED").expect("the board names a line LED");
    let output = Request::builder()
        .with_found_line(&led)
        .as_output(Value::Active)
        .with_consumer("gpiocdev-client")
        .request()?;
    ctl(&["wait", "bench", "0", "high", "--timeout", "60"]);
    output.set_lone_value(Value::Inactive)?;
    ctl(&["wait", "bench", "0", "low", "--timeout", "60"]);
    let info = gpiocdev::Chip::from_path(chip("bench"))?.line_info(0)?;
    assert!(info.used && info.consumer == "gpiocdev-client");
    assert_eq!(info.direction, Direction::Output);
    assert!(
        Request::builder().with_found_line(&led).request().is_err(),
        "a held line is busy"
    );

    let input = Request::builder()
        .on_chip(chip("bench"))
        .with_line(1)
        .as_input()
        .request()?;
    ctl(&["pull", "bench", "1", "up"]);
    assert_eq!(input.value(1)?, Value::Active);
    let mut turned = input.config();
    turned.as_output(Value::Inactive);
    input.reconfigure(&turned)?;
    assert_eq!(input.value(1)?, Value::Inactive);
    drop(output);
    Request::builder()
        .with_found_line(&led)
        .as_input()
        .request()?;
    Ok(())
}

fn edges_blocking() -> Checked {
    let request = edges_on("bench", 2)?;
    assert!(!request.has_edge_event()?);
    ctl(&["pull", "bench", "2", "up"]);
    ctl(&["pull", "bench", "2", "down"]);
    let (rising, falling) = (request.read_edge_event()?, request.read_edge_event()?);
    assert_eq!(
        (rising.kind, rising.offset, rising.seqno),
        (EdgeKind::Rising, 2, 1)
    );
    assert_eq!(
        (falling.kind, falling.offset, falling.seqno),
        (EdgeKind::Falling, 2, 2)
    );
    assert!(rising.timestamp_ns <= falling.timestamp_ns);

    for pull in ["up", "down", "up", "down"] {
        ctl(&["pull", "bench", "2", pull]);
    }
    let mut events = request.new_edge_event_buffer(3);
    for seqno in 3..=6 {
        assert_eq!(events.read_event()?.seqno, seqno);
    }
    assert!(!events.has_event()?);
    Ok(())
}

/// The first ABI: values through a line handle, edges through a line event.
fn first_abi() -> Checked {
    use gpiocdev::AbiVersion::V1;
    let mut request = Request::builder();
    request.on_chip(chip("bench")).using_abi_version(V1);
    let output = request.with_line(6).as_output(Value::Active).request()?;
    ctl(&["wait", "bench", "6", "high", "--timeout", "60"]);
    output.set_lone_value(Value::Inactive)?;
    assert_eq!(output.lone_value()?, Value::Inactive);
    ctl(&["wait", "bench", "6", "low", "--timeout", "60"]);

    let mut request = Request::builder();
    request.on_chip(chip("bench")).using_abi_version(V1);
    let input = request
        .with_line(7)
        .with_edge_detection(EdgeDetection::RisingEdge)
        .request()?;
    ctl(&["pull", "bench", "7", "up"]);
    assert!(input.wait_edge_event(LIMIT)?);
    assert_eq!(input.read_edge_event()?.kind, EdgeKind::Rising);
    Ok(())
}

fn info_changes() -> Checked {
    let watcher = gpiocdev::Chip::from_path(chip("bench"))?;
    watcher.watch_line_info(3)?;
    drop(
        Request::builder()
            .on_chip(chip("bench"))
            .with_line(3)
            .request()?,
    );
    for kind in [InfoChangeKind::Requested, InfoChangeKind::Released] {
        assert!(watcher.wait_line_info_change_event(LIMIT)?);
        let change = watcher.read_line_info_change_event()?;
        assert_eq!((change.kind, change.info.offset), (kind, 3));
    }
    Ok(())
}

fn edges_tokio() -> Checked {
    use gpiocdev::tokio::AsyncRequest;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let request = AsyncRequest::new(edges_on("bench", 4)?);
        for (pull, kind) in [("up", EdgeKind::Rising), ("down", EdgeKind::Falling)] {
            // The reader is asleep in epoll when the edge comes.
            let (event, _) = tokio::join!(
                tokio::time::timeout(LIMIT, request.read_edge_event()),
                tokio::task::spawn_blocking(move || ctl(&["pull", "bench", "4", pull])),
            );
            assert_eq!(event??.kind, kind);
        }
        Ok(())
    })
}

fn edges_async_io() -> Checked {
    use futures::future::{Either, join, select};
    use gpiocdev::async_io::AsyncRequest;
    smol::block_on(async {
        let request = AsyncRequest::new(edges_on("bench", 5)?);
        for (pull, kind) in [("up", EdgeKind::Rising), ("down", EdgeKind::Falling)] {
            let read = select(
                Box::pin(request.read_edge_event()),
                smol::Timer::after(LIMIT),
            );
            let (event, ()) = join(
                read,
                smol::unblock(move || ctl(&["pull", "bench", "5", pull])),
            )
            .await;
            let Either::Left((event, _)) = event else {
                panic!("no edge came")
            };
            assert_eq!(event?.kind, kind);
        }
        Ok(())
    })
}

fn unplug_blocking() -> Checked {
    let request = edges_on("unplug-edges", 0)?;
    let watcher = gpiocdev::Chip::from_path(chip("unplug-edges"))?;
    assert!(watcher.line_info(0)?.used);
    ctl(&["unplug", "unplug-edges"]);
    assert!(request.value(0).is_err_and(|e| is_gone(&e)));
    assert!(watcher.line_info(0).is_err_and(|e| is_gone(&e)));
    assert!(request.read_edge_event().is_err_and(|e| is_gone(&e)));
    assert!(
        gpiocdev::chip::chips()?
            .iter()
            .all(|path| path != watcher.path())
    );
    Ok(())
}

fn unplug_tokio() -> Checked {
    use gpiocdev::tokio::AsyncRequest;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let request = AsyncRequest::new(edges_on("unplug-sleeper", 0)?);
        let (event, _) = tokio::join!(
            tokio::time::timeout(LIMIT, request.read_edge_event()),
            tokio::task::spawn_blocking(|| ctl(&["unplug", "unplug-sleeper"])),
        );
        assert!(event?.is_err());
        Ok(())
    })
}

fn main() -> Checked {
    let checks: [(&str, fn() -> Checked); 10] = [
        ("discovery", discovery),
        ("find by name", find_by_name),
        ("requests and values", requests_and_values),
        ("edges, blocking", edges_blocking),
        ("the first ABI", first_abi),
        ("info changes", info_changes),
        ("edges, tokio", edges_tokio),
        ("edges, async-io", edges_async_io),
        ("unplug, blocking", unplug_blocking),
        ("unplug, tokio", unplug_tokio),
    ];
    for (name, check) in checks {
        check().map_err(|error| format!("{name}: {error}"))?;
        println!("{name}: ok");
    }
    Ok(())
}
