//! The line to a server, which ends with the work that it was laid for.
//!
//! Whoever speaks over it does so in tasks of its own, which know nothing of a deadline. Once the work
//! is given up the line reads and writes no more, and what the kernel has not sent yet is dropped:
//! nothing of it takes effect later, as far as that is in our hands.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, lookup_host},
    time::{Instant, timeout},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

pub(crate) struct Line {
    stream: TcpStream,
    cut: CancellationToken,
    // One for each half: each wakes its own.
    reading: Pin<Box<WaitForCancellationFutureOwned>>,
    writing: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Line {
    pub(crate) async fn lay(
        (host, port): (&str, u16),
        until: Instant,
        cut: CancellationToken,
    ) -> io::Result<Self> {
        let addresses: Vec<_> = lookup_host((host, port)).await?.collect();
        let stream = reach(&addresses, until).await?;
        // Requests are small, and every answer is waited for.
        stream.set_nodelay(true)?;
        let wait = || Box::pin(cut.clone().cancelled_owned());
        Ok(Self { stream, reading: wait(), writing: wait(), cut })
    }
}

/// The first address that answers. Each has its share of the time, so that one which swallows what is
/// sent to it leaves enough for the next, and for the work.
async fn reach(addresses: &[SocketAddr], until: Instant) -> io::Result<TcpStream> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for (tried, address) in addresses.iter().enumerate() {
        let shares = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX).saturating_add(1);
        let share = until.saturating_duration_since(Instant::now()) / shares;
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failed = error,
            Err(_late) => failed = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(failed)
}

fn heed(
    cut: &mut Pin<Box<WaitForCancellationFutureOwned>>,
    context: &mut Context<'_>,
) -> io::Result<()> {
    match cut.as_mut().poll(context) {
        Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
        Poll::Pending => Ok(()),
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let line = self.get_mut();
        heed(&mut line.reading, context)?;
        Pin::new(&mut line.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let line = self.get_mut();
        heed(&mut line.writing, context)?;
        Pin::new(&mut line.stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let line = self.get_mut();
        heed(&mut line.writing, context)?;
        Pin::new(&mut line.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let line = self.get_mut();
        heed(&mut line.writing, context)?;
        Pin::new(&mut line.stream).poll_shutdown(context)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.cut.is_cancelled() {
            let _ = self.stream.set_zero_linger();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// A listener whose queue is full: what is sent to it is swallowed.
    async fn swallowing() -> (TcpListener, Vec<TcpStream>) {
        const FULL: Duration = Duration::from_millis(300);
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(stream) = timeout(FULL, TcpStream::connect(address)).await {
            queued.push(stream.unwrap());
        }
        (listener, queued)
    }

    #[tokio::test]
    async fn an_address_that_swallows_everything_leaves_time_for_the_next() {
        let (swallowing, _queued) = swallowing().await;
        let answering = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = [&swallowing, &answering].map(|at| at.local_addr().unwrap());
        let until = Instant::now() + Duration::from_secs(6);
        let reached = timeout(Duration::from_secs(5), reach(&addresses, until)).await;
        assert_eq!(reached.unwrap().unwrap().peer_addr().unwrap(), addresses[1]);
    }

    #[tokio::test]
    async fn a_name_without_an_address_that_answers_is_told() {
        let gone = {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            listener.local_addr().unwrap()
        };
        let until = Instant::now() + Duration::from_mins(1);
        let refused = reach(&[gone], until).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(reach(&[], until).await.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
