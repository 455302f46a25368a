//! The client's side of the control socket: blocking, one request after the other.
//!
//! `ugpio ctl` is made of it. A [`Client`] asks; after `events` it turns into [`Events`].

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use thiserror::Error;

use super::protocol::{Failure, Happened, Reply, Request};
use super::view::View;

/// How long a run may take to answer a request that has nothing to wait for. Only one that was stopped,
/// or hangs, takes that long.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a shell's line may wait for the board of a run.
const BRIEFLY: Duration = Duration::from_secs(2);

/// A request was not done.
#[derive(Debug, Error)]
pub(crate) enum ClientError {
    /// No run listens on the socket.
    #[error("control socket {}: {}", .0.display(), crate::clean::reason(.1))]
    Connect(PathBuf, io::Error),
    /// The run ended, or does not answer.
    #[error("the run does not answer: {}", crate::clean::reason(.0))]
    Lost(io::Error),
    /// The run ended before it answered.
    #[error("the run has ended")]
    Ended,
    /// Something else than a run of this version is at the other end.
    #[error("the answer is not of this version of the protocol: {0}")]
    Misread(Failure),
    /// The run refused.
    #[error("{0}")]
    Refused(Failure),
}

/// A connection to a run.
#[derive(Debug)]
pub(crate) struct Client {
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Connects to the socket of a run.
    ///
    /// # Errors
    /// No run listens there, or it is not ours to use.
    pub(crate) fn connect(path: &Path) -> Result<Client, ClientError> {
        let stream = UnixStream::connect(path).map_err(|e| ClientError::Connect(path.into(), e))?;
        Ok(Client::over(stream))
    }

    /// Speaks over a stream that is connected.
    pub(crate) fn over(stream: UnixStream) -> Client {
        Client {
            stream: BufReader::new(stream),
        }
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// The run refuses, has ended or does not answer.
    pub(crate) fn call<T: DeserializeOwned>(
        &mut self,
        request: &Request,
    ) -> Result<T, ClientError> {
        let patience = if matches!(request, Request::Wait(_)) {
            None
        } else {
            Some(PATIENCE)
        };
        self.call_within(request, patience)
    }

    /// Asks a run that is worth something only if it answers at once.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub(crate) fn call_at_once<T: DeserializeOwned>(
        &mut self,
        request: &Request,
    ) -> Result<T, ClientError> {
        self.call_within(request, Some(BRIEFLY))
    }

    fn call_within<T: DeserializeOwned>(
        &mut self,
        request: &Request,
        patience: Option<Duration>,
    ) -> Result<T, ClientError> {
        self.stream
            .get_ref()
            .set_read_timeout(patience)
            .map_err(ClientError::Lost)?;
        match self.stream.get_mut().write_all(&request.encode()) {
            // The server may have said why before it closed.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {}
            done => done.map_err(lost)?,
        }
        match read(&mut self.stream)? {
            Some(Reply::Result(result)) => serde_json::from_value(result).map_err(|e| {
                ClientError::Misread(Failure::new(
                    super::protocol::Code::BadMessage,
                    e.to_string(),
                ))
            }),
            Some(Reply::Failure(failure)) => Err(ClientError::Refused(failure)),
            Some(Reply::Event(_) | Reply::View(_)) | None => Err(ClientError::Ended),
        }
    }

    /// Asks for the board, and what changes on it from now on.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub(crate) fn follow(mut self) -> Result<Views, ClientError> {
        let _: serde_json::Value = self.call(&Request::Follow)?;
        self.stream
            .get_ref()
            .set_read_timeout(None)
            .map_err(ClientError::Lost)?;
        Ok(Views {
            stream: self.stream,
        })
    }

    /// Asks for every change from now on.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub(crate) fn events(mut self) -> Result<Events, ClientError> {
        let _: serde_json::Value = self.call(&Request::Events)?;
        self.stream
            .get_ref()
            .set_read_timeout(None)
            .map_err(ClientError::Lost)?;
        Ok(Events {
            stream: self.stream,
        })
    }
}

/// The board of a run and what changes on it; ends with it.
#[derive(Debug)]
pub(crate) struct Views {
    stream: BufReader<UnixStream>,
}

impl Iterator for Views {
    type Item = Result<View, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match read(&mut self.stream) {
                Ok(Some(Reply::View(view))) => return Some(Ok(*view)),
                Ok(Some(Reply::Result(_) | Reply::Event(_))) => {}
                Ok(Some(Reply::Failure(failure))) => {
                    return Some(Err(ClientError::Refused(failure)));
                }
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// The changes of a run; ends with it.
#[derive(Debug)]
pub(crate) struct Events {
    stream: BufReader<UnixStream>,
}

impl Iterator for Events {
    type Item = Result<Happened, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match read(&mut self.stream) {
                Ok(Some(Reply::Event(event))) => return Some(Ok(event)),
                Ok(Some(Reply::Result(_) | Reply::View(_))) => {}
                Ok(Some(Reply::Failure(failure))) => {
                    return Some(Err(ClientError::Refused(failure)));
                }
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Reads one message; nothing if the run has ended.
fn read(stream: &mut BufReader<UnixStream>) -> Result<Option<Reply>, ClientError> {
    let mut message = Vec::new();
    stream.read_until(0, &mut message).map_err(lost)?;
    match message.pop() {
        Some(0) => Reply::decode(&message)
            .map(Some)
            .map_err(ClientError::Misread),
        _ => Ok(None),
    }
}

fn lost(error: io::Error) -> ClientError {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, TimedOut, WouldBlock};
    match error.kind() {
        BrokenPipe | ConnectionReset => ClientError::Ended,
        WouldBlock | TimedOut => ClientError::Lost(io::Error::other("no answer within 30 seconds")),
        _ => ClientError::Lost(error),
    }
}
