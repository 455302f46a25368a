//! One line of the model: the simulated hardware, and what the core keeps of it.

/// A line as the reference has it: facts, and nothing that is worked out from them.
#[derive(Clone, Debug, Default)]
pub struct Line {
    // The simulated hardware.
    pub is_output: bool,
    pub level: bool,
    pub pull: bool,
    /// The physical edges that are reported: rising, falling.
    pub armed: (bool, bool),
    // The core.
    pub name: &'static str,
    pub consumer: Option<Vec<u8>>,
    pub seen_as_output: bool,
    pub active_low: bool,
    pub drive: Drive,
    pub bias: Bias,
    pub edges: (bool, bool),
    pub realtime: bool,
    pub debounce_us: u32,
    /// Which file hears of edges, as which of its lines.
    pub listener: Option<(u64, usize)>,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Drive {
    #[default]
    PushPull,
    OpenDrain,
    OpenSource,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Bias {
    #[default]
    AsIs,
    Up,
    Down,
    Disabled,
}

impl Line {
    pub fn is_requested(&self) -> bool {
        self.consumer.is_some()
    }

    /// The pull becomes `pull`; answers the physical edge that is reported, if one is.
    pub fn pulled(&mut self, pull: bool) -> Option<bool> {
        self.pull = pull;
        if self.is_requested() && self.is_output || self.level == pull {
            return None;
        }
        self.level = pull;
        let armed = if pull { self.armed.0 } else { self.armed.1 };
        (armed && self.is_requested()).then_some(pull)
    }

    /// Becomes an input with the bias it is configured for; answers an edge as `pulled` does.
    pub fn input(&mut self) -> Option<bool> {
        self.is_output = false;
        self.seen_as_output = false;
        match self.bias {
            Bias::Up => self.pulled(true),
            Bias::Down => self.pulled(false),
            Bias::AsIs | Bias::Disabled => None,
        }
    }

    /// Becomes an output with this logical value. Never armed then, so there is no edge.
    pub fn output(&mut self, value: bool) {
        let level = value != self.active_low;
        let floats = match self.drive {
            Drive::PushPull => false,
            Drive::OpenDrain => level,
            Drive::OpenSource => !level,
        };
        if floats {
            assert_eq!(self.input(), None, "an output hears no edges");
            self.seen_as_output = true;
            return;
        }
        let driven = match self.bias {
            Bias::Up => self.pulled(true),
            Bias::Down => self.pulled(false),
            Bias::AsIs | Bias::Disabled => None,
        };
        assert_eq!(driven, None, "an output hears no edges");
        self.is_output = true;
        self.level = level;
        self.seen_as_output = true;
    }

    /// Is set to a logical value, whatever its direction.
    pub fn set(&mut self, value: bool) {
        let level = value != self.active_low;
        match (self.drive, level) {
            (Drive::OpenDrain, true) | (Drive::OpenSource, false) => self.is_output = false,
            (Drive::PushPull, _) => self.level = level,
            _ => {
                self.is_output = true;
                self.level = level;
                self.seen_as_output = true;
            }
        }
    }

    pub fn value(&self) -> bool {
        self.level != self.active_low
    }

    /// The request ends. Direction and clock stay visible.
    pub fn free(&mut self) {
        *self = Self {
            is_output: self.is_output,
            level: self.pull,
            pull: self.pull,
            name: self.name,
            seen_as_output: self.seen_as_output,
            realtime: self.realtime,
            ..Self::default()
        };
    }
}
