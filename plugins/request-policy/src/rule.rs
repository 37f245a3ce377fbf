//! A compiled rule: what the configuration says of it, the rest from `default`.

use crate::address::Access;
use crate::config::{CorsConfig, DefaultRule, MaskErrors, OnHeader, RuleConfig, SecurityHeaders};
use crate::cors::Cors;
use crate::csrf::Csrf;
use crate::decoration::Decoration;
use crate::mask::Mask;
use crate::media::MediaTypes;
use crate::methods::Methods;
use filter_core::config::{At, FromTree as _, Tree};
use filter_core::effect::RuleName;
use filter_core::matcher::{Match, Matched};
use filter_core::policy::Mode;
use std::cell::RefCell;
use std::sync::Arc;

/// What applies to a request. Rules share what they have from `default`.
pub(crate) struct Rule {
    pub(crate) name: RuleName,
    matcher: Match,
    pub(crate) mode: Mode,
    pub(crate) methods: Methods,
    pub(crate) method_override: OnHeader,
    pub(crate) access: Arc<Access>,
    pub(crate) cors: Option<Cors>,
    pub(crate) csrf: Arc<Csrf>,
    /// In bytes.
    pub(crate) max_body: u64,
    pub(crate) require_content_length: bool,
    pub(crate) media: Arc<MediaTypes>,
    pub(crate) decoration: Arc<Decoration>,
    pub(crate) mask: Arc<Mask>,
}

impl Matched for Rule {
    fn matcher(&self) -> &Match {
        &self.matcher
    }
}

/// What a rule takes from elsewhere when it says nothing itself.
pub(crate) struct Base {
    rule: Arc<Rule>,
    /// As written: what it allows depends on the methods of the rule.
    cors: Option<CorsConfig>,
}

impl Base {
    /// The rule of requests that no other matches. `None`: errors were reported below `at`, the document.
    pub(crate) fn compile(
        config: DefaultRule,
        security_headers: SecurityHeaders,
        mask_errors: MaskErrors,
        at: &At<'_>,
    ) -> Option<Self> {
        let decoration = Decoration::compile(security_headers, &at.key("security_headers"));
        let mask = Mask::compile(mask_errors, &at.key("mask_errors"));
        let at = at.key("default");
        let methods = Methods::new(config.methods);
        let cors = compile_cors(config.cors.clone(), &methods, &at);
        let csrf = Csrf::compile(config.csrf, &at.key("csrf"));
        let media = MediaTypes::compile(config.content_types, &at.key("content_types"));
        let rule = Rule {
            name: "default".into(),
            matcher: Match { hosts: None, path: None, headers: None },
            mode: config.mode,
            method_override: config.method_override,
            access: Arc::new(Access::new(config.addresses)),
            cors: cors?,
            methods,
            csrf: Arc::new(csrf?),
            max_body: config.max_body.get(),
            require_content_length: config.require_content_length,
            media: Arc::new(media?),
            decoration: Arc::new(decoration?),
            mask: Arc::new(mask?),
        };
        Some(Self { rule: Arc::new(rule), cors: config.cors })
    }

    /// What `default` is when nothing is said.
    pub(crate) fn plain() -> Option<Self> {
        let errors = RefCell::default();
        let at = At::root(&errors);
        let nothing = Tree::Object(Vec::new());
        let security_headers = SecurityHeaders::read(&nothing, &at)?;
        let mask_errors = MaskErrors::read(&nothing, &at)?;
        Self::compile(DefaultRule::read(&nothing, &at)?, security_headers, mask_errors, &at)
    }

    /// The rule itself.
    pub(crate) fn into_rule(self) -> Arc<Rule> {
        self.rule
    }

    /// A rule on this base. `None`: errors were reported below `at`.
    pub(crate) fn rule(&self, config: RuleConfig, at: &At<'_>) -> Option<Arc<Rule>> {
        let base = &self.rule;
        let methods = config.methods.map_or_else(|| base.methods.clone(), Methods::new);
        let cors = match config.cors {
            Some(own) => compile_cors(Some(own), &methods, at),
            // What is wrong with it was reported once.
            None => compile_cors(self.cors.clone(), &methods, &At::root(&RefCell::default())),
        };
        let csrf = own_or(config.csrf, &base.csrf, |own| Csrf::compile(own, &at.key("csrf")));
        let media = own_or(config.content_types, &base.media, |own| {
            MediaTypes::compile(own, &at.key("content_types"))
        });
        let decoration = own_or(config.security_headers, &base.decoration, |own| {
            Decoration::compile(own, &at.key("security_headers"))
        });
        let mask = own_or(config.mask_errors, &base.mask, |own| Mask::compile(own, &at.key("mask_errors")));
        Some(Arc::new(Rule {
            name: config.name.into(),
            matcher: config.r#match,
            mode: config.mode,
            method_override: config.method_override.unwrap_or(base.method_override),
            access: own_or(config.addresses, &base.access, |own| Some(Access::new(own)))?,
            cors: cors?,
            methods,
            csrf: csrf?,
            max_body: config.max_body.map_or(base.max_body, std::num::NonZeroU64::get),
            require_content_length: config.require_content_length.unwrap_or(base.require_content_length),
            media: media?,
            decoration: decoration?,
            mask: mask?,
        }))
    }
}

/// A rule's own section, or the one it shares with `default`.
fn own_or<C, T>(own: Option<C>, base: &Arc<T>, compile: impl FnOnce(C) -> Option<T>) -> Option<Arc<T>> {
    match own {
        Some(own) => compile(own).map(Arc::new),
        None => Some(Arc::clone(base)),
    }
}

/// The inner `None`: there is none to compile.
fn compile_cors(config: Option<CorsConfig>, methods: &Methods, at: &At<'_>) -> Option<Option<Cors>> {
    match config {
        Some(config) => Cors::compile(config, methods.list(), &at.key("cors")).map(Some),
        None => Some(None),
    }
}
