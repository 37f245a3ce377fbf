//! The API behind the gateways: REST, gRPC and WebSockets on one port. It has no checks of its own, and says what reached it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue, SERVER};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::{Answer, Server, answer, grpc, websocket};

/// The header that names a request in [`Api::arrived`].
pub const CASE: &str = "x-case";
/// The order for which nobody waits long enough.
pub const SLOW_ORDER: &str = "/orders/504";
/// How long it takes: longer than any gateway waits.
const SLOW: Duration = Duration::from_secs(600);

/// The API. What it remembers is forgotten with it.
#[derive(Debug)]
pub struct Api {
    server: Server,
    state: Arc<State>,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// The method.
    pub method: Method,
    /// The path with its query.
    pub path: String,
    /// The fields of its head.
    pub headers: HeaderMap,
}

#[derive(Debug)]
struct State {
    user: User,
    arrived: Mutex<Vec<Arrived>>,
}

/// Who can log in.
#[derive(Debug, Clone)]
pub struct User {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
}

impl Api {
    /// Starts one on this port of 127.0.0.1, 0: a free one.
    ///
    /// # Errors
    /// The port is not free.
    pub fn start(port: u16, user: User) -> Result<Self> {
        let state = Arc::new(State { user, arrived: Mutex::default() });
        let serving = Arc::clone(&state);
        let server = Server::start(port, None, move |request| serve(Arc::clone(&serving), request))?;
        Ok(Self { server, state })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The requests that arrived with this value of [`CASE`], in order: more than one where a gateway tried again.
    #[must_use]
    pub fn arrived(&self, case: &str) -> Vec<Arrived> {
        let arrived = self.state.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        let named =
            |one: &&Arrived| one.headers.get(CASE).is_some_and(|value| value.as_bytes() == case.as_bytes());
        arrived.iter().filter(named).cloned().collect()
    }
}

async fn serve(state: Arc<State>, request: Request<Incoming>) -> Result<Answer> {
    let path = request.uri().path_and_query().map_or("", |path| path.as_str()).to_owned();
    let arrived = Arrived { method: request.method().clone(), path, headers: request.headers().clone() };
    state.arrived.lock().unwrap_or_else(PoisonError::into_inner).push(arrived.clone());
    let mut answer = if websocket::is_handshake(&request) {
        websocket::answer(request)?
    } else {
        let is_call = grpc::is_call(&request);
        let path = request.uri().path().to_owned();
        let body = request.into_body().collect().await?.to_bytes();
        if is_call { grpc::answer(&path, &body)? } else { rest(&state, &arrived, &path, &body).await }
    };
    // What software says about itself unless somebody stops it.
    answer.headers_mut().insert(SERVER, HeaderValue::from_static("demo-api/1.0"));
    answer
        .headers_mut()
        .insert(HeaderName::from_static("x-powered-by"), HeaderValue::from_static("Portcullis demo"));
    Ok(answer)
}

/// `POST /login` knows one user, [`SLOW_ORDER`] never comes in time, everything else is answered with what arrived.
async fn rest(state: &State, arrived: &Arrived, path: &str, body: &Bytes) -> Answer {
    match path {
        "/login" => return login(&state.user, body),
        SLOW_ORDER => tokio::time::sleep(SLOW).await,
        _ => {}
    }
    let created = arrived.method == Method::POST;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let user = arrived.headers.get("x-user").map(|value| String::from_utf8_lossy(value.as_bytes()));
    let seen =
        json!({ "method": arrived.method.as_str(), "path": arrived.path, "user": user, "bytes": body.len() });
    answer::json(status, &seen)
}

fn login(user: &User, body: &Bytes) -> Answer {
    let form: Value = serde_json::from_slice(body).unwrap_or_default();
    let is = |name: &str, value: &str| form.get(name).and_then(Value::as_str) == Some(value);
    if is("user", &user.name) && is("password", &user.password) {
        return answer::json(StatusCode::OK, &json!({ "welcome": user.name }));
    }
    answer::json(StatusCode::UNAUTHORIZED, &json!({ "error": "wrong user name or password" }))
}
