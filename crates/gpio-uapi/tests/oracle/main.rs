//! The engine against a naive model: random stories of calls, pulls, unplugs and time.
//!
//! The same stories are fuzzed, where coverage leads to new ones: `fuzz/fuzz_targets/model.rs`.

#![expect(
    clippy::cast_possible_truncation,
    unreachable_pub,
    reason = "a test's numbers are small, and its modules its own"
)]

mod chapters;
mod world;

use proptest::collection::vec;
use proptest::prelude::*;

/// 600 stories, unless `PROPTEST_CASES` asks for another number.
fn config() -> ProptestConfig {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: if asked { default.cases } else { 600 },
        ..default
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_engine_does_as_the_model(story in vec(chapters::any(), 1..30)) {
        world::run(&story.concat());
    }

    #[test]
    fn any_bytes_are_a_story(story in vec(any::<u8>(), 1..300)) {
        world::run(&story);
    }
}
