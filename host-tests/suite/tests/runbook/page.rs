//! The page, read.

use anyhow::{Context as _, Result, bail, ensure};

/// From the repository root.
const FILE: &str = "envoy-configs/RUNBOOK.md";
/// What begins the line that says what to look for.
const LOOK_FOR: &str = "**Look for** ";

/// The runbook.
pub(crate) struct Page {
    /// The variables that the commands use, in the order of the page.
    pub(crate) variables: Vec<String>,
    /// What it says.
    pub(crate) rows: Vec<Row>,
}

/// A symptom, what shows its cause, and the remedy.
pub(crate) struct Row {
    /// The heading.
    pub(crate) symptom: String,
    /// The commands, with what they print.
    pub(crate) steps: Vec<Step>,
    /// What their output must hold for the cause to be this one.
    pub(crate) words: Vec<String>,
}

/// A command.
pub(crate) struct Step {
    /// As it is typed; several lines where one ends with a backslash or a pipe.
    pub(crate) command: String,
    /// What it prints, shortened by `…`.
    pub(crate) shown: String,
}

impl Page {
    /// Reads it.
    ///
    /// # Errors
    /// It is not there, or a row lacks one of its parts.
    pub(crate) fn read() -> Result<Self> {
        let text = std::fs::read_to_string(suite::root()?.join(FILE)).context(FILE)?;
        let (setup, rows) = text.split_once("\n## ").context("no row")?;
        let variables = fenced(setup, "sh").context("no variables")?;
        let name = |line: &str| Some(line.split_once('=')?.0.to_owned());
        let variables = variables.lines().filter_map(name).collect();
        let rows = rows.split("\n## ").map(Row::read).collect::<Result<_>>()?;
        Ok(Self { variables, rows })
    }

    /// The row with this heading.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn row(&self, symptom: &str) -> Result<&Row> {
        self.rows.iter().find(|row| row.symptom == symptom).with_context(|| format!("no row {symptom:?}"))
    }
}

impl Row {
    fn read(text: &str) -> Result<Self> {
        let (symptom, body) = text.split_once('\n').context("a heading alone")?;
        let block = fenced(body, "console").with_context(|| format!("{symptom}: no command"))?;
        let steps = steps(block).with_context(|| symptom.to_owned())?;
        let words = body.lines().find_map(|line| line.strip_prefix(LOOK_FOR));
        let words = words.with_context(|| format!("{symptom}: does not say what to look for"))?;
        let words: Vec<String> = words.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        ensure!(!words.is_empty(), "{symptom}: nothing to look for");
        for part in ["**Cause:** ", "**Remedy:** "] {
            ensure!(body.contains(&format!("\n{part}")), "{symptom}: no {part}");
        }
        let shown: String = steps.iter().map(|step| step.shown.as_str()).collect();
        for word in &words {
            ensure!(shown.contains(word.as_str()), "{symptom}: what is shown does not hold {word:?}");
        }
        Ok(Self { symptom: symptom.to_owned(), steps, words })
    }
}

/// The first fenced block of this language.
fn fenced<'t>(text: &'t str, language: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("```{language}\n"))?;
    Some(rest.split_once("```")?.0)
}

fn steps(block: &str) -> Result<Vec<Step>> {
    let mut steps: Vec<Step> = Vec::new();
    let mut continued = false;
    for line in block.lines() {
        let begins = line.strip_prefix("$ ");
        match (begins, steps.last_mut()) {
            (Some(command), _) => steps.push(Step { command: command.to_owned(), shown: String::new() }),
            (None, Some(step)) if continued => {
                step.command.push('\n');
                step.command.push_str(line);
            }
            (None, Some(step)) => {
                step.shown.push_str(line);
                step.shown.push('\n');
            }
            (None, None) => bail!("{line:?} is printed before a command"),
        }
        continued = (continued || begins.is_some()) && line.ends_with(['\\', '|']);
    }
    Ok(steps)
}
