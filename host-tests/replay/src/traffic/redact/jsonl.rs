//! A file of JSON Lines.

use std::io::{BufReader, Read, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::value::RawValue;

use super::body::mask_members;
use super::names::suggests_secret;
use super::url::query;
use super::walk::Walk;
use super::{Found, Redactor, secret, text};
use crate::text::Text;
use crate::traffic::json::{Node, open};
use crate::traffic::jsonl;
use crate::traffic::lines::Lines;
use crate::traffic::write::Bytes;

impl Redactor {
    /// Rewrites a file of JSON Lines, masked. All else stays byte for byte, but for the framing of a body
    /// that changes: `content-length` follows it and `chunks` is dropped. `name` stands for the file in
    /// errors.
    ///
    /// # Errors
    /// A line is not JSON or stands for more than 64 MiB, or reading or writing fails: `name:line: what`.
    pub fn redact_jsonl(
        &self,
        name: &str,
        input: impl Read + Send + 'static,
        output: &mut impl Write,
    ) -> Result<()> {
        let mut lines = Lines::new(Path::new(name).into(), Box::new(BufReader::new(input)));
        while lines.advance()? {
            if lines.is_blank() || !self.enabled {
                output.write_all(lines.line())?;
                continue;
            }
            let value: &RawValue = jsonl::parse(&lines)?;
            let text = std::str::from_utf8(lines.line()).map_err(|error| lines.error(error))?;
            let mut walk = Walk::new(self, text);
            walk.object(value).and_then(|()| walk.finish()).with_context(|| lines.origin().to_string())?;
            walk.edits.write(output).with_context(|| lines.origin().to_string())?;
        }
        Ok(())
    }
}

impl<'a> Walk<'a, '_> {
    /// A step, or any object within it: they have the same names for the same things.
    fn object(&mut self, value: &'a RawValue) -> Result<()> {
        let Node::Object(members) = open(value)? else {
            self.later(value);
            return Ok(());
        };
        let find = |name: &str| members.iter().find(|(have, _)| have == name).map(|(_, value)| *value);
        let content_type = find("headers").and_then(|headers| header(headers, "content-type"));
        let mut length = None;
        for (_, body) in members.iter().filter(|(name, _)| name == "body") {
            let masked = self.bytes(body, |redactor, body, found| {
                redactor.body(content_type.as_deref(), body, found).into_owned()
            });
            length = masked.or(length);
        }
        for (name, value) in members {
            match name.as_str() {
                "body" => {}
                "path" => self.text(value, |redactor, path, found| redactor.path(path, found).into_owned()),
                "authority" => {
                    self.text(value, |redactor, host, found| redactor.authority(host, found).into_owned());
                }
                "raw" => self.text(value, |redactor, raw, found| redactor.raw(raw, found).into_owned()),
                "headers" | "trailers" => self.headers(value, length)?,
                "chunks" if length.is_some() => self.edits.replace(value, "null".to_owned()),
                "properties" => self.properties(value)?,
                "body_json" => {
                    let pointers = &self.redactor.pointers;
                    if mask_members(pointers, value, &mut self.edits, &mut self.found).is_none() {
                        self.later(value);
                    }
                }
                "response" | "setup" | "expect" | "upstream" => self.object(value)?,
                "callouts" => match open(value)? {
                    Node::Array(items) => items.into_iter().try_for_each(|item| self.object(item))?,
                    _ => self.later(value),
                },
                _ => self.later(value),
            }
        }
        Ok(())
    }

    /// Masks bytes in any form they can be written in; their new length if they changed. What is none is left
    /// to the end.
    fn bytes(
        &mut self,
        value: &'a RawValue,
        mask: impl FnOnce(&Redactor, &[u8], &mut Found) -> Vec<u8>,
    ) -> Option<usize> {
        let Ok(Text(bytes)) = serde_json::from_str::<Text>(value.get()) else {
            self.later(value);
            return None;
        };
        let masked = mask(self.redactor, &bytes, &mut self.found);
        if masked == bytes {
            return None;
        }
        // Serialising a string cannot fail.
        let written = serde_json::to_string(&Bytes(&masked)).unwrap_or_else(|_| "null".to_owned());
        self.edits.replace(value, written);
        Some(masked.len())
    }

    fn text(&mut self, value: &'a RawValue, mask: impl FnOnce(&Redactor, &[u8], &mut Found) -> Vec<u8>) {
        let _length = self.bytes(value, mask);
    }

    /// `[[name, value], …]`, or in an expectation `{name: value or values}`.
    fn headers(&mut self, value: &'a RawValue, length: Option<usize>) -> Result<()> {
        match open(value)? {
            Node::Array(items) => {
                for item in items {
                    match open(item)? {
                        Node::Array(pair) if pair.len() == 2 => {
                            self.header(pair.first(), pair.get(1), length)?;
                        }
                        _ => self.later(item),
                    }
                }
            }
            Node::Object(members) => {
                for (name, value) in members {
                    match open(value)? {
                        Node::Array(values) => {
                            values.into_iter().for_each(|value| self.header_value(&name, value, length));
                        }
                        _ => self.header_value(&name, value, length),
                    }
                }
            }
            Node::Scalar => self.later(value),
        }
        Ok(())
    }

    fn header(
        &mut self,
        name: Option<&&'a RawValue>,
        value: Option<&&'a RawValue>,
        length: Option<usize>,
    ) -> Result<()> {
        if let (Some(name), Some(value)) = (name, value) {
            let name: String = serde_json::from_str(name.get())?;
            self.header_value(&name, value, length);
        }
        Ok(())
    }

    fn header_value(&mut self, name: &str, value: &'a RawValue, length: Option<usize>) {
        let framing = length.filter(|_| name.eq_ignore_ascii_case("content-length"));
        self.text(value, |redactor, value, found| match framing {
            Some(length) => length.to_string().into_bytes(),
            None => redactor.header(name, value, found).into_owned(),
        });
    }

    /// Attributes by dotted path.
    fn properties(&mut self, value: &'a RawValue) -> Result<()> {
        let Node::Object(members) = open(value)? else {
            self.later(value);
            return Ok(());
        };
        for (name, value) in members {
            let header = name.split_once(".headers.").or_else(|| name.split_once(".trailers."));
            let last = name.rsplit('.').next().unwrap_or_default();
            self.text(value, |redactor, value, found| match (header, last) {
                (Some((_, header)), _) => redactor.header(header, value, found).into_owned(),
                (None, "path" | "url_path" | "referer") => redactor.path(value, found).into_owned(),
                (None, "query") => query(value, found),
                (None, last) if suggests_secret(last.as_bytes()) => secret(value, found).into_owned(),
                (None, _) => text::patterns(value, found).into_owned(),
            });
        }
        Ok(())
    }
}

/// The value of a header among `[[name, value], …]`.
fn header(headers: &RawValue, name: &str) -> Option<Vec<u8>> {
    let Node::Array(items) = open(headers).ok()? else { return None };
    items.into_iter().find_map(|item| {
        let (have, Text(value)) = serde_json::from_str::<(String, Text)>(item.get()).ok()?;
        have.eq_ignore_ascii_case(name).then_some(value)
    })
}
