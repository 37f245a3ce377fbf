//! HTTP/1.1: writes exactly the bytes of a case and reads whatever comes back.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use recorder::Headers;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::ReadHalf;

use super::{Exchange, MAX_HEAD_BYTES, Response};
use crate::request::Request;

/// Header lines a response may have.
const MAX_HEADERS: usize = 4096;

pub(super) async fn send(gateway: SocketAddr, request: &Request) -> Result<Exchange> {
    let mut stream = connect(gateway).await?;
    let local = stream.local_addr().context("own address")?;
    let response = exchange(&mut stream, &wire(request), request.is_head()).await;
    Ok(Exchange { local, response, open: Some(stream) })
}

/// `GET path` for the gateway's own administration.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Result<Response> {
    let mut stream = connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    let response = exchange(&mut stream, &[request.into_bytes()], false).await;
    response.map_err(anyhow::Error::msg).with_context(|| format!("GET {path} from {address}"))
}

async fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).await.with_context(|| format!("connect to {address}"))?;
    // Each piece of a body is a segment of its own.
    stream.set_nodelay(true).context("TCP_NODELAY")?;
    Ok(stream)
}

/// The pieces to write, in order.
fn wire(request: &Request) -> Vec<Vec<u8>> {
    if let Some(raw) = &request.raw {
        return vec![raw.clone()];
    }
    let mut head = request.method.clone().into_bytes();
    head.push(b' ');
    head.extend_from_slice(&request.path);
    head.extend_from_slice(b" HTTP/1.1\r\nhost: ");
    head.extend_from_slice(&request.authority);
    head.extend_from_slice(b"\r\n");
    push_headers(&mut head, &request.headers);
    let mut pieces = vec![head];
    for piece in request.body.iter().flatten().filter(|piece| !piece.is_empty()) {
        pieces.push(if request.chunked {
            [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()
        } else {
            piece.clone()
        });
    }
    if request.chunked {
        let mut last = b"0\r\n".to_vec();
        push_headers(&mut last, &request.trailers);
        pieces.push(last);
    }
    pieces
}

/// Header lines and the empty line after them.
fn push_headers(bytes: &mut Vec<u8>, headers: &Headers) {
    for (name, value) in headers {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
}

/// Writes and reads at once, since a gateway may answer — and stop reading — before the body is sent.
async fn exchange(stream: &mut TcpStream, pieces: &[Vec<u8>], head: bool) -> Result<Response, String> {
    let (reader, mut writer) = stream.split();
    let write = async {
        for piece in pieces {
            if writer.write_all(piece).await.is_err() || writer.flush().await.is_err() {
                break;
            }
        }
        // Whoever cannot write any more may still be answered. The writing half stays open.
        std::future::pending().await
    };
    tokio::select! {
        response = read(reader, head) => response,
        never = write => never,
    }
}

async fn read(mut reader: ReadHalf<'_>, head: bool) -> Result<Response, String> {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 16 * 1024];
        let (count, error) = match reader.read(&mut piece).await {
            Ok(count) => (count, None),
            Err(error) => (0, Some(error.to_string())),
        };
        bytes.extend_from_slice(piece.get(..count).unwrap_or_default());
        match parse(&bytes, head, count == 0) {
            Ok(Some(response)) => return Ok(response),
            Ok(None) if count > 0 => {}
            Ok(None) => return Err(error.unwrap_or("closed without a response".to_owned())),
            Err(error) => return Err(format!("unreadable response: {error:#}")),
        }
    }
}

/// How the end of a body is told.
enum Framing {
    None,
    Length(usize),
    Chunked,
    Close,
}

/// The response in `bytes`, or `None` when more must be read first. With `closed` nothing more comes: a
/// body that is not whole is then handed out as cut off.
fn parse(bytes: &[u8], head: bool, closed: bool) -> Result<Option<Response>> {
    let mut rest = bytes;
    loop {
        let mut lines = vec![httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Response::new(&mut lines);
        let httparse::Status::Complete(length) = parsed.parse(rest).context("head")? else {
            ensure!(rest.len() <= MAX_HEAD_BYTES, "head of more than {MAX_HEAD_BYTES} bytes");
            ensure!(!closed || rest.is_empty(), "closed within the head");
            return Ok(None);
        };
        let status = parsed.code.context("no status")?;
        let headers = collect(parsed.headers);
        rest = rest.get(length..).unwrap_or_default();
        // An interim answer (100, 103) is followed by the real one; 101 is the last of HTTP.
        if (100..200).contains(&status) && status != 101 {
            continue;
        }
        let framing = framing(status, &headers, head)?;
        let mut response =
            Response { status, headers, body: Vec::new(), trailers: Headers::new(), cut_off: None };
        let whole = match framing {
            Framing::None => true,
            Framing::Length(length) => {
                response.body = rest.get(..length).unwrap_or(rest).to_vec();
                rest.len() >= length
            }
            Framing::Chunked => chunked(rest, &mut response)?,
            Framing::Close => {
                response.body = rest.to_vec();
                closed
            }
        };
        if !whole && closed {
            response.cut_off = Some("closed within the body".to_owned());
        }
        return Ok((whole || closed).then_some(response));
    }
}

/// RFC 9112 §6.3, with everything ambiguous an error.
fn framing(status: u16, headers: &Headers, head: bool) -> Result<Framing> {
    let values = |name: &str| -> Vec<String> {
        let of_name = headers.iter().filter(|(have, _)| have == name);
        of_name.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
    };
    let (codings, lengths) = (values("transfer-encoding"), values("content-length"));
    if head || matches!(status, 101 | 204 | 304) {
        return Ok(Framing::None);
    }
    match (codings.as_slice(), lengths.as_slice()) {
        ([], []) => Ok(Framing::Close),
        ([], [length]) => {
            Ok(Framing::Length(length.parse().with_context(|| format!("content-length {length:?}"))?))
        }
        ([coding], []) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
        _ => anyhow::bail!("ambiguous framing: transfer-encoding {codings:?}, content-length {lengths:?}"),
    }
}

/// Reads chunks and trailers into `response`; `false` when the last byte is not there yet.
fn chunked(mut rest: &[u8], response: &mut Response) -> Result<bool> {
    loop {
        let size = httparse::parse_chunk_size(rest).map_err(|_| anyhow::anyhow!("bad chunk size"))?;
        let httparse::Status::Complete((start, size)) = size else { return Ok(false) };
        rest = rest.get(start..).unwrap_or_default();
        if size == 0 {
            let mut lines = vec![httparse::EMPTY_HEADER; MAX_HEADERS];
            let parsed = httparse::parse_headers(rest, &mut lines).context("trailers")?;
            let httparse::Status::Complete((_, trailers)) = parsed else { return Ok(false) };
            response.trailers = collect(trailers);
            return Ok(true);
        }
        let size = usize::try_from(size).context("chunk size")?;
        let Some((data, after)) = rest.split_at_checked(size) else {
            response.body.extend_from_slice(rest);
            return Ok(false);
        };
        response.body.extend_from_slice(data);
        match after {
            [] | [b'\r'] => return Ok(false),
            [b'\r', b'\n', after @ ..] => rest = after,
            _ => anyhow::bail!("no line end after a chunk"),
        }
    }
}

fn collect(headers: &[httparse::Header<'_>]) -> Headers {
    headers.iter().map(|header| (header.name.to_ascii_lowercase(), header.value.to_vec())).collect()
}

#[cfg(test)]
#[path = "h1_tests.rs"]
mod tests;
