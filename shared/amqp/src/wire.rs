//! The way from the library to the broker's socket, with a [`Cleaner`] in between.
//!
//! The library is handed a runtime whose streams are ours; all else is tokio's. TLS lies below the
//! cleaner, so that it sees what the broker said.

use std::{
    fmt,
    future::Future,
    io::{self, IoSlice, Read, Write},
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use async_rs::{Runtime, Tokio, TokioRuntime, traits::Reactor, util::RuntimeParts};
use futures_util::{AsyncRead, AsyncWrite, Stream};
use lapin::{
    AsyncTcpStream, Connection, ConnectionProperties,
    tcp::{AMQPUriTcpExt, OwnedTLSConfig},
    uri::AMQPUri,
};

use crate::clean::Cleaner;

/// Read from the socket at once.
const CHUNK_BYTES: usize = 64 * 1024;

type TokioTcp = <Tokio as Reactor>::TcpStream;

/// Connects and shakes hands.
pub(crate) async fn connect(
    uri: AMQPUri,
    properties: ConnectionProperties,
) -> lapin::Result<Connection> {
    let runtime = Runtime::new(RuntimeParts::new(Tokio::current(), CleanReactor(Tokio::current())));
    let open = async |uri: AMQPUri, _: Runtime<_>| {
        let tokio = TokioRuntime::tokio_current();
        let config = OwnedTLSConfig::default();
        let stream = uri.connect_with_config_async(config.as_ref(), &tokio).await?;
        Ok(AsyncTcpStream::Plain(Clean::new(stream)))
    };
    Connection::connector(uri, runtime, open, properties).await
}

/// A stream of which only readable frames come.
pub(crate) struct Clean<S> {
    inner: S,
    cleaner: Cleaner,
    chunk: Vec<u8>,
}

impl<S> Clean<S> {
    fn new(inner: S) -> Self {
        Self { inner, cleaner: Cleaner::default(), chunk: vec![0; CHUNK_BYTES] }
    }
}

impl<S> fmt::Debug for Clean<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clean").finish_non_exhaustive()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Clean<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        loop {
            let count = this.cleaner.take(buf);
            if count > 0 || buf.is_empty() {
                return Poll::Ready(Ok(count));
            }
            let read = ready!(Pin::new(&mut this.inner).poll_read(cx, &mut this.chunk))?;
            if read == 0 {
                return Poll::Ready(Ok(0));
            }
            this.cleaner.feed(this.chunk.get(..read).unwrap_or_default());
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Clean<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write_vectored(cx, bufs)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_close(cx)
    }
}

/// Tokio's reactor, but for the type of its streams.
#[derive(Clone, Debug)]
struct CleanReactor(Tokio);

impl Reactor for CleanReactor {
    type TcpStream = Clean<AsyncTcpStream<TokioTcp>>;
    type Sleep = <Tokio as Reactor>::Sleep;

    /// Nobody brings the library a socket of their own.
    fn register<H: Read + Write + Send + 'static>(
        &self,
        _socket: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Err::<Self::TcpStream, _>(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, dur: Duration) -> Self::Sleep {
        self.0.sleep(dur)
    }

    fn interval(&self, dur: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.0.interval(dur)
    }

    fn tcp_connect_addr(
        &self,
        addr: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        let connecting = self.0.tcp_connect_addr(addr);
        async move { Ok(Clean::new(AsyncTcpStream::Plain(connecting.await?))) }
    }
}
