//! Functions beyond the ABI.

use proxy_wasm_host::abi::Status;
use proxy_wasm_host::{Options, Registry};

use crate::guest::{FAR, Guest, Malloc, OUT, OUT2, Step, call};
use crate::keys;
use crate::scenario::Scenario;

/// `VerifySignatureArguments`: every field is a string or bytes.
fn arguments(fields: &[(u8, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (number, value) in fields {
        let size = u16::try_from(value.len()).unwrap();
        let low = u8::try_from(size & 0x7f).unwrap() | 0x80;
        bytes.extend([(number << 3) | 2, low, u8::try_from(size >> 7).unwrap()]);
        bytes.extend_from_slice(value);
    }
    bytes
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

fn verify(fields: &[(u8, &[u8])], expected: &str) -> Step {
    call!(Hex, expected, "proxy_call_foreign_function", "verify_signature", arguments(fields), OUT, OUT2)
}

/// The verdict that something is wrong, with these words.
fn wrong(error: &str) -> String {
    let hex: String = error.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("0 12{:02x}{hex}", error.len())
}

const HASH: u8 = 1;
const KEY: u8 = 2;
const SIGNATURE: u8 = 3;
const TEXT: u8 = 4;
const PEM: u8 = 5;

fn signatures() -> Scenario {
    let text = keys::TEXT.as_bytes();
    let mut steps: Vec<Step> = keys::SIGNED
        .iter()
        .map(|(key, hash, signature)| {
            let (key, signature) = (bytes(key), bytes(signature));
            verify(&[(HASH, hash.as_bytes()), (KEY, &key), (SIGNATURE, &signature), (TEXT, text)], "0 0801")
        })
        .collect();
    let (key, signature) = (bytes(keys::P256), bytes(keys::P256_SHA256));
    let (rsa, rsa_signature) = (bytes(keys::RSA), bytes(keys::RSA_SHA256));
    let with = |key: &[u8], signature: &[u8], text: &[u8], expected: &str| {
        verify(&[(HASH, b"sha256"), (KEY, key), (SIGNATURE, signature), (TEXT, text)], expected)
    };
    let failed = wrong("Failed to verify digest. Error code: 0");
    let more = [key.clone(), vec![0]].concat();
    let mut negative = signature.clone();
    negative[4] |= 0x80;
    steps.extend([
        verify(&[(HASH, b"SHA256"), (KEY, &key), (SIGNATURE, &signature), (TEXT, text)], "0 0801"),
        verify(
            &[(HASH, b"sha256"), (PEM, keys::P256_PEM.as_bytes()), (SIGNATURE, &signature), (TEXT, text)],
            "0 0801",
        ),
        with(&more, &signature, text, "0 0801"),
        with(&key, &signature, b"other text", &failed),
        with(&key, &signature[1..], text, &failed),
        with(&key, &[signature.clone(), vec![0]].concat(), text, &failed),
        with(&key, &negative, text, &failed),
        with(&key, b"", text, &failed),
        with(&rsa, &rsa_signature, b"", &failed),
        with(&rsa, &rsa_signature[1..], text, &failed),
        with(&rsa, &[vec![0], rsa_signature.clone()].concat(), text, &failed),
        with(&rsa, &signature, text, &failed),
        with(&bytes(keys::ED25519), &signature, text, &wrong("Failed to initialize digest verify.")),
        verify(
            &[(HASH, b"md5"), (KEY, &key), (SIGNATURE, &signature), (TEXT, text)],
            &wrong("md5 is not supported."),
        ),
        verify(&[(KEY, &key), (SIGNATURE, &signature), (TEXT, text)], &wrong(" is not supported.")),
        with(b"no key", &signature, text, &wrong("Failed to initialize digest verify.")),
        with(b"", &signature, text, "2 "),
        verify(
            &[(HASH, b"sha256"), (PEM, b"no key"), (SIGNATURE, &signature), (TEXT, text)],
            &wrong("Failed to initialize digest verify."),
        ),
        verify(&[(KEY, &key), (PEM, keys::P256_PEM.as_bytes())], "2 "),
        call!(Words, "2 0 0", "proxy_call_foreign_function", "verify_signature", "no protobuf", OUT, OUT2),
        call!(Words, "2 0 0", "proxy_call_foreign_function", "verify_signature", "", OUT, OUT2),
    ]);
    Scenario::new(Guest::new().on("proxy_on_request_headers", steps))
}

fn calls() -> Scenario {
    let nothing = "1 4008636142 4008636142";
    // "abc", compressed.
    let compressed = vec![0x78, 0x9c, 0x4b, 0x4c, 0x4a, 0x06, 0x00, 0x02, 0x4d, 0x01, 0x27];
    let steps = vec![
        call!("6", "proxy_call_foreign_function", FAR, 1u32, "", OUT, OUT2),
        call!("6", "proxy_call_foreign_function", "compress", FAR, 1u32, OUT, OUT2),
        call!(Words, nothing, "proxy_call_foreign_function", "nothing", "", OUT, OUT2),
        call!(Words, nothing, "proxy_call_foreign_function", "", "", OUT, OUT2),
        call!("6", "proxy_call_foreign_function", "nothing", FAR, 1u32, OUT, OUT2),
        call!("6", "proxy_call_foreign_function", "uncompress", compressed.clone(), FAR, OUT2),
        call!("6", "proxy_call_foreign_function", "uncompress", compressed.clone(), OUT, FAR),
        call!(Text, "0 abc", "proxy_call_foreign_function", "uncompress", compressed.clone(), OUT, OUT2),
        call!(
            Words,
            "0 4008636142 3",
            "proxy_call_foreign_function",
            "uncompress",
            compressed.clone(),
            0u32,
            OUT2
        ),
        call!("0", "proxy_call_foreign_function", "uncompress", compressed, 0u32, 0u32),
        call!(Words, "3 0 0", "proxy_call_foreign_function", "uncompress", "no zlib", OUT, OUT2),
        call!(Words, "0 0 0", "proxy_call_foreign_function", "clear_route_cache", "", OUT, OUT2),
        call!(
            Words,
            "0 0 0",
            "proxy_call_foreign_function",
            "declare_property",
            vec![0x0a, 1, b'x'],
            OUT,
            OUT2
        ),
        call!(Words, "2 0 0", "proxy_call_foreign_function", "declare_property", "x", OUT, OUT2),
        call!(
            Words,
            "1 0 0",
            "proxy_call_foreign_function",
            "set_envoy_filter_state",
            vec![0x0a, 1, b'x'],
            OUT,
            OUT2
        ),
        call!(Words, "2 0 0", "proxy_call_foreign_function", "set_envoy_filter_state", "x", OUT, OUT2),
    ];
    Scenario::new(Guest::new().on("proxy_on_request_headers", steps))
}

#[test]
fn of_signatures() {
    signatures().check(&["proxy_on_request_headers"]);
}

#[test]
fn of_other_functions() {
    calls().check(&["proxy_on_request_headers"]);
}

#[test]
fn without_memory() {
    let steps = vec![call!("6", "proxy_call_foreign_function", "compress", "abc", OUT, OUT2)];
    for malloc in [Malloc::Null, Malloc::Far] {
        let guest = Guest::new().malloc(malloc).on("proxy_on_request_headers", steps.clone());
        Scenario::new(guest).check(&["proxy_on_request_headers"]);
    }
}

#[test]
fn a_host_has_functions_of_its_own() {
    let steps = vec![
        call!(
            Text,
            "0 tluafed",
            "proxy_call_foreign_function",
            "reverse",
            "default".to_owned().as_str(),
            OUT,
            OUT2
        ),
        call!(Words, "12 0 0", "proxy_call_foreign_function", "reverse", "", OUT, OUT2),
        call!("1", "proxy_call_foreign_function", "compress", "", OUT, OUT2),
    ];
    let reverse = |bytes: &[u8]| {
        if bytes.is_empty() { Err(Status::Unimplemented) } else { Ok(bytes.iter().rev().copied().collect()) }
    };
    let scenario = Scenario::new(Guest::new().on("proxy_on_request_headers", steps));
    let options = Options { foreign: Registry::empty().with("reverse", reverse), ..Options::default() };
    scenario.check_with(options, &["proxy_on_request_headers"]);
}
