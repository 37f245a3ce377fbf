//! `make demo MODE=full`: two gateways with everything around them, and the traffic that shows what they do.

mod ask;
mod expect;
mod scenes;
mod stage;
mod stay;
mod table;
mod world;

use anyhow::{Context as _, Error, Result};

use world::World;

/// What came of the demo, and the world that it was played in, which ends with this.
pub struct Demo {
    world: World,
    expected: bool,
}

impl Demo {
    /// Starts the world, sends the traffic, prints what came of it.
    ///
    /// # Errors
    /// A part cannot be started or failed, or nobody reads the output any more.
    pub async fn play() -> Result<Self> {
        let mut world = Box::pin(World::start()).await?;
        let (fine, other) = Box::pin(scenes::play(&mut world)).await?;
        print(&format!("{fine} as expected, {other} not"))?;
        Ok(Self { world, expected: other == 0 })
    }

    /// Whether every answer was as expected.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        self.expected
    }

    /// Ends the gateways, then everything else.
    ///
    /// # Errors
    /// A filter trapped meanwhile, or a gateway failed itself; the message holds the end of its log.
    pub async fn end(self) -> Result<()> {
        self.world.end().await
    }

    /// Prints where everything is, and commands to go on with by hand.
    ///
    /// # Errors
    /// Nobody reads the output any more.
    pub fn explain(&self) -> Result<()> {
        print(&stay::manual(&self.world.place()))
    }
}

/// Writes to the standard output.
fn print(text: &str) -> Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Error::new).context("standard output")
}
