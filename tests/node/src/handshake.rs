//! Whether something at a port speaks AMQP 0-9-1.
//!
//! An open port is not a broker: the proof is the broker's first frame.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

/// The protocol header a client sends first (AMQP 0-9-1 §4.2.2).
const PROTOCOL_HEADER: &[u8; 8] = b"AMQP\0\0\x09\x01";

/// Frame type "method", channel 0 (AMQP 0-9-1 §4.2.3); the four bytes that follow are its length.
const METHOD_ON_CHANNEL_0: [u8; 3] = [1, 0, 0];

/// Class 10, method 10: `connection.start`.
const CONNECTION_START: [u8; 4] = [0, 10, 0, 10];

/// Asks the broker at a loopback port for its first frame. An error means "not yet".
pub(crate) fn answers(port: u16, patience: Duration) -> io::Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(PROTOCOL_HEADER)?;
    let mut frame = [0_u8; 11];
    stream.read_exact(&mut frame)?;
    if frame.starts_with(&METHOD_ON_CHANNEL_0) && frame.ends_with(&CONNECTION_START) {
        Ok(())
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "not an AMQP 0-9-1 broker"))
    }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    /// Answers one connection with `reply`.
    fn speaker(reply: &'static [u8]) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut header = [0_u8; 8];
            stream.read_exact(&mut header).unwrap();
            stream.write_all(reply).unwrap();
        });
        port
    }

    #[test]
    fn a_connection_start_frame_is_an_answer() {
        let port = speaker(&[1, 0, 0, 0, 0, 1, 244, 0, 10, 0, 10, 0, 9]);
        answers(port, Duration::from_secs(5)).unwrap();
    }

    #[test]
    fn another_protocol_or_a_refused_version_is_not() {
        let replies = [
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            b"AMQP\0\0\x09\x01",
            // connection.close
            &[1, 0, 0, 0, 0, 0, 20, 0, 10, 0, 50, 0, 0],
        ];
        for reply in replies {
            assert!(answers(speaker(reply), Duration::from_secs(5)).is_err(), "{reply:?}");
        }
    }
}
