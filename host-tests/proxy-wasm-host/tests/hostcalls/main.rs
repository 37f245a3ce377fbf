//! What every host function answers, for every argument that can be and many that cannot.

mod guest;
mod headers;
mod scenario;
