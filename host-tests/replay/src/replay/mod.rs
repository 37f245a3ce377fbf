//! Recorded traffic through a chain of filters: who gets in, who is refused, and why. `REPLAY.md` is the
//! manual of the commands and of what they write.

mod bench;
mod chain;
mod changes;
mod check;
mod entry;
mod junit;
mod lane;
mod line;
mod modules;
mod outcome;
mod results;
mod run;
mod table;

pub use bench::{Bench, Measured};
pub use chain::{Chain, Source};
pub use check::{Checked, check};
pub use modules::Modules;
pub use results::{Output, Totals};
pub use run::{Replay, Settings, callouts};
