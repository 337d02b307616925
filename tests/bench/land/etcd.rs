//! etcd as Debian ships it, with its defaults: every put is synced before it is answered.

use super::{bus::CONNECTIONS_MAX, load::Writer};
use anyhow::{Context as _, ensure};
use bytes::Bytes;
use configbus_tests::{child::Child, eventually::eventually, ports::fixed_port, rest::Rest, tools::is_installed};
use std::process::Command;
use tempfile::TempDir;
use tonic::{
    client::Grpc,
    codegen::http::uri::PathAndQuery,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

pub(crate) struct Etcd {
    url: String,
    _child: Child,
    _folder: TempDir,
}

/// `etcdserverpb.PutRequest`, as much of it as is needed.
#[derive(Clone, PartialEq, prost::Message)]
struct PutRequest {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

/// `etcdserverpb.PutResponse`: that it came is all that counts.
#[derive(Clone, PartialEq, prost::Message)]
struct PutResponse {}

impl Etcd {
    /// Starts one member with an empty folder on the disk that is measured.
    pub(crate) fn start() -> anyhow::Result<Self> {
        ensure!(is_installed("etcd", "etcd-server"), "etcd is what is measured against: install etcd-server");
        let folder = TempDir::with_prefix("etcd-")?;
        let [url, peers] = [(); 2].map(|()| format!("http://127.0.0.1:{}", fixed_port()));
        let mut command = Command::new("etcd");
        command.env_clear().env("PATH", std::env::var_os("PATH").context("there is a PATH")?);
        command.arg("--data-dir").arg(folder.path().join("data"));
        for (flag, value) in [
            ("--listen-client-urls", &url),
            ("--advertise-client-urls", &url),
            ("--listen-peer-urls", &peers),
            ("--initial-advertise-peer-urls", &peers),
            ("--initial-cluster", &format!("default={peers}")),
        ] {
            command.args([flag, value]);
        }
        let child = Child::spawn("etcd", &mut command, &folder.path().join("log"))?;
        let rest = Rest::new(&url);
        eventually("etcd is ready", || rest.is_ok("/health").then_some(()));
        Ok(Self { url, _child: child, _folder: folder })
    }

    pub(crate) fn writers(&self, writers: usize) -> anyhow::Result<Vec<EtcdWriter>> {
        let connect = || Ok(EtcdWriter(Endpoint::from_shared(self.url.clone())?.connect_lazy()));
        (0..writers.min(CONNECTIONS_MAX)).map(|_| connect()).collect()
    }
}

#[derive(Clone)]
pub(crate) struct EtcdWriter(Channel);

impl Writer for EtcdWriter {
    async fn write(&self, path: &str, _before: &str, content: &str) -> anyhow::Result<()> {
        let mut grpc = Grpc::new(self.0.clone());
        grpc.ready().await?;
        let (key, value) = (Bytes::copy_from_slice(path.as_bytes()), Bytes::copy_from_slice(content.as_bytes()));
        let request = tonic::Request::new(PutRequest { key, value });
        let path = PathAndQuery::from_static("/etcdserverpb.KV/Put");
        let _: tonic::Response<PutResponse> = grpc.unary(request, path, ProstCodec::default()).await?;
        Ok(())
    }
}
