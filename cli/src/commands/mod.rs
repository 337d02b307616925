//! One file per command. Each asks the server, and prints one result.

pub(crate) mod diff;
pub(crate) mod edit;
pub(crate) mod get;
pub(crate) mod hosts;
pub(crate) mod log;
pub(crate) mod ls;
pub(crate) mod put;
pub(crate) mod rm;
pub(crate) mod status;
pub(crate) mod validate;
pub(crate) mod wait;
pub(crate) mod watch;

use crate::{args::ServerAddress, report::Failure};
use configbus_api::{Client, ClientSettings, ClientTlsSettings};

/// Returns a client of the server the user named.
fn client(address: &ServerAddress) -> Result<Client, Failure> {
    let tls = ClientTlsSettings {
        ca: address.ca.clone(),
        certificate: address.certificate.clone(),
        key: address.key.clone(),
    };
    Ok(Client::with_settings(ClientSettings { tls, ..ClientSettings::for_servers(&address.server) })?)
}
