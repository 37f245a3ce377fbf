//! Forms (`application/x-www-form-urlencoded`, WHATWG URL section 5.1) as objects: every value is text until the schema
//! says what it is.

use crate::json::{Limits, Object, Refusal, Tree};
use crate::parameters::{BadEncoding, Kinds, TooLong, coerced, decoded, pairs};
use crate::schema::{Fault, Schema};
use schema_guard_pass::Types;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The schema of a form.
pub(crate) struct Form {
    schema: Schema,
    /// What text means in it.
    kinds: Kinds,
}

impl Form {
    /// A form of this schema, which admits these types.
    pub(crate) fn new(schema: Schema, kinds: Kinds) -> Self {
        Self { schema, kinds }
    }

    /// Reads a form and holds it against the schema. At most `most` violations are gathered.
    pub(crate) fn check(&self, body: &[u8], limits: &Limits, most: usize) -> Result<(), Fault> {
        let fields = read(body, limits).map_err(Fault::Unread)?;
        let tree = self.tree(&fields, limits).map_err(Fault::Unread)?;
        self.schema.check_tree(&tree, most).map_err(Fault::Invalid)
    }

    fn tree<'f>(&self, fields: &'f Fields<'_>, limits: &Limits) -> Result<Tree<'f>, Refusal> {
        let mut members = Vec::with_capacity(fields.len());
        for (name, given) in fields {
            members.push((Cow::Borrowed(name.as_ref()), value(self.kinds.member(name), given, limits)?));
        }
        // Names are those of a map: none is there twice.
        Ok(Tree::Object(Object::of(members).unwrap_or_default()))
    }
}

/// The values of each name.
type Fields<'b> = BTreeMap<Cow<'b, str>, Given<'b>>;

/// The values of one name, and where the second one is.
struct Given<'b> {
    values: Vec<Cow<'b, str>>,
    second: Option<usize>,
}

/// Takes a form apart. Limits hold while it is read: `values` counts pairs.
fn read<'b>(body: &'b [u8], limits: &Limits) -> Result<Fields<'b>, Refusal> {
    let mut fields = Fields::new();
    for (count, (name, text)) in pairs(body).enumerate() {
        if count >= limits.values {
            return Err(Refusal::TooMuch("values"));
        }
        let at = name.as_ptr().addr().saturating_sub(body.as_ptr().addr());
        let bad = |_: BadEncoding| Refusal::Malformed { at, what: "not percent-encoded UTF-8" };
        let (name, text) = (decoded(name).map_err(bad)?, decoded(text).map_err(bad)?);
        if name.len() > limits.name {
            return Err(Refusal::TooMuch("name"));
        }
        if text.len() > limits.string {
            return Err(Refusal::TooMuch("string"));
        }
        if let Some(given) = fields.get_mut(&name) {
            if given.values.len() >= limits.items {
                return Err(Refusal::TooMuch("items"));
            }
            given.second.get_or_insert(at);
            given.values.push(text);
            continue;
        }
        if fields.len() >= limits.members {
            return Err(Refusal::TooMuch("members"));
        }
        fields.insert(name, Given { values: vec![text], second: None });
    }
    Ok(fields)
}

/// What the values of one name are. Several are an array where the schema says that there may be one; one is an element
/// of it where there may be nothing else. Else a name comes once: which of two counts, servers disagree about.
fn value<'f>(kinds: &Kinds, given: &'f Given<'_>, limits: &Limits) -> Result<Tree<'f>, Refusal> {
    let scalars = Types::NULL.or(Types::BOOLEAN).or(Types::NUMBER).or(Types::STRING);
    let types = kinds.types;
    let array = types != Types::ANY && types.has(Types::ARRAY);
    let too_long = |_: TooLong| Refusal::TooMuch("number");
    match (given.values.as_slice(), given.second) {
        ([one], _) if !array || types.has(scalars) => coerced(one, types, limits).map_err(too_long),
        (values, second) if array || second.is_none() => {
            if limits.depth < 2 {
                return Err(Refusal::TooMuch("depth"));
            }
            let items = values.iter().enumerate();
            let items = items.map(|(index, text)| coerced(text, kinds.item(index).types, limits));
            Ok(Tree::Array(items.collect::<Result<_, _>>().map_err(too_long)?))
        }
        (_, second) => Err(Refusal::Duplicate { at: second.unwrap_or_default() }),
    }
}
