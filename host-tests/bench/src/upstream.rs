//! The upstream: answers every request with the same small JSON document, as cheaply as can be.
//!
//! It shares a core with the load generator, and both together must need less time per request than the
//! Envoy under test. Otherwise that Envoy would idle between requests in the cheap variants only, wake up
//! more often per request there, and the difference between two variants would be wrong. An Envoy or a
//! hyper server in this place was too slow for that. All it has to understand is the end of a request
//! without a body.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use anyhow::{Context as _, Result};

/// What an API would answer, with headers that a gateway would remove or replace.
const ANSWER: &str = "HTTP/1.1 200 OK\r\n\
    content-type: application/json\r\n\
    content-length: 119\r\n\
    cache-control: no-store\r\n\
    server: upstream/1.0\r\n\
    x-powered-by: upstream/1.0\r\n\
    \r\n\
    {\"order\":\"7f3d2c1b\",\"status\":\"shipped\",\"items\":[{\"sku\":\"A-1\",\"quantity\":2},{\"sku\":\"B-7\",\"quantity\":1}],\"total\":\"59.90\"}";

/// The end of a request's headers.
const END: &[u8] = b"\r\n\r\n";

/// Starts answering in the background, for as long as this process lives; gives the port.
///
/// # Errors
///
/// When no port of this machine can be listened on.
pub fn start() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("the upstream cannot listen")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(io::Result::ok) {
            // A connection that breaks is Envoy's to report: a request on it is not answered with 200.
            thread::spawn(move || answer(stream));
        }
    });
    Ok(port)
}

/// Answers the requests of one connection until it ends.
fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 16 * 1024];
    let mut matched = 0;
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        for _ in 0..ends(buffer.get(..length).unwrap_or_default(), &mut matched) {
            stream.write_all(ANSWER.as_bytes())?;
        }
    }
}

/// Counts the requests that end in these bytes; `matched` is how much of an end the bytes before had.
fn ends(bytes: &[u8], matched: &mut usize) -> usize {
    let mut count = 0;
    for byte in bytes {
        if END.get(*matched) == Some(byte) {
            *matched += 1;
        } else {
            *matched = usize::from(*byte == b'\r');
        }
        if *matched == END.len() {
            count += 1;
            *matched = 0;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_has_the_length_it_states() {
        let (head, body) = ANSWER.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{}", body.len());
    }

    #[test]
    fn every_split_of_two_requests_has_two_ends() {
        let text = b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET /b HTTP/1.1\r\nhost: b\r\n\r\n";
        for at in 0..=text.len() {
            let mut matched = 0;
            let (one, two) = text.split_at(at);
            assert_eq!(ends(one, &mut matched) + ends(two, &mut matched), 2, "split at {at}");
        }
    }

    #[test]
    fn a_connection_stays_open() {
        let mut stream = TcpStream::connect(("127.0.0.1", start().unwrap())).unwrap();
        let mut answer = vec![0; ANSWER.len()];
        for _ in 0..2 {
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(answer, ANSWER.as_bytes());
        }
    }
}
