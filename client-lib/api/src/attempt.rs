//! One attempt of one call.

use configbus_proto::{
    MESSAGE_BYTES_MAX,
    v1::{config_client::ConfigClient, fleet_client::FleetClient},
};
use std::time::Duration;
use tonic::{Request, transport::Channel};

/// The server to ask and the time there is.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) channel: Channel,
    pub(crate) timeout: Duration,
}

impl Attempt {
    pub(crate) fn config(&self) -> ConfigClient<Channel> {
        let client = ConfigClient::new(self.channel.clone());
        client.max_decoding_message_size(MESSAGE_BYTES_MAX).max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub(crate) fn fleet(&self) -> FleetClient<Channel> {
        FleetClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// Wraps a message and tells the server until when the answer is wanted.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.timeout);
        request
    }
}
