//! The server's side of the control socket: one task for each client, all on one thread.
//!
//! `ugpio run` starts [`serve`] on its tokio loop. A client must be the same user; what it sends is
//! judged by [`protocol`](super::protocol) and done on the [`Plugged`](super::plugged::Plugged) chips. Changes are broadcast:
//! a client that reads too slowly loses some, learns how many, and holds up no other client.

mod client;

use std::cell::{Cell, OnceCell};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use gpiolib::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use tokio::net::UnixListener;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Receiver};
use tokio::sync::{Notify, watch};
use tokio::task::spawn_local;
use tokio::time::Instant;

use self::client::client;
pub(super) use self::client::{read_more, send};
use super::follow::{self, Followers};
use super::plugged::Shared;
use super::protocol::{
    ChipState, Code, Event, Failure, Happened, Hello, LineAt, LineState, Link, List, Request,
    WaitParams, json,
};
use super::seats::{Limits, Seats};
use super::view::NetUpdate;
use crate::board::{ChipSpec, DEFAULT_LINES};

/// Events that wait for a client before it loses some. Room for all of them is made at once, which is most of what a
/// server costs: one for each input of a fuzz target has less.
const BACKLOG: usize = if cfg!(fuzzing) { 16 } else { 4096 };

/// Events handed on in one go before other tasks get their turn.
const BATCH: usize = 256;

/// The clients at one time: an idle one goes for one more, and some seats are for those who ask and go.
const SEATS: Limits = Limits {
    most: 256,
    idle_of_one: usize::MAX,
    reserve: 32,
};

/// How long the end of a run waits for listeners to take what happened last.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Makes a link to the live board.
type Linker = dyn Fn() -> io::Result<String>;
/// Sees every event, and the chip that was plugged in if that is the event. Must not block.
pub(crate) type Tap = Box<dyn Fn(&Happened, Option<ChipState>)>;

/// What the tasks of one server share.
pub(crate) struct Hub {
    plugged: Shared,
    events: broadcast::Sender<Happened>,
    pub(super) followers: Followers,
    hello: Hello,
    /// Makes links to the live board, if there is one.
    link: OnceCell<Box<Linker>>,
    /// Sees every event before the listeners do.
    tap: OnceCell<Tap>,
    /// Brings the board up to date with what the program has closed; whether nothing is open any more.
    settle: Box<dyn Fn() -> bool>,
    stage: watch::Sender<Stage>,
    pub(super) seats: Seats<()>,
    listeners: Cell<usize>,
    listener_left: Notify,
}

/// How far the run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Running,
    /// PROGRAM has ended; what it started may live on.
    ProgramEnded,
    /// The last process has ended.
    Over,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("hello", &self.hello)
            .field("seats", &self.seats)
            .finish_non_exhaustive()
    }
}

impl Hub {
    /// A server over these chips, that says `hello` of itself. `settle` is called before each answer; it
    /// lets go what the program has closed, and says whether nothing is open any more.
    pub(crate) fn new(plugged: Shared, hello: Hello, settle: Box<dyn Fn() -> bool>) -> Rc<Hub> {
        Rc::new(Hub {
            plugged,
            events: broadcast::Sender::new(BACKLOG),
            followers: Followers::new(),
            hello,
            link: OnceCell::new(),
            tap: OnceCell::new(),
            settle,
            stage: watch::Sender::new(Stage::Running),
            seats: Seats::new(SEATS),
            listeners: Cell::new(0),
            listener_left: Notify::new(),
        })
    }

    /// There is a live board, and `link` makes links to it. The first one stays.
    pub(crate) fn set_link(&self, link: Box<Linker>) {
        let _ = self.link.set(link);
    }

    /// PROGRAM has ended: its descendants that only listen or wait are released, or they would keep
    /// the run alive for ever.
    pub(crate) fn program_ended(&self) {
        self.stage.send_replace(Stage::ProgramEnded);
    }

    /// The last process has ended: sends listeners the last events, and releases them.
    pub(crate) async fn end(&self) {
        // A call whose caller was killed may still be being undone by its dispatcher.
        for _ in 0..LAST_WORDS.as_millis() {
            if self.listeners.get() == 0 || (self.settle)() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        while self.hand_on() {}
        self.paint();
        self.stage.send_replace(Stage::Over);
        let all_left = async {
            while self.listeners.get() > 0 {
                self.listener_left.notified().await;
            }
        };
        // One that does not read misses the rest.
        let _ = tokio::time::timeout(LAST_WORDS, all_left).await;
    }

    /// Returns when a client that listens or waits is to be released.
    pub(super) async fn let_go(&self, is_inside: bool) {
        let mut stage = self.stage.subscribe();
        let is_over = |now: &Stage| match *now {
            Stage::Running => false,
            Stage::ProgramEnded => is_inside,
            Stage::Over => true,
        };
        // Fails only without a sender, which is in `self`.
        let _ = stage.wait_for(is_over).await;
    }

    /// The oldest event that was not handed on, and what was plugged in, if that is what happened.
    fn next_event(&self) -> Option<(Happened, Option<ChipState>)> {
        let mut plugged = self.plugged.borrow_mut();
        let happened = plugged.next_event()?;
        let arrival = match happened.event {
            Event::Plugged(_) => plugged.next_arrival(),
            _ => None,
        };
        Some((happened, arrival))
    }

    /// Lets `tap` see every event from now on. Only the first is heard.
    pub(crate) fn tap(&self, tap: Tap) {
        let _ = self.tap.set(tap);
    }

    /// Hands on at most a batch of what has happened; whether there may be more.
    fn hand_on(&self) -> bool {
        for _ in 0..BATCH {
            let Some((event, arrival)) = self.next_event() else {
                if self.plugged.borrow().nets().has_changes() {
                    self.followers.touch();
                }
                return false;
            };
            self.followers.note(&event);
            if let Some(tap) = self.tap.get() {
                tap(&event, arrival);
            }
            // Fails only without listeners.
            let _ = self.events.send(event);
        }
        true
    }

    /// Hears every event from now on, and none that happened before.
    pub(super) fn subscribe(&self) -> Receiver<Happened> {
        self.catch_up();
        self.events.subscribe()
    }

    /// Hands on everything that has happened until now.
    pub(crate) fn catch_up(&self) {
        (self.settle)();
        while self.hand_on() {}
    }

    /// How far the run is, and how far it comes.
    pub(super) fn stage(&self) -> watch::Receiver<Stage> {
        self.stage.subscribe()
    }

    /// Keeps a note from now on of nets at which something happens.
    pub(super) fn follow_nets(&self) {
        self.plugged.borrow().nets().follow();
    }

    /// Takes the nets that may be other than at the last call.
    pub(super) fn net_updates(&self) -> Vec<NetUpdate> {
        self.plugged.borrow().net_updates()
    }

    /// Everything that is plugged in.
    pub(super) fn list(&self) -> List {
        self.plugged.borrow().list()
    }

    /// Does what a client asks for, however long it takes.
    pub(crate) async fn perform(&self, request: Request) -> Result<serde_json::Value, Failure> {
        let result = match request {
            Request::Wait(params) => self.wait(&params).await.map(|line| json(&line)),
            request => self.answer(request),
        };
        // The change that was asked for is seen by others no later than by the one who asked.
        self.hand_on();
        result
    }

    async fn wait(&self, params: &WaitParams) -> Result<LineState, Failure> {
        // Heard before looked at, so that no change falls in between.
        let events = self.subscribe();
        let timeout = params.timeout_ms.map(Duration::from_millis);
        // A time that no clock reaches is no time at all.
        let deadline = timeout.and_then(|time| Instant::now().checked_add(time));
        tokio::select! {
            biased;
            found = wait_for_level(self, params, events) => found,
            () = until(deadline) => Err(timed_out(params)),
        }
    }

    fn answer(&self, request: Request) -> Result<serde_json::Value, Failure> {
        (self.settle)();
        let now = now();
        let mut plugged = self.plugged.borrow_mut();
        match request {
            Request::Hello => Ok(json(&self.hello)),
            Request::List => Ok(json(&plugged.list())),
            Request::Level(line) => Ok(json(&plugged.line(&line.chip, &line.line)?)),
            Request::Pull(line) => Ok(json(&plugged.pull(&line.chip, &line.line, line.pull, now)?)),
            Request::Unplug(chip) => plugged.unplug(&chip.chip, now).map(|()| json!({})),
            Request::Plug(params) => {
                let mut spec = ChipSpec::plain(params.label, params.lines.unwrap_or(DEFAULT_LINES));
                spec.names = params.names.into_iter().collect();
                spec.hogs = params.hogs;
                spec.base = params.base;
                Ok(json(&plugged.plug(&spec, now)?))
            }
            Request::Web => match self.link.get() {
                Some(link) => link()
                    .map(|url| json(&Link { url }))
                    .map_err(|e| Failure::new(Code::Failed, e.to_string())),
                None => Err(Failure::new(
                    Code::Failed,
                    "this run has no live board, start it with `ugpio run --web`",
                )),
            },
            Request::Wire(params) => Ok(json(&plugged.wire(&params, now)?)),
            Request::Unwire(params) => plugged.unwire(&params, now).map(|()| json!({})),
            Request::Fault(params) => plugged.plan(&params).map(|()| json!({})),
            Request::Mend(params) => plugged.mend(&params).map(|()| json!({})),
            Request::Operate(params) => Ok(json(&plugged.operate(&params, now)?)),
            Request::Events | Request::Follow | Request::Wait(_) => {
                Err(Failure::new(Code::Failed, "answered elsewhere"))
            }
        }
    }
}

/// The time, on both clocks.
pub(crate) fn now() -> Timestamp {
    let read = |clock| {
        let time = clock_gettime(clock);
        let (seconds, nanoseconds) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
        seconds
            .wrapping_mul(1_000_000_000)
            .wrapping_add(nanoseconds)
    };
    Timestamp {
        monotonic_ns: read(ClockId::Monotonic),
        realtime_ns: read(ClockId::Realtime),
    }
}

/// Serves clients and hands events on, for ever. Runs inside a `LocalSet`.
pub(crate) async fn serve(listener: UnixListener, hub: Rc<Hub>) {
    spawn_local(relay(Rc::clone(&hub)));
    spawn_local(follow::painter(Rc::clone(&hub)));
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                spawn_local(client(stream, Rc::clone(&hub)));
            }
            // Out of descriptors, most likely; it passes when a client goes.
            Err(error) => {
                tracing::warn!("control socket: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Hands events on each time something has happened.
async fn relay(hub: Rc<Hub>) {
    poll_fn(|context| {
        hub.plugged
            .borrow()
            .changes()
            .set_waker(context.waker().clone());
        if hub.hand_on() {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await
}

/// A listener, for which the end of the run waits a moment.
pub(super) struct Listening(Rc<Hub>);

impl Listening {
    /// One more listens, until this is dropped.
    pub(super) fn new(hub: Rc<Hub>) -> Listening {
        hub.listeners.set(hub.listeners.get() + 1);
        Listening(hub)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.listeners.set(self.0.listeners.get() - 1);
        self.0.listener_left.notify_one();
    }
}

pub(super) fn event_or_loss(event: Result<Happened, RecvError>) -> Happened {
    let count = match event {
        Ok(event) => return event,
        Err(RecvError::Lagged(count)) => count,
        // The sender lives as long as the server.
        Err(RecvError::Closed) => 0,
    };
    Happened {
        at_ns: now().monotonic_ns,
        event: Event::Lost { count },
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn timed_out(params: &WaitParams) -> Failure {
    let WaitParams {
        chip,
        line,
        level,
        timeout_ms,
    } = params;
    let after = timeout_ms.unwrap_or_default();
    let message = format!(
        "line {line} of {chip} was not {} within {after} ms",
        level.word()
    );
    Failure::new(Code::TimedOut, message)
}

async fn wait_for_level(
    hub: &Hub,
    params: &WaitParams,
    mut events: Receiver<Happened>,
) -> Result<LineState, Failure> {
    let state = || hub.plugged.borrow().line(&params.chip, &params.line);
    let at = hub.plugged.borrow().line_at(&params.chip, &params.line)?;
    let mut seen = state()?;
    while seen.level != params.level {
        match events.recv().await.map(|happened| happened.event) {
            // A pulse counts, also one that is over.
            Ok(Event::Level { line, level }) if is_same(&line, &at) => {
                seen = LineState { level, ..state()? };
            }
            Ok(Event::Unplugged(chip)) if chip == at.chip => {
                let message = format!("{} {:?} was unplugged", chip.chip, chip.label);
                return Err(Failure::new(Code::Unplugged, message));
            }
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => seen = state()?,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
    Ok(seen)
}

fn is_same(line: &LineAt, other: &LineAt) -> bool {
    line.offset == other.offset && line.chip == other.chip
}

#[cfg(test)]
mod tests;
