//! A browser that does what the test asks for, one page at a time.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::chromium::Chromium;
use crate::site::Site;

/// For one task, the start of the browser on a busy machine included.
const DEADLINE: Duration = Duration::from_secs(60);

/// Chromium with the site it looks at.
#[derive(Debug)]
pub struct Browser {
    chromium: Chromium,
    site: Site,
}

/// What a script saw of a request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Seen {
    /// An answer, as far as the browser shows it.
    Answer(Answer),
    /// The promise was rejected: nothing of an answer is shown.
    Failure(String),
}

/// An answer that a script may read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers that are exposed, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(answer) => {
                write!(f, "the script read {} {:?} {:?}", answer.status, answer.headers, answer.body)
            }
            Self::Failure(error) => write!(f, "the script got {error}"),
        }
    }
}

impl Seen {
    /// The answer; an error where the browser withheld it.
    pub fn answer(self) -> Result<Answer> {
        match self {
            Self::Answer(answer) => Ok(answer),
            Self::Failure(error) => bail!("the browser withheld the answer: the script got {error}"),
        }
    }

    /// Whether the script learnt nothing, not even the status.
    pub fn is_withheld(&self) -> bool {
        matches!(self, Self::Failure(error) if error == "TypeError: Failed to fetch")
    }
}

impl Browser {
    /// Starts it with the page of a host.
    pub async fn start(host: &str) -> Result<Self> {
        let site = Site::start().await?;
        let chromium = Chromium::start(&site.origin(host))?;
        let mut browser = Self { chromium, site };
        browser.arrived(host).await?;
        Ok(browser)
    }

    /// The origin of the page of a host.
    pub fn origin(&self, host: &str) -> String {
        self.site.origin(host)
    }

    /// Goes to the page of another host.
    pub async fn visit(&mut self, host: &str) -> Result<()> {
        self.site.ask(json!({ "visit": self.origin(host) }))?;
        self.arrived(host).await
    }

    /// `fetch(url, init)` in the page that is open.
    pub async fn fetch(&mut self, url: &str, init: Value) -> Result<Seen> {
        let seen = self.done(json!({ "request": { "url": url, "init": init } })).await?;
        serde_json::from_value(seen).context("what the page saw")
    }

    /// The same in a sandboxed frame of the page, whose origin is `null`.
    pub async fn fetch_sandboxed(&mut self, url: &str, init: Value) -> Result<Seen> {
        let mut seen = self.done(json!({ "sandbox": { "url": url, "init": init } })).await?;
        let origin = seen.as_object_mut().and_then(|seen| seen.remove("origin"));
        if origin != Some(json!("null")) {
            bail!("the frame has the origin {origin:?}");
        }
        serde_json::from_value(seen).context("what the frame saw")
    }

    /// Sends a form of the page into a new window, and waits until that shows the answer.
    pub async fn submit(&mut self, action: &str, fields: Value) -> Result<()> {
        self.done(json!({ "form": { "action": action, "fields": fields } })).await?;
        Ok(())
    }

    async fn done(&mut self, task: Value) -> Result<Value> {
        self.site.ask(task.clone())?;
        self.report(&task.to_string()).await
    }

    async fn arrived(&mut self, host: &str) -> Result<()> {
        let (report, origin) = (self.report(host).await?, self.origin(host));
        if report != json!({ "arrived": origin }) {
            bail!("instead of the page of {origin} the browser opened {report}");
        }
        Ok(())
    }

    async fn report(&mut self, task: &str) -> Result<Value> {
        let why = tokio::select! {
            report = self.site.report() => return report,
            exit = self.chromium.ended() => format!("Chromium ended ({})", exit?),
            () = tokio::time::sleep(DEADLINE) => "Chromium says nothing".to_owned(),
        };
        bail!("{why} while it was to do {task}; its log:\n{}", self.chromium.log())
    }
}
