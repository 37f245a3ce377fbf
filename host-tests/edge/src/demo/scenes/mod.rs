//! The scenes, in the order in which they are played.

mod bodies;
mod duplicates;
mod entry;
mod failures;
mod limits;
mod login;
mod policy;
mod protocols;
mod revocation;

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

pub(super) use login::HOME;

use super::ask::{Which, get, post};
use super::expect::passes;
use super::stage::Stage;
use super::world::World;
use crate::services::signer::random_id;

/// How long that may take on a busy machine.
const WARM: Duration = Duration::from_secs(60);

/// Plays all of them, prints each when it is over, and says how many requests were as expected and how many were not.
///
/// # Errors
/// A part of the world failed, or nobody reads the output any more.
pub(super) async fn play(world: &mut World) -> Result<(usize, usize)> {
    let mut sum = (0_usize, 0_usize);
    macro_rules! scene {
        ($title:literal, $scene:path) => {
            let mut stage = Stage::new(world);
            // On the heap: the thread of a test has a stack of 2 MiB.
            Box::pin($scene(&mut stage)).await?;
            super::print(&stage.table.text($title))?;
            let (fine, other) = stage.table.counts();
            sum = (sum.0.saturating_add(fine), sum.1.saturating_add(other));
        };
    }
    Box::pin(warm_up(&mut Stage::new(world))).await?;
    scene!("Who may enter", entry::play);
    scene!("What may be asked", policy::play);
    scene!("Bodies", bodies::play);
    scene!("gRPC, WebSockets, client certificates, port 80", protocols::play);
    scene!("A revoked token", revocation::play);
    scene!("Limits that both gateways share", limits::play);
    scene!("Guessed passwords", login::play);
    scene!("A request that comes twice", duplicates::play);
    scene!("When the API fails", failures::play);
    Ok(sum)
}

/// Waits until both gateways have their keys and their connections to Redis, and Redis has the scripts: the first calls take
/// longest, and nobody waits for them longer than the filters' timeouts.
async fn warm_up(stage: &mut Stage<'_>) -> Result<()> {
    let token = stage.world.token(&json!({ "sub": "nobody" }))?;
    let user = stage.world.user().clone();
    let password = json!({ "user": user.name, "password": user.password });
    for which in [Which::A, Which::B] {
        let export = || Ok(get(which, "/orders/export").token(&token));
        // A key of which Redis heard and the gateway did not is taken.
        let order =
            || Ok(post(which, "/orders", &order()).token(&token).header("idempotency-key", &random_id()?));
        stage.wait_for(WARM, export, &passes(200)).await?;
        stage.wait_for(WARM, order, &passes(201)).await?;
        let login = || Ok(post(which, "/login", &password).from(HOME));
        stage.wait_for(WARM, login, &passes(200)).await?;
    }
    Ok(())
}

/// An order that its schema accepts.
fn order() -> Value {
    json!({ "item": "pen", "count": 3 })
}
