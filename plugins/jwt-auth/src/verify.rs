//! One token: whose it is, and whether it is one.

use crate::accepted::Accepted;
use crate::answer::{of_claims, of_form};
use crate::claims::{ClaimError, Times};
use crate::jwks::Need;
use crate::keys::KeySet;
use crate::policy::JwtAuth;
use crate::provider::Provider;
use crate::state::Worker;
use crate::token::{Limits, Token};
use filter_core::config::Tree;
use filter_core::denial::{Denial, Reason};
use filter_core::policy::Cx;
use filter_core::redact;
use filter_core::task::Task;
use std::rc::Rc;

/// What became of a token.
pub enum Judged {
    /// It is one.
    Accepted(Rc<Accepted>),
    /// Keys are to be fetched first.
    Fetch(Task),
}

impl JwtAuth {
    /// Judges a token that may be one of these providers'.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn judge(
        &self,
        worker: &mut Worker,
        text: &[u8],
        candidates: &[usize],
        cx: &dyn Cx,
    ) -> Result<Judged, Denial> {
        // R10.
        for &index in candidates {
            if let Some(accepted) = self.kept(worker, index, text, cx)
                && !self.is_claimed_before(index, &accepted, candidates)
            {
                return Ok(Judged::Accepted(accepted));
            }
        }
        let most = candidates.iter().filter_map(|index| self.providers.get(*index));
        let most = most.map(|provider| provider.limits.token).max().unwrap_or_default();
        let limits = Limits { token: most, ..Limits::default() };
        // R11.
        let mut payload = Vec::new();
        let token = Token::parse(text, &mut payload, limits)
            .map_err(|error| self.challenges.denial(of_form(error)).note(error.to_string()))?;
        // R12: several providers may have the same issuer, and be told apart by audience or key.
        let issuer = match token.claims.member("iss") {
            Some(Tree::String(issuer)) => issuer.as_ref(),
            _ => return Err(self.claims(&ClaimError::Missing("iss"))),
        };
        let mut refusal = self.claims(&ClaimError::Issuer);
        for &index in candidates {
            let Some(provider) = self.providers.get(index) else { continue };
            if !provider.rules.issuers.iter().any(|one| one == issuer) {
                continue;
            }
            if let Some(accepted) = self.kept(worker, index, text, cx) {
                return Ok(Judged::Accepted(accepted));
            }
            match self.judge_as(worker, provider, &token, text, cx) {
                Ok(Ok(times)) => {
                    let accepted = Rc::new(Accepted::new(index, provider, &token, times, &self.asked));
                    worker.cache.insert(text, accepted.clone());
                    return Ok(Judged::Accepted(accepted));
                }
                Ok(Err(task)) => return Ok(Judged::Fetch(task)),
                // A client that may come again must not throw its token away.
                Err(_) if refusal.reason == Reason::JwksUnavailable => {}
                Err(denial) => refusal = denial,
            }
        }
        Err(refusal)
    }

    /// What is remembered of a token as one of this provider's, if it is still valid and there are still keys.
    fn kept(&self, worker: &mut Worker, index: usize, text: &[u8], cx: &dyn Cx) -> Option<Rc<Accepted>> {
        let provider = self.providers.get(index)?;
        if !self.has_keys(worker, provider, cx) {
            return None;
        }
        let accepted = worker.cache.get(text, index)?;
        accepted.times.check(&provider.rules, cx.now()).is_ok().then_some(accepted)
    }

    /// Whether a token may be that of a provider who comes before: whose it is must not hang on which request was
    /// first to be remembered.
    fn is_claimed_before(&self, index: usize, accepted: &Accepted, candidates: &[usize]) -> bool {
        let Some(Tree::String(issuer)) = accepted.claims.member("iss") else { return true };
        let earlier = candidates.iter().take_while(|candidate| **candidate != index);
        let mut earlier = earlier.filter_map(|candidate| self.providers.get(*candidate));
        earlier.any(|provider| provider.rules.issuers.iter().any(|one| one == issuer))
    }

    /// When the token is valid as one of this provider's; or keys are to be fetched first.
    fn judge_as(
        &self,
        worker: &mut Worker,
        provider: &Provider,
        token: &Token<'_>,
        text: &[u8],
        cx: &dyn Cx,
    ) -> Result<Result<Times, Task>, Denial> {
        let header = &token.jws.header;
        let form =
            |error: crate::token::TokenError| self.challenges.denial(of_form(error)).note(error.to_string());
        // R13.
        if text.len() > provider.limits.token {
            return Err(form(crate::token::TokenError::TooLong));
        }
        if !provider.algorithms.has(header.algorithm) {
            let note = format!("{} is not accepted of provider {}", header.algorithm, provider.name);
            return Err(self.challenges.denial(Reason::JwtAlgorithm).note(note));
        }
        // R14.
        if let Some(types) = &provider.types {
            types.check(header.typ.as_deref()).map_err(form)?;
        }
        // R15.
        if provider.require_kid && header.kid.is_none() {
            return Err(self
                .challenges
                .denial(Reason::JwtUnknownKid)
                .note("there is no kid, and one is required"));
        }
        // R16, cheaper than a signature; what is said here of a forged token only the log hears.
        let times = provider.rules.check(&token.claims, cx.now()).map_err(|error| self.claims(&error))?;
        Ok(self.signature(worker, provider, token, cx)?.map_or(Ok(times), Err))
    }

    /// R17. `None`: the signature is one of the provider's. Else keys are to be fetched.
    fn signature(
        &self,
        worker: &mut Worker,
        provider: &Provider,
        token: &Token<'_>,
        cx: &dyn Cx,
    ) -> Result<Option<Task>, Denial> {
        let (mut tried, mut has_keys) =
            (self.tries(worker, &provider.keys, token, cx), !provider.keys.is_empty());
        for &index in &provider.sources {
            if tried == Tried::Verified {
                break;
            }
            let (Some(source), Some(kept)) = (self.sources.get(index), worker.sources.get_mut(index)) else {
                continue;
            };
            let Some(keys) = source.keys(kept, cx.now()) else { continue };
            has_keys |= !keys.is_empty();
            tried = tried.max(self.tries(worker, &keys, token, cx));
        }
        if tried == Tried::Verified {
            return Ok(None);
        }
        let kid = token.jws.header.kid.as_deref();
        if tried == Tried::Named {
            let note = format!("not a signature of {}", self.key(kid, provider));
            return Err(self.challenges.denial(Reason::JwtSignature).note(note));
        }
        for &index in &provider.sources {
            let (Some(source), Some(kept)) = (self.sources.get(index), worker.sources.get_mut(index)) else {
                continue;
            };
            let mut changed = source.look(kept, cx);
            if !changed {
                // After a fetch, whatever came of it, there is none for a while: nobody waits for ever.
                match source.need(kept, cx) {
                    Need::Fetch(task) => return Ok(Some(task)),
                    // Another worker's fetch may have ended since the look.
                    Need::Nothing => changed = source.look(kept, cx),
                }
            }
            if changed {
                self.rotated(worker, index);
                return self.signature(worker, provider, token, cx);
            }
        }
        // One that cannot be asked may have the key: that is no fault of the token's.
        let all_there = provider.sources.iter().all(|index| self.source_serves(worker, *index, cx));
        if !has_keys || !all_there {
            let note = format!("{} of provider {} in none of the keys at hand", name(kid), provider.name);
            return Err(self.challenges.denial(Reason::JwksUnavailable).note(note));
        }
        let (reason, note) = match tried {
            Tried::Unnamed => {
                (Reason::JwtSignature, format!("not a signature of {}", self.key(kid, provider)))
            }
            _ if self.names(worker, provider, kid) => {
                let note = format!("{} is not for {}", self.key(kid, provider), token.jws.header.algorithm);
                (Reason::JwtUnknownKid, note)
            }
            _ => (Reason::JwtUnknownKid, format!("{} not in JWKS of provider {}", name(kid), provider.name)),
        };
        Err(self.challenges.denial(reason).note(note))
    }

    /// Whether there are keys to verify with: a token that is kept is worth no more than they are.
    fn has_keys(&self, worker: &Worker, provider: &Provider, cx: &dyn Cx) -> bool {
        !provider.keys.is_empty()
            || provider.sources.iter().any(|index| self.source_serves(worker, *index, cx))
    }

    fn source_serves(&self, worker: &Worker, index: usize, cx: &dyn Cx) -> bool {
        let source = self.sources.get(index).zip(worker.sources.get(index));
        source.is_some_and(|(source, kept)| source.serves(kept, cx.now()))
    }

    /// Whether the provider has a key of this name, whatever it is for.
    fn names(&self, worker: &Worker, provider: &Provider, kid: Option<&str>) -> bool {
        let Some(kid) = kid else { return false };
        let fetched = |index: &usize| worker.sources.get(*index).is_some_and(|source| source.has(kid));
        provider.keys.has(kid) || provider.sources.iter().any(fetched)
    }

    fn tries(&self, worker: &Worker, keys: &KeySet, token: &Token<'_>, cx: &dyn Cx) -> Tried {
        let header = &token.jws.header;
        let kid = header.kid.as_deref();
        let (message, signature) = (token.jws.signing_input, token.jws.signature.as_slice());
        let mut tried = Tried::Nothing;
        for key in keys.candidates(kid, header.algorithm) {
            if key.verifier().verify(header.algorithm, message, signature, worker.engine, cx) {
                return Tried::Verified;
            }
            tried = tried.max(if kid.is_some() && key.kid() == kid { Tried::Named } else { Tried::Unnamed });
        }
        tried
    }

    fn key(&self, kid: Option<&str>, provider: &Provider) -> String {
        format!("{} of provider {}", name(kid), provider.name)
    }

    /// A refusal by claims.
    pub fn claims(&self, error: &ClaimError) -> Denial {
        self.challenges.denial(of_claims(error)).note(error.to_string())
    }
}

/// How far the keys of a provider came with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tried {
    /// None was for it.
    Nothing,
    /// One without its name was.
    Unnamed,
    /// The one it names was.
    Named,
    /// One verified it.
    Verified,
}

/// The key that a token names, as a log shows it.
fn name(kid: Option<&str>) -> String {
    match kid {
        Some(kid) => format!("kid \"{}\"", redact::field(kid.as_bytes())),
        None => "a key without kid".to_owned(),
    }
}
