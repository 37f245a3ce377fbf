//! Certificates and staples by the command line of OpenSSL.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};

use super::Algorithm;
use super::openssl::Openssl;

/// How long an authority is good for, in days.
const AUTHORITY_DAYS: &str = "30";

/// Who signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Issuer {
    /// Of servers, below the root.
    Intermediate,
    /// Of clients.
    Clients,
    /// Of clients of somebody else.
    Foreign,
}

impl Issuer {
    fn name(self) -> &'static str {
        match self {
            Self::Intermediate => "intermediate",
            Self::Clients => "clients",
            Self::Foreign => "foreign",
        }
    }
}

/// What a certificate is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Usage {
    /// `serverAuth`.
    Server,
    /// `clientAuth`.
    Client,
}

/// A certificate to be issued.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf<'a> {
    pub algorithm: Algorithm,
    pub issuer: Issuer,
    pub usage: Usage,
    /// The common name.
    pub subject: &'a str,
    /// As `subjectAltName` is written.
    pub names: &'a str,
    /// From now; negative: until then.
    pub days: i32,
}

impl Leaf<'_> {
    /// For a month, with a key on P-256.
    pub(super) fn of(usage: Usage, issuer: Issuer) -> Self {
        Self { algorithm: Algorithm::Ecdsa, issuer, usage, subject: "", names: "", days: 30 }
    }
}

impl Openssl {
    /// `name.crt` and `name.key`: an authority that nobody signed.
    pub(super) fn root(&self, name: &str) -> Result<()> {
        self.key(name, Algorithm::Ecdsa)?;
        self.request(name, name)?;
        let extensions = self.extensions(
            name,
            "basicConstraints = critical, CA:true\nkeyUsage = critical, keyCertSign, cRLSign\nsubjectKeyIdentifier = hash\n",
        )?;
        let (csr, key, crt) = (format!("{name}.csr"), format!("{name}.key"), format!("{name}.crt"));
        self.run(&[
            "x509",
            "-req",
            "-in",
            &csr,
            "-signkey",
            &key,
            "-days",
            AUTHORITY_DAYS,
            "-extfile",
            &extensions,
            "-out",
            &crt,
        ])
        .map(drop)
    }

    /// The authority of servers, signed by the root; it answers for revocations, too.
    pub(super) fn intermediate(&self) -> Result<()> {
        self.key("intermediate", Algorithm::Ecdsa)?;
        self.request("intermediate", "intermediate")?;
        let extensions = self.extensions(
            "intermediate",
            "basicConstraints = critical, CA:true, pathlen:0\nkeyUsage = critical, keyCertSign, cRLSign, digitalSignature\n\
             subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n",
        )?;
        self.signed("intermediate", "root", AUTHORITY_DAYS, &extensions, "intermediate.crt")
    }

    /// `name.crt`, the certificate and its issuer's where that is an intermediate one; `name.leaf`, the certificate alone;
    /// `name.key`.
    pub(super) fn issue(&self, name: &str, leaf: &Leaf<'_>) -> Result<()> {
        self.key(name, leaf.algorithm)?;
        self.request(name, leaf.subject)?;
        let usage = match leaf.usage {
            Usage::Server => "serverAuth",
            Usage::Client => "clientAuth",
        };
        let mut extensions =
            "basicConstraints = critical, CA:false\nkeyUsage = critical, digitalSignature\n".to_owned();
        writeln!(extensions, "extendedKeyUsage = {usage}\nsubjectAltName = {}", leaf.names)?;
        extensions.push_str("subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n");
        let extensions = self.extensions(name, &extensions)?;
        let issuer = leaf.issuer.name();
        self.signed(name, issuer, &leaf.days.to_string(), &extensions, &format!("{name}.leaf"))?;
        let mut chain = self.read(&format!("{name}.leaf"))?;
        if leaf.issuer == Issuer::Intermediate {
            chain.push_str(&self.read("intermediate.crt")?);
        }
        self.write(&format!("{name}.crt"), &chain)
    }

    /// `name.ocsp`: the authority says that the certificate is good, for so many days from now.
    pub(super) fn staple(&self, name: &str, days: u32) -> Result<()> {
        let serial = self.serial(name)?;
        // ca(1): status, expiry, revocation, serial, file, subject.
        self.write("index.txt", &format!("V\t491231235959Z\t\t{serial}\tunknown\t/CN={name}\n"))?;
        let (leaf, staple) = (format!("{name}.leaf"), format!("{name}.ocsp"));
        let days = days.to_string();
        self.run(&[
            "ocsp",
            "-index",
            "index.txt",
            "-CA",
            "intermediate.crt",
            "-rsigner",
            "intermediate.crt",
            "-rkey",
            "intermediate.key",
            "-issuer",
            "intermediate.crt",
            "-cert",
            &leaf,
            "-ndays",
            &days,
            "-respout",
            &staple,
            "-noverify",
        ])
        .map(drop)
    }

    /// The serial number of `name.leaf`, in hexadecimal.
    pub(super) fn serial(&self, name: &str) -> Result<String> {
        let said = self.run(&["x509", "-in", &format!("{name}.leaf"), "-noout", "-serial"])?;
        let serial = said.trim().strip_prefix("serial=").context("openssl x509 -serial")?;
        Ok(serial.to_owned())
    }

    fn key(&self, name: &str, algorithm: Algorithm) -> Result<()> {
        let file = format!("{name}.key");
        let mut arguments = vec!["genpkey", "-out", &file];
        arguments.extend(match algorithm {
            Algorithm::Ecdsa => ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
            Algorithm::Rsa => ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        });
        self.run(&arguments).map(drop)
    }

    fn request(&self, name: &str, subject: &str) -> Result<()> {
        let (key, csr, subject) = (format!("{name}.key"), format!("{name}.csr"), format!("/CN={subject}"));
        self.run(&["req", "-new", "-key", &key, "-subj", &subject, "-out", &csr]).map(drop)
    }

    fn signed(&self, name: &str, issuer: &str, days: &str, extensions: &str, out: &str) -> Result<()> {
        let (csr, ca, key) = (format!("{name}.csr"), format!("{issuer}.crt"), format!("{issuer}.key"));
        self.run(&[
            "x509",
            "-req",
            "-in",
            &csr,
            "-CA",
            &ca,
            "-CAkey",
            &key,
            "-CAcreateserial",
            "-days",
            days,
            "-extfile",
            extensions,
            "-out",
            out,
        ])
        .map(drop)
    }

    /// A file with these extensions, and its name.
    fn extensions(&self, name: &str, text: &str) -> Result<String> {
        let file = format!("{name}.ext");
        self.write(&file, text)?;
        Ok(file)
    }
}
