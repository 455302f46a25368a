//! Bytes as payloads: valid ones and nearly valid ones, with lines and flags that exist.

use gpio_uapi::abi::{IntoBytes, ioctl, v1, v2};

use super::memory::Memory;

/// The bytes not yet used; zeros when they have run out.
pub struct Input<'a>(pub &'a [u8]);

impl Input<'_> {
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit.max(1)
    }

    /// One of these.
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// What v2 programs ask for, and three things that they must not.
const FLAGS_V2: [u64; 24] = [
    0x04, 0x34, 0x36, 0x08, 0x0a, 0x14, 0x24, 0x134, 0x234, 0x136, 0x48, 0x88, 0x4a, 0x8a, 0x108,
    0x148, 0x288, 0x834, 0x404, 0x06, 0x00, 0x0c, 0x1004, 0x10,
];
const FLAGS_V1: [u32; 20] = [
    0x01, 0x05, 0x21, 0x41, 0x81, 0x25, 0x02, 0x06, 0x0a, 0x12, 0x0e, 0x16, 0x2a, 0x52, 0x00, 0x04,
    0x03, 0x61, 0x20, 0x100,
];
const PERIODS_US: [u32; 5] = [0, 1, 5, 100, 20_000_000];
const SIZES: [u32; 7] = [0, 1, 2, 3, 4, 17, 2000];

/// Writes the argument of a call to the place it will be looked for.
pub fn write(memory: &mut Memory, input: &mut Input<'_>, command: u32) {
    memory.bytes.fill(0);
    let bytes = &mut memory.bytes;
    match command {
        ioctl::GPIO_V2_GET_LINE => put(bytes, &request(input)),
        ioctl::GPIO_V2_LINE_SET_CONFIG => put(bytes, &config(input)),
        ioctl::GPIO_V2_LINE_GET_VALUES | ioctl::GPIO_V2_LINE_SET_VALUES => {
            let mask = input.byte().into();
            let bits = input.byte().into();
            put(bytes, &v2::LineValues { bits, mask });
        }
        ioctl::GPIO_GET_LINEHANDLE => put(bytes, &handle(input)),
        ioctl::GPIO_GET_LINEEVENT => put(bytes, &event(input)),
        ioctl::GPIOHANDLE_SET_CONFIG => {
            let raw = v1::HandleConfig {
                flags: input.pick(&FLAGS_V1),
                default_values: values(input),
                padding: [0; 4],
            };
            put(bytes, &raw);
        }
        ioctl::GPIOHANDLE_SET_LINE_VALUES => put(bytes, &values(input)),
        ioctl::GPIO_V2_GET_LINEINFO | ioctl::GPIO_V2_GET_LINEINFO_WATCH => {
            let offset = offset(input);
            put(
                bytes,
                &v2::LineInfo {
                    offset,
                    ..v2::LineInfo::default()
                },
            );
        }
        _ => put(bytes, &offset(input)),
    }
    // Nearly valid: some bytes changed.
    let patches = input.byte();
    for _ in 0..patches.saturating_sub(250) {
        let at = usize::from(input.byte()) | usize::from(input.byte()) << 8;
        bytes[at % ioctl::size(command).max(4)] = input.byte();
    }
}

fn put<T: IntoBytes + gpio_uapi::abi::Immutable>(bytes: &mut [u8], raw: &T) {
    let raw = raw.as_bytes();
    bytes[..raw.len()].copy_from_slice(raw);
}

/// Mostly a line that both chips have, now and then one that one of them or none has.
fn offset(input: &mut Input<'_>) -> u32 {
    match input.byte() {
        byte @ 0..=239 => u32::from(byte % 3),
        byte => u32::from(byte % 6),
    }
}

fn offsets(input: &mut Input<'_>) -> (u32, [u32; 64]) {
    let mut offsets = [0; 64];
    let count = match input.byte() {
        255 => 0,
        254 => 65,
        253 => 64,
        byte => usize::from(byte % 4) + 1,
    };
    for offset_at in offsets.iter_mut().take(count.min(4)) {
        *offset_at = offset(input);
    }
    (count as u32, offsets)
}

fn consumer(input: &mut Input<'_>) -> [u8; 32] {
    let mut consumer = [0; 32];
    match input.byte() % 8 {
        0 => consumer = [b'z'; 32],
        1 => consumer[..3].copy_from_slice(b"\xff\n\x01"),
        2 => {}
        byte => consumer[..2].copy_from_slice(&[b'a', b'0' + byte]),
    }
    consumer
}

fn values(input: &mut Input<'_>) -> [u8; 64] {
    let bits = input.byte();
    core::array::from_fn(|line| if line < 8 { bits >> line & 1 } else { 0 })
}

fn config(input: &mut Input<'_>) -> v2::LineConfig {
    let mut raw = v2::LineConfig {
        flags: input.pick(&FLAGS_V2),
        num_attrs: (input.byte() % 4).into(),
        ..v2::LineConfig::default()
    };
    for place in 0..raw.num_attrs as usize {
        let id = input.pick(&[2, 3, 1, 77]);
        let value = match id {
            1 => input.pick(&FLAGS_V2),
            3 => input.pick(&PERIODS_US).into(),
            _ => input.byte().into(),
        };
        raw.attrs[place].attr.id = id;
        raw.attrs[place].attr.value = value;
        raw.attrs[place].mask = input.byte().into();
    }
    raw
}

fn request(input: &mut Input<'_>) -> v2::LineRequest {
    let (num_lines, offsets) = offsets(input);
    v2::LineRequest {
        offsets,
        num_lines,
        config: config(input),
        event_buffer_size: input.pick(&SIZES),
        consumer: consumer(input),
        ..v2::LineRequest::default()
    }
}

fn handle(input: &mut Input<'_>) -> v1::HandleRequest {
    let (lines, lineoffsets) = offsets(input);
    v1::HandleRequest {
        lineoffsets,
        lines,
        flags: input.pick(&FLAGS_V1),
        default_values: values(input),
        consumer_label: consumer(input),
        fd: 0,
    }
}

fn event(input: &mut Input<'_>) -> v1::EventRequest {
    v1::EventRequest {
        lineoffset: offset(input),
        handleflags: input.pick(&FLAGS_V1),
        eventflags: (input.byte() % 5).into(),
        consumer_label: consumer(input),
        fd: 0,
    }
}
