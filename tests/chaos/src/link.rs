//! A TCP link that can be cut, stalled, delayed and taken down.
//!
//! It forwards bytes and knows no protocol. Cut connections are reset, not closed: neither side
//! may take the end of the stream for an end that was meant.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    runtime::Runtime,
    sync::watch,
};

/// Read at once; small enough that a stall holds back what was sent after it began.
const CHUNK: usize = 16 * 1024;

/// What a link does to what passes.
#[derive(Clone, Copy, Debug, Default)]
struct Weather {
    /// Connections that were there before the last cut are reset.
    cuts: u64,
    /// New connections are reset at once.
    down: bool,
    /// Nothing passes, and nobody is told.
    stalled: bool,
    /// Each piece waits so long.
    delay: Duration,
}

/// Where the links are carried.
#[derive(Debug)]
pub(crate) struct Links {
    runtime: Runtime,
}

/// One link. Dropping the [`Links`] it came from ends it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) address: SocketAddr,
    weather: watch::Sender<Weather>,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    open: AtomicU64,
}

impl Links {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build();
        Ok(Self { runtime: runtime.context("a runtime for the links")? })
    }

    /// A link to `upstream`, listening on a port of its own.
    pub(crate) fn open(&self, upstream: SocketAddr) -> anyhow::Result<Link> {
        let listener = self.runtime.block_on(TcpListener::bind("127.0.0.1:0"));
        let listener = listener.context("a port for a link")?;
        let address = listener.local_addr()?;
        let weather = watch::Sender::new(Weather::default());
        let state = Arc::new(State::default());
        let serving = serve(listener, upstream, weather.subscribe(), Arc::clone(&state));
        self.runtime.spawn(serving);
        Ok(Link { address, weather, state })
    }
}

impl Link {
    /// Resets every connection; says how many there were.
    pub(crate) fn cut(&self) -> u64 {
        let open = self.state.open.load(Ordering::Relaxed);
        self.weather.send_modify(|weather| weather.cuts += 1);
        open
    }

    /// Stops or goes on forwarding; says how many connections are concerned.
    pub(crate) fn stall(&self, stalled: bool) -> u64 {
        self.weather.send_modify(|weather| weather.stalled = stalled);
        self.state.open.load(Ordering::Relaxed)
    }

    pub(crate) fn delay(&self, delay: Duration) -> u64 {
        self.weather.send_modify(|weather| weather.delay = delay);
        self.state.open.load(Ordering::Relaxed)
    }

    /// Resets every connection, old or new, until it is up again.
    pub(crate) fn take_down(&self, down: bool) -> u64 {
        self.weather.send_modify(|weather| weather.down = down);
        if down { self.cut() } else { 0 }
    }

    /// Good weather again.
    pub(crate) fn calm(&self) {
        self.weather.send_modify(|weather| {
            *weather = Weather { cuts: weather.cuts, ..Weather::default() };
        });
    }
}

async fn serve(
    listener: TcpListener,
    upstream: SocketAddr,
    weather: watch::Receiver<Weather>,
    state: Arc<State>,
) {
    loop {
        // Only a lack of file descriptors ends up here; the next one may be lucky.
        let Ok((client, _from)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (weather, state) = (weather.clone(), Arc::clone(&state));
        tokio::task::spawn(async move {
            state.open.fetch_add(1, Ordering::Relaxed);
            carry(client, upstream, weather).await;
            state.open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// Carries one connection to its end. Whatever ends it but both sides' own closing is a reset.
async fn carry(mut client: TcpStream, upstream: SocketAddr, mut weather: watch::Receiver<Weather>) {
    let before = *weather.borrow_and_update();
    let server = if before.down { None } else { TcpStream::connect(upstream).await.ok() };
    let Some(mut server) = server else {
        let _reset = client.set_zero_linger();
        return;
    };
    let _nodelay = client.set_nodelay(true).and_then(|()| server.set_nodelay(true));
    let closed = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let there = pump(from_client, to_server, weather.clone());
        let back = pump(from_server, to_client, weather.clone());
        tokio::select! {
            ended = async { tokio::try_join!(there, back) } => ended.is_ok(),
            _cut = weather.wait_for(|weather| weather.cuts > before.cuts) => false,
        }
    };
    if !closed {
        let _reset = client.set_zero_linger().and_then(|()| server.set_zero_linger());
    }
}

async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut weather: watch::Receiver<Weather>,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = from.read(&mut chunk).await?;
        let delay = match weather.wait_for(|weather| !weather.stalled).await {
            Ok(weather) => weather.delay,
            // The link is gone, and so is everybody on it.
            Err(_) => return Err(io::ErrorKind::ConnectionReset.into()),
        };
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let Some(piece) = chunk.get(..length).filter(|piece| !piece.is_empty()) else {
            return to.shutdown().await;
        };
        to.write_all(piece).await?;
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::{TcpListener, TcpStream},
        thread,
    };

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// Says back what it hears.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let mut answers = stream.try_clone().unwrap();
                    io::copy(&mut stream, &mut answers).ok();
                });
            }
        });
        address
    }

    fn call(link: &Link) -> TcpStream {
        let stream = TcpStream::connect(link.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn says(stream: &mut TcpStream, word: [u8; 4]) -> bool {
        let mut heard = [0; 4];
        stream.write_all(&word).is_ok() && stream.read_exact(&mut heard).is_ok() && heard == word
    }

    #[test]
    fn a_link_carries_both_ways_until_it_is_cut_and_then_resets() {
        let links = Links::new().unwrap();
        let link = links.open(echo()).unwrap();
        let mut stream = call(&link);
        assert!(says(&mut stream, *b"ahoy"));
        assert_eq!(link.cut(), 1);
        let error = stream.read(&mut [0; 4]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert!(says(&mut call(&link), *b"anew"));
    }

    #[test]
    fn a_stalled_link_tells_nobody_and_loses_nothing() {
        let links = Links::new().unwrap();
        let link = links.open(echo()).unwrap();
        let mut stream = call(&link);
        assert!(says(&mut stream, *b"ahoy"));
        link.stall(true);
        stream.write_all(b"held").unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let waited = stream.read(&mut [0; 4]).unwrap_err();
        assert!(matches!(waited.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut));
        link.stall(false);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut heard = [0; 4];
        stream.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"held");
    }

    #[test]
    fn nobody_gets_through_a_link_that_is_down() {
        let links = Links::new().unwrap();
        let link = links.open(echo()).unwrap();
        link.take_down(true);
        assert!(!says(&mut call(&link), *b"ahoy"));
        link.take_down(false);
        assert!(says(&mut call(&link), *b"ahoy"));
    }
}
