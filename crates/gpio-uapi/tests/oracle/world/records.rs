//! What the program receives: line information, changes of it, and edges, in both ABIs.

use gpio_uapi::abi::{IntoBytes, v1, v2};

use super::line::{Bias, Drive, Line};

/// Which ABI a chip file's watches speak.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Abi {
    V1,
    V2,
}

impl Abi {
    /// The size of a change record.
    pub const fn change_size(self) -> u64 {
        match self {
            Self::V1 => 104,
            Self::V2 => 288,
        }
    }
}

/// A text in its 32 bytes.
pub fn name(text: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    let len = text.len().min(31);
    bytes[..len].copy_from_slice(&text[..len]);
    bytes
}

/// What was given as a consumer, `?` if nothing.
pub fn consumer(raw: &[u8; 32]) -> Vec<u8> {
    let text: Vec<u8> = raw
        .iter()
        .copied()
        .take(31)
        .take_while(|byte| *byte != 0)
        .collect();
    if text.is_empty() { b"?".to_vec() } else { text }
}

pub fn info_v2(offset: usize, line: &Line) -> v2::LineInfo {
    let mut raw = v2::LineInfo {
        name: name(line.name.as_bytes()),
        consumer: name(line.consumer.as_deref().unwrap_or_default()),
        offset: offset as u32,
        ..v2::LineInfo::default()
    };
    let mut put = |bit: u32, on: bool| raw.flags |= u64::from(on) << bit;
    put(0, line.is_requested());
    put(1, line.active_low);
    put(2, !line.seen_as_output);
    put(3, line.seen_as_output);
    put(4, line.edges.0);
    put(5, line.edges.1);
    put(6, line.drive == Drive::OpenDrain);
    put(7, line.drive == Drive::OpenSource);
    put(8, line.bias == Bias::Up);
    put(9, line.bias == Bias::Down);
    put(10, line.bias == Bias::Disabled);
    put(11, line.realtime);
    if line.debounce_us != 0 {
        raw.num_attrs = 1;
        raw.attrs[0].id = 3;
        raw.attrs[0].value = line.debounce_us.into();
    }
    raw
}

pub fn info_v1(offset: usize, line: &Line) -> v1::LineInfoV1 {
    let mut flags = 0;
    let mut put = |bit: u32, on: bool| flags |= u32::from(on) << bit;
    put(0, line.is_requested());
    put(1, line.seen_as_output);
    put(2, line.active_low);
    put(3, line.drive == Drive::OpenDrain);
    put(4, line.drive == Drive::OpenSource);
    put(5, line.bias == Bias::Up);
    put(6, line.bias == Bias::Down);
    put(7, line.bias == Bias::Disabled);
    v1::LineInfoV1 {
        line_offset: offset as u32,
        flags,
        name: name(line.name.as_bytes()),
        consumer: name(line.consumer.as_deref().unwrap_or_default()),
    }
}

/// A change record. `kind`: 1 requested, 2 released, 3 reconfigured.
pub fn change(abi: Abi, offset: usize, line: &Line, kind: u32, now: u64) -> Vec<u8> {
    match abi {
        Abi::V1 => v1::LineInfoChangedV1 {
            info: info_v1(offset, line),
            timestamp: now,
            event_type: kind,
            padding: [0; 5],
        }
        .as_bytes()
        .to_vec(),
        Abi::V2 => v2::LineInfoChanged {
            info: info_v2(offset, line),
            timestamp_ns: now,
            event_type: kind,
            padding: [0; 5],
        }
        .as_bytes()
        .to_vec(),
    }
}
