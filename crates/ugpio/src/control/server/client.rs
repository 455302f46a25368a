//! One client of the control socket: its requests one after the other, or a stream that it asked for.
//!
//! [`client`] is a task of the [`server`](super). A client has a seat; while it asks for nothing, that may
//! be given to another.

use std::io;
use std::rc::Rc;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::{Hub, Listening, event_or_loss};
use crate::control::follow;
use crate::control::frame::Frames;
use crate::control::peer;
use crate::control::protocol::{Code, Failure, MAX_REQUEST, Reply, Request};
use crate::control::seats::Seat;

/// Bytes of answers that go when there are so many, though more requests are there.
const ANSWERS_MAX: usize = 64 * 1024;

/// Serves one client until it goes, or has to.
pub(super) async fn client(stream: UnixStream, hub: Rc<Hub>) {
    if !peer::is_owner(&stream) {
        let why = "only the user who started the run is answered";
        return refuse(&stream, why);
    }
    let Some((seat, given_up)) = hub.seats.take(()) else {
        return refuse(&stream, "too many clients are connected");
    };
    let mut client = Client {
        stream,
        seat,
        frames: Frames::new(MAX_REQUEST),
        answers: Vec::new(),
        hub,
    };
    tokio::select! {
        biased;
        // Only while it asks for nothing; what it asks for from now on is not begun.
        _ = given_up => {
            let why = "too many clients are connected, and this one was idle longest";
            refuse(&client.stream, why);
        }
        // An error means that the client has gone, which is the end either way.
        _ = client.serve() => {
            let _ = client.flush().await;
        }
    }
}

/// Says why a client is not served, if it takes that at once.
fn refuse(stream: &UnixStream, why: &str) {
    let reply = Reply::Failure(Failure::new(Code::NotAllowed, why));
    // A new connection has room for this; one that does not read, or has gone, needs no answer.
    let _ = stream.try_write(&reply.encode());
}

/// Sends a message that is in words.
pub(in crate::control) async fn send(stream: &mut UnixStream, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes()).await?;
    stream.write_all(&[0]).await
}

struct Client {
    stream: UnixStream,
    seat: Seat,
    frames: Frames,
    /// Answers to requests that came together, which go together.
    answers: Vec<u8>,
    hub: Rc<Hub>,
}

impl Client {
    async fn serve(&mut self) -> io::Result<()> {
        loop {
            match self.frames.take() {
                Ok(Some(message)) => self.handle(&message).await?,
                Ok(None) => {
                    self.flush().await?;
                    read_more(&mut self.stream, &mut self.frames).await?;
                }
                Err(failure) => return self.reply(&Reply::Failure(failure)).await,
            }
        }
    }

    async fn handle(&mut self, message: &[u8]) -> io::Result<()> {
        let result = match Request::decode(message) {
            Err(failure) => Err(failure),
            // What may take for ever is not begun on the last seats.
            Ok(Request::Events | Request::Follow | Request::Wait(_)) if !self.seat.hold() => {
                let why = "too many clients listen or wait";
                Err(Failure::new(Code::NotAllowed, why))
            }
            Ok(request @ (Request::Events | Request::Follow)) => {
                return self.stream(&request).await;
            }
            Ok(request) => {
                if matches!(request, Request::Wait(_)) {
                    self.flush().await?;
                }
                self.seat.begin();
                let result = self.perform(request).await;
                self.seat.end();
                result?
            }
        };
        let reply = result.map_or_else(Reply::Failure, Reply::Result);
        self.answers.extend(reply.encode());
        if self.answers.len() < ANSWERS_MAX {
            return Ok(());
        }
        self.flush().await
    }

    /// Sends a reply, after those that have not gone yet.
    async fn reply(&mut self, reply: &Reply) -> io::Result<()> {
        self.answers.extend(reply.encode());
        self.flush().await
    }

    async fn flush(&mut self) -> io::Result<()> {
        let answers = core::mem::take(&mut self.answers);
        self.stream.write_all(&answers).await
    }

    /// Sends what is asked for until the client goes or the run is over. What it still sends is read and
    /// not answered. Always ends with an error, as the connection is of no more use.
    async fn stream(&mut self, what: &Request) -> io::Result<()> {
        let hub = Rc::clone(&self.hub);
        let listening = Listening::new(Rc::clone(&hub));
        let result = if matches!(what, Request::Follow) {
            let is_inside = peer::is_inside(&self.stream);
            self.reply(&Reply::Result(json!({}))).await?;
            follow::stream(&mut self.stream, &hub, is_inside).await
        } else {
            self.stream_events_until_over(&hub).await
        };
        drop(listening);
        result.and(Err(io::ErrorKind::ConnectionAborted.into()))
    }

    async fn stream_events_until_over(&mut self, hub: &Hub) -> io::Result<()> {
        let mut events = hub.subscribe();
        let let_go = hub.let_go(peer::is_inside(&self.stream));
        tokio::pin!(let_go);
        self.reply(&Reply::Result(json!({}))).await?;
        loop {
            let mut ignored = Frames::new(usize::MAX);
            let event = tokio::select! {
                event = events.recv() => event,
                gone = read_more(&mut self.stream, &mut ignored) => { gone?; continue }
                () = &mut let_go => break,
            };
            self.reply(&Reply::Event(event_or_loss(event))).await?;
        }
        hub.catch_up();
        while let Ok(event) = events.try_recv() {
            self.reply(&Reply::Event(event)).await?;
        }
        Ok(())
    }

    /// Does a request. The outer error is that the client has gone, or is to go.
    async fn perform(
        &mut self,
        request: Request,
    ) -> io::Result<Result<serde_json::Value, Failure>> {
        // Only one who waits is let go before the answer: others have it at once.
        let is_inside = matches!(request, Request::Wait(_)) && peer::is_inside(&self.stream);
        let let_go = self.hub.let_go(is_inside);
        let performing = self.hub.perform(request);
        tokio::select! {
            biased;
            result = performing => Ok(result),
            () = let_go => Err(io::ErrorKind::ConnectionAborted.into()),
            gone = read_while(&mut self.stream, &mut self.frames) => Err(gone),
        }
    }
}

/// Reads what there is. The end of the stream is an error, as it ends everything.
pub(in crate::control) async fn read_more(
    stream: &mut UnixStream,
    frames: &mut Frames,
) -> io::Result<()> {
    let mut buffer = [0; 4096];
    match stream.read(&mut buffer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        count => {
            frames.push(&buffer[..count]);
            Ok(())
        }
    }
}

/// Reads ahead while a request is being done; ends only when the client has gone, or sends so much
/// that it is better gone.
async fn read_while(stream: &mut UnixStream, frames: &mut Frames) -> io::Error {
    loop {
        if let Err(error) = read_more(stream, frames).await {
            return error;
        }
        if frames.len() > 2 * MAX_REQUEST {
            return io::Error::other("too much is sent ahead");
        }
    }
}
