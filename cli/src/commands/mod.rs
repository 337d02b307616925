//! One file per command. Each asks the server, and prints one result.

pub(crate) mod blame;
pub(crate) mod decider;
pub(crate) mod diff;
pub(crate) mod edit;
pub(crate) mod flags;
pub(crate) mod get;
pub(crate) mod hosts;
pub(crate) mod log;
pub(crate) mod ls;
pub(crate) mod namespace;
pub(crate) mod put;
pub(crate) mod revert;
pub(crate) mod rm;
pub(crate) mod status;
pub(crate) mod token;
pub(crate) mod validate;
pub(crate) mod wait;
pub(crate) mod watch;

use crate::{args::ServerAddress, report::Failure};
use configbus_api::{Bearer, Client, ClientSettings, ClientTlsSettings, ErrorKind, Namespace, NamespaceHead, Token};

/// Returns a client of the server the user named.
fn client(address: &ServerAddress) -> Result<Client, Failure> {
    let tls = ClientTlsSettings {
        ca: address.ca.clone(),
        certificate: address.certificate.clone(),
        key: address.key.clone(),
    };
    let settings = ClientSettings { tls, bearer: bearer(address)?, ..ClientSettings::for_servers(&address.server) };
    Ok(Client::with_settings(settings)?)
}

/// Returns the namespace of a head, if it is worth telling.
fn other_than_main(head: &NamespaceHead) -> Option<String> {
    (head.namespace != Namespace::main()).then(|| head.namespace.to_string())
}

/// Names a revision, and the namespace whose revision it is unless that is `main`.
fn of_namespace(revision: u64, namespace: Option<&str>) -> String {
    namespace.map_or_else(|| format!("r{revision}"), |namespace| format!("r{revision} of {namespace}"))
}

/// Variable with an access token. There is no flag for it: arguments are seen by every user of a machine.
const TOKEN_VARIABLE: &str = "CONFIGBUS_TOKEN";

fn bearer(address: &ServerAddress) -> Result<Bearer, Failure> {
    if let Some(file) = &address.token_file {
        return Bearer::in_file(file).map_err(|error| Failure::of(ErrorKind::Invalid, &error));
    }
    match std::env::var(TOKEN_VARIABLE) {
        Ok(text) if !text.trim().is_empty() => {
            let wrong = |error| Failure::new(ErrorKind::Invalid, format!("{TOKEN_VARIABLE} is wrong: {error}"));
            Token::parse(&text).map(Bearer::of).map_err(wrong)
        }
        _ => Ok(Bearer::default()),
    }
}
