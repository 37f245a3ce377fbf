//! Files of traffic, one after another.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::{Format, Item, Origin, Warning, har, jsonl, raw, tap};

/// Also how much of a file is looked at to know its format.
const BUFFER: usize = 256 * 1024;
/// Warnings that are kept.
const MAX_WARNINGS: usize = 1000;

/// Where the bytes of one file come from.
pub(super) type Input = Box<dyn BufRead + Send>;

/// One open file.
pub(super) trait Source: Send {
    /// The next item, `None` at the end.
    fn next(&mut self, state: &mut State) -> Result<Option<Item>>;
}

/// What one file hands to the next.
#[derive(Default)]
pub(super) struct State {
    /// When the latest exchange arrives.
    pub(super) at: Duration,
    warnings: Vec<Warning>,
}

impl State {
    pub(super) fn warn(&mut self, origin: &Origin, what: String) {
        let what = match self.warnings.len() {
            MAX_WARNINGS.. => return,
            count if count + 1 == MAX_WARNINGS => "more warnings follow, which are not kept".to_owned(),
            _ => what,
        };
        self.warnings.push(Warning { origin: origin.clone(), what });
    }
}

/// Reads files of traffic in the order given, item by item. JSON Lines are streamed; a file of any other
/// format is held in memory while it is read. After an error nothing more comes.
///
/// `t_ms` of JSON Lines counts from the start of the whole, as if all files were one. The other formats have
/// clocks of their own: the first request of such a file arrives with the last one before it.
pub struct Reader {
    files: VecDeque<PathBuf>,
    format: Option<Format>,
    source: Option<Box<dyn Source>>,
    state: State,
}

impl Reader {
    /// Opens files; `format` overrides what their names and contents say.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    pub fn open<P: AsRef<Path>>(files: &[P], format: Option<Format>) -> Result<Self> {
        let files: VecDeque<PathBuf> = files.iter().map(|file| file.as_ref().to_owned()).collect();
        for file in &files {
            // Better now than after the requests of the files before it.
            File::open(file).with_context(|| file.display().to_string())?;
        }
        Ok(Self { files, format, source: None, state: State::default() })
    }

    /// Reads what is no file, such as the standard input; `name` stands for it in messages and ids.
    ///
    /// # Errors
    /// As for the first item of a file.
    pub fn from_read(name: &str, input: impl Read + Send + 'static, format: Option<Format>) -> Result<Self> {
        let mut state = State::default();
        let input = Box::new(BufReader::with_capacity(BUFFER, input));
        let source = Some(source(Path::new(name), input, format, &mut state)?);
        Ok(Self { files: VecDeque::new(), format, source, state })
    }

    /// What was left out or changed so far; after the first thousand no more are kept.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.state.warnings
    }

    fn advance(&mut self) -> Result<Option<Item>> {
        loop {
            if let Some(source) = &mut self.source {
                if let Some(item) = source.next(&mut self.state)? {
                    return Ok(Some(item));
                }
                self.source = None;
            }
            let Some(file) = self.files.pop_front() else { return Ok(None) };
            let input = File::open(&file).with_context(|| file.display().to_string())?;
            let input = Box::new(BufReader::with_capacity(BUFFER, input));
            self.source = Some(source(&file, input, self.format, &mut self.state)?);
        }
    }
}

impl Iterator for Reader {
    type Item = Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.advance().transpose();
        if let Some(Err(_)) = item {
            self.files.clear();
            self.source = None;
        }
        item
    }
}

fn source(
    file: &Path,
    mut input: Input,
    format: Option<Format>,
    state: &mut State,
) -> Result<Box<dyn Source>> {
    let format = match format {
        Some(format) => format,
        None => Format::of(file, input.fill_buf().with_context(|| file.display().to_string())?)?,
    };
    let file: Arc<Path> = file.into();
    Ok(match format {
        Format::Jsonl => Box::new(jsonl::Steps::new(file, input)),
        Format::Har => Box::new(har::Entries::read(file, input, state)?),
        Format::Raw => Box::new(raw::Requests::read(file, input, state)?),
        Format::Tap => Box::new(tap::Traces::read(file, input, state)?),
    })
}

/// The id of an exchange that has none.
pub(super) fn made_id(file: &Path, number: u64) -> String {
    format!("{}:{number}", file.file_stem().unwrap_or_default().to_string_lossy())
}
