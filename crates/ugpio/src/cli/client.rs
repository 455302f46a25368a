//! The arguments of the client verbs: `detect`, `info`, `get`, `set`, `monitor`, `watch`, `wait`.
//!
//! Groups that several verbs share ([`FindArgs`], [`LineArgs`], [`OutputArgs`]) are flattened into
//! each. Letters follow libgpiod's tools where they have the option. [`crate::client`] acts on them.

use core::num::NonZeroU64;
use core::time::Duration;

use clap::Subcommand;

use super::help;
use super::words::{self, Bias, Clock, Drive, Edges, SetWord, Value};

/// The client verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the chips
    #[command(after_help = help::DETECT)]
    Detect(DetectArgs),
    /// Show lines: name, direction, consumer
    #[command(after_help = help::INFO)]
    Info(InfoArgs),
    /// Read values of lines
    #[command(after_help = help::GET)]
    Get(GetArgs),
    /// Drive lines, and hold them until killed
    #[command(after_help = help::SET)]
    Set(SetArgs),
    /// Print edges of lines as they happen
    #[command(after_help = help::MONITOR)]
    Monitor(MonitorArgs),
    /// Print who requests, releases and reconfigures lines
    #[command(after_help = help::WATCH)]
    Watch(WatchArgs),
    /// Wait until a line has a value
    #[command(after_help = help::WAIT)]
    Wait(WaitArgs),
}

/// Where lines are looked for.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct FindArgs {
    /// Look for lines on this chip only; a plain number is then an offset
    #[arg(short, long, value_name = "CHIP")]
    pub(crate) chip: Option<String>,
    /// Take LINE for a name even where it could be an offset or CHIP:OFFSET
    #[arg(long)]
    pub(crate) by_name: bool,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct OutputArgs {
    /// Print JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// How a line is requested, whichever its direction.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LineArgs {
    /// Active is low
    #[arg(short = 'l', long)]
    pub(crate) active_low: bool,
    /// What pulls the line when it is not driven
    #[arg(
        short,
        long,
        value_enum,
        default_value_t,
        value_name = "BIAS",
        hide_possible_values = true
    )]
    pub(crate) bias: Bias,
    /// The consumer's label, which others see
    #[arg(short = 'C', long, default_value = "ugpio", value_name = "NAME")]
    pub(crate) consumer: String,
}

/// `ugpio detect`.
#[derive(Debug, clap::Args)]
pub(crate) struct DetectArgs {
    /// Only these chips: gpiochipN, N, a path or a label
    #[arg(value_name = "CHIP")]
    pub(crate) chips: Vec<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// `ugpio info`.
#[derive(Debug, clap::Args)]
pub(crate) struct InfoArgs {
    /// Only these chips and lines
    #[arg(value_name = "CHIP|LINE")]
    pub(crate) what: Vec<String>,
    #[command(flatten)]
    pub(crate) find: FindArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// `ugpio get`.
#[derive(Debug, clap::Args)]
pub(crate) struct GetArgs {
    /// Lines to read
    #[arg(value_name = "LINE", required = true)]
    pub(crate) lines: Vec<String>,
    /// Leave the direction as it is, instead of making the line an input
    #[arg(short, long, conflicts_with = "bias")]
    pub(crate) as_is: bool,
    /// Print the values only, as 0 and 1, on one line
    #[arg(long, conflicts_with = "json")]
    pub(crate) numeric: bool,
    /// Hold the lines this long before they are read: 10us, 5ms
    #[arg(short = 'p', long, value_name = "TIME", value_parser = words::period)]
    pub(crate) hold_period: Option<Duration>,
    #[command(flatten)]
    pub(crate) line: LineArgs,
    #[command(flatten)]
    pub(crate) find: FindArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// `ugpio set`.
#[derive(Debug, clap::Args)]
pub(crate) struct SetArgs {
    /// What to drive; - reads more from standard input
    #[arg(
        value_name = "LINE=VALUE|-",
        required = true,
        allow_hyphen_values = false
    )]
    pub(crate) words: Vec<SetWord>,
    /// Exit when the lines are driven; what they do then is up to the chip
    #[arg(long)]
    pub(crate) once: bool,
    /// How to drive
    #[arg(
        short,
        long,
        value_enum,
        default_value_t,
        value_name = "DRIVE",
        hide_possible_values = true
    )]
    pub(crate) drive: Drive,
    #[command(flatten)]
    pub(crate) line: LineArgs,
    #[command(flatten)]
    pub(crate) find: FindArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// `ugpio monitor`.
#[derive(Debug, clap::Args)]
pub(crate) struct MonitorArgs {
    /// Lines to listen to
    #[arg(value_name = "LINE", required = true)]
    pub(crate) lines: Vec<String>,
    /// Which edges to print: rising, falling or both
    #[arg(
        short,
        long,
        value_enum,
        default_value_t,
        value_name = "EDGES",
        hide_possible_values = true
    )]
    pub(crate) edges: Edges,
    /// Suppress pulses shorter than this: 500us, 10ms
    #[arg(short = 'p', long = "debounce", value_name = "TIME", value_parser = words::debounce)]
    pub(crate) debounce_us: Option<u32>,
    /// What stamps edges: monotonic, realtime or hte
    #[arg(
        short = 'E',
        long,
        value_enum,
        default_value_t,
        value_name = "CLOCK",
        hide_possible_values = true
    )]
    pub(crate) clock: Clock,
    #[command(flatten)]
    pub(crate) until: UntilArgs,
    #[command(flatten)]
    pub(crate) line: LineArgs,
    #[command(flatten)]
    pub(crate) find: FindArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// When a stream of records ends.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct UntilArgs {
    /// Exit after this many
    #[arg(short, long, value_name = "N")]
    pub(crate) num_events: Option<NonZeroU64>,
    /// Exit when nothing happened for this long: 500ms, 5s; status 1 if -n is not reached
    #[arg(long, value_name = "TIME", value_parser = words::timeout)]
    pub(crate) idle_timeout: Option<Duration>,
    /// Say on standard error when listening has begun
    #[arg(long)]
    pub(crate) banner: bool,
}

/// `ugpio watch`.
#[derive(Debug, clap::Args)]
pub(crate) struct WatchArgs {
    /// Lines to watch; all lines if none is given
    #[arg(value_name = "LINE")]
    pub(crate) lines: Vec<String>,
    #[command(flatten)]
    pub(crate) until: UntilArgs,
    #[command(flatten)]
    pub(crate) find: FindArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// `ugpio wait`.
#[derive(Debug, clap::Args)]
pub(crate) struct WaitArgs {
    /// The line
    #[arg(value_name = "LINE")]
    pub(crate) name: String,
    /// The value to wait for: active or inactive, 1 or 0
    pub(crate) value: Value,
    /// Give up after this long and exit with status 1: 500ms, 5s, 1m; a plain number is seconds
    #[arg(short, long, value_name = "TIME", value_parser = words::timeout)]
    pub(crate) timeout: Option<Duration>,
    /// Suppress pulses shorter than this: 500us, 10ms
    #[arg(short = 'p', long = "debounce", value_name = "TIME", value_parser = words::debounce)]
    pub(crate) debounce_us: Option<u32>,
    #[command(flatten)]
    pub(crate) line: LineArgs,
    #[command(flatten)]
    pub(crate) find: FindArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
