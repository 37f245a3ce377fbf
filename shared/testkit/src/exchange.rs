//! One request through one filter, driven as a host drives it.

use crate::TestCx;
use filter_core::config::{ConfigErrors, Digest, Env};
use filter_core::filter::{Filter, Outcome};
use filter_core::message::{Headers, RequestHead, ResponseHead};
use filter_core::policy::Policy;
use filter_core::stream::Stream;

/// A configured filter, its world, and the stream that is under way.
pub struct Exchange<P: Policy> {
    /// The world; move its clock here.
    pub cx: TestCx,
    filter: Filter<P>,
    stream: Stream<P>,
}

impl<P: Policy> Exchange<P> {
    /// A filter with this configuration and the plugin's own name as its instance.
    ///
    /// # Panics
    /// If the configuration is refused, with every error.
    #[must_use]
    pub fn new(config: &str) -> Self {
        Self::with_env(config, &()).unwrap_or_else(|errors| panic!("the configuration is refused:\n{errors}"))
    }

    /// A filter whose secrets come from `env`.
    ///
    /// # Errors
    /// Everything that is wrong with the configuration.
    pub fn with_env(config: &str, env: &dyn Env) -> Result<Self, ConfigErrors> {
        let mut exchange = Self::unconfigured();
        exchange.configure(P::NAME, config, env)?;
        Ok(exchange)
    }

    /// A filter that never got a valid configuration.
    #[must_use]
    pub fn unconfigured() -> Self {
        Self { cx: TestCx::default(), filter: Filter::default(), stream: Stream::default() }
    }

    /// Another configuration, as an update brings it.
    ///
    /// # Errors
    /// Everything that is wrong with it; the filter is then without a policy.
    pub fn configure(&mut self, instance: &str, config: &str, env: &dyn Env) -> Result<Digest, ConfigErrors> {
        self.filter.configure(instance, config.as_bytes(), env)
    }

    /// The next request on the same filter.
    pub fn next_stream(&mut self) {
        self.stream = Stream::default();
    }

    /// A whole request: neither body nor trailers follow its head.
    pub fn request(&mut self, head: impl Into<Headers>) -> Outcome {
        self.head(&head.into(), true)
    }

    /// The head of a request whose body follows.
    pub fn request_head(&mut self, head: impl Into<Headers>) -> Outcome {
        self.head(&head.into(), false)
    }

    /// A part of the body. `size` as the host counts it; `body` is what it hands over when asked.
    pub fn data(&mut self, size: usize, end_of_stream: bool, body: Option<&[u8]>) -> Outcome {
        let mut fetch = || body.map(<[u8]>::to_vec);
        self.stream.request_body(&mut self.filter, size, end_of_stream, &mut fetch, &self.cx)
    }

    /// Trailers.
    pub fn trailers(&mut self, body: Option<&[u8]>) -> Outcome {
        let mut fetch = || body.map(<[u8]>::to_vec);
        self.stream.request_trailers(&mut self.filter, &mut fetch, &self.cx)
    }

    /// The host did not carry out an operation on the request's headers.
    pub fn operation_refused(&mut self) -> Outcome {
        self.stream.operation_refused(&mut self.filter, &self.cx)
    }

    /// The head of an answer passes on its way to the client.
    pub fn response(&mut self, headers: &Headers) -> Outcome {
        let head = ResponseHead { headers, end_of_stream: false };
        self.stream.response_headers(&mut self.filter, &head, &self.cx)
    }

    /// The head of an answer that has neither body nor trailers.
    pub fn response_only(&mut self, headers: &Headers) -> Outcome {
        let head = ResponseHead { headers, end_of_stream: true };
        self.stream.response_headers(&mut self.filter, &head, &self.cx)
    }

    /// A part of an answer's body.
    pub fn response_data(&mut self, bytes: &[u8], end_of_stream: bool) -> Outcome {
        let mut fetch = || Some(bytes.to_vec());
        self.stream.response_body(&mut self.filter, bytes.len(), end_of_stream, &mut fetch, &self.cx)
    }

    /// The trailers of an answer.
    pub fn response_trailers(&mut self, trailers: &Headers) -> Outcome {
        self.stream.response_trailers(&mut self.filter, trailers, &self.cx)
    }

    /// Time passes, and what is overdue is told so.
    pub fn tick(&mut self) -> Option<Outcome> {
        let _ = self.filter.tick(&self.cx);
        self.filter.next_overdue().map(|_| self.stream.overdue(&mut self.filter, &self.cx))
    }

    /// The stream ends.
    pub fn done(&mut self) -> Outcome {
        self.stream.done(&mut self.filter, &self.cx)
    }

    fn head(&mut self, headers: &Headers, end_of_stream: bool) -> Outcome {
        let head = RequestHead { headers, end_of_stream };
        self.stream.request_headers(&mut self.filter, &head, &self.cx)
    }
}

/// What a filter with this configuration makes of one request without a body.
///
/// # Panics
/// If the configuration is refused, with every error.
pub fn drive<P: Policy>(config: &str, head: impl Into<Headers>) -> Outcome {
    Exchange::<P>::new(config).request(head)
}
