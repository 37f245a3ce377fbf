//! The load generator (wrk), and what it prints.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::process::Command;

/// What a browser sends for a page of another origin, through a load balancer, so that the header maps have a usual
/// size.
pub const HEADERS: [(&str, &str); 9] = [
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    ("accept", "application/json, text/plain, */*"),
    ("accept-language", "en-US,en;q=0.5"),
    ("accept-encoding", "gzip, deflate, br"),
    ("origin", "https://app.example.com"),
    ("referer", "https://app.example.com/orders"),
    ("cookie", "session=2f7c1e0a9b8d4c6f8a1b; theme=dark"),
    ("x-forwarded-for", "10.1.2.3"),
    ("x-request-id", "7f3d2c1b-0a9e-4d8c-b7a6-5f4e3d2c1b0a"),
];

/// One run of the load generator.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// Requests answered.
    pub requests: u64,
    /// Requests answered per second.
    pub per_second: f64,
    /// Median latency in microseconds.
    pub p50_us: f64,
    /// 99th percentile of the latency in microseconds.
    pub p99_us: f64,
}

/// wrk: the one on `PATH`, else the one that `make tools` unpacked below `root`.
///
/// # Errors
///
/// When there is neither.
pub fn find(root: &Path) -> Result<PathBuf> {
    let on_path = std::env::var_os("PATH")
        .into_iter()
        .flat_map(|path| std::env::split_paths(&path).map(|folder| folder.join("wrk")).collect::<Vec<_>>());
    on_path
        .chain([root.join(".tools/wrk/bin/wrk")])
        .find(|candidate| candidate.is_file())
        .context("wrk is missing: run make tools, or install the package wrk")
}

/// A script for wrk that sends these tokens in turn, each request made beforehand.
#[must_use]
pub fn bearer_script(tokens: &[String]) -> String {
    let list: Vec<String> = tokens.iter().map(|token| format!("{token:?}")).collect();
    format!(
        "local tokens = {{{}}}\n\
         local requests, at = {{}}, 0\n\
         function init(args)\n  for i, token in ipairs(tokens) do\n    \
         wrk.headers[\"Authorization\"] = \"Bearer \" .. token\n    requests[i] = wrk.format()\n  end\nend\n\
         function request()\n  at = at % #requests + 1\n  return requests[at]\nend\n",
        list.join(",\n")
    )
}

/// A script for wrk that sends this JSON document with every request.
#[must_use]
pub fn body_script(body: &str) -> String {
    format!(
        "wrk.method = \"POST\"\nwrk.body = {body:?}\nwrk.headers[\"Content-Type\"] = \"application/json\"\n"
    )
}

/// A script for wrk with which each connection pauses between an answer and its next request, so that all together ask
/// about so often in a second. wrk has no fixed rate; the pauses are random, half to one and a half times the mean, lest
/// the connections go in step.
#[must_use]
pub fn paced_script(connections: u32, per_second: u32) -> String {
    let mean_ms = connections.saturating_mul(1000).checked_div(per_second).unwrap_or(0).max(2);
    let (least, most) = (mean_ms / 2, mean_ms.saturating_add(mean_ms / 2));
    format!("function delay()\n  return math.random({least}, {most})\nend\n")
}

/// Sends GET requests, or those of a script, for `url` over kept-alive connections, as many as are answered in the given time.
///
/// # Errors
///
/// When wrk fails, when a request fails or when an answer is not 2xx: such a run measures something else.
pub async fn run(
    wrk: &Path,
    url: &str,
    host: &str,
    connections: u32,
    seconds: u32,
    script: Option<&Path>,
) -> Result<Load> {
    let mut command = Command::new(wrk);
    command.args(["--threads", "1", "--latency", "--timeout", "10s"]);
    command.arg("--connections").arg(connections.to_string());
    command.arg("--duration").arg(format!("{seconds}s"));
    // In this spelling, or wrk sends a second one of its own.
    command.arg("--header").arg(format!("Host: {host}"));
    for (name, value) in HEADERS {
        command.arg("--header").arg(format!("{name}: {value}"));
    }
    if let Some(script) = script {
        command.arg("--script").arg(script);
    }
    command.arg(url).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.with_context(|| format!("cannot run {}", wrk.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wrk: {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    parse(&text).with_context(|| format!("wrk printed:\n{text}"))
}

/// Reads the summary that wrk prints.
fn parse(text: &str) -> Result<Load> {
    for line in text.lines().map(str::trim) {
        if line.starts_with("Socket errors:") || line.starts_with("Non-2xx or 3xx responses:") {
            bail!("not every request was answered with 2xx: {line}");
        }
    }
    Ok(Load {
        requests: field(text, |line| line.split_once(" requests in ")?.0.parse().ok())
            .context("no requests")?,
        per_second: field(text, |line| line.strip_prefix("Requests/sec:")?.trim().parse().ok())
            .context("no requests per second")?,
        p50_us: field(text, |line| duration_us(line.strip_prefix("50%")?)).context("no 50 % latency")?,
        p99_us: field(text, |line| duration_us(line.strip_prefix("99%")?)).context("no 99 % latency")?,
    })
}

/// The first line from which something can be read.
fn field<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    text.lines().find_map(|line| read(line.trim()))
}

/// A duration as wrk prints it, `312.00us`, `1.05ms`, `2.00s` or `1.50m`, in microseconds.
fn duration_us(text: &str) -> Option<f64> {
    let text = text.trim();
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit_at);
    let factor = match unit {
        "us" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        "m" => 60e6,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "\
Running 4s test @ http://127.0.0.1:10000/
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   302.25us  153.82us   5.61ms   95.51%
    Req/Sec    27.02k     1.61k   29.39k    75.61%
  Latency Distribution
     50%  283.00us
     75%  318.00us
     90%  364.00us
     99%    1.05ms
  110257 requests in 4.10s, 24.08MB read
Requests/sec:  26892.91
Transfer/sec:      5.87MB
";

    #[test]
    fn a_summary_is_read() {
        let load = parse(PRINTED).unwrap();
        assert_eq!(load, Load { requests: 110_257, per_second: 26_892.91, p50_us: 283.0, p99_us: 1050.0 });
    }

    #[test]
    fn an_error_is_no_measurement() {
        for line in
            ["  Non-2xx or 3xx responses: 3\n", "  Socket errors: connect 0, read 1, write 0, timeout 0\n"]
        {
            let error = parse(&format!("{PRINTED}{line}")).unwrap_err().to_string();
            assert!(error.contains(line.trim()), "{error}");
        }
    }

    #[test]
    fn a_missing_line_is_named() {
        assert_eq!(parse("").unwrap_err().to_string(), "no requests");
        let without = PRINTED.replace("     99%    1.05ms\n", "");
        assert_eq!(parse(&without).unwrap_err().to_string(), "no 99 % latency");
    }

    #[test]
    fn pauses_have_the_mean_that_the_rate_asks_for() {
        assert!(paced_script(16, 1000).contains("math.random(8, 24)"));
        assert!(paced_script(1, 100_000).contains("math.random(1, 3)"));
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration_us(" 1.05ms"), Some(1050.0));
        assert_eq!(duration_us("2.00s"), Some(2e6));
        assert_eq!(duration_us("1.50m"), Some(90e6));
        assert_eq!(duration_us("7"), None);
        assert_eq!(duration_us("7.0h"), None);
    }
}
