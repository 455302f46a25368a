//! Random stories against a naive model of objects, counts, look-up, requests, directions and values.

#![cfg(not(loom))]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::TestChip;
use gpiolib::engine::DescExt;
use gpiolib::{
    ChipConfig, Desc, Drive, Error, InUse, Level, LineConfig, Module, Name, Offset, Registration,
    Registry, Value,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Chips that can be plugged in, lines of each, and modules that own them.
const CHIPS: usize = 2;
const LINES: usize = 2;
const MODULES: usize = 2;

#[derive(Clone, Copy, Debug)]
enum Step {
    Plug(usize),
    Unplug(usize),
    Request(usize, usize),
    Clone(usize),
    Drop(usize),
    Configure(usize, bool, Drive),
    Output(usize, bool),
    Input(usize),
    Set(usize, bool),
    Unload(usize),
    Reload(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let drive = prop_oneof![
        Just(Drive::PushPull),
        Just(Drive::OpenDrain),
        Just(Drive::OpenSource)
    ];
    let handle = 0..4_usize;
    prop_oneof![
        3 => (0..CHIPS).prop_map(Step::Plug),
        2 => (0..CHIPS).prop_map(Step::Unplug),
        8 => (0..CHIPS, 0..LINES).prop_map(|(chip, line)| Step::Request(chip, line)),
        4 => handle.clone().prop_map(Step::Clone),
        6 => handle.clone().prop_map(Step::Drop),
        4 => (handle.clone(), any::<bool>(), drive).prop_map(|(h, low, drive)| Step::Configure(h, low, drive)),
        6 => (handle.clone(), any::<bool>()).prop_map(|(h, v)| Step::Output(h, v)),
        4 => handle.clone().prop_map(Step::Input),
        6 => (handle, any::<bool>()).prop_map(|(h, v)| Step::Set(h, v)),
        1 => (0..MODULES).prop_map(Step::Unload),
        2 => (0..MODULES).prop_map(Step::Reload),
    ]
}

/// One line as the model knows it.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    handles: usize,
    active_low: bool,
    drive: Drive,
    /// As the hardware has it.
    drives: bool,
    high: bool,
    /// As the core remembers it.
    output: bool,
}

/// A chip that was plugged in once; never forgotten.
#[derive(Debug)]
struct Instance {
    id: u32,
    chip: usize,
    module: usize,
    alive: bool,
    lines: [Line; LINES],
}

impl Instance {
    fn is_held(&self) -> bool {
        self.alive || self.lines.iter().any(|line| line.handles > 0)
    }

    /// The lines that the hardware drives, as bits.
    fn outputs(&self) -> u64 {
        let lines = self.lines.iter().enumerate();
        lines.fold(0, |all, (bit, line)| all | u64::from(line.drives) << bit)
    }

    fn lines_out(&self) -> usize {
        self.lines.iter().filter(|line| line.handles > 0).count()
    }
}

/// The real thing and the model, side by side.
struct World {
    registry: Registry,
    plugged: Vec<Option<(Registration<TestChip>, TestChip)>>,
    /// All modules ever; `current` are those that new chips get.
    modules: Vec<(Module, bool)>,
    current: Vec<usize>,
    handles: Vec<(Desc, usize, usize)>,
    instances: Vec<Instance>,
}

impl World {
    fn new() -> Self {
        Self {
            registry: Registry::new(),
            plugged: (0..CHIPS).map(|_| None).collect(),
            modules: (0..MODULES).map(|_| (Module::new("m"), false)).collect(),
            current: (0..MODULES).collect(),
            handles: Vec::new(),
            instances: Vec::new(),
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Plug(chip) => self.plug(chip),
            Step::Unplug(chip) => self.unplug(chip),
            Step::Request(chip, line) => self.request(chip, line),
            Step::Clone(at) => self.clone_handle(at),
            Step::Drop(at) => self.drop_handle(at),
            Step::Configure(at, active_low, drive) => self.configure(at, active_low, drive),
            Step::Output(at, value) => self.change(
                at,
                |desc| desc.direction_output(value.into()),
                |line| line.put(value, true),
            ),
            Step::Input(at) => self.change(at, Desc::direction_input, Line::turn_to_input),
            Step::Set(at, value) => self.change(
                at,
                |desc| desc.set_value(value.into()),
                |line| line.put(value, false),
            ),
            Step::Unload(module) => self.unload(self.current[module]),
            Step::Reload(module) => {
                self.current[module] = self.modules.len();
                self.modules.push((Module::new("m"), false));
            }
        }
    }

    fn plug(&mut self, chip: usize) {
        if self.plugged[chip].is_some() {
            return;
        }
        let taken = |id: &u32| {
            self.instances
                .iter()
                .any(|old| old.id == *id && old.is_held())
        };
        let id = (0..).find(|id| !taken(id)).unwrap();
        let module = self.current[chip % MODULES];
        let test = TestChip::new();
        let names = (0..LINES).map(|line| (offset(line), Name::from(name(line).as_str())));
        let config = ChipConfig {
            owner: Some(self.modules[module].0.clone()),
            names: names.collect(),
            ..ChipConfig::new(&label(chip), u32::try_from(LINES).unwrap())
        };
        let registration = test.register_as(&self.registry, &config);
        assert_eq!(registration.device().id(), id);
        self.plugged[chip] = Some((registration, test));
        let lines = Default::default();
        self.instances.push(Instance {
            id,
            chip,
            module,
            alive: true,
            lines,
        });
    }

    fn unplug(&mut self, chip: usize) {
        if let Some((registration, test)) = self.plugged[chip].take() {
            assert!(registration.unregister().is_some());
            test.log().alive = false;
            self.alive(chip).unwrap().alive = false;
        }
    }

    fn alive(&mut self, chip: usize) -> Option<&mut Instance> {
        let mut instances = self.instances.iter_mut();
        instances.find(|instance| instance.chip == chip && instance.alive)
    }

    fn request(&mut self, chip: usize, line: usize) {
        let device = self.registry.device_by_label(&label(chip));
        let Some(at) = self
            .instances
            .iter()
            .position(|i| i.chip == chip && i.alive)
        else {
            assert!(device.is_none());
            return;
        };
        let got = device.unwrap().line(offset(line)).unwrap().request("x");
        let instance = &mut self.instances[at];
        let wanted = &mut instance.lines[line];
        match got {
            Ok(desc) => {
                assert!(wanted.handles == 0 && !self.modules[instance.module].1);
                wanted.handles = 1;
                wanted.output = wanted.drives;
                self.handles.push((desc, at, line));
            }
            Err(Error::Busy) => assert!(wanted.handles > 0),
            Err(error) => {
                assert_eq!(error, Error::ProbeDefer);
                assert!(self.modules[instance.module].1);
            }
        }
    }

    fn clone_handle(&mut self, at: usize) {
        if let Some((desc, instance, line)) = self.handles.get(at) {
            let clone = (desc.clone(), *instance, *line);
            self.instances[clone.1].lines[clone.2].handles += 1;
            self.handles.push(clone);
        }
    }

    fn drop_handle(&mut self, at: usize) {
        if at < self.handles.len() {
            let (desc, instance, line) = self.handles.swap_remove(at);
            drop(desc);
            let line = &mut self.instances[instance].lines[line];
            line.handles -= 1;
            if line.handles == 0 {
                (line.active_low, line.drive) = (false, Drive::PushPull);
            }
        }
    }

    fn configure(&mut self, at: usize, active_low: bool, drive: Drive) {
        if let Some((desc, instance, line)) = self.handles.get(at) {
            desc.apply_config(&LineConfig {
                active_low,
                drive,
                ..LineConfig::default()
            });
            let line = &mut self.instances[*instance].lines[*line];
            (line.active_low, line.drive) = (active_low, drive);
        }
    }

    fn change(
        &mut self,
        at: usize,
        real: impl Fn(&Desc) -> gpiolib::Result<()>,
        model: impl Fn(&mut Line),
    ) {
        let Some((desc, instance, line)) = self.handles.get(at) else {
            return;
        };
        let instance = &mut self.instances[*instance];
        let answer = if instance.alive {
            Ok(())
        } else {
            Err(Error::Revoked)
        };
        assert_eq!(real(desc), answer);
        if instance.alive {
            model(&mut instance.lines[*line]);
        }
    }

    fn unload(&mut self, module: usize) {
        let out: usize = self
            .instances
            .iter()
            .filter(|i| i.module == module)
            .map(Instance::lines_out)
            .sum();
        let answer = if out == 0 { Ok(()) } else { Err(InUse(out)) };
        assert_eq!(self.modules[module].0.try_unload(), answer);
        self.modules[module].1 |= out == 0;
    }

    /// Everything that can be seen is as the model says.
    fn check(&self) {
        for (desc, at, line) in &self.handles {
            let (instance, line) = (&self.instances[*at], &self.instances[*at].lines[*line]);
            assert_eq!(desc.handles(), line.handles);
            assert_eq!(desc.device().id(), instance.id);
            assert_eq!(desc.is_output(), line.output);
            let level = Level::from(line.high);
            let value = if instance.alive {
                Ok(level.value(line.active_low))
            } else {
                Err(Error::Revoked)
            };
            assert_eq!(desc.value(), value);
            assert_eq!(
                desc.level(),
                value.map(|value: Value| value.level(line.active_low))
            );
        }
        for (chip, plugged) in self.plugged.iter().enumerate() {
            let mut instances = self.instances.iter();
            let instance = instances.find(|i| i.chip == chip && i.alive);
            let real = plugged.as_ref().map(|(_, test)| test.log().outputs);
            assert_eq!(real, instance.map(Instance::outputs));
        }
        for (index, (module, going)) in self.modules.iter().enumerate() {
            let out = self
                .instances
                .iter()
                .filter(|i| i.module == index)
                .map(Instance::lines_out)
                .sum();
            assert_eq!((module.lines_out(), module.is_going()), (out, *going));
        }
        let mut listed: Vec<u32> = self
            .instances
            .iter()
            .filter(|i| i.alive)
            .map(|i| i.id)
            .collect();
        listed.sort_unstable();
        let real: Vec<u32> = self
            .registry
            .devices()
            .iter()
            .map(gpiolib::Device::id)
            .collect();
        assert_eq!(real, listed);
        for line in 0..LINES {
            let found = self
                .registry
                .find_line(&name(line))
                .map(|line| line.device().id());
            assert_eq!(found, listed.first().copied());
        }
    }
}

impl Line {
    fn turn_to_input(&mut self) {
        (self.drives, self.output) = (false, false);
    }

    /// Sets a value; turns the line around where the drive or the call says so.
    fn put(&mut self, value: bool, make_output: bool) {
        let high = value != self.active_low;
        let released = match self.drive {
            Drive::PushPull => {
                self.high = high;
                self.drives |= make_output;
                self.output |= make_output;
                return;
            }
            Drive::OpenDrain => high,
            Drive::OpenSource => !high,
        };
        self.drives = !released;
        self.output |= make_output || !released;
        if !released {
            self.high = high;
        }
    }
}

fn offset(line: usize) -> Offset {
    Offset::new(u32::try_from(line).unwrap())
}

fn label(chip: usize) -> String {
    format!("chip-{chip}")
}

fn name(line: usize) -> String {
    format!("LINE-{line}")
}

proptest! {
    #[test]
    fn the_core_is_as_the_model_says(steps in vec(step(), 1..120)) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
            world.check();
        }
    }
}
