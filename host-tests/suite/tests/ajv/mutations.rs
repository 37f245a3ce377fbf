//! Bodies that clients get wrong, from a seed: the same ones in every run.

use std::collections::BTreeSet;

/// A body, and what in it two readers may take for different things.
#[derive(Debug, Clone, Default)]
pub struct Body {
    pub text: String,
    pub odd: BTreeSet<Odd>,
}

/// What schema-guard and ajv do not agree on, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Odd {
    /// A name twice in an object.
    Twice,
    /// Half of a surrogate pair.
    Surrogate,
    /// A number beyond those of a double.
    Beyond,
    /// A number that a double rounds to a whole one.
    Between,
    /// A number longer than `limits.number`.
    Long,
    /// Deeper than `limits.depth`.
    Deep,
    /// An address of RFC 5321 that ajv-formats leaves out.
    Address,
    /// An address that is too long for RFC 5321.
    LongAddress,
}

use Odd::{Address, Between, Beyond, Deep, Long, LongAddress, Surrogate, Twice};

/// Values as they are written.
const NUMBERS: [(&str, Option<Odd>); 44] = [
    ("1", None),
    ("2", None),
    ("42", None),
    ("0", None),
    ("-0", None),
    ("-1", None),
    ("1.0", None),
    ("1.00", None),
    ("1.5", None),
    ("0.5", None),
    ("0.0", None),
    ("-1.0", None),
    ("1e0", None),
    ("1E+2", None),
    ("10e-1", None),
    ("1e-1", None),
    ("0.1e1", None),
    ("15e-1", None),
    ("0e5", None),
    ("2147483648", None),
    ("4294967296", None),
    ("9007199254740991", None),
    ("9007199254740993", None),
    ("9223372036854775807", None),
    ("9223372036854775808", None),
    ("-9223372036854775809", None),
    ("18446744073709551616", None),
    ("123456789012345678901234567890", None),
    ("1e308", None),
    ("1e-400", None),
    ("-1e400", None),
    ("1e400", Some(Beyond)),
    ("9e99999", Some(Beyond)),
    ("1.0000000000000000001", Some(Between)),
    ("0.99999999999999999999", Some(Between)),
    ("9007199254740993.5", Some(Between)),
    ("1000000000000000000000000000000000000000000000000000000000000000000000000", Some(Long)),
    ("1.000000000000000000000000000000000000000000000000000000000000000000000000", Some(Long)),
    ("01", None),
    ("+1", None),
    (".5", None),
    ("1.", None),
    ("0x1", None),
    ("1e", None),
];

/// Others than numbers.
const VALUES: [(&str, Option<Odd>); 30] = [
    ("null", None),
    ("true", None),
    ("false", None),
    ("\"\"", None),
    ("\"1\"", None),
    ("\"1.0\"", None),
    ("\"null\"", None),
    ("\"\u{0661}\"", None),
    ("\"\u{ff11}\"", None),
    ("[]", None),
    ("[1]", None),
    ("[\"a@example.com\"]", None),
    ("[[[[]]]]", None),
    ("{}", None),
    ("{\"user_id\":1}", None),
    ("{\"user_id\":1,\"email\":\"a@example.com\"}", None),
    ("{\"$ref\":\"#\"}", None),
    ("{\"a\":{\"b\":{\"c\":[1,{\"d\":null}]}}}", None),
    ("NaN", None),
    ("Infinity", None),
    ("undefined", None),
    ("True", None),
    ("nul", None),
    ("'1'", None),
    ("1 /* one */", None),
    ("\"\\x41\"", None),
    ("\"a\tb\"", None),
    ("\"\\ud83d\\ude00\"", None),
    ("\"\\ud83d\"", Some(Surrogate)),
    ("{\"a\":1,\"a\":1}", Some(Twice)),
];

/// Addresses, and what is none, as they are written.
const EMAILS: [(&str, Option<Odd>); 62] = [
    ("\"a@example.com\"", None),
    ("\"A@EXAMPLE.COM\"", None),
    ("\"first.last+tag@mail.example.com\"", None),
    ("\"o'neil@example.com\"", None),
    ("\"!#$%&*/=?^_`{|}~-@example.com\"", None),
    ("\"a@b.c\"", None),
    ("\"1@2.3\"", None),
    ("\"a@1.2.3.4\"", None),
    ("\"a@example.c0m\"", None),
    ("\"a@xn--exmple-cua.com\"", None),
    ("\"a@x-y.com\"", None),
    ("\"\\u0061@example.com\"", None),
    ("\"a\\u0040example.com\"", None),
    ("\"a@example\\u002ecom\"", None),
    ("\"\"", None),
    ("\"a\"", None),
    ("\"@\"", None),
    ("\"a@\"", None),
    ("\"@example.com\"", None),
    ("\"example.com\"", None),
    ("\"a@@example.com\"", None),
    ("\"a@b@example.com\"", None),
    ("\"a b@example.com\"", None),
    ("\" a@example.com\"", None),
    ("\"a@example.com \"", None),
    ("\"a@example.com\\n\"", None),
    ("\"a\\u0000@example.com\"", None),
    ("\".a@example.com\"", None),
    ("\"a.@example.com\"", None),
    ("\"a..b@example.com\"", None),
    ("\"a@.example.com\"", None),
    ("\"a@example..com\"", None),
    ("\"a@example.com.\"", None),
    ("\"a@-x.com\"", None),
    ("\"a@x-.com\"", None),
    ("\"a@x_y.com\"", None),
    ("\"a@example.com,b@example.com\"", None),
    ("\"<a@example.com>\"", None),
    ("\"A <a@example.com>\"", None),
    ("\"mailto:a@example.com\"", None),
    ("\"(c)a@example.com\"", None),
    ("\"a(c)@example.com\"", None),
    ("\"a;b@example.com\"", None),
    ("\"a\\\\b@example.com\"", None),
    ("\"\u{e4}@example.com\"", None),
    ("\"a@ex\u{e4}mple.com\"", None),
    ("\"\\u00e4@example.com\"", None),
    ("\"\u{202e}a@example.com\"", None),
    ("\"\u{1f600}@example.com\"", None),
    ("\"a@\u{1f600}.com\"", None),
    ("\"a\u{200b}@example.com\"", None),
    ("\"e\u{301}@example.com\"", None),
    ("\"a@[127.0.0.1\"", None),
    ("\"a@[300.0.0.1]\"", None),
    ("\"\\ud83d@example.com\"", Some(Surrogate)),
    ("\"a@localhost\"", Some(Address)),
    ("\"a@example\"", Some(Address)),
    ("\"\\\"a b\\\"@example.com\"", Some(Address)),
    ("\"\\\"a@b\\\"@example.com\"", Some(Address)),
    ("\"a@[127.0.0.1]\"", Some(Address)),
    ("\"a@[IPv6:::1]\"", Some(Address)),
    ("\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.com\"", Some(LongAddress)),
];

/// Names as they are written, none of which is `user_id` or `email`.
const NAMES: [&str; 20] = [
    "\"\"",
    "\"admin\"",
    "\"User_id\"",
    "\"USER_ID\"",
    "\"user_id \"",
    "\" email\"",
    "\"e-mail\"",
    "\"emai\"",
    "\"emails\"",
    "\"user_id\\u0000\"",
    "\"user\\u200b_id\"",
    "\"em\u{430}il\"",
    "\"\u{ff45}mail\"",
    "\"__proto__\"",
    "\"constructor\"",
    "\"toString\"",
    "\"hasOwnProperty\"",
    "\"length\"",
    "\"$ref\"",
    "\"\u{1f600}\"",
];

/// Other spellings of the names that are asked for.
const SPELLINGS: [(&str, &str); 4] = [
    ("\"user_id\"", "\"\\u0075ser_id\""),
    ("\"user_id\"", "\"user\\u005Fid\""),
    ("\"email\"", "\"\\u0065mail\""),
    ("\"email\"", "\"emai\\u006c\""),
];

/// The numbers of SplitMix64: all that is asked of them is that they are the same ones.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

/// An object that is being made.
struct Draft {
    members: Vec<(String, String)>,
    odd: BTreeSet<Odd>,
}

impl Draft {
    fn new() -> Self {
        let member = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let members = vec![member("\"user_id\"", "1"), member("\"email\"", "\"a@example.com\"")];
        Self { members, odd: BTreeSet::new() }
    }

    fn with(mut self, at: usize, (value, odd): (&str, Option<Odd>)) -> Self {
        self.set(at, (value, odd));
        self
    }

    fn set(&mut self, at: usize, (value, odd): (&str, Option<Odd>)) {
        if let Some(member) = self.members.get_mut(at) {
            value.clone_into(&mut member.1);
            self.odd.extend(odd);
        }
    }

    fn push(&mut self, name: &str, (value, odd): (&str, Option<Odd>)) {
        self.odd.extend(odd);
        if self.members.iter().any(|(own, _)| own == name) {
            self.odd.insert(Twice);
        }
        self.members.push((name.to_owned(), value.to_owned()));
    }

    fn body(self, separator: &str) -> Body {
        let members: Vec<String> =
            self.members.iter().map(|(name, value)| format!("{name}:{separator}{value}")).collect();
        Body { text: format!("{{{}}}", members.join(&format!(",{separator}"))), odd: self.odd }
    }
}

/// So many bodies, each another one: first every value in every place, then mixtures.
pub fn bodies(seed: u64, count: usize) -> Vec<Body> {
    let mut bodies: Vec<Body> = Vec::new();
    for value in NUMBERS.iter().chain(&VALUES).chain(&EMAILS) {
        bodies.extend([0, 1].map(|at| Draft::new().with(at, *value).body("")));
        bodies.push(Body { text: value.0.to_owned(), odd: value.1.into_iter().collect() });
        for name in ["\"admin\"", "\"\""] {
            let mut draft = Draft::new();
            draft.push(name, *value);
            bodies.push(draft.body(" "));
        }
    }
    bodies.extend(wholes());
    let mut random = Random(seed);
    let mut known: BTreeSet<String> = BTreeSet::new();
    bodies.retain(|body| known.insert(body.text.clone()));
    while bodies.len() < count {
        let body = mixture(&mut random);
        if known.insert(body.text.clone()) {
            bodies.push(body);
        }
    }
    bodies
}

/// Texts that are no object, or one with something around it.
fn wholes() -> Vec<Body> {
    let good = Draft::new().body("").text;
    let texts = [
        String::new(),
        " ".to_owned(),
        format!("\u{feff}{good}"),
        format!("{good}\u{feff}"),
        format!(" \t\r\n{good} \t\r\n"),
        format!("\u{a0}{good}"),
        format!("\u{b}{good}"),
        format!("{good}\0"),
        format!("{good}{good}"),
        format!("{good},"),
        format!("{good} x"),
        format!("// {good}"),
        format!("{good} // x"),
        format!("[{good}]"),
        format!("[{good},{good}]"),
        format!("{{\"user\":{good}}}"),
        format!("({good})"),
        format!("\"{}\"", good.replace('"', "\\\"")),
        good.replace('}', ",}"),
        good.replace('{', "{,"),
        good.replace(',', ",,"),
        good.replace(',', ";"),
        good.replace(':', "="),
        good.replace('"', "'"),
        good.replace('"', ""),
        "{}".to_owned(),
        "[]".to_owned(),
    ];
    let plain = texts.into_iter().map(|text| Body { text, odd: BTreeSet::new() });
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let nested = [(64, None), (65, Some(Deep)), (500, Some(Deep))]
        .map(|(levels, odd)| Body { text: deep(levels), odd: odd.into_iter().collect() });
    let cut = (1..good.len()).map(|end| Body { text: good[..end].to_owned(), odd: BTreeSet::new() });
    plain.chain(nested).chain(cut).collect()
}

/// Up to four changes, and at times damage.
fn mixture(random: &mut Random) -> Body {
    let mut draft = Draft::new();
    for _ in 0..=random.below(4) {
        change(&mut draft, random);
    }
    let mut body = draft.body(random.of(&["", " ", "\n  ", "\t"]));
    if random.below(5) == 0 {
        damage(&mut body.text, random);
    }
    body
}

fn change(draft: &mut Draft, random: &mut Random) {
    let count = draft.members.len();
    match random.below(10) {
        0 | 1 => draft.set(0, random.of(&NUMBERS)),
        2 | 3 => draft.set(1, random.of(&EMAILS)),
        4 if count > 0 => draft.set(random.below(count), random.of(&VALUES)),
        5 if count > 0 => drop(draft.members.remove(random.below(count))),
        6 => draft.push(random.of(&NAMES), random.of(&VALUES)),
        7 => draft.push(random.of(&["\"user_id\"", "\"email\"", "\"admin\""]), random.of(&EMAILS)),
        8 if count > 0 => draft.members.rotate_left(1),
        _ => {
            let (name, spelling) = random.of(&SPELLINGS);
            for member in &mut draft.members {
                if member.0 == name {
                    spelling.clone_into(&mut member.0);
                }
            }
        }
    }
    // However they are spelt.
    let decoded = |name: &str| serde_json::from_str::<String>(name).ok();
    let names: BTreeSet<_> = draft.members.iter().map(|(name, _)| decoded(name)).collect();
    if names.len() < draft.members.len() {
        draft.odd.insert(Twice);
    }
}

/// Changes one character that is no part of a word.
fn damage(text: &mut String, random: &mut Random) {
    let places: Vec<usize> =
        text.char_indices().filter(|(_, char)| "{}[]:,\"".contains(*char)).map(|(at, _)| at).collect();
    if places.is_empty() {
        return;
    }
    let at = random.of(&places);
    match random.below(3) {
        0 => drop(text.remove(at)),
        1 => text.insert_str(at, random.of(&["{", "}", "[", "]", ":", ",", "\"", "\\", "\u{1}", "0"])),
        _ => text.truncate(at),
    }
}
