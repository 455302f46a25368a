//! The web server's listener: a bounded number of connections, of which those that have shown no session
//! lock no user out, so that those who may use the board always can and the run keeps its descriptors.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Sleep;

use super::visitor::Peer;
use crate::control::seats::{GivenUp, Limits, Seat, Seats};

/// The connections at one time; a page takes one or two.
const SEATS: Limits = Limits {
    most: 256,
    idle_of_one: 32,
    reserve: 32,
};

/// How long a connection may take to show its session.
const ENTRY: Duration = Duration::from_secs(10);

/// Accepts connections and gives them seats.
#[derive(Debug)]
pub(super) struct Bounded {
    listener: TcpListener,
    seats: Seats<Peer>,
}

impl Bounded {
    /// Accepts from this listener.
    pub(super) fn new(listener: TcpListener) -> Bounded {
        Bounded {
            listener,
            seats: Seats::new(SEATS),
        }
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let (stream, from) = Listener::accept(&mut self.listener).await;
            let peer = Peer::of(&stream);
            // Closed at once if all others are in use, by people who are in.
            let Some((seat, given_up)) = self.seats.take(peer) else {
                continue;
            };
            // Updates are small and should be there at once; without this they only come later.
            let _ = stream.set_nodelay(true);
            let connection = Connection {
                stream,
                visitor: Visitor {
                    peer,
                    seat: Arc::new(seat),
                    is_in: Arc::default(),
                },
                given_up,
                entry: Box::pin(tokio::time::sleep(ENTRY)),
                is_over: false,
            };
            return (connection, from);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// What a request knows of its connection.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub(super) peer: Peer,
    seat: Arc<Seat>,
    is_in: Arc<AtomicBool>,
}

impl Visitor {
    /// A session was shown: the connection may stay as long as it wants to.
    pub(super) fn let_in(&self) {
        if !self.is_in.swap(true, Ordering::Relaxed) {
            // Where too many are in, this one gives way to newcomers.
            let _ = self.seat.hold();
        }
    }
}

#[cfg(fuzzing)]
impl Visitor {
    /// Somebody who came by no listener.
    pub(super) fn alone(peer: Peer) -> Visitor {
        let (seat, _) = Seats::new(SEATS).take(peer).expect("nobody sits there");
        Visitor {
            peer,
            seat: Arc::new(seat),
            is_in: Arc::default(),
        }
    }
}

impl Connected<IncomingStream<'_, Bounded>> for Visitor {
    fn connect_info(stream: IncomingStream<'_, Bounded>) -> Visitor {
        stream.io().visitor.clone()
    }
}

/// A connection. It ends by itself when its seat goes to another or it has shown no session in time.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    visitor: Visitor,
    given_up: GivenUp,
    entry: Pin<Box<Sleep>>,
    is_over: bool,
}

impl Connection {
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        if !self.is_over {
            let is_in = self.visitor.is_in.load(Ordering::Relaxed);
            let is_late = !is_in && self.entry.as_mut().poll(context).is_ready();
            self.is_over = is_late || Pin::new(&mut self.given_up).poll(context).is_ready();
        }
        self.is_over
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_over(context) {
            // The end of the stream.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
