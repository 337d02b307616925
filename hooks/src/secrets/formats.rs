//! What keys and tokens look like, by issuer.
//!
//! Every pattern ends where its token ends, so that a longer word that merely contains one is none.

use super::{checksum::is_checked, jwt, pem, randomness::is_random};
use crate::Rule;
use std::ops::Range;

/// Decides whether what a pattern found is a secret, and where it ends.
type Verify = fn(&[u8], Range<usize>) -> Option<Range<usize>>;

/// One format.
pub(super) struct Format {
    pub(super) rule: Rule,
    /// In words, with an article.
    pub(super) what: &'static str,
    pub(super) pattern: &'static str,
    pub(super) verify: Verify,
}

const fn format(rule: Rule, what: &'static str, pattern: &'static str, verify: Verify) -> Format {
    Format { rule, what, pattern, verify }
}

/// Formats whose random part is drawn from the whole token.
const fn token(rule: Rule, what: &'static str, pattern: &'static str) -> Format {
    format(rule, what, pattern, random)
}

pub(super) const FORMATS: &[Format] = &[
    format(
        Rule::SecretPrivateKey,
        "a private key",
        r"(?-u)-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----",
        pem::private_key,
    ),
    token(Rule::SecretPrivateKey, "a private key of age", r"(?-u)\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b"),
    format(Rule::SecretPrivateKey, "a private key of PuTTY", r"(?-u)PuTTY-User-Key-File-[23]: [a-z0-9-]{3,40}", found),
    token(Rule::SecretAws, "an access key of AWS", r"(?-u)\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
    format(
        Rule::SecretAws,
        "a secret key of AWS",
        r#"(?-u)(?i:aws_?secret_?(?:access_?)?key)["']?[ \t]{0,10}[:=][ \t]{0,10}["']?[A-Za-z0-9/+]{40}(?:["'\s]|$)"#,
        after_assignment,
    ),
    format(Rule::SecretAzure, "an account key of Azure", r"(?-u)\bAccountKey=[A-Za-z0-9+/]{86}==", after_assignment),
    format(Rule::SecretGithub, "a token of GitHub", r"(?-u)\bgh[opsur]_[A-Za-z0-9]{36}\b", checked),
    token(Rule::SecretGithub, "a token of GitHub", r"(?-u)\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}\b"),
    token(
        Rule::SecretGitlab,
        "a token of GitLab",
        r"(?-u)\bgl(?:pat|ptt|dt|rt|cbt|ft|soat|agent|imt|feedt|oas)-[A-Za-z0-9_.-]{20,300}",
    ),
    token(Rule::SecretSlack, "a token of Slack", r"(?-u)\bxox[abeoprs]-(?:[0-9]{10,14}-){1,3}[A-Za-z0-9-]{24,64}\b"),
    token(Rule::SecretSlack, "a token of a Slack app", r"(?-u)\bxapp-[0-9]-[A-Z0-9]{8,14}-[0-9]{10,14}-[a-f0-9]{64}\b"),
    token(
        Rule::SecretSlack,
        "a webhook of Slack",
        r"(?-u)\bhooks\.slack\.com/(?:services|workflows|triggers)/T[A-Z0-9]{8,12}/[A-Z0-9]{8,14}/[A-Za-z0-9]{24}\b",
    ),
    token(Rule::SecretGoogle, "an API key of Google", r"(?-u)\bAIza[A-Za-z0-9_-]{35}(?:[^A-Za-z0-9_-]|$)"),
    token(Rule::SecretGoogle, "a client secret of Google", r"(?-u)\bGOCSPX-[A-Za-z0-9_-]{28}(?:[^A-Za-z0-9_-]|$)"),
    token(Rule::SecretGoogle, "an access token of Google", r"(?-u)\bya29\.[A-Za-z0-9_-]{60,600}"),
    token(Rule::SecretStripe, "a live key of Stripe", r"(?-u)\b[rs]k_live_[A-Za-z0-9]{24,250}\b"),
    format(Rule::SecretNpm, "a token of npm", r"(?-u)\bnpm_[A-Za-z0-9]{36}\b", checked),
    token(
        Rule::SecretPypi,
        "a token of PyPI",
        r"(?-u)\bpypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)[A-Za-z0-9_-]{50,1000}",
    ),
    format(
        Rule::SecretJwt,
        "a signed JSON Web Token",
        r"(?-u)\beyJ[A-Za-z0-9_-]{14,2000}\.eyJ[A-Za-z0-9_-]{10,8000}\.[A-Za-z0-9_-]{20,2000}",
        jwt::signed,
    ),
    token(Rule::SecretToken, "a token of Anthropic", r"(?-u)\bsk-ant-[a-z0-9]{5,8}-[A-Za-z0-9_-]{80,120}"),
    token(Rule::SecretToken, "a token of Atlassian", r"(?-u)\bATATT3[A-Za-z0-9_=-]{186}"),
    token(Rule::SecretToken, "a token of crates.io", r"(?-u)\bcio[A-Za-z0-9]{32}\b"),
    token(Rule::SecretToken, "a token of DigitalOcean", r"(?-u)\bdo[opr]_v1_[a-f0-9]{64}\b"),
    token(Rule::SecretToken, "a token of Docker", r"(?-u)\bdckr_[a-z]{3}_[A-Za-z0-9_-]{27,32}"),
    token(Rule::SecretToken, "a token of Doppler", r"(?-u)\bdp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{40,64}"),
    token(Rule::SecretToken, "a token of Grafana", r"(?-u)\bglsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}\b"),
    token(Rule::SecretToken, "a token of HashiCorp Vault", r"(?-u)\bhv[sbr]\.[A-Za-z0-9_-]{90,300}"),
    token(Rule::SecretToken, "a token of HCP Terraform", r"(?-u)\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}"),
    token(Rule::SecretToken, "a token of Hugging Face", r"(?-u)\bhf_[A-Za-z]{34}\b"),
    token(
        Rule::SecretToken,
        "a token of OpenAI",
        r"(?-u)\bsk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{20,100}T3BlbkFJ[A-Za-z0-9_-]{20,100}",
    ),
    token(Rule::SecretToken, "a token of RubyGems", r"(?-u)\brubygems_[a-f0-9]{48}\b"),
    token(Rule::SecretToken, "a key of SendGrid", r"(?-u)\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    token(Rule::SecretToken, "a token of Shopify", r"(?-u)\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b"),
    token(Rule::SecretToken, "a key of Tailscale", r"(?-u)\btskey-[a-z]{3,12}-[A-Za-z0-9]{8,20}-[A-Za-z0-9]{20,40}\b"),
];

fn found(_content: &[u8], place: Range<usize>) -> Option<Range<usize>> {
    Some(place)
}

fn random(content: &[u8], place: Range<usize>) -> Option<Range<usize>> {
    let end = place.end - usize::from(!is_of_token(content[place.end - 1]));
    is_random(&content[place.start + prefix_len(&content[place.clone()])..end]).then_some(place.start..end)
}

/// The part after an issuer's mark is what has to be random.
fn prefix_len(token: &[u8]) -> usize {
    let marks = token.iter().take(12).position(|byte| matches!(byte, b'_' | b'-' | b'.' | b'='));
    marks.map_or(4, |at| at + 1)
}

fn checked(content: &[u8], place: Range<usize>) -> Option<Range<usize>> {
    let body = content[place.clone()].splitn(2, |byte| *byte == b'_').nth(1)?;
    is_checked(body).then_some(place)
}

/// The name of the field is public; the value is what follows the last `=` or `:` before it.
fn after_assignment(content: &[u8], place: Range<usize>) -> Option<Range<usize>> {
    let text = &content[place.clone()];
    let value_at = text.iter().position(|byte| matches!(byte, b'=' | b':'))? + 1;
    let lead = text[value_at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'"' | b'\'')).count();
    let start = place.start + value_at + lead;
    let end = place.end - usize::from(!is_of_token(content[place.end - 1]));
    is_random(&content[start..end]).then_some(start..end)
}

fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-' | b'.')
}
