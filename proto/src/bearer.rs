//! How a caller says who it is: an access token with every call.

use configbus_model::{Token, TokenError};
use std::fmt;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tonic::codegen::http::Uri;
use tonic::metadata::AsciiMetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};

/// A connection on which every call carries the caller's token.
pub type AuthorisedChannel = InterceptedService<Channel, Bearer>;

/// A token cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BearerError {
    /// The file cannot be read.
    #[error("cannot read the token file {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is in it is no token.
    #[error("the token file {} holds no token", path.display())]
    Token {
        /// Which.
        path: PathBuf,
        /// Why.
        source: TokenError,
    },
    /// It may not be sent.
    #[error(transparent)]
    Readable(#[from] ReadableToken),
}

/// A token would travel readable for everybody on the way.
///
/// There is no setting that allows it: whoever ends TLS beside the caller, a sidecar or a tunnel, is reached over
/// loopback.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no access token is sent to {url}, because everybody on the way could read it: use https://, or a tunnel that \
     begins on this machine, such as `ssh -L 7420:{authority} HOST` with http://127.0.0.1:7420"
)]
pub struct ReadableToken {
    url: String,
    authority: String,
}

impl ReadableToken {
    /// Refuses URLs that no token may be sent to: plain ones of other machines.
    pub fn check(url: &str) -> Result<(), Self> {
        let Ok(uri) = url.parse::<Uri>() else { return Ok(()) };
        let host = uri.host().unwrap_or_default();
        if uri.scheme_str() == Some("https") || is_loopback(host) {
            return Ok(());
        }
        let authority = uri.authority().map_or(host, |authority| authority.as_str());
        Err(Self { url: url.to_owned(), authority: authority.to_owned() })
    }
}

/// Names are believed by their text: a resolver that is lied to could say anything.
fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// The token a caller gives, if any. A token in a file is read again when the file changes, so that it can be exchanged
/// while the process runs. Clones share what was read.
#[derive(Clone, Default)]
pub struct Bearer(Source);

#[derive(Clone, Default)]
enum Source {
    #[default]
    Nothing,
    Given(Token),
    File(Arc<TokenInFile>),
    /// There is one, and not for this connection.
    Withheld(ReadableToken),
}

struct TokenInFile {
    path: PathBuf,
    read: Mutex<Option<(Stamp, Token)>>,
}

/// What tells one state of the file from another.
type Stamp = (u64, u64, i64, i64);

impl Bearer {
    /// Gives a token.
    pub fn of(token: Token) -> Self {
        Self(Source::Given(token))
    }

    /// Gives the token in a file, which must be there now.
    pub fn in_file(path: &Path) -> Result<Self, BearerError> {
        let file = TokenInFile { path: path.to_owned(), read: Mutex::default() };
        file.token()?;
        Ok(Self(Source::File(Arc::new(file))))
    }

    /// Gives the token in a file, when one is named.
    pub fn in_file_if_any(path: Option<&Path>) -> Result<Self, BearerError> {
        path.map_or_else(|| Ok(Self::default()), Self::in_file)
    }

    /// Returns the token as it is now.
    pub fn token(&self) -> Result<Option<Token>, BearerError> {
        match &self.0 {
            Source::Nothing => Ok(None),
            Source::Given(token) => Ok(Some(token.clone())),
            Source::File(file) => file.token().map(Some),
            Source::Withheld(reason) => Err(reason.clone().into()),
        }
    }

    /// Refuses URLs that it may not be sent to. Without a token every URL will do.
    pub fn check_way(&self, url: &str) -> Result<(), ReadableToken> {
        if self.0.is_nothing() { Ok(()) } else { ReadableToken::check(url) }
    }

    /// Puts it before every call on a connection to a URL. Where it may not be sent the calls fail, with the reason.
    pub fn on(&self, channel: Channel, url: &str) -> AuthorisedChannel {
        InterceptedService::new(channel, self.for_url(url))
    }

    fn for_url(&self, url: &str) -> Self {
        self.check_way(url).map_or_else(|reason| Self(Source::Withheld(reason)), |()| self.clone())
    }
}

impl Source {
    fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }
}

impl TokenInFile {
    fn token(&self) -> Result<Token, BearerError> {
        let failed = |source| BearerError::Read { path: self.path.clone(), source };
        let found = fs::metadata(&self.path).map_err(failed)?;
        let stamp = (found.ino(), found.len(), found.ctime(), found.ctime_nsec());
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, token)) = read.as_ref().filter(|(read_at, _)| *read_at == stamp) {
            return Ok(token.clone());
        }
        let text = fs::read_to_string(&self.path).map_err(failed)?;
        let token = Token::parse(&text).map_err(|source| BearerError::Token { path: self.path.clone(), source })?;
        *read = Some((stamp, token.clone()));
        Ok(token)
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let token = self.token().map_err(|error| Status::unauthenticated(error.to_string()))?;
        if let Some(token) = token {
            let value = AsciiMetadataValue::try_from(format!("Bearer {}", token.expose()));
            let mut value = value.expect("a token is plain text");
            value.set_sensitive(true);
            request.metadata_mut().insert("authorization", value);
        }
        Ok(request)
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Nothing => f.write_str("Bearer(none)"),
            Source::Given(token) => write!(f, "Bearer({token:?})"),
            Source::File(file) => write!(f, "Bearer({})", file.path.display()),
            Source::Withheld(_) => f.write_str("Bearer(withheld)"),
        }
    }
}

impl PartialEq for Bearer {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Source::Nothing, Source::Nothing) => true,
            (Source::Given(one), Source::Given(other)) => one == other,
            (Source::File(one), Source::File(other)) => one.path == other.path,
            (Source::Withheld(one), Source::Withheld(other)) => one == other,
            _ => false,
        }
    }
}

impl Eq for Bearer {}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(bearer: &Bearer) -> Option<String> {
        let request = bearer.clone().call(Request::new(())).unwrap();
        request.metadata().get("authorization").map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_token_goes_along_and_shows_itself_nowhere_else() {
        let token = Token::of([1; 5], [2; 32]);
        assert_eq!(given(&Bearer::default()), None);
        assert_eq!(given(&Bearer::of(token.clone())), Some(format!("Bearer {}", token.expose())));
        assert_eq!(format!("{:?}", Bearer::of(token)), "Bearer(Token(0101010101))");
    }

    #[test]
    fn a_token_goes_nowhere_readable() {
        let bearer = Bearer::of(Token::of([1; 5], [2; 32]));
        for fine in [
            "https://bus.example:7420",
            "http://127.0.0.1:7420",
            "http://127.8.8.8",
            "http://[::1]:7420",
            "http://[::ffff:127.0.0.1]:7420",
            "http://localhost:7420",
            "http://LocalHost.",
            "http://bus.localhost:1",
        ] {
            assert_eq!(bearer.check_way(fine), Ok(()), "{fine}");
        }
        for readable in [
            "http://bus.example:7420",
            "http://10.0.0.1:7420",
            "http://[fe80::1]:7420",
            "http://0.0.0.0:7420",
            "http://localhost.example",
            "http://127.0.0.1.example:7420",
            "http://127.0.0.1@bus.example:7420",
        ] {
            assert!(bearer.check_way(readable).is_err(), "{readable}");
            assert_eq!(Bearer::default().check_way(readable), Ok(()), "there is none to send");
        }
        let error = bearer.check_way("http://bus:7420").unwrap_err().to_string();
        assert!(error.contains("http://bus:7420, because") && error.contains("ssh -L 7420:bus:7420"), "{error}");
    }

    #[test]
    fn a_call_over_a_readable_connection_fails_and_takes_no_token_along() {
        let mut bearer = Bearer::of(Token::of([1; 5], [2; 32])).for_url("http://bus:7420");
        let status = bearer.call(Request::new(())).unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unauthenticated);
        assert!(status.message().contains("no access token is sent to http://bus:7420"), "{status:?}");
    }

    #[test]
    fn a_token_in_a_file_may_be_exchanged() {
        let path = std::env::temp_dir().join(format!("configbus-bearer-{}", std::process::id()));
        let (first, second) = (Token::of([1; 5], [1; 32]), Token::of([2; 5], [2; 32]));
        fs::write(&path, format!("{}\n", first.expose())).unwrap();
        let bearer = Bearer::in_file(&path).unwrap();
        assert_eq!(bearer.token().unwrap(), Some(first));
        fs::remove_file(&path).unwrap();
        assert!(bearer.token().is_err());
        fs::write(&path, second.expose()).unwrap();
        assert_eq!(bearer.token().unwrap(), Some(second));
        fs::write(&path, "password").unwrap();
        assert!(matches!(Bearer::in_file(&path), Err(BearerError::Token { .. })));
        fs::remove_file(&path).unwrap();
    }
}
