//! What can be done by hand while everything is up.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::ask::SERVED;
use super::scenes::HOME;
use crate::authority::Identity;
use crate::gateway::Addresses;
use crate::services::api::User;

/// Where everything is, and the credentials of this run.
pub(super) struct Place {
    pub(super) gateways: [Addresses; 2],
    pub(super) api: SocketAddr,
    pub(super) key_server: SocketAddr,
    pub(super) redis: SocketAddr,
    /// The authority of the servers' certificates.
    pub(super) root: PathBuf,
    /// A client's certificate.
    pub(super) client: Identity,
    pub(super) user: User,
    /// Of the operator who revokes.
    pub(super) revoke_password: String,
}

/// Addresses and commands.
pub(super) fn manual(place: &Place) -> String {
    let Place { gateways: [a, b], api, key_server, redis, revoke_password, .. } = place;
    let ports = [a.tls, b.tls, a.mtls, a.redirect, *key_server].map(|addr| addr.port());
    let [a_port, b_port, mutual_port, plain_port, idp_port] = ports;
    let (a_metrics, b_metrics) = (a.metrics, b.metrics);
    let (root, certificate, key) =
        (place.root.display(), place.client.chain.display(), place.client.key.display());
    let User { name, password } = &place.user;
    format!(
        r#"
Everything stays up until Ctrl-C; the credentials below end with it.

  gateway A    127.0.0.1:{a_port} TLS, :{mutual_port} TLS with a client certificate, :{plain_port} without TLS
               http://{a_metrics}/stats/prometheus
  gateway B    127.0.0.1:{b_port} TLS
               http://{b_metrics}/stats/prometheus
  API          {api}
  key server   {key_server}
  Redis        {redis}

In another shell, from the root of the repository:

  ask() {{ curl -sS -i --cacert {root} --connect-to {SERVED}::127.0.0.1: --connect-to idp.example.com::127.0.0.1: "$@"; echo; }}
  ask https://{SERVED}:{a_port}/catalogue     # 200
  ask https://{SERVED}:{a_port}/orders/7      # 401
  token=$(ask -d sub=bob https://idp.example.com:{idp_port}/token | tail -n 1)
  ask -H "authorization: Bearer $token" https://{SERVED}:{a_port}/orders/7     # 200
  ask -H "authorization: Bearer $token" --json '{{"item":"pen","count":0}}' https://{SERVED}:{a_port}/orders     # 422
  ask -H "authorization: Bearer $token" --cert {certificate} --key {key} https://{SERVED}:{mutual_port}/orders/7     # 200
  ask http://{SERVED}:{plain_port}/catalogue      # 308
  ask --json '{{"user":"{name}","password":"{password}"}}' https://{SERVED}:{a_port}/login     # 429: somebody guessed
  ask --interface {HOME} --json '{{"user":"{name}","password":"{password}"}}' https://{SERVED}:{a_port}/login     # 200: from home
  PORTCULLIS_OPERATOR_REVOKE_PASSWORD={revoke_password} cargo run --quiet --package replay --bin portcullis -- \
    revoke --redis redis://{redis} --provider idp --sub bob --exp +1h
  ask -H "authorization: Bearer $token" https://{SERVED}:{b_port}/orders/7     # 401"#
    )
}
