//! Service `Admin`.

use super::split::{self, SplitStream};
use crate::audit::{AuditError, AuditEvent, AuditOutcome};
use crate::auth::{Caller, NewToken, TokenFileError, TokenRecord, Tokens};
use crate::bus::Bus;
use crate::failure::Failure;
use crate::ops::namespaces::{self, Described};
use configbus_model::{ErrorKind, Grant, PrincipalName, TokenHash};
use configbus_proto::convert::{head_to_wire, namespace_from_wire};
use configbus_proto::v1;
use configbus_proto::v1::admin_server::Admin;
use configbus_runtime::{BlockingPool, report};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Changes of tokens at a time; they wait for each other on the disk anyway.
const CHANGES_MAX: usize = 2;

pub(super) struct AdminService {
    bus: Arc<Bus>,
    tokens: Option<Arc<Tokens>>,
    pool: BlockingPool,
}

impl AdminService {
    pub(super) fn new(bus: Arc<Bus>, tokens: Option<Arc<Tokens>>) -> Self {
        Self { bus, tokens, pool: BlockingPool::new(CHANGES_MAX) }
    }

    fn tokens(&self) -> Result<&Arc<Tokens>, Failure> {
        let text = "this server has no tokens: its settings say auth = \"none\"";
        self.tokens.as_ref().ok_or_else(|| Failure::new(ErrorKind::Unsupported, text))
    }

    /// Makes a change of tokens and writes it down. A change that cannot be written down is not begun.
    async fn change<T: Send + 'static>(
        &self,
        caller: &Caller,
        action: &str,
        change: impl FnOnce(&Tokens) -> Result<T, TokenFileError> + Send + 'static,
        described: impl FnOnce(&T) -> String,
    ) -> Result<T, Failure> {
        let tokens = Arc::clone(self.tokens()?);
        self.bus.audit.ready().await?;
        let outcome = self.pool.run(move || change(&tokens)).await.map_err(Failure::from);
        let (verdict, text) = match &outcome {
            Ok(changed) => (AuditOutcome::Accepted, described(changed)),
            Err(failure) => (AuditOutcome::Refused, failure.message.clone()),
        };
        let mut record = caller.record(AuditEvent::Token, verdict).with_reason(&text);
        record.action = Some(action.to_owned());
        self.bus.audit.write(&record).await?;
        outcome
    }
}

#[tonic::async_trait]
impl Admin for AdminService {
    async fn create_token(
        &self,
        request: Request<v1::CreateTokenRequest>,
    ) -> Result<Response<v1::CreateTokenResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let new = new_token(request.into_inner())?;
        let now_ms = self.bus.clock.now_ms();
        let made = move |tokens: &Tokens| tokens.file().create(new, now_ms);
        let described = |(_, record): &(_, TokenRecord)| record.described();
        let (token, record) = self.change(&caller, "create", made, described).await?;
        Ok(Response::new(v1::CreateTokenResponse { token: token.expose().to_owned(), info: Some(to_wire(&record, 0)) }))
    }

    async fn list_tokens(&self, _: Request<v1::ListTokensRequest>) -> Result<Response<v1::ListTokensResponse>, Status> {
        let tokens = Arc::clone(self.tokens()?);
        let uses = tokens.last_uses();
        let records = self.pool.run(move || tokens.file().list()).await.map_err(Failure::from)?;
        let tokens = records.iter().map(|record| to_wire(record, uses.get(&record.id).copied().unwrap_or(0))).collect();
        Ok(Response::new(v1::ListTokensResponse { tokens }))
    }

    async fn revoke_token(
        &self,
        request: Request<v1::RevokeTokenRequest>,
    ) -> Result<Response<v1::RevokeTokenResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let id = request.into_inner().id;
        let revoked = move |tokens: &Tokens| {
            let revoked = tokens.file().revoke(&id)?;
            tokens.look();
            Ok(revoked)
        };
        let record = self.change(&caller, "revoke", revoked, TokenRecord::described).await?;
        Ok(Response::new(v1::RevokeTokenResponse { info: Some(to_wire(&record, 0)) }))
    }

    async fn judge_token(
        &self,
        request: Request<v1::JudgeTokenRequest>,
    ) -> Result<Response<v1::JudgeTokenResponse>, Status> {
        let v1::JudgeTokenRequest { id, hash } = request.into_inner();
        let hash = TokenHash::parse(&hash).ok_or_else(|| Failure::invalid("hash is no SHA-256 in hex"))?;
        let judged = self.tokens()?.judge(&id, &hash);
        let known = judged.map_err(|error| Failure::not_found(error.to_string()))?;
        Ok(Response::new(v1::JudgeTokenResponse { info: Some(to_wire(&known.record, 0)) }))
    }

    async fn create_namespace(
        &self,
        request: Request<v1::CreateNamespaceRequest>,
    ) -> Result<Response<v1::CreateNamespaceResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let v1::CreateNamespaceRequest { name, prefix } = request.into_inner();
        let (info, created) = namespaces::create(&self.bus, &caller, &name, &prefix).await?;
        Ok(Response::new(v1::CreateNamespaceResponse { info: Some(namespace_to_wire(&info)), created }))
    }

    async fn list_namespaces(
        &self,
        request: Request<v1::ListNamespacesRequest>,
    ) -> Result<Response<v1::ListNamespacesResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let namespaces = namespaces::list(&self.bus, &caller).iter().map(namespace_to_wire).collect();
        Ok(Response::new(v1::ListNamespacesResponse { namespaces }))
    }

    async fn delete_namespace(
        &self,
        request: Request<v1::DeleteNamespaceRequest>,
    ) -> Result<Response<v1::DeleteNamespaceResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let name = namespace_from_wire(&request.into_inner().name)?;
        let (info, kept_at) = namespaces::delete(&self.bus, &caller, &name).await?;
        let kept_at = kept_at.display().to_string();
        Ok(Response::new(v1::DeleteNamespaceResponse { info: Some(namespace_to_wire(&info)), kept_at }))
    }

    type SplitNamespaceStream = SplitStream;

    async fn split_namespace(
        &self,
        request: Request<v1::SplitNamespaceRequest>,
    ) -> Result<Response<SplitStream>, Status> {
        let caller = Caller::of(request.extensions())?;
        Ok(Response::new(split::stream(Arc::clone(&self.bus), caller, request.into_inner())))
    }
}

fn namespace_to_wire(info: &Described) -> v1::NamespaceInfo {
    v1::NamespaceInfo {
        name: info.name.to_string(),
        mounted: info.prefix.is_some(),
        prefix: info.prefix.clone().unwrap_or_default(),
        epoch: info.epoch.0,
        head: info.head.as_ref().map(|head| head_to_wire(&info.name, head)),
    }
}

fn new_token(request: v1::CreateTokenRequest) -> Result<NewToken, Failure> {
    let name = |name: &String| PrincipalName::parse(name).map_err(Failure::invalid);
    let grants = request.roles.iter().map(|role| role.parse::<Grant>().map_err(Failure::invalid));
    Ok(NewToken {
        principal: name(&request.principal)?,
        roles: grants.collect::<Result<_, _>>()?,
        groups: request.groups.iter().map(name).collect::<Result<_, _>>()?,
        note: request.note,
        expires_ms: Some(request.expires_ms).filter(|expires_ms| *expires_ms > 0),
    })
}

fn to_wire(record: &TokenRecord, last_used_ms: u64) -> v1::TokenInfo {
    v1::TokenInfo {
        id: record.id.clone(),
        principal: record.principal.to_string(),
        roles: record.roles.grants().map(|grant| grant.to_string()).collect(),
        groups: record.groups.iter().map(ToString::to_string).collect(),
        note: record.note.clone(),
        created_ms: record.created_ms,
        expires_ms: record.expires_ms.unwrap_or(0),
        last_used_ms,
    }
}

impl From<TokenFileError> for Failure {
    fn from(error: TokenFileError) -> Self {
        match error.kind() {
            ErrorKind::Internal => Self::internal(&error),
            kind => Self::new(kind, report::chain(&error)),
        }
    }
}

impl From<AuditError> for Failure {
    fn from(error: AuditError) -> Self {
        Self::new(ErrorKind::Unavailable, format!("{error}; nothing is changed meanwhile"))
    }
}
