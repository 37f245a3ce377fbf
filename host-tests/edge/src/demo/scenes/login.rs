//! Somebody guesses passwords, and a user who signs in all the while. All of 127.0.0.0/8 is this machine: each has an address.

use std::net::Ipv4Addr;

use anyhow::Result;
use serde_json::json;

use super::super::ask::Which::{self, A, B};
use super::super::ask::{Ask, post};
use super::super::expect::{denied, passes};
use super::super::stage::Stage;

/// Where the user is, and has signed in before.
pub(in super::super) const HOME: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 7);
/// Where somebody guesses.
const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 6, 6, 6);
/// As many guesses as one user has from one address (`limits.pair` of login-guard).
const OF_PAIR: [Which; 5] = [A, B, A, B, A];
/// As many more as that user has from wherever he never was (`limits.username`), an address each.
const OF_USER: [(Which, u8); 5] = [(B, 11), (A, 12), (B, 13), (A, 14), (B, 15)];

/// One of the attacker's many addresses.
fn anywhere(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 9, 9, last)
}

pub(super) async fn play(stage: &mut Stage<'_>) -> Result<()> {
    let user = stage.world.user().clone();
    let login = |which, password: &str, from| -> Ask {
        post(which, "/login", &json!({ "user": user.name, "password": password })).from(from)
    };
    stage.see("the user signs in at home", &login(A, &user.password, HOME), &passes(200)).await?;
    for which in OF_PAIR {
        let guess = login(which, "123456", ATTACKER);
        stage.see("an attacker guesses on both gateways", &guess, &passes(401)).await?;
    }
    let locked = denied(429, "login.locked");
    stage.see("no more from that address on one", &login(A, "123456", ATTACKER), &locked).await?;
    stage
        .see("nor on the other with the right password", &login(B, &user.password, ATTACKER), &locked)
        .await?;
    for (which, last) in OF_USER {
        let guess = login(which, "123456", anywhere(last));
        stage.see("the attacker comes from everywhere", &guess, &passes(401)).await?;
    }
    let from = anywhere(200);
    stage.see("no more as that user from anywhere", &login(B, "123456", from), &locked).await?;
    stage.see("the user still signs in at home", &login(B, &user.password, HOME), &passes(200)).await?;
    Ok(())
}
