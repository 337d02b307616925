//! One attempt of one call.

use configbus_proto::{
    AuthorisedChannel, MESSAGE_BYTES_MAX,
    v1::{admin_client::AdminClient, config_client::ConfigClient, fleet_client::FleetClient},
};
use std::time::Duration;
use tonic::Request;

/// The server to ask and the time there is.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) channel: AuthorisedChannel,
    pub(crate) timeout: Duration,
}

impl Attempt {
    pub(crate) fn config(&self) -> ConfigClient<AuthorisedChannel> {
        // What is too large to send the server says, with the setting that says so.
        ConfigClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub(crate) fn admin(&self) -> AdminClient<AuthorisedChannel> {
        AdminClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub(crate) fn fleet(&self) -> FleetClient<AuthorisedChannel> {
        FleetClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// Wraps a message and tells the server until when the answer is wanted.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.timeout);
        request
    }
}
