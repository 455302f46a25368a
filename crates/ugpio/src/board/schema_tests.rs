//! The schema of board files: it takes what the reader takes, and knows the same keys.

use std::sync::OnceLock;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

use super::{file, keys, known};

/// Whether the schema takes a board file.
pub(super) fn takes(text: &str) -> Result<(), String> {
    static SCHEMA: OnceLock<(Schemas, SchemaIndex)> = OnceLock::new();
    let (schemas, index) = SCHEMA.get_or_init(|| {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("board.json", keys::schema()).unwrap();
        let index = compiler.compile("board.json", &mut schemas).unwrap();
        (schemas, index)
    });
    let board: Value = toml::from_str(text).map_err(|e| e.to_string())?;
    schemas
        .validate(&board, *index)
        .map_err(|e| format!("{e:#}"))
}

#[test]
fn it_takes_every_board_there_is() {
    let mut boards: Vec<String> = known::names()
        .filter_map(|(name, _)| known::text(name).map(str::to_owned))
        .collect();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
    for folder in ["boards", "examples", "tests"] {
        boards_in(&mut boards, format!("{root}{folder}").as_ref());
    }
    let page = std::fs::read_to_string(format!("{root}docs/board.md")).unwrap();
    let of_page = page.split("```toml\n").nth(1).unwrap();
    boards.push(of_page.split("```").next().unwrap().to_owned());
    assert!(boards.len() > 10, "{}", boards.len());
    for text in &boards {
        takes(text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    }
}

/// The files in a folder that the reader takes as boards with chips.
fn boards_in(boards: &mut Vec<String>, folder: &std::path::Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            boards_in(boards, &path);
        } else if path.extension().is_some_and(|end| end == "toml") {
            let text = std::fs::read_to_string(path).unwrap();
            boards.extend(file::parse(&text, &[]).is_ok().then_some(text));
        }
    }
}

#[test]
fn it_refuses_unknown_keys_and_values_that_cannot_be() {
    let chip = "[[chip]]\nlabel = \"a\"\n";
    for wrong in [
        "chips = 1\n".to_owned(),
        "[[chip]]\n".into(),
        format!("{chip}speed = 3\n"),
        format!("{chip}lines = 1025\n"),
        format!("{chip}base = -1\n"),
        format!("{chip}names = {{ x = \"y\" }}\n"),
        format!("{chip}hogs = [{{ line = 1, direction = \"up\" }}]\n"),
        format!("{chip}hogs = [{{ line = 1, extra = 1 }}]\n"),
        "[[chip]]\nlabel = \"gpiochip3\"\n".into(),
        "[machine]\npi_revision = 3\n".into(),
        "[machine.files]\n\"/etc/x\" = \"\"\n".into(),
        "[[net]]\nname = \"n\"\npull = \"left\"\n".into(),
        "[[net]]\nname = \"n\"\ndelay = \"5\"\n".into(),
        "[[part]]\nkind = \"led\"\nname = \"l\"\nbounce = \"1ms\"\n".into(),
        "[[part]]\nkind = \"led\"\nname = \"l\"\npins = { out = \"a:0\" }\n".into(),
        "[[part]]\nkind = \"lamp\"\nname = \"l\"\n".into(),
        "[[fault]]\nchip = \"a\"\nkind = \"explode\"\n".into(),
        "[[fault]]\nchip = \"a\"\nkind = \"error\"\nerrno = \"EFOO\"\n".into(),
    ] {
        assert!(takes(&wrong).is_err(), "{wrong}");
        assert!(file::parse(&wrong, &[]).is_err(), "{wrong}");
    }
    assert_eq!(takes(chip), Ok(()));
}
