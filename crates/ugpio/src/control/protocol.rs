//! The control protocol: every word that goes over the control socket.
//!
//! A message is one JSON object followed by a NUL byte, and carries the version as `"v"`. A client sends
//! [`Request`]s, `{"v":1,"method":"pull","params":{…}}`, and gets one answer for each, in order:
//! `{"v":1,"result":{…}}` or `{"v":1,"error":{"code":"no-such-line","message":"…"}}`. After `events` the
//! server sends `{"v":1,"event":{…}}` until one side closes. `docs/control.md` is the same for readers;
//! the server and the client of this crate are its users. Nothing here does I/O.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clean::clean;

pub(crate) use super::params::{
    Action, ChipParams, FaultParams, LineParams, OperateParams, PlugParams, PullParams, Resistor,
    UnwireParams, WaitParams, WireParams,
};
pub(crate) use super::state::{
    ChipAt, ChipState, Event, FailedCall, Happened, Held, Hello, InfoState, LineAt, LineState,
    Link, List, NetState, PartState,
};
pub(crate) use super::view::View;

/// The version that every message carries. It changes only when an old client could misread a message;
/// new methods, parameters with a default and new fields do not change it.
pub(crate) const VERSION: u64 = 1;

/// The longest request that the server reads, in bytes.
pub(crate) const MAX_REQUEST: usize = 64 * 1024;

/// A chip or a line as the client names it. A number is an id or an offset and nothing else; a word is
/// looked up in every way that makes sense.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Key {
    /// A chip's id, a line's offset.
    Number(u32),
    /// A label, `gpiochipN` or an id; an offset or a line name.
    Word(String),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Number(number) => number.fmt(f),
            Key::Word(word) => write!(f, "{word:?}"),
        }
    }
}

impl From<&str> for Key {
    fn from(word: &str) -> Key {
        Key::Word(word.to_owned())
    }
}

/// Physical level of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Low, 0.
    Low,
    /// High, 1.
    High,
}

/// What a pull pulls to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Pull {
    /// Towards low.
    Down,
    /// Towards high.
    Up,
}

/// Direction of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
    /// Read.
    Input,
    /// Driven.
    Output,
}

/// The resistor of a line, as its consumer asked for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Bias {
    /// Not asked for.
    #[default]
    AsIs,
    /// None.
    Disabled,
    /// Towards high.
    PullUp,
    /// Towards low.
    PullDown,
}

/// How an output is driven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Drive {
    /// To both levels.
    #[default]
    PushPull,
    /// To low only.
    OpenDrain,
    /// To high only.
    OpenSource,
}

/// Which edges a consumer receives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Edges {
    /// None.
    #[default]
    None,
    /// To active.
    Rising,
    /// To inactive.
    Falling,
    /// Both.
    Both,
}

impl Level {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Level::Low => "low",
            Level::High => "high",
        }
    }
}

impl Pull {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Pull::Down => "down",
            Pull::Up => "up",
        }
    }
}

impl Direction {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Direction::Input => "input",
            Direction::Output => "output",
        }
    }
}

/// One thing that a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Who answers? Gives a [`Hello`].
    Hello,
    /// Every chip and line. Gives a [`List`].
    List,
    /// What one line reads. Gives a [`LineState`].
    Level(LineParams),
    /// Change a line's pull. Gives the [`LineState`] after it.
    Pull(PullParams),
    /// From now on, every change. Gives `{}`, then [`Event`]s.
    Events,
    /// From now on, the board and what changes on it, a few times a second. Gives `{}`, then [`View`]s.
    Follow,
    /// A link to the live board. Gives a [`Link`].
    Web,
    /// Answer when a line has a level. Gives the [`LineState`] seen.
    Wait(WaitParams),
    /// Take a chip away. Gives `{}`.
    Unplug(ChipParams),
    /// Add a chip. Gives the [`ChipState`].
    Plug(PlugParams),
    /// Wire lines to a net. Gives the [`NetState`] after it.
    Wire(WireParams),
    /// Take lines off their net, or a net away. Gives `{}`.
    Unwire(UnwireParams),
    /// Let something go wrong. Gives `{}`.
    Fault(Box<FaultParams>),
    /// Forget the faults of a chip. Gives `{}`.
    Mend(ChipParams),
    /// Do something to a part by hand. Gives the [`PartState`] after it.
    Operate(OperateParams),
}

impl Request {
    /// Reads one message, without its NUL.
    ///
    /// # Errors
    /// `bad-message`, `bad-version`, `unknown-method` or `bad-params`.
    pub(crate) fn decode(message: &[u8]) -> Result<Request, Failure> {
        let mut object: Map<String, Value> = serde_json::from_slice(message)
            .map_err(|e| Failure::new(Code::BadMessage, format!("not a JSON object: {e}")))?;
        check_version(&object)?;
        let params = object
            .remove("params")
            .unwrap_or_else(|| Value::Object(Map::new()));
        let Some(Value::String(method)) = object.remove("method") else {
            return Err(Failure::new(Code::BadMessage, "\"method\" is not a string"));
        };
        if let Some(key) = object.keys().find(|key| key.as_str() != "v") {
            return Err(Failure::new(
                Code::BadMessage,
                format!("unknown key {key:?}"),
            ));
        }
        Request::of(&method, params)
    }

    /// What is asked for by a method with its parameters.
    ///
    /// # Errors
    /// `unknown-method` or `bad-params`.
    pub(crate) fn of(method: &str, params: Value) -> Result<Request, Failure> {
        match method {
            "hello" => no_params(&params).map(|()| Request::Hello),
            "list" => no_params(&params).map(|()| Request::List),
            "events" => no_params(&params).map(|()| Request::Events),
            "follow" => no_params(&params).map(|()| Request::Follow),
            "web" => no_params(&params).map(|()| Request::Web),
            "level" => read_params(params).map(Request::Level),
            "pull" => read_params(params).map(Request::Pull),
            "wait" => read_params(params).map(Request::Wait),
            "unplug" => read_params(params).map(Request::Unplug),
            "plug" => read_params(params).map(Request::Plug),
            "wire" => read_params(params).map(Request::Wire),
            "unwire" => read_params(params).map(Request::Unwire),
            "fault" => read_params(params).map(|params| Request::Fault(Box::new(params))),
            "mend" => read_params(params).map(Request::Mend),
            "operate" => read_params(params).map(Request::Operate),
            _ => Err(Failure::new(
                Code::UnknownMethod,
                format!("there is no method {method:?}"),
            )),
        }
    }

    /// The message for it, with its NUL.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let (method, params) = match self {
            Request::Hello => ("hello", None),
            Request::List => ("list", None),
            Request::Events => ("events", None),
            Request::Follow => ("follow", None),
            Request::Web => ("web", None),
            Request::Level(params) => ("level", Some(json(params))),
            Request::Pull(params) => ("pull", Some(json(params))),
            Request::Wait(params) => ("wait", Some(json(params))),
            Request::Unplug(params) => ("unplug", Some(json(params))),
            Request::Plug(params) => ("plug", Some(json(params))),
            Request::Wire(params) => ("wire", Some(json(params))),
            Request::Unwire(params) => ("unwire", Some(json(params))),
            Request::Fault(params) => ("fault", Some(json(params))),
            Request::Mend(params) => ("mend", Some(json(params))),
            Request::Operate(params) => ("operate", Some(json(params))),
        };
        terminated(&Envelope {
            v: VERSION,
            method: Some(method),
            params,
            ..Envelope::default()
        })
    }
}

fn check_version(object: &Map<String, Value>) -> Result<(), Failure> {
    match object.get("v") {
        Some(v) if v.as_u64() == Some(VERSION) => Ok(()),
        Some(v) => {
            let message = format!("version {v} of the protocol is not spoken here, only {VERSION}");
            Err(Failure::new(Code::BadVersion, message))
        }
        None => Err(Failure::new(
            Code::BadVersion,
            "the message has no version \"v\"",
        )),
    }
}

fn read_params<T: DeserializeOwned>(params: Value) -> Result<T, Failure> {
    serde_json::from_value(params).map_err(|e| Failure::new(Code::BadParams, e.to_string()))
}

fn no_params(params: &Value) -> Result<(), Failure> {
    match params.as_object().map(Map::is_empty) {
        Some(true) => Ok(()),
        _ => Err(Failure::new(
            Code::BadParams,
            "this method takes no parameters",
        )),
    }
}

/// What the server sends.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reply {
    /// The request was done.
    Result(Value),
    /// The request was refused, nothing has changed.
    Failure(Failure),
    /// One change, after `events`.
    Event(Happened),
    /// The board, or what has changed on it, after `follow`.
    View(Box<View>),
}

impl Reply {
    /// The message for it, without its NUL.
    pub(crate) fn text(&self) -> String {
        let mut message = self.encode();
        message.pop();
        String::from_utf8(message).expect("JSON is UTF-8")
    }

    /// The message for it, with its NUL.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut envelope = Envelope {
            v: VERSION,
            ..Envelope::default()
        };
        match self {
            Reply::Result(result) => envelope.result = Some(result.clone()),
            Reply::Failure(failure) => envelope.error = Some(failure),
            Reply::Event(event) => envelope.event = Some(Told::Event(event)),
            Reply::View(view) => envelope.event = Some(Told::View(view)),
        }
        terminated(&envelope)
    }

    /// Reads one message, without its NUL.
    ///
    /// # Errors
    /// It is not a message of this version.
    pub(crate) fn decode(message: &[u8]) -> Result<Reply, Failure> {
        let bad = |e: serde_json::Error| Failure::new(Code::BadMessage, e.to_string());
        let mut object: Map<String, Value> = serde_json::from_slice(message).map_err(bad)?;
        check_version(&object)?;
        if let Some(result) = object.remove("result") {
            return Ok(Reply::Result(result));
        }
        if let Some(event) = object.remove("event") {
            if matches!(event["kind"].as_str(), Some("board" | "update")) {
                let view = serde_json::from_value(event).map_err(bad)?;
                return Ok(Reply::View(Box::new(view)));
            }
            return serde_json::from_value(event).map(Reply::Event).map_err(bad);
        }
        let error = object.remove("error").unwrap_or(Value::Null);
        serde_json::from_value(error)
            .map(Reply::Failure)
            .map_err(bad)
    }
}

#[derive(Default, Serialize)]
struct Envelope<'m> {
    v: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'m Failure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Told<'m>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Told<'m> {
    Event(&'m Happened),
    View(&'m View),
}

fn terminated(envelope: &Envelope<'_>) -> Vec<u8> {
    let mut message =
        serde_json::to_vec(envelope).expect("strings, numbers and maps with string keys encode");
    message.push(0);
    message
}

/// A value of this module as JSON.
pub(crate) fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("strings, numbers and maps with string keys encode")
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// For programs.
    pub(crate) code: Code,
    /// For people: one line, lowercase, no full stop.
    pub(crate) message: String,
}

impl Failure {
    /// A failure with its explanation, in which what the client sent may be quoted: it is one line that no terminal obeys.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Failure {
        Failure {
            code,
            message: clean(&message.into()).into_owned(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The kinds of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Code {
    /// Not a JSON object, too long, or not of the shape of a message. The server closes after it.
    BadMessage,
    /// `"v"` is missing or not 1.
    BadVersion,
    /// There is no such method.
    UnknownMethod,
    /// A parameter is missing, unknown or of the wrong kind, or its value is out of range.
    BadParams,
    /// No chip on the board is meant by CHIP.
    NoSuchChip,
    /// More than one chip is meant by CHIP.
    AmbiguousChip,
    /// The chip has no such line.
    NoSuchLine,
    /// More than one line has the name.
    AmbiguousLine,
    /// No net of the board has the name.
    NoSuchNet,
    /// No part of the board has the name.
    NoSuchPart,
    /// `plug`: a chip on the board has the label.
    LabelTaken,
    /// `plug`: a chip on the board has one of the numbers.
    BaseTaken,
    /// `wait`: the time is over.
    TimedOut,
    /// The chip was unplugged before the answer was there.
    Unplugged,
    /// The client is of another user, or there are too many. Sent unasked; the server closes after it.
    NotAllowed,
    /// Anything else; the message says what.
    Failed,
    /// A code of a newer ugpio.
    #[serde(other)]
    Unknown,
}

#[cfg(test)]
mod tests;
