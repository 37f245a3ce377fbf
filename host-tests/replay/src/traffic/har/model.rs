//! The members of an entry that are read. Others are ignored: every exporter adds its own.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

use crate::traffic::json::Loose;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    /// In ms; -1 where it is not known.
    pub(super) time: Option<f64>,
    pub(super) request: Request,
    pub(super) response: Response,
    #[serde(rename = "_resourceType")]
    pub(super) resource_type: Option<String>,
    /// Only that there are some.
    #[serde(rename = "_webSocketMessages")]
    pub(super) messages: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) url: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) http_version: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) headers: Vec<Pair>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) cookies: Vec<Cookie>,
    pub(super) post_data: Option<PostData>,
    pub(super) body_size: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Response {
    pub(super) status: i64,
    #[serde(deserialize_with = "or_default")]
    pub(super) headers: Vec<Pair>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) cookies: Vec<Cookie>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) content: Content,
}

/// A header, or a field of a form.
#[derive(Deserialize)]
pub(super) struct Pair {
    pub(super) name: String,
    pub(super) value: Option<Loose>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cookie {
    pub(super) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) value: String,
    pub(super) path: Option<String>,
    pub(super) domain: Option<String>,
    pub(super) http_only: Option<bool>,
    pub(super) secure: Option<bool>,
    pub(super) same_site: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PostData {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) mime_type: String,
    pub(super) text: Option<Loose>,
    pub(super) params: Option<Vec<Param>>,
    /// Not of the standard, but written by some.
    pub(super) encoding: Option<String>,
    #[serde(rename = "_encoding")]
    pub(super) own_encoding: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Param {
    pub(super) name: Loose,
    pub(super) value: Option<Loose>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Content {
    pub(super) size: Option<f64>,
    pub(super) text: Option<Loose>,
    pub(super) encoding: Option<String>,
}

/// `null` stands for nothing.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
