//! Redis and the operators' gateway, and the program that asks them.

use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backends::resp::{Connection, RespValue};
use backends::{Configuration, Options, Redis, User, Webdis};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

const GATEWAY: &str = "0123456789abcdef0123456789abcdef-gateway";
pub(crate) const HTTP: &str = "0123456789abcdef0123456789abcdef-http";
/// Somebody of the test's who may write everything. The files that ship have no such user.
const ADMIN: &str = "user test-admin on >test-admin ~* &* +@all\n";

pub(crate) struct Lab {
    pub(crate) redis: Redis,
    pub(crate) webdis: Webdis,
    environment: Vec<(String, String)>,
    admin: Mutex<Connection>,
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }

    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.stdout
    }

    pub(crate) fn refused(&self, says: &str) {
        assert_eq!(self.code, 2, "{self:?}");
        assert!(self.stderr.contains(says), "{says}: {}", self.stderr);
    }
}

impl Lab {
    pub(crate) async fn start() -> Self {
        let configuration = Configuration::render().unwrap();
        // Once more into the same folder, with what an operator adds for a gateway.
        let mut variables: Vec<(String, String)> = User::ALL
            .into_iter()
            .map(|user| (user.variable(), configuration.password(user).to_owned()))
            .collect();
        variables.push(("PORTCULLIS_OPERATOR_GATEWAY_PASSWORD".to_owned(), GATEWAY.to_owned()));
        variables.push(("PORTCULLIS_WEBDIS_OPERATOR_PASSWORD".to_owned(), HTTP.to_owned()));
        let output = Configuration::script(configuration.folder(), &variables).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let users = configuration.folder().join("users.acl");
        std::fs::OpenOptions::new().append(true).open(users).unwrap().write_all(ADMIN.as_bytes()).unwrap();
        let rendered = std::fs::read(configuration.folder().join("webdis-operator.json")).unwrap();
        let mut members: Map<String, Value> = serde_json::from_slice(&rendered).unwrap();
        members.retain(|name, _| !name.ends_with("_port"));
        let redis = Redis::start_with(configuration, &Options::default()).await.unwrap();
        let options = Options { members: members.into_iter().collect(), ..Options::default() };
        // The harness has no credentials for this one: it is ready when it listens, and serves when it has logged in.
        let webdis = Webdis::start(&redis, User::GatewayRevocation, &options.listens()).await.unwrap();
        let authorization = format!("Basic {}", STANDARD.encode(format!("operator:{HTTP}")));
        for _ in 0..2000 {
            let answer = webdis.send_as(Some(&authorization), b"EVAL/return%201/0".to_vec()).await.unwrap();
            if answer.body == br#"{"EVAL":1}"# {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut admin = Connection::open(redis.addr()).await.unwrap();
        let answer = admin.command(&["AUTH", "test-admin", "test-admin"]).await.unwrap();
        assert_eq!(answer, RespValue::Simple("OK".to_owned()));
        Self { redis, webdis, environment: variables, admin: Mutex::new(admin) }
    }

    /// The arguments of each way to Redis.
    pub(crate) fn routes(&self) -> [[String; 2]; 2] {
        [
            ["--redis".to_owned(), format!("redis://{}", self.redis.addr())],
            ["--webdis".to_owned(), format!("http://{}", self.webdis.addr())],
        ]
    }

    /// Runs the program by a route.
    pub(crate) fn by(&self, route: &[String; 2], arguments: &[&str]) -> Ran {
        let route = route.iter().map(String::as_str);
        let arguments: Vec<&str> = arguments.iter().copied().chain(route).collect();
        portcullis(&arguments, &self.environment)
    }

    /// Runs the program against Redis itself.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.by(&self.routes()[0], arguments)
    }

    pub(crate) fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// Runs a command as somebody who may do everything.
    pub(crate) async fn admin(&self, words: &[&str]) -> RespValue {
        let answer = self.admin.lock().await.command(words).await.unwrap();
        assert_eq!(answer.error(), None, "{words:?}");
        answer
    }

    pub(crate) async fn get(&self, key: &str) -> Option<String> {
        match self.admin(&["GET", key]).await {
            RespValue::Bulk(bytes) => Some(String::from_utf8(bytes).unwrap()),
            _ => None,
        }
    }

    pub(crate) async fn expires(&self, key: &str) -> i64 {
        match self.admin(&["EXPIRETIME", key]).await {
            RespValue::Integer(seconds) => seconds,
            other => panic!("{other:?}"),
        }
    }

    /// Members of a provider's log and their scores, in order.
    pub(crate) async fn log(&self, provider: &str) -> Vec<(String, i64)> {
        let key = format!("portcullis:rev:{{{provider}}}:log");
        let RespValue::Array(parts) = self.admin(&["ZRANGE", &key, "0", "-1", "WITHSCORES"]).await else {
            panic!("no list");
        };
        let texts: Vec<String> = parts
            .into_iter()
            .map(|part| match part {
                RespValue::Bulk(bytes) => String::from_utf8(bytes).unwrap(),
                other => panic!("{other:?}"),
            })
            .collect();
        texts.chunks(2).map(|pair| (pair[0].clone(), pair[1].parse().unwrap())).collect()
    }

    pub(crate) async fn members(&self, provider: &str) -> Vec<String> {
        self.log(provider).await.into_iter().map(|(member, _)| member).collect()
    }
}

/// Runs the program with these environment variables and no others.
pub(crate) fn portcullis(arguments: &[&str], environment: &[(String, String)]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(arguments).env_clear().envs(environment.iter().cloned());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let ran =
        Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) };
    for (name, password) in environment.iter().filter(|(_, password)| !password.is_empty()) {
        assert!(!ran.stdout.contains(password) && !ran.stderr.contains(password), "{name} is in: {ran:?}");
    }
    ran
}

/// Unix seconds.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
