//! Every example of the crate runs to its end.

#![cfg(all(feature = "std", feature = "embedded-hal", not(loom)))]

macro_rules! runs {
    ($($name:ident: $path:literal;)*) => { $(
        #[path = $path]
        mod $name;

        #[test]
        fn $name() {
            $name::main().expect("it runs");
        }
    )* };
}

runs! {
    arrays: "../examples/arrays.rs";
    consumer: "../examples/consumer.rs";
    driver: "../examples/driver.rs";
    edges: "../examples/edges.rs";
    handover: "../examples/handover.rs";
    managed: "../examples/managed.rs";
    module: "../examples/module.rs";
    no_std: "../examples/no_std/main.rs";
}

/// None was forgotten above.
#[test]
fn all_are_run() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    assert_eq!(entries.count(), 8);
}
