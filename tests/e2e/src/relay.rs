//! One address for several programs, as a load balancer has it: each connection goes to the first of
//! them that answers. It can be cut, and led elsewhere.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// Connections that run through it, both ends of each.
type Wires = Arc<Mutex<Vec<TcpStream>>>;

type Ports = Arc<Mutex<Vec<u16>>>;

#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    ports: Ports,
    wires: Wires,
}

impl Relay {
    /// # Panics
    /// When it cannot listen.
    pub fn to(ports: Vec<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0");
        let listener = listener.unwrap_or_else(|error| panic!("no relay: {error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("no relay: {error}"));
        let (ports, wires) = (Ports::new(Mutex::new(ports)), Wires::default());
        let (led, held) = (Arc::clone(&ports), Arc::clone(&wires));
        let turn = AtomicUsize::new(0);
        // Ends with the process: it holds nothing that could be lost.
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let first = turn.fetch_add(1, Ordering::Relaxed);
                let ports = led.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let _refused = join(near, &ports, first, &held);
            }
        });
        Self { address, ports, wires }
    }

    /// From here on new connections go to these, or nowhere; those there are are cut.
    pub fn leads_to(&self, ports: Vec<u16>) {
        *self.ports.lock().unwrap_or_else(PoisonError::into_inner) = ports;
        self.cut();
    }

    /// The address for clients of any kind.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address for AMQP clients.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@{}/%2f", self.address)
    }

    /// Cuts every connection that runs through it; new ones are made.
    pub fn cut(&self) {
        for wire in self.wires.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _gone = wire.shutdown(Shutdown::Both);
        }
    }
}

/// Starts with another one each time, so that all are used.
fn join(near: TcpStream, ports: &[u16], first: usize, wires: &Wires) -> io::Result<()> {
    let all = ports.iter().cycle().skip(first % ports.len().max(1)).take(ports.len());
    let far = all.into_iter().find_map(|port| TcpStream::connect(("127.0.0.1", *port)).ok());
    let far = far.ok_or(io::ErrorKind::ConnectionRefused)?;
    let mut held = wires.lock().unwrap_or_else(PoisonError::into_inner);
    held.extend([near.try_clone()?, far.try_clone()?]);
    carry(near.try_clone()?, far.try_clone()?);
    carry(far, near);
    Ok(())
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _cut = io::copy(&mut from, &mut to);
        let _gone = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    });
}
