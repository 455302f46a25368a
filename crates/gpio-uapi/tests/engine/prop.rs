//! Properties: the queues and the resolution of attributes against naive models.

use std::collections::VecDeque;

use gpio_uapi::abi::v1::{EventDataV1, EventFlags, HandleFlags};
use gpio_uapi::abi::v2::{LineConfig, LineFlags};
use gpio_uapi::abi::{FromBytes, IntoBytes};
use gpio_uapi::repr::v2::parse_config;
use gpio_uapi::{MemoryRecords, Records};
use gpiolib::{Direction, EventClock};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::common::Rig;
use crate::common::make::{EDGES, attribute, config, event, lines_keeping};

/// What a program and the world do to a queue.
#[derive(Clone, Copy, Debug)]
enum Step {
    Edge,
    Read(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec(
        prop_oneof![3 => Just(Step::Edge), 1 => (1..6_u64).prop_map(Step::Read)],
        1..120,
    )
}

/// Keeps at most `capacity` numbers; full, it gives up its oldest or the new one.
fn model(steps: &[Step], capacity: usize, drop_oldest: bool) -> Vec<Vec<u32>> {
    let (mut queue, mut next, mut reads) = (VecDeque::new(), 1, Vec::new());
    for step in steps {
        match step {
            Step::Edge => {
                if queue.len() < capacity {
                    queue.push_back(next);
                } else if drop_oldest {
                    queue.pop_front();
                    queue.push_back(next);
                }
                next += 1;
            }
            Step::Read(most) => {
                let most = queue.len().min(usize::try_from(*most).unwrap());
                reads.push(queue.drain(..most).collect());
            }
        }
    }
    reads
}

proptest! {
    #[test]
    fn v2_queue_is_a_window_of_the_newest(size in 0..40_u32, steps in steps()) {
        prop_assume!(size != 1);
        let mut rig = Rig::new(1);
        let chip = rig.open();
        let line = rig.get_line(chip, lines_keeping(&[0], EDGES, size)).unwrap();
        let (mut level, mut reads) = (0, Vec::new());
        for step in &steps {
            match step {
                Step::Edge => {
                    level ^= 1;
                    rig.pull(0, level);
                }
                Step::Read(most) => {
                    let bytes = rig.read(line, most * 48).unwrap_or_default();
                    let seqno = |record: &[u8]| u32::from_ne_bytes(record[16..20].try_into().unwrap());
                    reads.push(bytes.chunks(48).map(seqno).collect::<Vec<u32>>());
                }
            }
        }
        let capacity = if size == 0 { 16 } else { size.next_power_of_two() };
        prop_assert_eq!(reads, model(&steps, usize::try_from(capacity).unwrap(), true));
    }

    #[test]
    fn v1_queue_keeps_the_oldest(steps in steps()) {
        let mut rig = Rig::new(1);
        let chip = rig.open();
        let edge = rig.get_event(chip, event(0, HandleFlags::INPUT, EventFlags::all())).unwrap();
        let (mut level, mut stamps, mut reads) = (0, vec![0], Vec::<Vec<u32>>::new());
        for step in &steps {
            match step {
                Step::Edge => {
                    level ^= 1;
                    rig.pull(0, level);
                    stamps.push(rig.now);
                }
                Step::Read(most) => {
                    let bytes = rig.read(edge, most * 16).unwrap_or_default();
                    let number = |record: &[u8]| {
                        let record = EventDataV1::read_from_bytes(record).unwrap();
                        stamps.iter().position(|stamp| *stamp == record.timestamp).unwrap()
                    };
                    let numbers = bytes.chunks(16).map(number);
                    reads.push(numbers.map(|number| u32::try_from(number).unwrap()).collect());
                }
            }
        }
        prop_assert_eq!(reads, model(&steps, 16, false));
    }

    #[test]
    fn a_ring_is_a_queue_of_records(pushes in vec(any::<[u8; 16]>(), 0..40), pops in 0..50_usize) {
        let mut ring = MemoryRecords::new();
        for record in &pushes {
            ring.push(record);
        }
        for number in 0..pops {
            let mut record = [0; 16];
            prop_assert_eq!(ring.pop(&mut record), number < pushes.len());
            prop_assert_eq!(record, pushes.get(number).copied().unwrap_or([0; 16]));
        }
        prop_assert_eq!(ring.bytes(), pushes.len().saturating_sub(pops) * 16);
    }

    #[test]
    fn attributes_resolve_as_a_naive_reader_would(
        default in 0..16_u64,
        attrs in vec((0..5_u32, 0..16_u64, 0..16_u64), 0..=10),
    ) {
        let built: Vec<_> = attrs.iter().map(|(id, value, mask)| attribute(*id, *value, *mask)).collect();
        let raw = config(LineFlags::from_bits_retain(default), &built);
        let expected: Option<Vec<_>> = (0..4).map(|line| naive(default, &attrs, line)).collect();
        let found = parse_config(&raw, 4).ok().map(|setups| {
            let plain = |setup: &gpio_uapi::repr::Setup| Plain {
                direction: setup.config.direction,
                active_low: setup.config.active_low,
                value: setup.value.is_active(),
                debounce_us: setup.debounce_us,
            };
            setups.iter().map(plain).collect::<Vec<_>>()
        });
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn any_bytes_are_judged_without_panic(bytes in vec(any::<u8>(), 272), lines in 1..=64_usize) {
        let raw = LineConfig::read_from_bytes(&bytes).unwrap();
        prop_assert_eq!(raw.as_bytes(), &bytes[..]);
        if let Ok(setups) = parse_config(&raw, lines) {
            prop_assert_eq!(setups.len(), lines);
            prop_assert!(setups.iter().all(|setup| setup.config.clock != EventClock::Hte));
        }
    }
}

/// What a configuration of only direction and polarity comes to.
#[derive(Debug, PartialEq)]
struct Plain {
    direction: Option<Direction>,
    active_low: bool,
    value: bool,
    debounce_us: Option<u32>,
}

/// The last write wins when the attributes are applied backwards.
fn naive(default: u64, attrs: &[(u32, u64, u64)], line: u32) -> Option<Plain> {
    let (mut flags, mut value, mut debounce) = (default, false, None);
    for (id, data, mask) in attrs.iter().rev() {
        if mask >> line & 1 == 0 {
            continue;
        }
        match id {
            1 => flags = *data,
            2 => value = data >> line & 1 == 1,
            3 => debounce = Some(u32::try_from(*data).unwrap()),
            _ => {}
        }
    }
    let direction = match flags & 0b1100 {
        0b0000 => None,
        0b0100 => Some(Direction::Input),
        0b1000 => Some(Direction::Output),
        _ => return None,
    };
    let debounce_fits = debounce.is_none() || direction == Some(Direction::Input);
    let known = flags & 1 == 0 && debounce_fits;
    known.then_some(Plain {
        direction,
        active_low: flags & 2 != 0,
        value,
        debounce_us: debounce,
    })
}
