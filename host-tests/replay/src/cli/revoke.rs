//! `portcullis revoke`: tokens that are refused before they expire.

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand, ValueEnum};
use filter_core::keys::Claim;
use replay::operator::{Moment, revocations};

use super::connection::{Connection, Purpose};
use super::revoke_output as output;

/// Refuse a token, or those of a subject or a session, before they expire
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    revoke: Revoke,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// What is revoked
    List(List),
    /// Take a revocation back; exit code 1 if there is none
    Undo(Undo),
}

#[derive(Debug, Args)]
struct Revoke {
    #[command(flatten)]
    subject: Subject,
    /// When the last of the tokens expires: Unix seconds, RFC 3339, or from now on as +1h. The revocation ends then
    // Optional for clap, which a subcommand releases from what is required.
    #[arg(long, value_name = "TIME", required = true)]
    exp: Option<Moment>,
    /// With --sub and --sid: tokens issued before this; by default now
    #[arg(long, value_name = "TIME", conflicts_with = "jti")]
    before: Option<Moment>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct List {
    /// The provider, as the configuration of the filter names it
    #[arg(long, value_name = "NAME")]
    provider: String,
    /// Only tokens
    #[arg(long, group = "claim")]
    jti: bool,
    /// Only subjects
    #[arg(long, group = "claim")]
    sub: bool,
    /// Only sessions
    #[arg(long, group = "claim")]
    sid: bool,
    /// How many at most
    #[arg(long, value_name = "N", default_value = "1000", value_parser = clap::value_parser!(u32).range(1..))]
    most: u32,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Undo {
    #[command(flatten)]
    subject: Subject,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Subject {
    #[command(flatten)]
    id: Id,
    /// The provider, as the configuration of the filter names it
    #[arg(long, value_name = "NAME", required = true)]
    provider: Option<String>,
}

#[derive(Debug, Args)]
#[group(id = "id", required = true, multiple = false)]
struct Id {
    /// The token with this jti
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    jti: Option<String>,
    /// Tokens of this subject
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    sub: Option<String>,
    /// Tokens of this session
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    sid: Option<String>,
}

#[derive(Debug, Args)]
struct Common {
    /// How the outcome is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Output,
    #[command(flatten)]
    connection: Connection,
}

/// For whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// For people
    Text,
    /// For programs: an object
    Json,
}

impl Subject {
    fn named(&self) -> Result<revocations::Subject> {
        let Id { jti, sub, sid } = &self.id;
        let ids = [(Claim::Jti, jti), (Claim::Sub, sub), (Claim::Sid, sid)];
        let (claim, id) = ids
            .into_iter()
            .find_map(|(claim, id)| Some((claim, id.clone()?)))
            .context("--jti, --sub or --sid")?;
        let provider = self.provider.clone().context("--provider")?;
        Ok(revocations::Subject { provider, claim, id })
    }
}

/// Whether it is done, or there was something to undo.
pub(super) async fn run(arguments: &Arguments) -> Result<bool> {
    match &arguments.command {
        Some(Command::List(list)) => {
            let claims = [(list.jti, Claim::Jti), (list.sub, Claim::Sub), (list.sid, Claim::Sid)];
            let claim = claims.into_iter().find_map(|(only, claim)| only.then_some(claim));
            let mut link = list.common.connection.open(Purpose::Read).await?;
            let most = usize::try_from(list.most)?;
            let listed = revocations::list(&mut link, &list.provider, claim, most).await?;
            super::print(&output::listed(&list.provider, &listed, list.common.format)?)?;
            Ok(true)
        }
        Some(Command::Undo(Undo { subject, common })) => {
            let subject = subject.named()?;
            let mut link = common.connection.open(Purpose::Revoke).await?;
            let done = revocations::undo(&mut link, &subject).await?;
            super::print(&output::undone(done, common.format))?;
            Ok(done)
        }
        None => {
            let Revoke { subject, exp, before, common } = &arguments.revoke;
            let (subject, exp) = (subject.named()?, exp.context("--exp")?);
            let mut link = common.connection.open(Purpose::Revoke).await?;
            let done = revocations::revoke(&mut link, &subject, exp, *before).await?;
            super::print(&output::revoked(&done, common.format))?;
            Ok(true)
        }
    }
}
