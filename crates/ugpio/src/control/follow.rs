//! Those who follow the board: what each update is made of, and how it reaches them.
//!
//! The [`Hub`] notes every event here, and [`painter`] makes updates of them while anybody follows. An
//! update is put into words once for all; who reads too slowly misses some and is told all anew, so that
//! nothing grows and nobody waits.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use tokio::net::UnixStream;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Receiver};
use tokio::sync::{Notify, watch};

use super::frame::Frames;
use super::protocol::{Happened, Reply};
use super::server::{Hub, Stage, now, read_more, send};
use super::view::{Collector, PERIOD, View};

/// Updates that wait for one who follows, before some are missed: most of a second.
const BACKLOG: usize = 16;

/// What is noted for those who follow.
#[derive(Debug)]
pub(super) struct Followers {
    collector: RefCell<Collector>,
    updates: broadcast::Sender<Arc<str>>,
    touched: Notify,
}

impl Followers {
    /// A list without followers.
    pub(super) fn new() -> Followers {
        Followers {
            collector: RefCell::default(),
            updates: broadcast::Sender::new(BACKLOG),
            touched: Notify::new(),
        }
    }

    /// There is news for followers that is no event.
    pub(super) fn touch(&self) {
        self.touched.notify_one();
    }

    /// Records an event, if there is a follower.
    pub(super) fn note(&self, happened: &Happened) {
        if self.updates.receiver_count() > 0 {
            self.collector.borrow_mut().note(happened);
            self.touched.notify_one();
        }
    }
}

/// Makes updates, for ever: one at once when something has changed, the next not before its time.
pub(super) async fn painter(hub: Rc<Hub>) {
    loop {
        hub.followers.touched.notified().await;
        hub.paint();
        tokio::time::sleep(PERIOD).await;
    }
}

impl Hub {
    /// Sends the changes to the followers, if there are any.
    pub(super) fn paint(&self) {
        let mut collector = self.followers.collector.borrow_mut();
        collector.note_nets(self.net_updates());
        while !collector.is_empty() {
            let view = collector.take(now().monotonic_ns, || self.list());
            // Fails only without followers.
            let _ = self.followers.updates.send(text(view));
        }
    }

    /// Adds a follower.
    pub(super) fn follow(&self) -> Following {
        self.catch_up();
        self.follow_nets();
        self.paint();
        let updates = self.followers.updates.subscribe();
        let board = View::Board {
            at_ns: now().monotonic_ns,
            list: self.list(),
        };
        Following {
            board: Some(text(board)),
            updates,
            stage: self.stage(),
        }
    }
}

/// One who follows: first the board, then the updates of it. Can be sent to another thread.
#[derive(Debug)]
pub(crate) struct Following {
    board: Option<Arc<str>>,
    updates: Receiver<Arc<str>>,
    stage: watch::Receiver<Stage>,
}

/// What comes next for one who follows.
#[derive(Debug)]
pub(crate) enum Next {
    /// A message, without its NUL.
    Message(Arc<str>),
    /// Some were missed: the board has to be asked for anew.
    Missed,
    /// The run is over.
    Over,
}

impl Following {
    /// Waits for what comes next.
    pub(crate) async fn next(&mut self) -> Next {
        if let Some(board) = self.board.take() {
            return Next::Message(board);
        }
        tokio::select! {
            biased;
            update = self.updates.recv() => match update {
                Ok(text) => Next::Message(text),
                Err(RecvError::Lagged(_)) => Next::Missed,
                Err(RecvError::Closed) => Next::Over,
            },
            // Fails only if the server is gone, and the run with it.
            _ = self.stage.wait_for(|stage| *stage == Stage::Over) => Next::Over,
        }
    }
}

fn text(view: View) -> Arc<str> {
    Reply::View(Box::new(view)).text().into()
}

/// Sends updates to a client of the socket until it goes, or is to go.
pub(super) async fn stream(stream: &mut UnixStream, hub: &Hub, is_inside: bool) -> io::Result<()> {
    let let_go = hub.let_go(is_inside);
    tokio::pin!(let_go);
    let mut following = hub.follow();
    loop {
        let mut ignored = Frames::new(usize::MAX);
        let next = tokio::select! {
            biased;
            next = following.next() => next,
            gone = read_more(stream, &mut ignored) => { gone?; continue }
            () = &mut let_go => Next::Over,
        };
        match next {
            Next::Message(text) => send(stream, &text).await?,
            Next::Missed => following = hub.follow(),
            Next::Over => return Ok(()),
        }
    }
}
