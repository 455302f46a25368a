//! Control from another server of this process: the same requests and answers as on the socket.
//!
//! An [`Inlet`] can be cloned and sent to other threads, which the [`Hub`] cannot; the live board's web
//! server holds one. What comes in is done by [`serve`] on the hub's own thread.

use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::spawn_local;

use super::follow::{Following, Next};
use super::protocol::{Code, Failure, Happened, Reply, Request};
use super::server::{Hub, Listening, Stage, event_or_loss};

/// Calls that wait to be looked at; who makes one more waits with it.
const CALLS: usize = 64;

/// Where requests go in. All clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Inlet(mpsc::Sender<Call>);

/// What comes in.
#[derive(Debug)]
pub(crate) enum Call {
    Ask(Request, oneshot::Sender<Result<Value, Failure>>),
    Follow(oneshot::Sender<Held<Following>>),
    Events(oneshot::Sender<Held<Hearing>>),
}

/// A stream of messages; the run's end waits a moment for it to be dropped.
#[derive(Debug)]
pub(crate) struct Held<S> {
    stream: S,
    _held: oneshot::Sender<()>,
}

/// A new inlet, and its other end for [`serve`].
pub(crate) fn inlet() -> (Inlet, mpsc::Receiver<Call>) {
    let (sender, receiver) = mpsc::channel(CALLS);
    (Inlet(sender), receiver)
}

fn over() -> Failure {
    Failure::new(Code::Failed, "the run has ended")
}

impl Inlet {
    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// The run refuses, or has ended.
    pub(crate) async fn ask(&self, request: Request) -> Result<Value, Failure> {
        self.call(|answer| Call::Ask(request, answer)).await?
    }

    /// Follows the board from now on.
    ///
    /// # Errors
    /// The run has ended.
    pub(crate) async fn follow(&self) -> Result<Held<Following>, Failure> {
        self.call(Call::Follow).await
    }

    /// Hears every event from now on.
    ///
    /// # Errors
    /// The run has ended.
    pub(crate) async fn events(&self) -> Result<Held<Hearing>, Failure> {
        self.call(Call::Events).await
    }

    async fn call<T>(&self, call: impl FnOnce(oneshot::Sender<T>) -> Call) -> Result<T, Failure> {
        let (sender, answer) = oneshot::channel();
        self.0.send(call(sender)).await.map_err(|_| over())?;
        answer.await.map_err(|_| over())
    }
}

impl Held<Following> {
    /// The next message; none when the run is over. `inlet` is where this came from.
    pub(crate) async fn next(&mut self, inlet: &Inlet) -> Option<Arc<str>> {
        loop {
            match self.stream.next().await {
                Next::Message(text) => return Some(text),
                Next::Missed => *self = inlet.follow().await.ok()?,
                Next::Over => return None,
            }
        }
    }
}

/// One who hears every event.
#[derive(Debug)]
pub(crate) struct Hearing {
    events: Receiver<Happened>,
    stage: watch::Receiver<Stage>,
}

impl Held<Hearing> {
    /// The next message; none when the run is over.
    pub(crate) async fn next(&mut self) -> Option<String> {
        let Hearing { events, stage } = &mut self.stream;
        let event = tokio::select! {
            biased;
            event = events.recv() => event,
            _ = stage.wait_for(|stage| *stage == Stage::Over) => Err(RecvError::Closed),
        };
        match event {
            Err(RecvError::Closed) => None,
            event => Some(Reply::Event(event_or_loss(event)).text()),
        }
    }
}

/// Does what comes in, for ever. Runs inside a `LocalSet`.
pub(crate) async fn serve(mut calls: mpsc::Receiver<Call>, hub: Rc<Hub>) {
    // A client that has gone meanwhile needs no answer.
    while let Some(call) = calls.recv().await {
        match call {
            Call::Ask(request, answer) => {
                spawn_local(ask(request, answer, Rc::clone(&hub)));
            }
            Call::Follow(answer) => _ = answer.send(hold(&hub, hub.follow())),
            Call::Events(answer) => {
                let events = hub.subscribe();
                let stage = hub.stage();
                let _ = answer.send(hold(&hub, Hearing { events, stage }));
            }
        }
    }
}

async fn ask(request: Request, mut answer: oneshot::Sender<Result<Value, Failure>>, hub: Rc<Hub>) {
    let result = tokio::select! {
        result = hub.perform(request) => result,
        () = hub.let_go(false) => Err(over()),
        () = answer.closed() => return,
    };
    let _ = answer.send(result);
}

fn hold<S>(hub: &Rc<Hub>, stream: S) -> Held<S> {
    let (held, dropped) = oneshot::channel();
    let listening = Listening::new(Rc::clone(hub));
    spawn_local(async move {
        // Ends when the other end is dropped: nothing is ever sent.
        let _ = dropped.await;
        drop(listening);
    });
    Held {
        stream,
        _held: held,
    }
}
