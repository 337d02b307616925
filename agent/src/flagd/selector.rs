//! Which flags a caller asks for.

use serde_json::{Map, Value};
use std::fmt;
use tonic::{Status, metadata::MetadataMap};

/// Where callers say it.
const HEADER: &str = "flagd-selector";

/// The member of metadata that names a set of flags.
const SET_ID: &str = "flagSetId";

/// A part of all flags.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Selector {
    /// All.
    #[default]
    Everything,
    /// Those of one file, by its path.
    Source(String),
    /// Those of one set, by what their metadata says; an empty name means those of none.
    Set(String),
}

impl Selector {
    /// Reads what a request says in its header or, as older clients do, in its body.
    pub(super) fn of(metadata: &MetadataMap, body: &str) -> Result<Self, Status> {
        match metadata.get(HEADER) {
            Some(header) => match header.to_str() {
                Ok(header) => Self::parse(header),
                Err(_) => Err(Status::invalid_argument("header flagd-selector is no plain text")),
            },
            None => Self::parse(body),
        }
    }

    fn parse(text: &str) -> Result<Self, Status> {
        match text.split_once('=') {
            None if text.is_empty() => Ok(Self::Everything),
            None => Ok(Self::Source(text.to_owned())),
            Some(("source", path)) => Ok(Self::Source(path.to_owned())),
            Some((SET_ID, id)) => Ok(Self::Set(id.to_owned())),
            Some((other, _)) => {
                let told = format!("selector names {other:?}, expected source=PATH or flagSetId=ID");
                Err(Status::invalid_argument(told))
            }
        }
    }

    pub(super) fn selects(&self, path: &str, metadata: &Map<String, Value>) -> bool {
        match self {
            Self::Everything => true,
            Self::Source(source) => source == path,
            Self::Set(id) => metadata.get(SET_ID).and_then(Value::as_str).unwrap_or_default() == id,
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => Ok(()),
            Self::Source(path) => write!(f, "source={path}"),
            Self::Set(id) => write!(f, "{SET_ID}={id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_header_goes_before_the_body() {
        let mut metadata = MetadataMap::new();
        assert_eq!(Selector::of(&metadata, "").unwrap(), Selector::Everything);
        assert_eq!(Selector::of(&metadata, "flags/web.json").unwrap(), Selector::Source("flags/web.json".into()));
        metadata.insert(HEADER, "flagSetId=shop".parse().unwrap());
        assert_eq!(Selector::of(&metadata, "flags/web.json").unwrap(), Selector::Set("shop".into()));
        metadata.insert(HEADER, "colour=red".parse().unwrap());
        assert_eq!(Selector::of(&metadata, "").unwrap_err().code(), tonic::Code::InvalidArgument);
    }

    #[test]
    fn sets_go_by_metadata_and_sources_by_path() {
        let shop = json!({"flagSetId": "shop"});
        let (shop, none) = (shop.as_object().unwrap(), &Map::new());
        let selects = |text: &str, metadata| Selector::parse(text).unwrap().selects("flags/a=b.json", metadata);
        assert!(selects("", shop) && selects("source=flags/a=b.json", none) && selects("flagSetId=shop", shop));
        assert!(selects("flagSetId=", none) && !selects("flagSetId=", shop));
        assert!(!selects("flagSetId=web", shop) && !selects("source=flags/c.json", shop));
    }
}
