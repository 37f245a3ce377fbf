//! A HAR file.

use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use super::edits::{literal, string};
use super::names::suggests_secret;
use super::walk::Walk;
use super::{Found, MASK, Redactor};
use crate::traffic::document::Document;
use crate::traffic::har::{decode, place};
use crate::traffic::json::{Node, open};

/// Members that tell how long the parts of a message were.
const SIZES: [&str; 3] = ["headersSize", "bodySize", "_transferSize"];

impl Redactor {
    /// Rewrites a HAR file, masked. All else stays byte for byte, but for what tells the length of what was
    /// masked: sizes become -1, which stands for unknown, and `content-length` follows the body. `name`
    /// stands for the file in errors.
    ///
    /// # Errors
    /// The file is not HAR, or reading or writing fails; the place in it is named.
    pub fn redact_har(&self, name: &str, input: impl Read, output: &mut impl Write) -> Result<()> {
        let document = Document::read(Path::new(name).into(), input)?;
        if !self.enabled {
            return output.write_all(document.text.as_bytes()).context("write");
        }
        let root: &RawValue = document.parse(&document.whole(), "")?;
        let mut walk = Walk::new(self, &document.text);
        walk.archive(root).with_context(|| name.to_owned())?;
        walk.edits.write(output).context("write")
    }
}

impl<'a> Walk<'a, '_> {
    fn archive(&mut self, root: &'a RawValue) -> Result<()> {
        for (name, value) in object(root, "HAR")? {
            if name != "log" {
                self.later(value);
                continue;
            }
            for (name, value) in object(value, "log")? {
                if name != "entries" {
                    self.later(value);
                    continue;
                }
                for (number, entry) in array(value, "log.entries")?.into_iter().enumerate() {
                    self.entry(entry).with_context(|| place(number))?;
                }
            }
        }
        self.finish()
    }

    fn entry(&mut self, entry: &'a RawValue) -> Result<()> {
        // What belongs to no entry is masked without what an entry tells.
        self.finish()?;
        for (name, value) in object(entry, "entry")? {
            match name.as_str() {
                "request" | "response" => self.message(value, &name)?,
                "_webSocketMessages" => {
                    for message in array(value, &name)? {
                        for (name, value) in object(message, &name)? {
                            match name.as_str() {
                                "data" => {
                                    self.body(value, None, None)?;
                                }
                                _ => self.later(value),
                            }
                        }
                    }
                }
                _ => self.later(value),
            }
        }
        self.finish()
    }

    /// A request or a response.
    fn message(&mut self, value: &'a RawValue, what: &str) -> Result<()> {
        let members = object(value, what)?;
        let before = self.edits.len();
        let mut length = None;
        for (name, value) in
            members.iter().filter(|(name, _)| matches!(name.as_str(), "postData" | "content"))
        {
            length = self.content(value, name)?.or(length);
        }
        for (name, value) in &members {
            match name.as_str() {
                "url" | "redirectURL" => {
                    self.string(value, |redactor, url, found| redactor.path(url, found).into_owned());
                }
                "headers" => self.pairs(value, name, |redactor, name, value, found| {
                    match length.filter(|_| name.eq_ignore_ascii_case("content-length")) {
                        Some(length) => length.to_string().into_bytes(),
                        None => redactor.header(name, value, found).into_owned(),
                    }
                })?,
                "cookies" => self.pairs(value, name, |redactor, _, value, found| {
                    redactor.header("cookie", value, found).into_owned()
                })?,
                "queryString" => self.pairs(value, name, field)?,
                "postData" | "content" => {}
                name if SIZES.contains(&name) => {}
                _ => self.later(value),
            }
        }
        if self.edits.len() > before {
            let sizes = members.iter().filter(|(name, _)| SIZES.contains(&name.as_str()));
            sizes.for_each(|(_, value)| self.edits.replace(value, "-1".to_owned()));
        }
        Ok(())
    }

    /// `postData` or `content`; the body's new length if it changed.
    fn content(&mut self, value: &'a RawValue, what: &str) -> Result<Option<usize>> {
        let members = object(value, what)?;
        let text = |names: &[&str]| {
            let member = members.iter().find(|(have, _)| names.contains(&have.as_str()));
            let text: Option<Vec<u8>> = member.and_then(|(_, value)| string(value));
            text.map(|text| String::from_utf8_lossy(&text).into_owned())
        };
        let (mime, encoding) = (text(&["mimeType"]), text(&["encoding", "_encoding"]));
        let mut length = None;
        for (name, value) in &members {
            match name.as_str() {
                "text" => length = self.body(value, mime.as_deref(), encoding.as_deref())?.or(length),
                "params" => self.pairs(value, name, field)?,
                "size" | "compression" => {}
                _ => self.later(value),
            }
        }
        if length.is_some() {
            let sizes = members.iter().filter(|(name, _)| matches!(name.as_str(), "size" | "compression"));
            sizes.for_each(|(_, value)| self.edits.replace(value, "-1".to_owned()));
        }
        Ok(length)
    }

    /// The text of a body; its new length, in bytes of the body, if it changed.
    fn body(
        &mut self,
        value: &'a RawValue,
        mime: Option<&str>,
        encoding: Option<&str>,
    ) -> Result<Option<usize>> {
        let Some(text) = string(value) else { return Ok(None) };
        let base64 = encoding.is_some_and(|name| name.eq_ignore_ascii_case("base64"));
        let body =
            if base64 { decode(&text).map_err(|error| anyhow!("text: bad base64: {error}"))? } else { text };
        let mime = mime.filter(|mime| !mime.is_empty()).map(str::as_bytes);
        let masked = self.redactor.body(mime, &body, &mut self.found);
        if *masked == *body {
            return Ok(None);
        }
        let length = masked.len();
        let written = if base64 { STANDARD.encode(&masked).into_bytes() } else { masked.into_owned() };
        self.edits.replace(value, literal(&written));
        Ok(Some(length))
    }

    fn string(&mut self, value: &'a RawValue, mask: impl FnOnce(&Redactor, &[u8], &mut Found) -> Vec<u8>) {
        let Some(text) = string(value) else { return self.later(value) };
        let masked = mask(self.redactor, &text, &mut self.found);
        if masked != text {
            self.edits.replace(value, literal(&masked));
        }
    }

    /// `[{name, value}, …]`
    fn pairs(
        &mut self,
        list: &'a RawValue,
        what: &str,
        mask: impl Fn(&Redactor, &str, &[u8], &mut Found) -> Vec<u8>,
    ) -> Result<()> {
        for pair in array(list, what)? {
            let members = object(pair, what)?;
            let name = members.iter().find(|(have, _)| have == "name").and_then(|(_, name)| string(name));
            let name = String::from_utf8_lossy(&name.unwrap_or_default()).into_owned();
            for (have, value) in members {
                match have.as_str() {
                    "value" => {
                        self.string(value, |redactor, value, found| mask(redactor, &name, value, found));
                    }
                    // Charles writes a whole JSON body as the name of a form field.
                    "name" => self
                        .string(value, |redactor, name, found| redactor.body(None, name, found).into_owned()),
                    _ => self.later(value),
                }
            }
        }
        Ok(())
    }
}

/// The members of an object; none of `null`. What has another shape is an error, since it might hide
/// something.
fn object<'a>(value: &'a RawValue, what: &str) -> Result<Vec<(String, &'a RawValue)>> {
    match open(value)? {
        Node::Object(members) => Ok(members),
        Node::Scalar if value.get() == "null" => Ok(Vec::new()),
        _ => Err(anyhow!("{what}: not an object")),
    }
}

/// The items of an array, likewise.
fn array<'a>(value: &'a RawValue, what: &str) -> Result<Vec<&'a RawValue>> {
    match open(value)? {
        Node::Array(items) => Ok(items),
        Node::Scalar if value.get() == "null" => Ok(Vec::new()),
        _ => Err(anyhow!("{what}: not an array")),
    }
}

/// A query parameter or form field.
fn field(_: &Redactor, name: &str, value: &[u8], found: &mut Found) -> Vec<u8> {
    if value.is_empty() || !suggests_secret(name.as_bytes()) {
        return super::text::patterns(value, found).into_owned();
    }
    found.add_encoded(value);
    MASK.as_bytes().to_vec()
}
