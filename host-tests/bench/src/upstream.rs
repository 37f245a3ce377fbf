//! The upstream: answers every request with the same small JSON document, as cheaply as can be.
//!
//! It shares a core with the load generator, and both together must need less time per request than the
//! Envoy under test. Otherwise that Envoy would idle between requests in the cheap variants only, wake up
//! more often per request there, and the difference between two variants would be wrong. An Envoy or a
//! hyper server in this place was too slow for that. All it has to understand is where a request ends.

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
    let mut requests = Requests::default();
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        for _ in 0..requests.ends(buffer.get(..length).unwrap_or_default()) {
            stream.write_all(ANSWER.as_bytes())?;
        }
    }
}

/// Where the requests of one connection end.
#[derive(Default)]
struct Requests {
    /// Of the request whose head has not ended.
    head: Vec<u8>,
    /// Bytes of a body that are still to come.
    body: usize,
}

impl Requests {
    /// Counts the requests that end in these bytes.
    fn ends(&mut self, mut bytes: &[u8]) -> usize {
        let mut count = 0;
        while !bytes.is_empty() {
            if self.body > 0 {
                let skipped = self.body.min(bytes.len());
                self.body -= skipped;
                count += usize::from(self.body == 0);
                bytes = bytes.get(skipped..).unwrap_or_default();
                continue;
            }
            let known = self.head.len();
            self.head.extend_from_slice(bytes);
            // An end may have begun before these bytes.
            let from = known.saturating_sub(END.len());
            let found =
                self.head.get(from..).and_then(|new| new.windows(END.len()).position(|four| four == END));
            let Some(at) = found else { break };
            let taken = (from + at + END.len()).saturating_sub(known);
            bytes = bytes.get(taken..).unwrap_or_default();
            self.body = content_length(&self.head);
            self.head.clear();
            count += usize::from(self.body == 0);
        }
        count
    }
}

/// What the head announces; Envoy passes on no other framing of what the load generator sends.
fn content_length(head: &[u8]) -> usize {
    const NAME: &[u8] = b"content-length:";
    let value = |line: &[u8]| {
        let (name, value) = line.split_at_checked(NAME.len())?;
        let value = name.eq_ignore_ascii_case(NAME).then_some(value)?;
        std::str::from_utf8(value).ok()?.trim().parse().ok()
    };
    head.split(|byte| *byte == b'\n').find_map(value).unwrap_or(0)
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
    fn every_split_of_three_requests_has_three_ends() {
        let text = b"GET / HTTP/1.1\r\nhost: a\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 6\r\n\r\n\r\n\r\n[]GET / HTTP/1.1\r\nhost: b\r\n\r\n";
        for at in 0..=text.len() {
            let mut requests = Requests::default();
            let (one, two) = text.split_at(at);
            assert_eq!(requests.ends(one) + requests.ends(two), 3, "split at {at}");
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
