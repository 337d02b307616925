//! Formats with tokens that are made here: a repository with real-looking ones would be refused by other gates.

use super::*;

/// Random characters of an alphabet, the same in each run.
fn random(alphabet: &str, count: usize) -> String {
    let alphabet: Vec<char> = alphabet.chars().collect();
    let mut dice = 0x2545_f491_4f6c_dd1d_u64 ^ count as u64;
    let mut next = || {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        alphabet[usize::try_from(dice % alphabet.len() as u64).unwrap()]
    };
    (0..count).map(|_| next()).collect()
}

fn letters(count: usize) -> String {
    random("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", count)
}

fn hex(count: usize) -> String {
    random("0123456789abcdef", count)
}

fn upper(count: usize) -> String {
    random("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", count)
}

fn digits(count: usize) -> String {
    random("0123456789", count)
}

/// A private key as a program would write it, with these line ends.
fn pem(kind: &str, line_end: &str) -> String {
    let lines: Vec<String> = (0..12).map(|n| letters(64 - usize::from(n == 11) * 9)).collect();
    format!("-----BEGIN {kind}-----{line_end}{}{line_end}-----END {kind}-----", lines.join(line_end))
}

fn tokens() -> Vec<(Rule, String)> {
    let published = "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17";
    let jwt = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0";
    vec![
        (Rule::SecretPrivateKey, pem("RSA PRIVATE KEY", "\n")),
        (Rule::SecretPrivateKey, pem("OPENSSH PRIVATE KEY", "\r\n")),
        (Rule::SecretPrivateKey, pem("PRIVATE KEY", "\\n")),
        (Rule::SecretPrivateKey, pem("PGP PRIVATE KEY BLOCK", "\n")),
        (Rule::SecretPrivateKey, format!("AGE-SECRET-{}-1{}", "KEY", upper(58))),
        (Rule::SecretPrivateKey, format!("PuTTY-User-{}-File-3: ssh-ed25519", "Key")),
        (Rule::SecretAws, format!("AKIA{}", upper(16))),
        (Rule::SecretAzure, format!("{}{}", letters(60), letters(26))),
        (Rule::SecretGithub, format!("{}_{published}", "ghp")),
        (Rule::SecretGithub, format!("github_{}_{}_{}", "pat", letters(22), letters(59))),
        (Rule::SecretGitlab, format!("{}-{}", "glpat", letters(20))),
        (Rule::SecretSlack, format!("{}-{}-{}-{}", "xoxb", digits(12), digits(13), letters(24))),
        (Rule::SecretSlack, format!("hooks.slack.{}/services/T{}/B{}/{}", "com", upper(9), upper(9), letters(24))),
        (Rule::SecretGoogle, format!("{}{}", "AIza", letters(35))),
        (Rule::SecretStripe, format!("sk_{}_{}", "live", letters(24))),
        (Rule::SecretNpm, format!("{}_{published}", "npm")),
        (Rule::SecretPypi, format!("{}-AgEIcHlwaS5vcmc{}", "pypi", letters(90))),
        (Rule::SecretJwt, format!("{jwt}.{}", letters(43))),
        (Rule::SecretToken, format!("sk-{}-api03-{}AA", "ant", letters(93))),
        (Rule::SecretToken, format!("{}_v1_{}", "dop", hex(64))),
        (Rule::SecretToken, format!("{}.{}", "hvs", letters(95))),
        (Rule::SecretToken, format!("{}.{}.{}", "SG", letters(22), letters(43))),
    ]
}

fn rules_in(content: &str) -> Vec<Rule> {
    secrets_in(content.as_bytes()).into_iter().map(|secret| secret.rule).collect()
}

fn written(rule: Rule, token: &str) -> [String; 3] {
    let field = if rule == Rule::SecretAzure { "AccountKey=" } else { "" };
    let token = if rule == Rule::SecretAzure { format!("{field}{token}==") } else { token.to_owned() };
    [format!("{{\"key\": \"{token}\"}}"), format!("key: {token}\nother: 1\n"), format!("KEY='{token}'")]
}

#[test]
fn every_format_is_found_once_in_any_surroundings() {
    for (rule, token) in tokens() {
        for content in written(rule, &token) {
            assert_eq!(rules_in(&content), [rule], "{content}");
        }
    }
}

#[test]
fn a_masked_content_has_no_secret_and_is_as_long() {
    for (rule, token) in tokens() {
        for content in written(rule, &token) {
            let secrets = secrets_in(content.as_bytes());
            let masked = masked(content.as_bytes(), &secrets);
            assert_eq!(masked.len(), content.len());
            assert_eq!(masked.iter().filter(|byte| **byte == b'\n').count(), content.matches('\n').count());
            let shown = String::from_utf8(masked).unwrap();
            assert!(!shown.contains(&token) || token.starts_with("PuTTY"), "{shown}");
        }
    }
}

#[test]
fn field_names_that_say_what_is_in_them_are_trusted_with_a_random_value() {
    let key = random("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/+", 40);
    for content in [
        format!("aws_secret_access_key = {key}\n"),
        format!("AWS_SECRET_ACCESS_KEY={key}"),
        format!("\"awsSecretAccessKey\": \"{key}\","),
    ] {
        let found = secrets_in(content.as_bytes());
        assert_eq!(found.len(), 1, "{content}");
        assert_eq!(&content[found[0].place.clone()], key);
    }
    assert_eq!(rules_in(&format!("checksum = {key}")), []);
}

#[test]
fn placeholders_examples_and_public_parts_are_let_through() {
    let no_token = format!("{}_{}", "ghp", letters(36));
    let public = pem("PUBLIC KEY", "\n");
    let certificate = pem("CERTIFICATE", "\n");
    for content in [
        "AKIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        &no_token,
        &public,
        &certificate,
        "pattern: ^-----BEGIN PRIVATE KEY-----$",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA...\n-----END RSA PRIVATE KEY-----",
        "glpat-xxxxxxxxxxxxxxxxxxxx",
        "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
        "eyJub3QiOiJhIHRva2VuIn0.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlc2lnbmF0dXJl",
        "sk_live_<your key>",
        "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "ce013625030ba8dba906f756967f9e9ca394464a",
    ] {
        assert_eq!(rules_in(content), [], "{content}");
    }
}

#[test]
fn what_is_no_text_is_left_alone() {
    let token = format!("AKIA{}", upper(16));
    assert_eq!(rules_in(&format!("\0{token}")), []);
}

#[test]
fn four_megabytes_of_near_misses_take_linear_time() {
    let mut content = "eyJ".repeat(350_000);
    content.push_str(&"-----BEGIN PRIVATE KEY-----\n".repeat(40_000));
    content.push_str(&"aws_secret_key: ".repeat(60_000));
    assert_eq!(rules_in(&content), []);
}
