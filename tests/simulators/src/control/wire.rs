//! Connections that can be cut: the server's half of a socket with a switch that a request finds in
//! its extensions.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// Cuts the connection a request came by. Whatever is answered after that is never sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Wire {
    cut: Arc<AtomicBool>,
}

impl Wire {
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }
}

impl Connected<IncomingStream<'_, Doors>> for Wire {
    fn connect_info(stream: IncomingStream<'_, Doors>) -> Self {
        stream.io().wire.clone()
    }
}

/// A listener on loopback or wherever it was told.
#[derive(Debug)]
pub(super) struct Doors(TcpListener);

#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    wire: Wire,
}

impl Listener for Doors {
    type Io = Socket;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, from) = Listener::accept(&mut self.0).await;
        // An answer in two small writes must not wait for the client's acknowledgement.
        drop(stream.set_nodelay(true));
        (Socket { stream, wire: Wire::default() }, from)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

impl Socket {
    fn intact(&self) -> io::Result<()> {
        if self.wire.cut.load(Ordering::Relaxed) {
            return Err(io::Error::new(io::ErrorKind::ConnectionReset, "cut by a scripted fault"));
        }
        Ok(())
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.intact()?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.intact()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.intact()?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Listens, and says so in one line on standard output, as whoever started the simulator waits for.
/// Port 0 is a free port.
pub async fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(listen).await?;
    announce(listener.local_addr()?);
    Ok(listener)
}

#[expect(clippy::print_stdout, reason = "the line is the interface to whoever started us")]
fn announce(address: SocketAddr) {
    println!("listening on http://{address}");
}

/// Serves until the process ends. `app` is what [`super::app`] made: without its faults the
/// connections are never cut.
pub async fn serve(listener: TcpListener, app: Router) -> anyhow::Result<()> {
    let service = app.into_make_service_with_connect_info::<Wire>();
    axum::serve(Doors(listener), service).await?;
    Ok(())
}
