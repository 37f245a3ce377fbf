//! `schema-bench`: prints what reading and checking takes, beside ajv.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bench::stats::Summary;
use clap::Parser;
use replay::report::aligned;
use schema_bench::ajv::{Ajv, From};
use schema_bench::documents::{Document, of_size};
use schema_bench::guest::Guest;

/// What schema-guard may take, as a multiple of ajv's time.
const LIMIT: f64 = 1.3;

/// Measures what it takes to read a document and hold it against a schema.
#[derive(Debug, Parser)]
struct Options {
    /// Rounds; each gives one sample of each side.
    #[arg(long, default_value_t = 51, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Milliseconds of a sample.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    sample: u32,
    /// The module.
    #[arg(long, default_value = "target/wasm32-wasip1/dist/schema_bench_guest.wasm")]
    guest: PathBuf,
}

/// Paths are relative to the current folder, which is the repository's.
fn main() -> Result<()> {
    let options = Options::parse();
    let root = std::env::current_dir().context("no current folder")?;
    let mut rows = vec![
        [
            "document",
            "bytes",
            "schema-guard µs",
            "ajv µs",
            "ajv from bytes µs",
            "ratio",
            "ratio of minima",
            "",
        ]
        .map(str::to_owned),
    ];
    for size in [10_000, 100_000] {
        for document in of_size(size) {
            // New ones for each: what V8 has learnt of one schema is not to count for another.
            let mut guest = Guest::start(&options.guest)?;
            let mut ajv = Ajv::start(&root)?;
            rows.push(measured(&document, &options, &mut guest, &mut ajv)?);
        }
    }
    println!(
        "Read and check, wasm on wasmtime beside ajv in Node (JSON.parse and validate), by turns in one run."
    );
    println!("Median (least to most) of {} samples of {} ms; limit {LIMIT}.", options.rounds, options.sample);
    println!("ajv's texts are strings already; `from bytes` is with the step from a Buffer to a string.\n");
    for row in aligned(&rows) {
        println!("{row}");
    }
    Ok(())
}

fn measured(document: &Document, options: &Options, guest: &mut Guest, ajv: &mut Ajv) -> Result<[String; 8]> {
    let text = &document.text;
    guest.compile(&document.schema)?;
    ajv.compile(&document.schema, text)?;
    // Until V8 has optimised: it does within hundreds of calls, here there are some seconds of them.
    let warm = Duration::from_millis(1_000);
    let times = |once: Duration, whole: Duration| {
        u32::try_from(whole.as_nanos() / once.as_nanos().max(1)).unwrap_or(1).max(1)
    };
    let sample = Duration::from_millis(options.sample.into());
    let mut counts = [0; 3];
    for (count, side) in counts.iter_mut().zip(SIDES) {
        let first = side.run(text, 20, guest, ajv)? / 20;
        let count_of = times(first, warm);
        let warmed = side.run(text, count_of, guest, ajv)? / count_of;
        *count = times(warmed, sample);
    }
    let mut samples = [const { Vec::new() }; 3];
    for _ in 0..options.rounds {
        for ((samples, count), side) in samples.iter_mut().zip(counts).zip(SIDES) {
            let taken = side.run(text, count, guest, ajv)?;
            samples.push(taken.as_secs_f64() * 1e6 / f64::from(count));
        }
    }
    let [own, string, bytes] = samples;
    let ratios =
        Summary::of(own.iter().zip(&string).map(|(own, other)| own / other)).context("no samples")?;
    let [own, string, bytes] = [own, string, bytes].map(Summary::of);
    let (own, string, bytes) =
        (own.context("no samples")?, string.context("no samples")?, bytes.context("no samples")?);
    let shown = |of: Summary| format!("{:.1} ({:.1} to {:.1})", of.median, of.min, of.max);
    Ok([
        document.name.to_owned(),
        text.len().to_string(),
        shown(own),
        shown(string),
        shown(bytes),
        format!("{:.2} ({:.2} to {:.2})", ratios.median, ratios.min, ratios.max),
        format!("{:.2}", own.min / string.min),
        if ratios.median > LIMIT { "above the limit".to_owned() } else { String::new() },
    ])
}

/// Who reads and checks.
#[derive(Debug, Clone, Copy)]
enum Side {
    Guest,
    Ajv(From),
}

const SIDES: [Side; 3] = [Side::Guest, Side::Ajv(From::String), Side::Ajv(From::Bytes)];

impl Side {
    fn run(self, text: &str, times: u32, guest: &mut Guest, ajv: &mut Ajv) -> Result<Duration> {
        match self {
            Self::Guest => guest.check(text, times),
            Self::Ajv(from) => ajv.check(from, times),
        }
    }
}
