//! `configbus token`: access tokens, of a server that is asked or of a data folder on this machine.

use super::client;
use crate::{
    args::{CreateTokenArgs, TokenCommand, TokenPlace},
    output::{Output, Render},
    paint::Paint,
    report::Failure,
    table::Table,
    time::{age, now_ms, utc},
};
use configbus_api::{TokenInfo, TokenWish};
use configbus_model::Token;
use configbus_server::OfflineTokens;
use serde::Serialize;
use std::io::{self, Write};

/// A token without what would let anybody use it.
#[derive(Debug, Serialize)]
struct TokenShape {
    id: String,
    principal: String,
    roles: Vec<String>,
    groups: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    note: String,
    created_ms: u64,
    expires_ms: Option<u64>,
    last_used_ms: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Created {
    token: String,
    #[serde(flatten)]
    info: TokenShape,
}

#[derive(Debug, Serialize)]
struct Listed {
    tokens: Vec<TokenShape>,
}

#[derive(Debug, Serialize)]
struct Revoked {
    revoked: TokenShape,
}

impl From<TokenInfo> for TokenShape {
    fn from(info: TokenInfo) -> Self {
        Self {
            id: info.id,
            principal: info.principal.to_string(),
            roles: info.roles.grants().map(|grant| grant.to_string()).collect(),
            groups: info.groups.iter().map(ToString::to_string).collect(),
            note: info.note,
            created_ms: info.created_ms,
            expires_ms: info.expires_ms,
            last_used_ms: info.last_used_ms,
        }
    }
}

impl Render for Created {
    /// The token alone goes to standard output, so that `>file` makes a token file.
    fn text(&self, to: &mut dyn Write, _: Paint) -> io::Result<()> {
        writeln!(to, "{}", self.token)
    }
}

impl Render for Listed {
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        if self.tokens.is_empty() {
            return writeln!(to, "no tokens");
        }
        let mut table = Table::new(["id", "principal", "roles", "expires", "last used", "note"]);
        for token in &self.tokens {
            let expires = token.expires_ms.map_or_else(|| "never".into(), utc);
            let used = token.last_used_ms.map_or_else(|| "never".into(), |at| format!("{} ago", age(at)));
            let roles = token.roles.join(",");
            table.row([token.id.clone(), token.principal.clone(), roles, expires, used, token.note.clone()]);
        }
        table.write(to, paint)
    }
}

impl Render for Revoked {
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        let TokenShape { id, principal, .. } = &self.revoked;
        writeln!(to, "{} {id} of {principal} does not hold any more", paint.green("revoked:"))
    }
}

pub(crate) async fn run(command: TokenCommand, output: Output) -> Result<(), Failure> {
    match command {
        TokenCommand::Create(args) => create(args, output).await,
        TokenCommand::List(args) => {
            let tokens = Tokens::at(args.place)?.list().await?;
            output.show(&Listed { tokens: tokens.into_iter().map(Into::into).collect() })
        }
        TokenCommand::Revoke(args) => {
            // Who pastes the token instead of its id means that token.
            let id = Token::parse(&args.id).map_or(args.id, |token| token.id().to_owned());
            let revoked = Tokens::at(args.place)?.revoke(&id).await?.into();
            output.show(&Revoked { revoked })
        }
    }
}

async fn create(args: CreateTokenArgs, output: Output) -> Result<(), Failure> {
    let lives_ms = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let wish = TokenWish {
        principal: args.principal,
        roles: args.roles.into_iter().collect(),
        groups: args.groups.into_iter().collect(),
        note: args.note,
        expires_ms: args.expires.map(|time| now_ms().saturating_add(lives_ms(time))),
    };
    let (token, info) = Tokens::at(args.place)?.create(&wish).await?;
    if !output.is_json() {
        eprintln!("token {} of {}: keep it safe, it is not shown again", info.id, info.principal);
    }
    output.show(&Created { token: token.expose().to_owned(), info: info.into() })
}

/// Tokens of a server, asked or not.
enum Tokens {
    Asked(Box<configbus_api::Client>),
    Here(OfflineTokens),
}

impl Tokens {
    fn at(place: TokenPlace) -> Result<Self, Failure> {
        match place.data {
            Some(data) => Ok(Self::Here(OfflineTokens::open(&data).map_err(offline)?)),
            None => Ok(Self::Asked(Box::new(client(&place.address)?))),
        }
    }

    async fn create(&self, wish: &TokenWish) -> Result<(Token, TokenInfo), Failure> {
        match self {
            Self::Asked(client) => Ok(client.create_token(wish).await?),
            Self::Here(tokens) => {
                let new = configbus_server::NewToken {
                    principal: wish.principal.clone(),
                    roles: wish.roles.clone(),
                    groups: wish.groups.clone(),
                    note: wish.note.clone(),
                    expires_ms: wish.expires_ms,
                };
                let (token, record) = tokens.create(new, now_ms()).map_err(offline)?;
                Ok((token, info_of(record, None)))
            }
        }
    }

    async fn list(&self) -> Result<Vec<TokenInfo>, Failure> {
        match self {
            Self::Asked(client) => Ok(client.tokens().await?),
            Self::Here(tokens) => {
                let uses = tokens.last_uses();
                let records = tokens.list().map_err(offline)?.into_iter();
                Ok(records
                    .map(|record| (uses.get(&record.id).copied(), record))
                    .map(|(at, r)| info_of(r, at))
                    .collect())
            }
        }
    }

    async fn revoke(&self, id: &str) -> Result<TokenInfo, Failure> {
        match self {
            Self::Asked(client) => Ok(client.revoke_token(id).await?),
            Self::Here(tokens) => Ok(info_of(tokens.revoke(id, now_ms()).map_err(offline)?, None)),
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "errors are handed over, as in `map_err`")]
fn offline(error: configbus_server::TokenFileError) -> Failure {
    Failure::of(error.kind(), &error)
}

fn info_of(record: configbus_server::TokenRecord, last_used_ms: Option<u64>) -> TokenInfo {
    TokenInfo {
        id: record.id,
        principal: record.principal,
        roles: record.roles,
        groups: record.groups,
        note: record.note,
        created_ms: record.created_ms,
        expires_ms: record.expires_ms,
        last_used_ms,
    }
}
