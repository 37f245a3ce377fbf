//! A policy that is asked whether signatures are good, and answers: by the code that jwt-auth verifies tokens with, in
//! Rust or by the host. It exists to hold that code against published signatures where it runs, as WebAssembly in a
//! gateway. Never deployed: whoever asks it has its keys read.
//!
//! A request's body is a list of [`Question`]s, the body of the 200 one [`Answer`] a line. What is no list of questions
//! is answered with 400.

mod question;

pub use question::{Answer, Question, Written, answers, body};

use filter_core::config::{At, Env, Version};
use filter_core::config_struct;
use filter_core::denial::LocalReply;
use filter_core::effect::{Effects, Step, Verdict};
use filter_core::message::RequestHead;
use filter_core::policy::{Cx, Mode, Policy};

/// Most bytes of a body.
pub const MAX_BODY: usize = 512 * 1024;

config_struct! {
    /// Nothing to choose.
    pub struct Config {
        /// Version of this configuration format.
        version: Version,
    }
}

/// The compiled verifier.
pub struct Verifier;

impl Policy for Verifier {
    const NAME: &'static str = "verifier";
    type Config = Config;
    type State = ();
    type Stream = ();

    fn compile(_: Config, _: &dyn Env, _: &At<'_>) -> Option<Self> {
        Some(Self)
    }

    fn hold_headers(&self) -> bool {
        true
    }

    fn on_request_headers(&self, (): &mut (), (): &mut (), _: &RequestHead<'_>, _: &dyn Cx) -> Step {
        let limit = u64::try_from(MAX_BODY).unwrap_or(u64::MAX);
        Step { verdict: Verdict::AwaitBody { limit, mode: Mode::Enforce }, effects: Effects::default() }
    }

    fn on_request_body(&self, (): &mut (), (): &mut (), body: &[u8], cx: &dyn Cx) -> Step {
        let (status, body) = match Question::read_all(body) {
            Some(questions) => {
                (200, questions.iter().map(|question| format!("{}\n", question.answer(cx))).collect())
            }
            None => (400, String::new()),
        };
        let reply = LocalReply {
            details: "verifier".to_owned(),
            status,
            headers: Vec::new(),
            body: body.into_bytes(),
            grpc_status: None,
        };
        Step { verdict: Verdict::Answer(reply), effects: Effects::default() }
    }
}
