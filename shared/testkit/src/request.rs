//! Messages as Envoy hands them over.

use filter_core::message::Headers;

/// A request to be completed; see [`request`].
#[derive(Debug, Clone)]
pub struct RequestBuilder {
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A request over TLS to `api.example.com`, pseudo header fields first.
pub fn request(method: impl AsRef<[u8]>, path: impl AsRef<[u8]>) -> RequestBuilder {
    RequestBuilder { fields: Vec::new() }
        .header(":authority", "api.example.com")
        .header(":path", path)
        .header(":method", method)
        .header(":scheme", "https")
}

/// An answer of this status with these fields.
pub fn response(status: u16, fields: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::default();
    headers.push(b":status", status.to_string().as_bytes());
    for (name, value) in fields {
        headers.push(name.as_bytes(), value.as_bytes());
    }
    headers
}

impl RequestBuilder {
    /// Appends a field; a name may come several times.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.fields.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Drops every field of this name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(other, _)| other != name.as_bytes());
        self
    }

    /// Another `:authority`.
    #[must_use]
    pub fn authority(self, authority: impl AsRef<[u8]>) -> Self {
        self.replace(":authority", authority.as_ref())
    }

    /// Another `:scheme`.
    #[must_use]
    pub fn scheme(self, scheme: impl AsRef<[u8]>) -> Self {
        self.replace(":scheme", scheme.as_ref())
    }

    /// The head.
    #[must_use]
    pub fn build(self) -> Headers {
        Headers::from_pairs(self.fields)
    }

    fn replace(mut self, name: &str, value: &[u8]) -> Self {
        for (_, own) in self.fields.iter_mut().filter(|(other, _)| other == name.as_bytes()) {
            value.clone_into(own);
        }
        self
    }
}

impl From<RequestBuilder> for Headers {
    fn from(builder: RequestBuilder) -> Self {
        builder.build()
    }
}
