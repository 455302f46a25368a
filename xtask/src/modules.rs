//! The modules of a crate, a file each, and which names which: the arrows between files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::source::Source;

/// The files of one crate that are compiled without its tests.
#[derive(Debug)]
pub(crate) struct Crate {
    /// By the path of the module, of which the root's is empty.
    modules: BTreeMap<Vec<String>, Module>,
}

#[derive(Debug)]
struct Module {
    file: PathBuf,
    source: Source,
    /// The names that the module passes on, with the paths they have inside the crate.
    passed_on: BTreeMap<String, Vec<String>>,
}

impl Crate {
    /// Reads the crate at `dir`, which has a folder `src`.
    pub(crate) fn read(dir: &Path) -> Result<Self, String> {
        let root = ["src/lib.rs", "src/main.rs"]
            .iter()
            .map(|name| dir.join(name))
            .find(|path| path.is_file())
            .ok_or(format!("{} has no root", dir.display()))?;
        let mut modules = BTreeMap::new();
        let mut waiting = vec![(Vec::new(), root)];
        while let Some((path, file)) = waiting.pop() {
            let text = std::fs::read_to_string(&file)
                .map_err(|error| format!("{}: {error}", file.display()))?;
            let source = Source::new(&text);
            let folder = folder_of(&file);
            for name in declared(&source) {
                let places = [format!("{name}.rs"), format!("{name}/mod.rs")];
                let file = places.map(|place| folder.join(place));
                if let Some(file) = file.into_iter().find(|file| file.is_file()) {
                    waiting.push(([path.clone(), vec![name]].concat(), file));
                }
            }
            let module = Module {
                file,
                source,
                passed_on: BTreeMap::new(),
            };
            modules.insert(path, module);
        }
        let mut read = Self { modules };
        read.note_passed_on();
        Ok(read)
    }

    /// Every file.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (&Path, &Source)> {
        self.modules
            .values()
            .map(|module| (module.file.as_path(), &module.source))
    }

    /// The modules of the root, each with its file.
    pub(crate) fn rooms(&self) -> impl Iterator<Item = (&Path, String)> {
        self.modules
            .iter()
            .filter_map(|(path, module)| match path.as_slice() {
                [room] => Some((module.file.as_path(), room.clone())),
                _ => None,
            })
    }

    /// How many items can be named from outside, methods apart.
    pub(crate) fn public_items(&self) -> usize {
        let mut waiting = vec![Vec::new()];
        let mut count = 0;
        while let Some(path) = waiting.pop() {
            let Some(module) = self.modules.get(&path) else {
                continue;
            };
            for item in module.source.public() {
                if let Some(name) = module_name(item) {
                    waiting.push([path.clone(), vec![name.to_owned()]].concat());
                }
                count += match item.strip_prefix("use ") {
                    Some(names) => 1 + names.matches(',').count(),
                    None => 1,
                };
            }
        }
        count
    }

    /// The arrows between modules, from who names to what is named. A name that a module passes on is its origin's.
    pub(crate) fn arrows(&self) -> BTreeSet<(Vec<String>, Vec<String>)> {
        let mut arrows = BTreeSet::new();
        for (from, module) in &self.modules {
            for path in module.source.paths(&self.children(from)) {
                let to = self.origin(self.absolute(from, path));
                if to != *from && !to.is_empty() {
                    arrows.insert((from.clone(), to));
                }
            }
        }
        arrows
    }

    /// Sets of modules, of two at least, each of which leads to every other. The largest is first.
    pub(crate) fn circles(&self) -> Vec<Vec<String>> {
        let mut reach: BTreeMap<Vec<String>, BTreeSet<Vec<String>>> = BTreeMap::new();
        for (from, to) in self.arrows() {
            reach.entry(from).or_default().insert(to);
        }
        loop {
            let before: usize = reach.values().map(BTreeSet::len).sum();
            let now = reach.clone();
            for further in reach.values_mut() {
                let next = further.iter().filter_map(|to| now.get(to)).flatten();
                let next: Vec<_> = next.cloned().collect();
                further.extend(next);
            }
            if reach.values().map(BTreeSet::len).sum::<usize>() == before {
                break;
            }
        }
        let leads = |from: &Vec<String>, to: &Vec<String>| {
            reach.get(from).is_some_and(|there| there.contains(to))
        };
        let mut circles = BTreeSet::new();
        for one in reach.keys() {
            let with_it = |other: &&Vec<String>| leads(one, other) && leads(other, one);
            let circle: Vec<String> = reach.keys().filter(with_it).map(|m| m.join("/")).collect();
            if circle.len() > 1 {
                circles.insert(circle);
            }
        }
        let mut circles: Vec<_> = circles.into_iter().collect();
        circles.sort_by_key(|circle| core::cmp::Reverse(circle.len()));
        circles
    }

    fn children(&self, of: &[String]) -> Vec<String> {
        let child = |path: &Vec<String>| {
            let (name, parent) = path.split_last()?;
            (parent == of).then(|| name.clone())
        };
        self.modules.keys().filter_map(child).collect()
    }

    /// A path as it is written in the module `from`, from the root of the crate on.
    fn absolute(&self, from: &[String], path: Vec<String>) -> Vec<String> {
        let mut at = from.to_vec();
        let mut rest = path.into_iter().peekable();
        match rest.peek().map(String::as_str) {
            Some("crate") => {
                rest.next();
                at.clear();
            }
            Some("self") => drop(rest.next()),
            _ => {}
        }
        while rest.next_if(|word| word == "super").is_some() {
            at.pop();
        }
        at.extend(rest);
        at
    }

    /// The module in which the thing at a path is.
    fn origin(&self, mut path: Vec<String>) -> Vec<String> {
        // A name may be passed on by several modules, not by as many as this.
        for _ in 0..8 {
            let mut module = path.clone();
            while !self.modules.contains_key(&module) {
                module.pop();
            }
            let name = path.get(module.len());
            let further = name.and_then(|name| self.modules.get(&module)?.passed_on.get(name));
            match further {
                Some(further) => path = [further, &path[module.len() + 1..]].concat(),
                None => return module,
            }
        }
        path
    }

    fn note_passed_on(&mut self) {
        let found: Vec<(Vec<String>, Vec<String>)> = self
            .modules
            .iter()
            .flat_map(|(from, module)| {
                passing(&module.source.code).flat_map(|text| {
                    let source = Source::new(text);
                    let paths = source.paths(&self.children(from)).into_iter();
                    paths.map(|path| (from.clone(), self.absolute(from, path)))
                })
            })
            .collect();
        for (module, path) in found {
            let Some(name) = path.last().cloned() else {
                continue;
            };
            if let Some(module) = self.modules.get_mut(&module) {
                module.passed_on.insert(name, path);
            }
        }
    }
}

/// The statements by which a file passes names on.
fn passing(code: &str) -> impl Iterator<Item = &str> {
    ["\npub use ", "\npub(crate) use ", "\npub(super) use "]
        .into_iter()
        .flat_map(|start| code.match_indices(start))
        .map(|(at, _)| &code[at..at + code[at..].find(';').unwrap_or_default()])
}

/// The modules that a file declares in files of their own.
fn declared(source: &Source) -> Vec<String> {
    source
        .code
        .lines()
        .filter_map(|line| {
            let line = ["pub(crate) ", "pub(super) ", "pub "]
                .iter()
                .find_map(|word| line.strip_prefix(word))
                .unwrap_or(line);
            module_name(line).map(str::to_owned)
        })
        .collect()
}

fn module_name(item: &str) -> Option<&str> {
    item.trim_end().strip_prefix("mod ")?.strip_suffix(';')
}

/// Where the files of a file's modules are.
fn folder_of(file: &Path) -> PathBuf {
    let is_root = file
        .file_stem()
        .is_some_and(|stem| ["lib", "main", "mod"].iter().any(|name| stem == *name));
    match file.parent() {
        Some(parent) if is_root => parent.to_owned(),
        _ => file.with_extension(""),
    }
}
