//! `configbus get`: prints a file.

use super::client;
use crate::{
    args::GetArgs,
    output::{Output, Render},
    paint::Paint,
    report::Failure,
    shapes::EntryShape,
};
use serde::Serialize;
use std::{
    io::{self, Write},
    sync::Arc,
};

/// A file at a revision. Text goes into `content`, anything else into `content_base64`.
#[derive(Debug, Serialize)]
struct Got {
    #[serde(flatten)]
    entry: EntryShape,
    revision: u64,
    commit: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_base64: Option<String>,
    #[serde(skip)]
    bytes: Arc<[u8]>,
}

impl Render for Got {
    fn text(&self, to: &mut dyn Write, _: Paint) -> io::Result<()> {
        to.write_all(&self.bytes)
    }
}

pub(crate) async fn run(args: GetArgs, output: Output) -> Result<(), Failure> {
    use base64::Engine as _;
    let file = client(&args.address)?.get(&args.path, args.revision).await?;
    let content = std::str::from_utf8(&file.content).ok().map(ToOwned::to_owned);
    let content_base64 = content.is_none().then(|| base64::engine::general_purpose::STANDARD.encode(&file.content));
    let head = file.head.head;
    let entry = EntryShape::from(&file.entry);
    let commit = head.commit.to_string();
    output.show(&Got { entry, revision: head.revision.0, commit, content, content_base64, bytes: file.content })
}
