//! A reference rate-limit service: the least that Envoy's own global limit needs behind it.
//!
//! It is ours, and no product: it does per request what the service of the Envoy project does, one pipelined INCRBY and
//! expiry for each descriptor in a fixed window, and nothing else (no configuration, no cache, no statistics). It has one
//! thread, and one connection to Redis. What another service costs beyond that is not in the comparison.

mod counter;
mod grpc;
mod proto;

use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use tokio::runtime;

use self::counter::Counter;
use self::proto::{Code, Descriptor, Limit, RateLimitRequest, RateLimitResponse, Seconds, Status, Unit};
use crate::sched::Worker;

/// Name of its thread; the kernel keeps 15 bytes.
const THREAD: &str = "reference-rls";
/// The key of a descriptor that is refused from the second request in an hour on.
pub const STRICT: &str = "strict";
/// What every other descriptor may have in a second: more than anybody sends.
const GENEROUS: u32 = 1_000_000;

/// The running service. It lives as long as this process.
#[derive(Debug)]
pub struct Service {
    /// Where it takes calls, HTTP/2 without TLS.
    pub addr: SocketAddr,
}

impl Service {
    /// Starts it on a thread of its own, which counts in this Redis as this user.
    ///
    /// # Errors
    /// No port can be listened on, or Redis refuses the login.
    pub fn start(redis: SocketAddr, user: &str, password: &str) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("the service cannot listen")?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let (tell, told) = mpsc::channel();
        let (user, password) = (user.to_owned(), password.to_owned());
        let serve = move || {
            // Who waits for the start sees that nobody will tell.
            let Ok(runtime) = runtime::Builder::new_current_thread().enable_all().build() else { return };
            runtime.block_on(async {
                match Counter::connect(redis, &user, &password).await {
                    Ok(counter) => {
                        let _ = tell.send(Ok(()));
                        grpc::serve(listener, counter).await;
                    }
                    Err(why) => drop(tell.send(Err(why))),
                }
            });
        };
        thread::Builder::new().name(THREAD.to_owned()).spawn(serve).context("a thread for the service")?;
        told.recv().context("the service has ended")??;
        Ok(Self { addr })
    }

    /// Its thread. Every service of this process has the same name: there is one in a bench.
    ///
    /// # Errors
    /// It has ended.
    pub fn worker(&self) -> Result<Worker> {
        Worker::named(std::process::id(), THREAD)
    }
}

/// What such a descriptor may have.
fn limit(descriptor: &Descriptor) -> (u32, Unit, u64) {
    if descriptor.entries.iter().any(|entry| entry.key == STRICT) {
        (1, Unit::Hour, 3600)
    } else {
        (GENEROUS, Unit::Second, 1)
    }
}

/// Counts every descriptor of a request, and says whether all have something left.
async fn decide(request: RateLimitRequest, counter: &Counter) -> Result<RateLimitResponse> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("clock")?.as_secs();
    let by = request.hits_addend.max(1);
    let counted: Vec<_> = request
        .descriptors
        .iter()
        .map(|descriptor| {
            let (most, unit, seconds) = limit(descriptor);
            let into = now.checked_rem(seconds).unwrap_or(0);
            let key = key(&request.domain, descriptor, now.saturating_sub(into));
            let left = seconds.saturating_sub(into);
            (most, unit, left, counter.hit(key, by, seconds.saturating_mul(1000)))
        })
        .collect();
    let mut answer = RateLimitResponse { overall_code: Code::Ok.into(), statuses: Vec::new() };
    for (most, unit, left, sum) in counted {
        let sum = sum.await?;
        let code = if sum > u64::from(most) { Code::OverLimit } else { Code::Ok };
        answer.overall_code = answer.overall_code.max(code.into());
        answer.statuses.push(Status {
            code: code.into(),
            current_limit: Some(Limit { requests_per_unit: most, unit: unit.into() }),
            limit_remaining: u32::try_from(u64::from(most).saturating_sub(sum)).unwrap_or(u32::MAX),
            duration_until_reset: Some(Seconds { seconds: i64::try_from(left).unwrap_or(i64::MAX) }),
        });
    }
    Ok(answer)
}

/// The key in Redis: domain, entries and window, under the prefix that the user of rate limits may write.
fn key(domain: &str, descriptor: &Descriptor, window: u64) -> String {
    let mut key = format!("portcullis:rl:reference:{domain}");
    for entry in &descriptor.entries {
        key.extend(["_", &entry.key, "_", &entry.value]);
    }
    key.extend(["_", &window.to_string()]);
    key
}

#[cfg(test)]
mod tests;
