//! The results in JUnit's XML. A test per request is written as it comes, so that memory stays flat; the
//! head, which holds the counts, is put before them at the end.

use std::fs::File;
use std::io::{self, BufWriter, Seek as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use quick_junit::XmlString;
use quick_xml::Writer;
use quick_xml::events::BytesText;

/// Writes a suite of one test per request.
pub(super) struct Junit {
    path: PathBuf,
    tests: Writer<BufWriter<File>>,
    count: u64,
    failures: u64,
}

impl Junit {
    /// # Errors
    /// There is no room for temporary files.
    pub(super) fn new(path: &Path) -> Result<Self> {
        let tests = Writer::new(BufWriter::new(tempfile::tempfile().context("a temporary file")?));
        Ok(Self { path: path.to_owned(), tests, count: 0, failures: 0 })
    }

    /// Adds a request. `failure`: what is wrong with it.
    ///
    /// # Errors
    /// Of the temporary file.
    pub(super) fn add(&mut self, id: &str, route: &str, failure: Option<&str>) -> io::Result<()> {
        self.count += 1;
        // What XML cannot hold is left out.
        let [id, route] = [id, route].map(XmlString::new);
        let test = self.tests.create_element("testcase");
        let test = test.with_attributes([("name", id.as_str()), ("classname", route.as_str())]);
        match failure {
            None => test.write_empty()?,
            Some(failure) => {
                self.failures += 1;
                let text = XmlString::new(failure);
                test.write_inner_content(|writer| {
                    let first = text.as_str().lines().next().unwrap_or_default();
                    let failure = writer.create_element("failure").with_attribute(("message", first));
                    failure.write_text_content(BytesText::new(text.as_str())).map(drop)
                })?
            }
        };
        self.tests.get_mut().write_all(b"\n")
    }

    /// Writes the file.
    ///
    /// # Errors
    /// Names the file.
    pub(super) fn finish(self) -> Result<()> {
        let tests = self.tests.into_inner().into_inner().map_err(io::IntoInnerError::into_error);
        let mut tests = tests.context("a temporary file")?;
        tests.rewind().context("a temporary file")?;
        let mut write = || -> io::Result<()> {
            let mut out = BufWriter::new(File::create(&self.path)?);
            let counts = format!("tests=\"{}\" failures=\"{}\" errors=\"0\"", self.count, self.failures);
            writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
            writeln!(out, "<testsuites name=\"portcullis\" {counts}>\n<testsuite name=\"replay\" {counts}>")?;
            io::copy(&mut tests, &mut out)?;
            writeln!(out, "</testsuite>\n</testsuites>")?;
            out.flush()
        };
        write().with_context(|| self.path.display().to_string())
    }
}
