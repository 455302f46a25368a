//! The live board over connections in memory, for the fuzz target.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::DuplexStream;
use tokio::sync::mpsc::Receiver;

use super::api;
use super::keys::Keys;
use super::listener::Visitor;
use super::visitor::Peer;
use crate::control::inlet::Inlet;

/// Who connects.
const PEER: Peer = Peer::User(0);

struct Memory {
    connections: Receiver<DuplexStream>,
    address: SocketAddr,
}

impl Listener for Memory {
    type Io = DuplexStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (DuplexStream, SocketAddr) {
        match self.connections.recv().await {
            Some(stream) => (stream, self.address),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Connected<IncomingStream<'_, Memory>> for Visitor {
    fn connect_info(_: IncomingStream<'_, Memory>) -> Visitor {
        Visitor::alone(PEER)
    }
}

/// A server for these connections, and a cookie that it lets in.
pub(crate) fn fuzzed(
    inlet: Inlet,
    address: SocketAddr,
    connections: Receiver<DuplexStream>,
) -> (impl Future<Output = ()>, String) {
    let keys = Arc::new(Keys::new(address));
    let link = keys.link().expect("the system has random numbers");
    let token = link.rsplit('=').next().unwrap_or_default();
    let cookie = keys.exchange(token, PEER).expect("the token is new");
    let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
    let listener = Memory {
        connections,
        address,
    };
    let router = api::router(inlet, keys).into_make_service_with_connect_info::<Visitor>();
    let server = async move {
        let _ = axum::serve(listener, router).await;
    };
    (server, cookie)
}
