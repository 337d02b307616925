//! Calls of the `Admin` service: access tokens.

use crate::{ApiError, Client, attempt::Attempt};
use configbus_model::{PrincipalName, Roles, Token};
use configbus_proto::{convert::WireError, v1};
use std::{collections::BTreeSet, fmt::Display, str::FromStr};

/// A token as everybody may see it who administers the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// Public part of the token.
    pub id: String,
    /// Who it speaks for.
    pub principal: PrincipalName,
    /// What its holder may do where.
    pub roles: Roles,
    /// Groups that teams may include.
    pub groups: BTreeSet<PrincipalName>,
    /// What it is for.
    pub note: String,
    /// When it was made.
    pub created_ms: u64,
    /// From when on it does not hold; never when absent.
    pub expires_ms: Option<u64>,
    /// When it was last used, to the minute.
    pub last_used_ms: Option<u64>,
}

/// A token to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenWish {
    /// Who it speaks for.
    pub principal: PrincipalName,
    /// What its holder may do where.
    pub roles: Roles,
    /// Groups that teams may include.
    pub groups: BTreeSet<PrincipalName>,
    /// What it is for.
    pub note: String,
    /// From when on it does not hold; never when absent.
    pub expires_ms: Option<u64>,
}

impl Client {
    /// Makes a token. The server shows it this once.
    pub async fn create_token(&self, wish: &TokenWish) -> Result<(Token, TokenInfo), ApiError> {
        let call = self.calls.change("create-token");
        let message = v1::CreateTokenRequest {
            principal: wish.principal.to_string(),
            roles: wish.roles.grants().map(|grant| grant.to_string()).collect(),
            groups: wish.groups.iter().map(ToString::to_string).collect(),
            note: wish.note.clone(),
            expires_ms: wish.expires_ms.unwrap_or(0),
        };
        let send = |attempt: Attempt| {
            let request = attempt.request(message.clone());
            async move { attempt.admin().create_token(request).await }
        };
        let answer = self.calls.make(call, send).await?;
        let malformed = ApiError::malformed(call.operation);
        let token = Token::parse(&answer.token).map_err(|error| malformed(WireError::new("token", error)))?;
        Ok((token, TokenInfo::from_wire(answer.info.as_ref()).map_err(malformed)?))
    }

    /// Returns every token.
    pub async fn tokens(&self) -> Result<Vec<TokenInfo>, ApiError> {
        let call = self.calls.read("list-tokens");
        let send = |attempt: Attempt| async move {
            let request = attempt.request(v1::ListTokensRequest {});
            attempt.admin().list_tokens(request).await
        };
        let answer = self.calls.make(call, send).await?;
        let tokens = answer.tokens.iter().map(|info| TokenInfo::from_wire(Some(info)));
        tokens.collect::<Result<_, _>>().map_err(ApiError::malformed(call.operation))
    }

    /// Revokes a token: it does not hold any more when this returns.
    pub async fn revoke_token(&self, id: &str) -> Result<TokenInfo, ApiError> {
        let call = self.calls.change("revoke-token");
        let send = |attempt: Attempt| {
            let request = attempt.request(v1::RevokeTokenRequest { id: id.to_owned() });
            async move { attempt.admin().revoke_token(request).await }
        };
        let answer = self.calls.make(call, send).await?;
        TokenInfo::from_wire(answer.info.as_ref()).map_err(ApiError::malformed(call.operation))
    }
}

impl TokenInfo {
    fn from_wire(wire: Option<&v1::TokenInfo>) -> Result<Self, WireError> {
        let wire = wire.ok_or_else(|| WireError::new("info", "it is missing"))?;
        Ok(Self {
            id: wire.id.clone(),
            principal: parsed("info.principal", &wire.principal)?,
            roles: wire.roles.iter().map(|role| parsed("info.roles", role)).collect::<Result<Vec<_>, _>>()?.into(),
            groups: wire.groups.iter().map(|group| parsed("info.groups", group)).collect::<Result<_, _>>()?,
            note: wire.note.clone(),
            created_ms: wire.created_ms,
            expires_ms: Some(wire.expires_ms).filter(|at| *at > 0),
            last_used_ms: Some(wire.last_used_ms).filter(|at| *at > 0),
        })
    }
}

fn parsed<T: FromStr<Err: Display>>(field: &'static str, text: &str) -> Result<T, WireError> {
    text.parse().map_err(|error| WireError::new(field, error))
}
