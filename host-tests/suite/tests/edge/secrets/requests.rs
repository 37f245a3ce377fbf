//! Requests that pass and that are refused in every way, each full of secrets.

use anyhow::Result;
use edge::authority::HOST;
use edge::services::Signer;
use serde_json::json;

use super::Planted;
use super::world::World;

/// A request full of secrets.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) host: &'static str,
    pub(super) version: &'static str,
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) body: String,
}

impl Ask {
    /// Secrets in the query, the cookie, the key of an API, the address of the page before, and the token where there is one.
    pub(super) fn new(planted: &mut Planted, method: &'static str, path: &str, token: &str) -> Self {
        let [query, bare, cookie, key, referer, code] = [
            "token of a query",
            "access_token of a query",
            "cookie",
            "X-API-Key",
            "Referer",
            "code of a query",
        ]
        .map(|place| planted.new_in(place));
        let mut fields = vec![
            ("Cookie", format!("session={cookie}")),
            ("X-API-Key", key),
            ("Referer", format!("https://app.example.com/?code={referer}")),
            ("Origin", "https://app.example.com".to_owned()),
            ("X-Case", "secrets".to_owned()),
        ];
        if !token.is_empty() {
            fields.push(("Authorization", format!("Bearer {token}")));
        }
        let path = format!("{path}?token={query}&access_token={bare}&{code}");
        Self { method, path, host: HOST, version: "1.1", fields, body: String::new() }
    }

    /// The same with this body.
    pub(super) fn with(self, media: &str, body: &str) -> Self {
        let asked = self.field("Content-Type", media).field("Content-Length", &body.len().to_string());
        Self { body: body.to_owned(), ..asked }
    }

    pub(super) fn field(mut self, name: &'static str, value: &str) -> Self {
        self.fields.retain(|(have, _)| *have != name);
        self.fields.push((name, value.to_owned()));
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(have, _)| *have != name);
        self
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let Self { method, path, host, version, fields, body } = self;
        let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("{method} {path} HTTP/{version}\r\nHost: {host}\r\nConnection: close\r\n{fields}\r\n{body}")
            .into_bytes()
    }
}

const JSON: &str = "application/json";

/// What is asked over TLS, and the status that it gets.
pub(super) fn asks(world: &World, planted: &mut Planted) -> Result<Vec<(&'static str, Ask, u16)>> {
    let sub = planted.new_in("sub of a token");
    let claim = planted.new_in("claim of a token");
    let good = world.token(&json!({ "sub": sub, "email": claim }), planted)?;
    let expired = world.token(
        &json!({ "sub": planted.new_in("sub"), "exp": 1_700_000_000, "iat": 1_699_999_000 }),
        planted,
    )?;
    let elsewhere =
        world.token(&json!({ "aud": planted.new_in("aud"), "sub": planted.new_in("sub") }), planted)?;
    let nobody = planted.new_in("sub");
    let stranger = planted.token(Signer::generate()?.sign(&json!({ "sub": nobody })));
    let tampered = planted.token(format!("{}AAAA", good.trim_end_matches(|c: char| c != '.')));
    let basic = planted.new_in("Basic credential");
    let junk = planted.new_in("junk token");
    let order = |note: &str| json!({ "item": "pen", "count": 1, "note": note }).to_string();
    let key = planted.new_in("idempotency key");
    let first = order(&planted.new_in("member of a body"));
    let post = |planted: &mut Planted, body: &str| {
        Ask::new(planted, "POST", "/orders", &good).with(JSON, body).field("Idempotency-Key", &key)
    };
    // The same request twice is the same in everything.
    let done = post(planted, &first);
    let mut all = vec![
        ("GET without a token", Ask::new(planted, "GET", "/catalogue", ""), 200),
        ("GET with a token", Ask::new(planted, "GET", "/orders", &good), 200),
        ("POST", done.clone(), 201),
        ("POST again", done, 409),
    ];
    let other = order(&planted.new_in("member of a body"));
    all.push(("another body for the same key", post(planted, &other), 422));
    let own_key =
        |ask: Ask, planted: &mut Planted| ask.field("Idempotency-Key", &planted.new_in("idempotency key"));
    for (what, media, body, status) in [
        (
            "value of a wrong type",
            JSON,
            json!({ "item": "pen", "count": planted.new_in("member of a body") }).to_string(),
            422,
        ),
        (
            "unknown member",
            JSON,
            json!({ "item": "pen", "count": 1, planted.new_in("name of a member"): 1 }).to_string(),
            422,
        ),
        (
            "too long a value",
            JSON,
            json!({ "item": planted.new_in("member").repeat(3), "count": 1 }).to_string(),
            422,
        ),
        ("body that breaks off", JSON, format!("{{\"item\": \"{}", planted.new_in("member of a body")), 400),
        (
            "duplicate member",
            JSON,
            format!("{{\"{0}\":1,\"{0}\":2}}", planted.new_in("name of a member")),
            400,
        ),
        ("form", "application/x-www-form-urlencoded", format!("password={}", planted.new_in("form")), 415),
    ] {
        let ask = Ask::new(planted, "POST", "/orders", &good).with(media, &body);
        all.push((what, own_key(ask, planted), status));
    }
    let long = planted.new_in("long value");
    let segment = format!("/orders;session={}", planted.new_in("parameter of a segment"));
    let fragment = format!("/orders#token={}", planted.new_in("fragment"));
    let new = |planted: &mut Planted, path: &str, token: &str| Ask::new(planted, "GET", path, token);
    all.extend([
        (
            "body too large",
            Ask::new(planted, "POST", "/orders", &good).with(JSON, &order(&long.repeat(9000))),
            413,
        ),
        ("method", Ask::new(planted, "DELETE", "/orders", &good), 405),
        ("host", Ask { host: "elsewhere.example", ..new(planted, "/orders", &good) }, 421),
        ("HTTP/1.0", Ask { version: "1.0", ..new(planted, "/orders", &good) }, 426),
        ("ambiguous path", new(planted, "/orders/../admin", &good), 400),
        ("parameter of a segment", new(planted, &segment, &good), 400),
        ("fragment", new(planted, &fragment, &good), 400),
        ("URI too long", new(planted, "/orders", &good).field("X-Any", "1"), 200),
        ("header too large", new(planted, "/orders", &good).field("X-Any", &long.repeat(300)), 431),
        ("head too large", new(planted, "/orders", &good).field("X-Any", &long.repeat(1100)), 431),
        ("malformed header", new(planted, "/orders", &good).field("X Any", &long), 400),
        ("expectation", new(planted, "/orders", &good).field("Expect", &long), 417),
        ("no token", new(planted, "/orders", ""), 401),
        ("expired token", new(planted, "/orders", &expired), 401),
        ("audience", new(planted, "/orders", &elsewhere), 401),
        ("another key", new(planted, "/orders", &stranger), 401),
        ("no signature", new(planted, "/orders", &tampered), 401),
        ("junk token", new(planted, "/orders", &junk), 401),
        ("Basic", new(planted, "/orders", "").field("Authorization", &format!("Basic {basic}")), 401),
        ("two tokens", new(planted, "/orders", &good).field("authorization", &format!("Bearer {good}")), 400),
        ("scope", new(planted, "/admin/stats", &good), 403),
        ("another site", new(planted, "/orders", &good).without("Origin"), 200),
        ("unknown path", new(planted, "/unknown", &good), 404),
        (
            "WebSocket without a token",
            new(planted, "/feed", "").field("Connection", "upgrade").field("Upgrade", "websocket"),
            401,
        ),
        (
            "wrong password",
            Ask::new(planted, "POST", "/login", "").with(
                JSON,
                &json!({ "user": world.user.name, "password": planted.new_in("password") }).to_string(),
            ),
            401,
        ),
        (
            "password",
            Ask::new(planted, "POST", "/login", "")
                .with(JSON, &json!({ "user": world.user.name, "password": world.user.password }).to_string()),
            200,
        ),
        (
            "login without a password",
            Ask::new(planted, "POST", "/login", "")
                .with(JSON, &json!({ "user": world.user.name }).to_string()),
            422,
        ),
        (
            "cross-site",
            Ask::new(planted, "POST", "/login", "").with(JSON, "{}").field("Origin", "https://evil.example"),
            403,
        ),
    ]);
    let mut too_long = new(planted, "/orders", &good);
    too_long.path.push_str(&long.repeat(150));
    all.push(("URI too long", too_long, 414));
    // As many as there may be in a minute, and more.
    all.extend((0..10).map(|_| ("export", Ask::new(planted, "GET", "/orders/export", &good), 200)));
    all.push(("one export more", Ask::new(planted, "GET", "/orders/export", &good), 429));
    Ok(all)
}
