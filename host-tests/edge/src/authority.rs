//! Everything secret that a run needs, made at its start: authorities, certificates with their staples, ticket keys.
//!
//! The gateway's own are handed over by the scripts that ship (`envoy-configs/envoy/tls`), as an operator does it.

mod issue;
mod openssl;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use issue::{Issuer, Leaf, Usage};
use openssl::Openssl;

/// The host that the gateway serves.
pub const HOST: &str = "api.example.com";
/// Where `gateway.yaml` has its secrets; [`Authority::tls`] takes its place.
pub const TLS_FOLDER: &str = "/etc/portcullis/tls";
/// The scripts and the files that are copied, from the repository root.
const SHIPPED: &str = "envoy-configs/envoy/tls";

/// A certificate with the intermediate ones, and its private key; both PEM.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The file of the chain.
    pub chain: PathBuf,
    /// The file of the key.
    pub key: PathBuf,
}

/// Who a client says it is on 8443.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// One that the gateway knows.
    Valid,
    /// The same, until yesterday.
    Expired,
    /// One of an authority that the gateway does not know.
    Foreign,
}

impl Client {
    /// The name of its files.
    fn name(self) -> &'static str {
        match self {
            Self::Valid => "client",
            Self::Expired => "client-expired",
            Self::Foreign => "client-foreign",
        }
    }
}

/// What the gateway calls, where that speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The key server, `idp.example.com`.
    Idp,
    /// The API behind the gateway, `api.internal`.
    Api,
    /// The gateways to Redis, `redis.internal`.
    Redis,
}

impl Service {
    /// The name in its certificate.
    #[must_use]
    pub fn host(self) -> &'static str {
        match self {
            Self::Idp => "idp.example.com",
            Self::Api => "api.internal",
            Self::Redis => "redis.internal",
        }
    }
}

/// The kind of key in a certificate of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// P-256.
    Ecdsa,
    /// RSA with 2,048 bits.
    Rsa,
}

impl Algorithm {
    /// The name of the secret.
    fn secret(self) -> &'static str {
        match self {
            Self::Ecdsa => "server-ecdsa",
            Self::Rsa => "server-rsa",
        }
    }
}

/// A folder of secrets.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
    tls: PathBuf,
    openssl: Openssl,
}

impl Authority {
    /// Fills `folder`, which exists and belongs to the caller, with everything that there is.
    ///
    /// # Errors
    /// There is no `openssl`, or one of its commands fails; the message holds what it says.
    pub fn create(folder: &Path) -> Result<Self> {
        // The files name each other, and Envoy does not start here.
        let folder = folder.canonicalize().with_context(|| folder.display().to_string())?;
        let tls = folder.join("tls");
        std::fs::create_dir_all(&tls).with_context(|| tls.display().to_string())?;
        let openssl = Openssl::find(&folder)?;
        let authority = Self { folder, tls, openssl };
        authority.issuers()?;
        for algorithm in [Algorithm::Ecdsa, Algorithm::Rsa] {
            authority.renew(algorithm)?;
        }
        authority.clients()?;
        authority.services()?;
        authority.new_ticket_key()?;
        Ok(authority)
    }

    /// What takes the place of [`TLS_FOLDER`].
    #[must_use]
    pub fn tls(&self) -> &Path {
        &self.tls
    }

    /// The authority that clients of the gateway trust, and the gateway where it calls: PEM.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.file("root.crt")
    }

    /// A client's certificate.
    #[must_use]
    pub fn client(&self, client: Client) -> Identity {
        self.identity(client.name())
    }

    /// The certificate of what the gateway calls. Its issuer is [`Authority::root`]'s intermediate one; who calls with
    /// [`Authority::gateway`] is of the same.
    #[must_use]
    pub fn service(&self, service: Service) -> Identity {
        self.identity(service.host())
    }

    /// The gateway's own certificate as it is now.
    #[must_use]
    pub fn server(&self, algorithm: Algorithm) -> Identity {
        self.identity(algorithm.secret())
    }

    /// Who the gateway is to what it calls.
    #[must_use]
    pub fn gateway(&self) -> Identity {
        self.identity("gateway")
    }

    /// Gives the gateway a new certificate with a new key and a new staple.
    ///
    /// # Errors
    /// As [`Authority::create`].
    pub fn renew(&self, algorithm: Algorithm) -> Result<()> {
        let name = algorithm.secret();
        let leaf = Leaf {
            algorithm,
            subject: HOST,
            names: &format!("DNS:{HOST}"),
            ..Leaf::of(Usage::Server, Issuer::Intermediate)
        };
        self.openssl.issue(name, &leaf)?;
        self.staple(algorithm, 7)
    }

    /// Gives the gateway a new staple for the certificate that it has, good for so many days.
    ///
    /// # Errors
    /// As [`Authority::create`].
    pub fn staple(&self, algorithm: Algorithm, days: u32) -> Result<()> {
        let name = algorithm.secret();
        self.openssl.staple(name, days)?;
        self.hand_over(name, name, &[&format!("{name}.ocsp")])
    }

    /// Makes a new ticket key; the one before still opens tickets, those before that do not.
    ///
    /// # Errors
    /// The script fails.
    pub fn new_ticket_key(&self) -> Result<()> {
        let tls = self.tls.to_str().context("the folder's name is not UTF-8")?;
        self.script("ticket-keys.sh", &[tls])
    }

    /// The serial number of the gateway's certificate, as `openssl x509 -serial` has it.
    ///
    /// # Errors
    /// As [`Authority::create`].
    pub fn serial(&self, algorithm: Algorithm) -> Result<String> {
        self.openssl.serial(algorithm.secret())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn identity(&self, name: &str) -> Identity {
        Identity { chain: self.file(&format!("{name}.crt")), key: self.file(&format!("{name}.key")) }
    }

    fn issuers(&self) -> Result<()> {
        self.openssl.root("root")?;
        self.openssl.root("foreign")?;
        self.openssl.root("clients")?;
        self.openssl.intermediate()?;
        let copied = [("clients.crt", "clients.crt"), ("root.crt", "internal.crt")];
        for (from, to) in copied {
            std::fs::copy(self.file(from), self.tls.join(to)).with_context(|| to.to_owned())?;
        }
        let tls = self.tls.to_str().context("the folder's name is not UTF-8")?;
        for name in ["clients.yaml", "internal.yaml"] {
            let text = std::fs::read_to_string(backends::root()?.join(SHIPPED).join(name))?;
            std::fs::write(self.tls.join(name), text.replace(TLS_FOLDER, tls))?;
        }
        Ok(())
    }

    fn clients(&self) -> Result<()> {
        let known = Leaf {
            subject: "client-1",
            names: "URI:spiffe://example.com/client-1",
            ..Leaf::of(Usage::Client, Issuer::Clients)
        };
        let all = [
            (Client::Valid, known),
            (Client::Expired, Leaf { days: -1, ..known }),
            (Client::Foreign, Leaf { issuer: Issuer::Foreign, ..known }),
        ];
        all.iter().try_for_each(|(client, leaf)| self.openssl.issue(client.name(), leaf))
    }

    fn services(&self) -> Result<()> {
        for service in [Service::Idp, Service::Api, Service::Redis] {
            let names = format!("DNS:{}", service.host());
            let leaf = Leaf {
                subject: service.host(),
                names: &names,
                ..Leaf::of(Usage::Server, Issuer::Intermediate)
            };
            self.openssl.issue(service.host(), &leaf)?;
        }
        let leaf = Leaf {
            subject: "gateway",
            names: "URI:spiffe://example.com/gateway",
            ..Leaf::of(Usage::Client, Issuer::Intermediate)
        };
        self.openssl.issue("gateway", &leaf)?;
        self.hand_over("gateway", "gateway", &[])?;
        self.hand_over("redis", Service::Redis.host(), &[])
    }

    /// The certificate in the files of this name as a secret, by the script that ships.
    fn hand_over(&self, secret: &str, name: &str, staple: &[&str]) -> Result<()> {
        let files = [format!("{name}.crt"), format!("{name}.key")];
        let files = files.iter().map(String::as_str).chain(staple.iter().copied());
        let arguments: Vec<&str> = ["tls", secret].into_iter().chain(files).collect();
        self.script("certificate.sh", &arguments)
    }

    fn script(&self, name: &str, arguments: &[&str]) -> Result<()> {
        let script = backends::root()?.join(SHIPPED).join(name);
        let mut command = Command::new(&script);
        let output = command.args(arguments).current_dir(&self.folder).output();
        let output = output.with_context(|| script.display().to_string())?;
        ensure!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }
}
