//! Questions as the requests that ask them.

use verifier::{Answer, MAX_BODY, Question};

/// Asks in as few requests as it can: `send` gets a body and returns that of the answer.
pub fn ask(questions: &[Question], mut send: impl FnMut(Vec<u8>) -> Vec<u8>) -> Vec<Answer> {
    let mut answers = Vec::new();
    let mut rest = questions;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fit = rest.iter().take_while(|question| {
            // And the empty line before it.
            bytes += question.to_string().len() + 2;
            bytes <= MAX_BODY
        });
        let (now, later) = rest.split_at(fit.count());
        assert!(!now.is_empty(), "a question that fits into no request");
        let body = send(verifier::body(now).into_bytes());
        let said = verifier::answers(&body).unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&body)));
        assert_eq!(said.len(), now.len());
        answers.extend(said);
        rest = later;
    }
    answers
}
