//! The traffic, read ahead on a thread of its own: reading may block, and an interrupted process must still
//! end.

use std::io::stdin;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use anyhow::{Result, anyhow, bail};
use replay::traffic::{Format, Item, Reader, Warning};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::STANDARD;

/// Items that are handed over at once, and how many such batches wait.
const BATCH: usize = 64;
const BATCHES: usize = 8;

type Batch = Result<Vec<Item>>;

/// Traffic on its way.
pub(super) struct Traffic {
    batches: Receiver<Batch>,
    reading: JoinHandle<Vec<Warning>>,
}

impl Traffic {
    /// Opens the files; `-` alone is the standard input.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    pub(super) fn open(files: &[PathBuf], format: Option<Format>) -> Result<Self> {
        let standard = |file: &PathBuf| file.as_path() == Path::new(STANDARD);
        let (sender, batches) = channel(BATCHES);
        let reading = match files {
            // Even its format is known only when something has come.
            [only] if standard(only) => {
                thread::spawn(move || match Reader::from_read("stdin", stdin(), format) {
                    Ok(reader) => read(reader, &sender),
                    Err(error) => {
                        let _ = sender.blocking_send(Err(error));
                        Vec::new()
                    }
                })
            }
            files if files.iter().any(standard) => bail!("--traffic {STANDARD}: the only one, or not at all"),
            files => {
                let reader = Reader::open(files, format)?;
                thread::spawn(move || read(reader, &sender))
            }
        };
        Ok(Self { batches, reading })
    }

    /// The next items, in order; `None` at the end.
    ///
    /// # Errors
    /// The file, and the line where it is not what it should be; what came before has been handed out.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Item>>> {
        self.batches.recv().await.transpose()
    }

    /// What was left out or changed.
    ///
    /// # Errors
    /// The reader died.
    pub(super) fn warnings(self) -> Result<Vec<Warning>> {
        self.reading.join().map_err(|_| anyhow!("the reader of the traffic ended early"))
    }
}

fn read(mut reader: Reader, sender: &Sender<Batch>) -> Vec<Warning> {
    let mut batch = Vec::new();
    for item in reader.by_ref() {
        match item {
            Ok(item) => batch.push(item),
            Err(error) => {
                // Whoever no longer listens is not interested in the error either.
                let _ = sender.blocking_send(Ok(std::mem::take(&mut batch)));
                let _ = sender.blocking_send(Err(error));
                break;
            }
        }
        // Who has nothing else to do gets what is there.
        let idle = sender.capacity() == sender.max_capacity();
        if (batch.len() >= BATCH || idle) && sender.blocking_send(Ok(std::mem::take(&mut batch))).is_err() {
            break;
        }
    }
    let _ = sender.blocking_send(Ok(batch));
    reader.warnings().to_vec()
}
