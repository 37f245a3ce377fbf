//! JSON Web Tokens: who may enter, proved by signature, time and deny-list. The rules are in this folder's `README.md`.

pub mod alg;
