//! The bodies.

use super::configuration::HONEST;

/// A body that is made to cost.
pub struct Hostile {
    pub name: &'static str,
    pub path: &'static str,
    /// Whether the limits are to let it through.
    pub wide: bool,
    pub body: String,
    pub answer: (u16, Option<&'static str>),
    /// An honest body of the same schema and size, where the schema itself is what costs; else an array of users is.
    pub honest: Option<String>,
}

const MALFORMED: (u16, Option<&str>) = (400, Some("schema.malformed"));
const DUPLICATE: (u16, Option<&str>) = (400, Some("schema.duplicate"));
const LIMIT: (u16, Option<&str>) = (400, Some("schema.limit"));
const INVALID: (u16, Option<&str>) = (422, Some("schema.invalid"));
const VALID: (u16, Option<&str>) = (200, None);

/// An array of users of so many bytes.
pub fn honest(bytes: usize) -> String {
    let mut text = String::from("[");
    for index in 1.. {
        let next = format!(r#"{{"user_id":{index},"email":"user.{index}@mail.example.com"}}"#);
        if text.len() + next.len() + 2 > bytes && index > 1 {
            break;
        }
        if index > 1 {
            text.push(',');
        }
        text.push_str(&next);
    }
    // What is left over.
    format!("{text}{}]", " ".repeat(bytes.saturating_sub(text.len() + 1)))
}

pub fn hostile() -> Vec<Hostile> {
    [read(), unique(), patterns(), formats(), alternatives()].into_iter().flatten().collect()
}

fn narrow(
    name: &'static str,
    path: &'static str,
    body: String,
    answer: (u16, Option<&'static str>),
) -> Hostile {
    Hostile { name, path, wide: false, body, answer, honest: None }
}

fn wide(
    name: &'static str,
    path: &'static str,
    body: String,
    answer: (u16, Option<&'static str>),
) -> Hostile {
    Hostile { name, path, wide: true, body, answer, honest: None }
}

/// An array of so many elements.
fn array(count: usize, element: impl Fn(usize) -> String) -> String {
    format!("[{}]", (0..count).map(element).collect::<Vec<_>>().join(","))
}

/// An object of so many members.
fn object(count: usize, name: impl Fn(usize) -> String) -> String {
    format!("{{{}}}", (0..count).map(|index| format!("\"{}\":0", name(index))).collect::<Vec<_>>().join(","))
}

/// So many letters, and an end.
fn letters(count: usize, end: &str) -> String {
    format!("\"{}{end}\"", "a".repeat(count))
}

/// A number below `count`, another for each index below it, in no order that helps.
fn shuffled(index: usize, count: usize) -> usize {
    index * 7919 % count
}

/// What costs where it is read.
fn read() -> Vec<Hostile> {
    let keys = |count: usize| object(60_000, |index| format!("key{}", index % count));
    let long_keys = object(9_000, |index| format!("{}{}", "k".repeat(100), shuffled(index, 9_000)));
    let empty_names = |count: usize| array(count, |_| "{\"\":0}".to_owned());
    vec![
        narrow("100,000 [", HONEST, "[".repeat(100_000), LIMIT),
        narrow("100,000 [, any schema", "/any", "[".repeat(100_000), LIMIT),
        wide("100,000 [, 256 levels", "/any", "[".repeat(100_000), LIMIT),
        narrow("60,000 keys", "/object", keys(60_000), LIMIT),
        wide("60,000 keys, let through", "/object", keys(60_000), VALID),
        wide("60,000 keys, by the engine", "/tree", keys(60_000), VALID),
        wide("60,000 keys, one twice", "/object", keys(59_999), DUPLICATE),
        wide("9,000 long keys", "/object", long_keys, VALID),
        narrow("1 MB of {\"\":0}", HONEST, "{\"\":0}".repeat(166_666), MALFORMED),
        narrow("1 MB of {\"\":0}, any schema", "/any", "{\"\":0}".repeat(166_666), MALFORMED),
        narrow("1 MB of {\"\":0} in an array", "/any", empty_names(142_857), LIMIT),
        wide("131,000 {\"\":0}, let through", "/any", empty_names(131_000), VALID),
        wide("131,000 {\"\":0}, by the engine", "/tree", empty_names(131_000), VALID),
        wide("1 MB of {\"\":", "/any", "{\"\":".repeat(250_000), LIMIT),
        wide("260,000 []", "/any", array(260_000, |_| "[]".to_owned()), VALID),
        wide("260,000 0", "/any", array(260_000, |_| "0".to_owned()), VALID),
        wide("260,000 0, by the engine", "/tree", array(260_000, |_| "0".to_owned()), VALID),
        wide("1 MB of escapes", "/any", format!("\"{}\"", "\\u0061".repeat(166_666)), VALID),
        wide("1 MB of blanks", "/any", format!("1{}", " ".repeat(1_000_000)), VALID),
        narrow(
            "users, the last one wrong",
            HONEST,
            honest(400_000).replace(".com\"} ", ".com\"0 "),
            MALFORMED,
        ),
        narrow(
            "users, the last one of another type",
            HONEST,
            honest(400_000).replace("\"user_id\":1,", "\"user_id\":0,"),
            INVALID,
        ),
    ]
}

/// `uniqueItems`, `enum`, `multipleOf`: values that are compared with others.
fn unique() -> Vec<Hostile> {
    let list = |element: &dyn Fn(usize) -> String| array(20_000, |index| element(shuffled(index, 20_000)));
    let numbers = list(&|at| at.to_string());
    vec![
        wide("unique: 20,000 numbers", "/unique", numbers.clone(), VALID),
        wide("unique: 20,000 numbers, by the engine", "/unique-tree", numbers, VALID),
        wide("unique: 20,000 numbers, two equal", "/unique", list(&|at| (at % 19_999).to_string()), INVALID),
        wide("unique: 20,000 fractions", "/unique", list(&|at| format!("1.0000000000000000{at}1e3")), VALID),
        wide(
            "unique: 20,000 fractions, two equal",
            "/unique",
            list(&|at| format!("1.00000000000{}1e3", at % 19_999)),
            INVALID,
        ),
        wide("unique: 20,000 long strings", "/unique", list(&|at| letters(40, &at.to_string())), VALID),
        wide("unique: 20,000 arrays", "/unique", list(&|at| format!("[1,1,1,1,1,1,1,1,{at}]")), VALID),
        wide(
            "unique: 20,000 objects",
            "/unique",
            list(&|at| format!("{{\"c\":1,\"b\":1,\"a\":1,\"z\":{at}}}")),
            VALID,
        ),
        wide("enum: 12,500 arrays", "/enum", array(12_500, |_| "[1,2,3]".to_owned()), VALID),
        wide(
            "multipleOf: 20,000 large numbers",
            "/multiple",
            array(20_000, |at| format!("{at}e60")),
            INVALID,
        ),
    ]
}

/// `pattern` and `patternProperties`.
fn patterns() -> Vec<Hostile> {
    vec![
        wide("^(a+)+$: 50,000 a", "/pattern", letters(50_000, "!"), INVALID),
        wide("^(a+)+$: 2,000 strings", "/pattern", array(2_000, |_| letters(22, "!")), INVALID),
        wide("^(a+)+$: 2,000 that match", "/pattern", array(2_000, |_| letters(22, "")), VALID),
        wide("(a?){30}a{30}: 50,000 a", "/pattern-steps", letters(50_000, "?"), INVALID),
        wide("(a?){30}a{30}: 2,000 that match", "/pattern-steps", array(2_000, |_| letters(59, "!")), VALID),
        wide("(x+x+)+y: 50,000 a", "/pattern-inside", letters(50_000, ""), INVALID),
        wide("(x+x+)+y: 50,000 x", "/pattern-inside", format!("\"{}\"", "x".repeat(50_000)), INVALID),
        wide("^(\\p{L}+\\p{Nd}*)+$: 50,000 a", "/pattern-unicode", letters(50_000, "?"), INVALID),
        wide(
            "^(\\p{L}+\\p{Nd}*)+$: others",
            "/pattern-unicode",
            format!("\"{}?\"", "ж1é".repeat(10_000)),
            INVALID,
        ),
        wide(
            "patternProperties: 5,000 names",
            "/names",
            object(5_000, |at| format!("aaaaaaaaab{at}b")),
            VALID,
        ),
    ]
}

/// `format`.
fn formats() -> Vec<Hostile> {
    let mut all: Vec<Hostile> = ["/email", "/date-time", "/uri", "/hostname", "/ipv6", "/json-pointer"]
        .into_iter()
        .map(|path| wide(path, path, letters(50_000, "@"), INVALID))
        .collect();
    all.extend([
        wide("/uri-template", "/uri-template", letters(50_000, "{"), INVALID),
        wide("/email: dots", "/email", format!("\"a@{}b\"", "a.".repeat(25_000)), INVALID),
        wide("/email: quoted", "/email", format!("\"\\\"{}\\\"@b.c\"", "a".repeat(50_000)), INVALID),
        wide(
            "/email: 2,500 odd ones",
            "/email",
            array(2_500, |at| format!("\"\\\"a b\\\"@x{at}.example\"")),
            VALID,
        ),
        wide(
            "/hostname: 4,000 encoded",
            "/hostname",
            array(4_000, |at| format!("\"xn--{at}.a.b\"")),
            INVALID,
        ),
    ]);
    all.push(wide("JSON in a string", "/content", letters(0, &array(500_000, |_| "0".to_owned())), VALID));
    all.extend([
        wide("/regex: 50,000 (", "/regex", letters(0, &"(".repeat(50_000)), INVALID),
        // More groups within each other than are taken, and as many as are.
        wide("/regex: 25,000 ()", "/regex", letters(0, &groups(25_000)), INVALID),
        wide("/regex: 100 times 250 ()", "/regex", array(100, |_| letters(0, &groups(250))), VALID),
        wide("/regex: 25,000 () side by side", "/regex", letters(0, &"()".repeat(25_000)), VALID),
        wide("/regex: 6,000 named groups", "/regex", letters(0, &named(6_000)), INVALID),
        wide("/regex: 250 times 32 named groups", "/regex", array(250, |_| letters(0, &named(32))), VALID),
        wide("/regex: 2,500 counted", "/regex", array(2_500, |_| "\"(a{1000}){1000}\"".to_owned()), VALID),
        wide("/regex: 5,000 classes", "/regex", array(5_000, |_| "\"[\\\\w-\\\\D]\"".to_owned()), INVALID),
    ]);
    all
}

/// Groups of a regular expression within each other.
fn groups(count: usize) -> String {
    format!("{}{}", "(".repeat(count), ")".repeat(count))
}

/// Groups with names, side by side.
fn named(count: usize) -> String {
    (0..count).map(|index| format!("(?<n{index}>)")).collect()
}

/// Schemas that look at every value many times, or at every part of it through themselves: what an honest body is held
/// against, too.
fn alternatives() -> Vec<Hostile> {
    let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    let sixty = |value: &str| array(400, |_| nested(60).replace('1', value));
    // As people nest.
    let recursive = |name, path, body: String, answer| {
        let honest = Some(array(body.len() / 10, |_| nested(4)));
        Hostile { honest, ..wide(name, path, body, answer) }
    };
    let deep = |name, body, answer| recursive(name, "/deep", body, answer);
    let tangled = |name, body, answer| recursive(name, "/tangled", body, answer);
    let ones = |value: &str| array(25_000, |_| value.to_owned());
    let several =
        |name, body, answer| Hostile { honest: Some(ones("1")), ..wide(name, "/alternatives", body, answer) };
    let wrong_at_the_end = array(25_000, |at| (1 + at / 24_999).to_string());
    let deepest = |levels: usize, value: &str| array(100, |_| nested(levels).replace('1', value));
    vec![
        deep("recursive: 100 times 190 levels", deepest(190, "1"), VALID),
        deep("recursive: 100 times 190 levels, wrong", deepest(190, "\"x\""), INVALID),
        deep("recursive: 100 times 255 levels", deepest(255, "1"), LIMIT),
        tangled("recursive anyOf: 400 times 60 levels", sixty("1"), VALID),
        tangled("recursive anyOf: 400 times 60 levels, wrong", sixty("2"), INVALID),
        several("64 alternatives: wrong at the end", wrong_at_the_end, INVALID),
        several("64 alternatives: wrong everywhere", ones("2"), INVALID),
    ]
}
