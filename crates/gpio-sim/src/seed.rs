//! Chance without a generator: numbers that are pure functions of a seed and of where they are used.
//!
//! No state is kept, so the n-th answer does not depend on who asked for another one before. Used for
//! floating levels, contact bounce and faults; not for anything that must be hard to guess.

/// A number that is the same for the same seed and place, and looks like chance otherwise.
#[must_use]
pub fn mix(seed: u64, place: &[u64]) -> u64 {
    place.iter().fold(scramble(seed), |mixed, part| {
        scramble(mixed ^ scramble(*part))
    })
}

/// A number for a name, to be a part of a place.
#[must_use]
pub fn of_name(name: &str) -> u64 {
    // FNV-1a, which is short and good enough before `scramble`.
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The finisher of SplitMix64 (Steele, Lea, Flood, 2014): every bit of the input moves half of the output's.
const fn scramble(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_place_gives_the_same_number_and_another_place_another() {
        assert_eq!(mix(7, &[1, 2]), mix(7, &[1, 2]));
        assert_ne!(mix(7, &[1, 2]), mix(7, &[2, 1]));
        assert_ne!(mix(7, &[1]), mix(8, &[1]));
        assert_ne!(of_name("demo"), of_name("demp"));
    }

    #[test]
    fn bits_are_even() {
        let ones = (0..1000).filter(|n| mix(1, &[*n]) & 1 == 1).count();
        assert!((400..600).contains(&ones), "{ones}");
    }
}
