//! Traffic with a secret in it.

use libfuzzer_sys::arbitrary::{self, Arbitrary};

/// The secret; no noise holds its first letter.
pub const SECRET: &str = "Zq7Secret7qZ";

/// Where the secret stands.
#[derive(Arbitrary, Debug, Clone, Copy)]
pub enum Place {
    /// A header that carries credentials.
    Header(u8),
    /// A query parameter.
    Query(u8),
    /// A query parameter of a URL in a header.
    Referer(u8),
    /// User info.
    UserInfo,
    /// A member of a JSON body.
    Json,
    /// The first item of a JSON array.
    JsonArray,
    /// A field of a form.
    Form(u8),
    /// A part of a multipart form.
    Multipart(u8),
    /// A header of the answer.
    Answer,
    /// A header of the answer to a call-out.
    CallOut,
    /// A text that repeats a masked value.
    Repeated,
    /// A bearer token in a text.
    Bearer,
}

const HEADERS: [&str; 6] =
    ["Authorization", "proxy-authorization", "cookie", "Cookie", "X-Api-Key", "x-auth-token"];
const NAMES: [&str; 14] = [
    "access_token",
    "token",
    "id_token",
    "refresh_token",
    "api_key",
    "apikey",
    "key",
    "code",
    "password",
    "secret",
    "sig",
    "client_secret",
    "SAMLResponse",
    "to%6ben",
];

fn pick(names: &'static [&'static str], at: u8) -> &'static str {
    names[usize::from(at) % names.len()]
}

/// A message under construction.
struct Parts {
    path: String,
    authority: String,
    headers: Vec<(String, String)>,
    content_type: String,
    body: String,
    answer: Vec<(String, String)>,
    callout: Vec<(String, String)>,
    texts: Vec<String>,
}

/// Noise may hold anything but what the secret begins with.
fn clean(noise: &[&str], at: usize) -> String {
    noise.get(at % noise.len().max(1)).copied().unwrap_or_default().replace('Z', "z")
}

/// Noise that ends no value and is no separator.
fn word(noise: &[&str], at: usize) -> String {
    clean(noise, at).chars().filter(char::is_ascii_alphanumeric).collect()
}

fn json(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

impl Parts {
    fn of(places: &[Place], noise: &[&str]) -> Self {
        let mut parts = Self {
            path: format!("/{}?x={}", word(noise, 0), word(noise, 1)),
            authority: "a.example".to_owned(),
            headers: vec![("x-noise".to_owned(), clean(noise, 2))],
            content_type: "text/plain".to_owned(),
            body: clean(noise, 3),
            answer: vec![("x-noise".to_owned(), clean(noise, 4))],
            callout: Vec::new(),
            texts: vec![clean(noise, 5)],
        };
        for (at, place) in places.iter().enumerate() {
            parts.put(*place, &clean(noise, at), &word(noise, at));
        }
        parts
    }

    fn put(&mut self, place: Place, text: &str, word: &str) {
        let secret = SECRET;
        match place {
            Place::Header(at) => self.header(pick(&HEADERS, at), format!("{word} {secret}{text}")),
            Place::Query(at) => {
                let name = pick(&NAMES, at);
                self.path.push_str(&format!("&{name}={word}{secret}{word}&y={word}"));
            }
            Place::Referer(at) => {
                let name = pick(&NAMES, at);
                self.header("referer", format!("https://b/{word}?{name}={secret}{word}"));
            }
            Place::UserInfo => self.authority = format!("{word}:{secret}@a.example"),
            Place::Json => {
                let (name, value) = (json(text), json(&format!("{text}{secret}{text}")));
                self.body("application/json", format!("{{{name}: [1.0], \"password\": {value}}}"));
            }
            Place::JsonArray => {
                let (first, second) = (json(&format!("{secret}{text}")), json(text));
                self.body("", format!(" {{\"a\": [{first}, {second}]}}"));
            }
            Place::Form(at) => {
                let name = pick(&NAMES, at);
                self.body("application/x-www-form-urlencoded", format!("a={word}&{name}={secret}{word}&b=c"));
            }
            Place::Multipart(at) => {
                let head = format!("content-disposition: form-data; name=\"{}\"", pick(&NAMES, at));
                let body = format!("--x\r\n{head}\r\n\r\n{word}{secret}{word}\r\n--x--\r\n");
                self.body("multipart/form-data; boundary=x", body);
            }
            Place::Answer => self.answer.push(("Set-Cookie".to_owned(), format!("{word}={secret}; {text}"))),
            Place::CallOut => self.callout.push(("authorization".to_owned(), format!("{text}{secret}"))),
            Place::Repeated => {
                self.header("x-api-key", secret.to_owned());
                self.texts.push(format!("{text}{secret}{text}"));
            }
            Place::Bearer => self.texts.push(format!("{word} Bearer {secret}{word}")),
        }
    }

    fn header(&mut self, name: &str, value: String) {
        self.headers.push((name.to_owned(), value));
    }

    fn body(&mut self, content_type: &str, body: String) {
        (self.content_type, self.body) = (content_type.to_owned(), body);
    }
}

fn list(pairs: &[(String, String)], item: impl Fn(&str, &str) -> String) -> String {
    pairs.iter().map(|(name, value)| item(&json(name), &json(value))).collect::<Vec<_>>().join(", ")
}

impl Place {
    /// A line of JSON Lines.
    #[must_use]
    pub fn line(places: &[Self], noise: &[&str]) -> String {
        let mut parts = Parts::of(places, noise);
        if !parts.content_type.is_empty() {
            parts.headers.push(("content-type".to_owned(), parts.content_type.clone()));
        }
        let pair = |name: &str, value: &str| format!("[{name}, {value}]");
        let texts: Vec<String> = parts.texts.iter().map(|text| json(text)).collect();
        format!(
            "{{\"path\": {}, \"authority\": {}, \"headers\": [{}], \"body\": {}, \
             \"response\": {{\"headers\": [{}]}}, \
             \"callouts\": [{{\"cluster\": \"c\", \"path\": \"/\", \"headers\": [{}]}}], \
             \"expect\": {{\"logs\": [{}]}}}}",
            json(&parts.path),
            json(&parts.authority),
            list(&parts.headers, pair),
            json(&parts.body),
            list(&parts.answer, pair),
            list(&parts.callout, pair),
            texts.join(", ")
        )
    }

    /// A HAR file of one entry.
    #[must_use]
    pub fn archive(places: &[Self], noise: &[&str]) -> String {
        let parts = Parts::of(places, noise);
        let pair = |name: &str, value: &str| format!("{{\"name\": {name}, \"value\": {value}}}");
        let url = format!("https://{}{}", parts.authority, parts.path);
        let texts: Vec<String> = parts.texts.iter().map(|text| json(text)).collect();
        format!(
            "{{\"log\": {{\"entries\": [{{\"request\": {{\"url\": {}, \"headers\": [{}], \
             \"postData\": {{\"mimeType\": {}, \"text\": {}}}}}, \
             \"response\": {{\"headers\": [{}], \"content\": {{}}}}, \"_texts\": [{}]}}]}}}}",
            json(&url),
            list(&parts.headers, pair),
            json(&parts.content_type),
            json(&parts.body),
            list(&parts.answer, pair),
            texts.join(", ")
        )
    }
}
