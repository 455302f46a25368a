//! Chapters of stories, as the bytes that `world` reads: mostly lines that are requested, pulled and
//! waited for, since bytes alone seldom come to that.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::Union;

type Bytes = BoxedStrategy<Vec<u8>>;

/// Any of them.
pub fn any() -> impl Strategy<Value = Vec<u8>> {
    let noise = vec(proptest::num::u8::ANY, 1..24).boxed();
    Union::new_weighted(vec![
        (6, request()),
        (5, lively()),
        (2, handle()),
        (2, event()),
        (4, reconfigure()),
        (9, call()),
        (14, outside()),
        (3, noise),
    ])
}

/// How many lines, and which.
fn offsets() -> impl Strategy<Value = Vec<u8>> {
    vec(proptest::num::u8::ANY, 1..4)
        .prop_map(|lines| [vec![lines.len() as u8 - 1], lines].concat())
}

/// Flags, and attributes with what they are and for which lines.
fn config() -> impl Strategy<Value = Vec<u8>> {
    let attribute = (0..4_u8, proptest::num::u8::ANY, proptest::num::u8::ANY);
    (0..24_u8, vec(attribute, 0..3)).prop_map(|(flags, attributes)| {
        let mut bytes = vec![flags, attributes.len() as u8];
        for (id, value, mask) in attributes {
            bytes.extend([id, value, mask]);
        }
        bytes
    })
}

/// A v2 request. As in all calls, the last two: nothing is changed, at a good address.
fn request() -> Bytes {
    (
        0..2_u8,
        offsets(),
        config(),
        0..7_u8,
        proptest::num::u8::ANY,
    )
        .prop_map(|(chip, offsets, config, size, consumer)| {
            [
                &[0, chip, 0][..],
                &offsets,
                &config,
                &[size, consumer, 0, 0],
            ]
            .concat()
        })
        .boxed()
}

/// One line requested and debounced, and then pulled and waited for.
fn lively() -> Bytes {
    let happening = prop_oneof![proptest::bool::ANY.prop_map(Err), (0..4_u8).prop_map(Ok),];
    (0..2_u8, 0..3_u8, 0..24_u8, 0..5_u8, vec(happening, 1..12))
        .prop_map(|(chip, line, flags, period, happenings)| {
            let mut story = vec![0, chip, 0, 0, line, flags, 1, 1, period, 255, 0, 2, 0, 0];
            for happening in happenings {
                story.extend(match happening {
                    Err(level) => [160, chip | line << 1 | u8::from(level) << 3],
                    Ok(time) => [208, time],
                });
            }
            story
        })
        .boxed()
}

fn handle() -> Bytes {
    let any = proptest::num::u8::ANY;
    (0..2_u8, offsets(), 0..20_u8, any, any)
        .prop_map(|(chip, offsets, flags, values, consumer)| {
            [
                &[0, chip, 3][..],
                &offsets,
                &[flags, values, consumer, 0, 0],
            ]
            .concat()
        })
        .boxed()
}

fn event() -> Bytes {
    (0..2_u8, 0..3_u8, 0..6_u8, 0..4_u8)
        .prop_map(|(chip, line, flags, edges)| vec![0, chip, 4, line, flags, edges, 3, 0, 0])
        .boxed()
}

fn reconfigure() -> Bytes {
    (2..6_u8, config())
        .prop_map(|(file, config)| [&[0, file, 0][..], &config, &[0, 0]].concat())
        .boxed()
}

/// Watches, values, reads, and a close.
fn call() -> Bytes {
    let any = proptest::num::u8::ANY;
    let watched = prop_oneof![Just(6), Just(8), Just(9)];
    prop_oneof![
        2 => (0..2_u8, watched, any).prop_map(|(chip, call, line)| vec![0, chip, call, line, 0, 0]),
        3 => (2..6_u8, 2..4_u8, any, any)
            .prop_map(|(file, call, mask, bits)| vec![0, file, call, mask, bits, 0, 0]),
        4 => (0..5_u8, any).prop_map(|(file, how)| vec![128, file, how]),
        1 => (1..5_u8).prop_map(|file| vec![224, file]),
    ]
    .boxed()
}

/// Pulls, a line that goes up and down, and time.
fn outside() -> Bytes {
    prop_oneof![
        proptest::num::u8::ANY.prop_map(|what| vec![160, what]),
        (0..8_u8, 1..12_u8).prop_map(|(line, times)| {
            (0..times)
                .flat_map(|time| [160, line | (time & 1 ^ 1) << 3])
                .collect()
        }),
        (0..5_u8).prop_map(|step| vec![208, step]),
    ]
    .boxed()
}
