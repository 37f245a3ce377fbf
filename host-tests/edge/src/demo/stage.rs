//! Where scenes are played: the world, and the table of what was seen of it.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::Value;
use tokio::time::sleep;

use super::ask::{Ask, Kind};
use super::expect::{Expect, Seen};
use super::table::Table;
use super::world::World;
use crate::services::signer::random_id;

/// What Envoy writes behind a failure of TLS.
const FAILURE_END: &str = ":TLS_error_end";
/// Between two looks at something that takes its time.
const PAUSE: Duration = Duration::from_millis(250);

/// A scene being played.
pub(super) struct Stage<'a> {
    pub(super) world: &'a mut World,
    pub(super) table: Table,
}

impl<'a> Stage<'a> {
    pub(super) fn new(world: &'a mut World) -> Self {
        Self { world, table: Table::default() }
    }

    /// Sends a request, which becomes a row.
    ///
    /// # Errors
    /// It cannot be said, or a gateway keeps no log: that an answer is another one than expected is none.
    pub(super) async fn see(&mut self, case: &str, ask: &Ask, expect: &Expect) -> Result<Seen> {
        let seen = Box::pin(send(self.world, ask)).await?;
        self.table.add(case, ask, &seen, expect);
        Ok(seen)
    }

    /// Sends requests, which become no rows, until one is answered as expected, at most so long.
    ///
    /// # Errors
    /// None was, or as [`Stage::see`].
    pub(super) async fn wait_for(
        &mut self,
        limit: Duration,
        ask: impl Fn() -> Result<Ask>,
        expect: &Expect,
    ) -> Result<()> {
        let begin = Instant::now();
        loop {
            let ask = ask()?;
            let differences = expect.differences(&Box::pin(send(self.world, &ask)).await?);
            if differences.is_empty() {
                return Ok(());
            }
            ensure!(begin.elapsed() < limit, "{}: {}", ask.title(), differences.join("; "));
            sleep(PAUSE).await;
        }
    }

    /// Sends two at once.
    ///
    /// # Errors
    /// As [`Stage::see`].
    pub(super) async fn see_both(&mut self, cases: [(&str, &Ask, &Expect); 2]) -> Result<()> {
        let [one, two] = cases;
        let (first, second) =
            tokio::join!(Box::pin(send(self.world, one.1)), Box::pin(send(self.world, two.1)));
        for ((case, ask, expect), seen) in [(one, first), (two, second)] {
            self.table.add(case, ask, &seen?, expect);
        }
        Ok(())
    }

    /// Sends a request again and again until the answer is as expected, at most so long; the last one becomes a row.
    ///
    /// # Errors
    /// As [`Stage::see`].
    pub(super) async fn see_within(
        &mut self,
        limit: Duration,
        case: &str,
        ask: &Ask,
        expect: &Expect,
    ) -> Result<Seen> {
        let begin = Instant::now();
        loop {
            let seen = Box::pin(send(self.world, ask)).await?;
            if expect.differences(&seen).is_empty() || begin.elapsed() > limit {
                self.table.add(case, ask, &seen, expect);
                return Ok(seen);
            }
            sleep(PAUSE).await;
        }
    }
}

/// Sends a request under a name of its own, and gathers what the client, the gateway and the API say about it.
pub(super) async fn send(world: &World, ask: &Ask) -> Result<Seen> {
    let case = random_id()?;
    let client = world.client(ask.shown, ask.from);
    let stream = client.open(world.door(ask.which, ask.door)).await?;
    let local = stream.local_addr()?;
    let earlier = world.lines(ask.which, local)?;
    let answer = match ask.kind {
        Kind::Http => client.send(stream, ask.protocol, ask.request(&case)?).await,
        Kind::Call => client.call(stream, ask.request(&case)?).await,
        Kind::Socket(says) => client.converse(stream, &ask.handshake(&case)?, says).await,
    };
    let line = world.logged(ask.which, local, earlier).await?;
    let answer = answer.map_err(|error| format!("{error:#}"));
    Ok(Seen { answer, arrived: world.arrived(&case), reason: reason(&line) })
}

/// Why, in a line of the access log: each filter that did not simply let pass has an object; a connection on which no TLS came
/// about has a failure, of which the last part says what it was.
fn reason(line: &Value) -> Option<String> {
    let failure = line.get("failure").and_then(Value::as_str);
    let failure = failure.and_then(|all| all.trim_end_matches(FAILURE_END).rsplit(':').next());
    let refused = || line.as_object()?.values().find_map(|value| value.get("reason")?.as_str());
    failure.or_else(refused).map(|reason| reason.trim_matches('_').to_owned())
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn the_reason_is_that_of_the_filter_that_has_one() {
        let line = r#"{"status":401,"method":"GET","jwt-auth":{"decision":"deny","reason":"jwt.missing"}}"#;
        assert_eq!(reason(&serde_json::from_str(line).unwrap()).as_deref(), Some("jwt.missing"));
        assert_eq!(reason(&serde_json::from_str(r#"{"status":200}"#).unwrap()), None);
        let line = r#"{"failure":"TLS_error:|268435646:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_X509_verify_cert:_certificate_verification_error_at_depth_0:_certificate_has_expired:TLS_error_end"}"#;
        assert_eq!(reason(&serde_json::from_str(line).unwrap()).as_deref(), Some("certificate_has_expired"));
    }
}
