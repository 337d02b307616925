//! The handle that programs hold.

use crate::{ApiError, ClientSettings, call::Calls};
use std::sync::Arc;

/// A client of one server, or of several that are tried in turn. Clones share connections and the retry budget.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) calls: Arc<Calls>,
}

impl Client {
    /// Returns a client after a server has answered. `urls` is one `http://host:port`, `https://host:port` or several separated by commas.
    pub async fn connect(urls: &str) -> Result<Self, ApiError> {
        let client = Self::connect_lazy(urls)?;
        client.status().await?;
        Ok(client)
    }

    /// Returns a client that connects at its first call. Must be called within a tokio runtime.
    pub fn connect_lazy(urls: &str) -> Result<Self, ApiError> {
        Self::with_settings(ClientSettings::for_servers(urls))
    }

    /// Returns a client with settings of the caller's; it connects at its first call. Must be called within a tokio
    /// runtime.
    pub fn with_settings(settings: ClientSettings) -> Result<Self, ApiError> {
        Ok(Self { calls: Arc::new(Calls::new(settings)?) })
    }
}
