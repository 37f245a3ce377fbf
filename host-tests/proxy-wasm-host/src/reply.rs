//! Answers of the gateway's own (`Utility::prepareLocalReply` in Envoy's `source/common/http/utility.cc`).

use crate::headers::{HeaderMap, Kind};
use crate::stream::LocalReply;

const UNKNOWN: u32 = 2;
const PERMISSION_DENIED: u32 = 7;
const UNIMPLEMENTED: u32 = 12;
const INTERNAL: u32 = 13;
const UNAVAILABLE: u32 = 14;
const UNAUTHENTICATED: u32 = 16;

/// What the client of a request is answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl LocalReply {
    /// A plain answer.
    pub(crate) fn new(status: u32, body: &str, details: &str) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
            grpc_status: None,
            details: details.to_owned(),
        }
    }

    /// The answer as headers and body; a gRPC request gets a status in its own terms, HEAD no body.
    pub(crate) fn render(self, is_grpc: bool, is_head: bool) -> Rendered {
        if is_grpc { self.grpc(is_head) } else { self.plain(is_head) }
    }

    fn plain(self, is_head: bool) -> Rendered {
        let mut headers = HeaderMap::new(Kind::Response);
        headers.add(b":status", self.status.to_string().as_bytes());
        for (name, value) in &self.headers {
            headers.add(name, value);
        }
        headers.remove(b"content-length");
        if self.body.is_empty() {
            headers.remove(b"content-type");
        } else {
            headers.set(b"content-length", self.body.len().to_string().as_bytes());
            if headers.get(b"content-type").is_none() {
                headers.add(b"content-type", b"text/plain");
            }
        }
        Rendered { headers, body: if is_head { Vec::new() } else { self.body } }
    }

    fn grpc(self, is_head: bool) -> Rendered {
        let mut headers = HeaderMap::new(Kind::Response);
        headers.add(b":status", b"200");
        headers.add(b"content-type", b"application/grpc");
        let status = self.grpc_status.unwrap_or_else(|| grpc_status(self.status));
        headers.add(b"grpc-status", status.to_string().as_bytes());
        if !(self.body.is_empty() || is_head) {
            headers.add(b"grpc-message", percent_encoded(&self.body).as_bytes());
        }
        for (name, value) in &self.headers {
            if !matches!(name.to_ascii_lowercase().as_slice(), b"content-length" | b"content-type") {
                headers.add(name, value);
            }
        }
        Rendered { headers, body: Vec::new() }
    }
}

/// `Grpc::Utility::httpToGrpcStatus`
pub(crate) fn grpc_status(status: u32) -> u32 {
    match status {
        400 => INTERNAL,
        401 => UNAUTHENTICATED,
        403 => PERMISSION_DENIED,
        404 => UNIMPLEMENTED,
        429 | 502..=504 => UNAVAILABLE,
        _ => UNKNOWN,
    }
}

/// `PercentEncoding::encode`: control bytes, `%`, `~` and all that is not ASCII.
fn percent_encoded(text: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text {
        if (b' '..b'~').contains(byte) && *byte != b'%' {
            encoded.push(char::from(*byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::{LocalReply, Rendered};
    use crate::headers::{HeaderMap, Kind};

    fn reply(body: &str) -> LocalReply {
        let headers = vec![(b"Content-Length".to_vec(), b"9".to_vec()), (b"allow".to_vec(), b"GET".to_vec())];
        LocalReply { headers, ..LocalReply::new(405, body, "x") }
    }

    fn rendered(headers: &[(&str, &str)], body: &str) -> Rendered {
        Rendered {
            headers: HeaderMap::from_pairs(Kind::Response, headers.iter().copied()),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_plain_request_gets_the_status() {
        let all =
            [(":status", "405"), ("allow", "GET"), ("content-length", "2"), ("content-type", "text/plain")];
        assert_eq!(reply("no").render(false, false), rendered(&all, "no"));
        assert_eq!(reply("no").render(false, true), rendered(&all, ""));
        assert_eq!(reply("").render(false, false), rendered(&all[..2], ""));
    }

    #[test]
    fn a_grpc_request_gets_a_grpc_status() {
        let head = [(":status", "200"), ("content-type", "application/grpc")];
        let with = |more: &[(&str, &str)]| rendered(&[&head[..], more].concat(), "");
        assert_eq!(
            reply("50% ~\n").render(true, false),
            with(&[("grpc-status", "2"), ("grpc-message", "50%25 %7E%0A"), ("allow", "GET")])
        );
        let given = LocalReply { grpc_status: Some(8), headers: vec![], ..reply("") };
        assert_eq!(given.render(true, false), with(&[("grpc-status", "8")]));
    }
}
