//! A receiver of webhooks: takes every call, answers 204, and remembers what was said.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use serde_json::Value;

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    /// What the sender calls this message, at every attempt.
    pub id: String,
    pub body: Value,
}

/// Listens until it is dropped.
#[derive(Debug)]
pub struct Hook {
    pub url: String,
    address: String,
    calls: Arc<Mutex<Vec<Call>>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Hook {
    /// # Panics
    /// When there is no free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("{error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}")).to_string();
        let (calls, ends) = (Arc::<Mutex<Vec<Call>>>::default(), Arc::<AtomicBool>::default());
        let (taken, ended) = (Arc::clone(&calls), Arc::clone(&ends));
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                if let Some(call) = stream.and_then(receive).ok().flatten() {
                    taken.lock().unwrap_or_else(PoisonError::into_inner).push(call);
                }
            }
        });
        let url = format!("http://{address}/alerts");
        Self { url, address, calls, ends, thread: Some(thread) }
    }

    /// Everything that was said so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        // Wakes it, so that it sees its end.
        drop(TcpStream::connect(&self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// One request of a connection; the sender opens another for the next.
fn receive(stream: TcpStream) -> io::Result<Option<Call>> {
    let mut stream = BufReader::new(stream);
    let (mut id, mut length, mut line) = (String::new(), 0_u64, String::new());
    while stream.read_line(&mut line)? > 2 {
        let (name, value) = line.split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "webhook-id" => value.trim().clone_into(&mut id),
            "content-length" => length = value.trim().parse().unwrap_or_default(),
            _ => {}
        }
        line.clear();
    }
    let mut body = Vec::new();
    (&mut stream).take(length).read_to_end(&mut body)?;
    stream.get_mut().write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")?;
    Ok(serde_json::from_slice(&body).ok().map(|body| Call { id, body }))
}
