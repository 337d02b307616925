use super::*;

/// Translates for `ads` and returns what comes of it.
fn translated(tree: &[(&str, &str)]) -> PartOutcome {
    let prefix = ConfigPath::parse("ads").unwrap();
    let files: Vec<String> = tree.iter().filter_map(|(path, _)| path.strip_prefix("ads/")).map(str::to_owned).collect();
    let read = |path: &str| {
        let content = tree.iter().find(|(known, _)| *known == path).map(|(_, content)| (*content).to_owned());
        content.map(|content| found(content.into())).transpose()
    };
    translate(&Part { prefix: &prefix, files: &files, read: &read }, &GateSettings::default()).unwrap()
}

fn policy(tree: &[(&str, &str)]) -> PartPolicy {
    match translated(tree) {
        PartOutcome::Translated(policy) => policy,
        other => panic!("{other:#?}"),
    }
}

fn text<'p>(policy: &'p PartPolicy, path: &str) -> &'p str {
    policy.files.get(path).map_or("", |content| std::str::from_utf8(content).unwrap())
}

/// Where and why a translation is refused.
fn refused(tree: &[(&str, &str)]) -> Vec<String> {
    match translated(tree) {
        PartOutcome::Untranslatable(list) => {
            list.iter().map(|it| format!("{}:{:?}: {}", it.file, it.line, it.reason)).collect()
        }
        other => panic!("{other:#?}"),
    }
}

#[test]
fn without_a_policy_there_is_none() {
    assert_eq!(policy(&[("ads/a.json", "1"), ("b.json", "2")]), PartPolicy::default());
}

#[test]
fn owners_keep_their_order_and_lines_about_others_go() {
    let owners = "# everything\n* @core\n/search/** eve\n/ads/** ann @ads # theirs\n*.md\n.configbus @core\n";
    let policy = policy(&[
        (".configbus/owners", owners),
        (".configbus/teams.yaml", "core: [root]\nads: [bob]\n"),
        ("ads/a.json", "1"),
        ("ads/x/README.md", ""),
    ]);
    assert_eq!(text(&policy, OWNERS), "** @core\n** ann @ads # theirs\n*.md\n.configbus @core\n");
    assert_eq!(text(&policy, TEAMS), "core: [root]\nads: [bob]\n");
    assert_eq!(policy.dropped, 1);
}

#[test]
fn schemas_move_or_are_copied_with_all_they_are_made_of_and_keep_their_owners() {
    let policy = policy(&[
        (
            ".configbus/schemas.yaml",
            "- {files: '/ads/*.json', schema: ads/s/own.json, compatibility: full}\n\
             - {files: '*.toml', schema: schemas/all.json}\n- {files: '/web/**', schema: schemas/web.json}\n",
        ),
        (".configbus/owners", "/schemas/** carol\n"),
        ("ads/s/own.json", r#"{"$ref": "part.json"}"#),
        ("ads/s/part.json", "{}"),
        ("schemas/all.json", r##"{"properties": {"a": {"$ref": "base/number.json#/x"}}}"##),
        ("schemas/base/number.json", r#"{"x": {"type": "number"}}"#),
        ("schemas/web.json", "{}"),
        ("ads/a.json", "1"),
        ("ads/b.toml", ""),
    ]);
    let expected = "- {\"compatibility\":\"full\",\"files\":\"/*.json\",\"schema\":\"s/own.json\"}\n\
                    - {\"files\":\"*.toml\",\"schema\":\"schemas/all.json\"}\n";
    assert_eq!(text(&policy, SCHEMAS), expected);
    let copied: Vec<_> = policy.copied.keys().map(String::as_str).collect();
    assert_eq!(copied, ["schemas/all.json", "schemas/base/number.json"]);
    assert_eq!(text(&policy, OWNERS), "/schemas/all.json carol\n/schemas/base/number.json carol\n");
}

#[test]
fn schemas_that_would_lead_elsewhere_or_stand_in_the_way_are_listed() {
    let entry = "- {files: '*.json', schema: schemas/all.json}\n";
    let taken =
        refused(&[(".configbus/schemas.yaml", entry), ("schemas/all.json", "{}"), ("ads/schemas/all.json", "{}")]);
    assert!(
        taken[0].contains("schemas/all.json:None: it stands outside ads and would be copied to where"),
        "{taken:?}"
    );
    let across = refused(&[
        (".configbus/schemas.yaml", "- {files: '*.json', schema: ads/own.json}\n"),
        ("ads/own.json", r#"{"$ref": "/ads/part.json"}"#),
        ("ads/part.json", "{}"),
    ]);
    assert!(across[0].starts_with("ads/own.json:None: "), "{across:?}");
}

#[test]
fn rules_are_rewritten_and_those_that_ask_for_the_path_are_listed() {
    let rules = "- {files: ['*.json', /web/**], rule: self.path != '', message: m}\n\
                 - {files: /ads/**, rule: 'size(self) < 9', message: small, on_delete: true}\n";
    let policy = policy(&[(".configbus/rules.yaml", rules), ("ads/a.json", "1")]);
    let expected = "- {\"files\":[\"*.json\"],\"message\":\"m\",\"rule\":\"self.path != ''\"}\n\
                    - {\"files\":[\"**\"],\"message\":\"small\",\"on_delete\":true,\"rule\":\"size(self) < 9\"}\n";
    assert_eq!(text(&policy, super::super::RULES), expected);
    let asking = "- {files: /web/**, rule: 'path != \"\"', message: m}\n- files: '*.json'\n  rule: path.endsWith('x')\n  message: m\n";
    let told = refused(&[(".configbus/rules.yaml", asking), ("ads/a.json", "1")]);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with(".configbus/rules.yaml:Some(2): the rule asks for `path`"), "{told:?}");
}

#[test]
fn secrets_that_may_stay_may_stay() {
    let allow = "- {files: /ads/keys/**, rule: secret/private-key, reason: fixture}\n\
                 - {files: /web/**, rule: secret/aws-key, reason: x}\n";
    let policy = policy(&[(".configbus/allow.yaml", allow), ("ads/keys/a.pem", "1")]);
    let expected = "- {\"files\":\"/keys/**\",\"reason\":\"fixture\",\"rule\":\"secret/private-key\"}\n";
    assert_eq!(text(&policy, ALLOW), expected);
}

#[test]
fn what_was_no_switch_does_not_become_one() {
    let policy_of = |files: &[(&str, &str)]| text(&policy(files), SWITCHES).to_owned();
    assert_eq!(policy_of(&[("ads/decider.yml", ""), ("ads/a.json", "")]), "");
    assert_eq!(policy_of(&[("ads/flags/mine.txt", "")]), "flags: []\n");
    let named =
        policy_of(&[(".configbus/switches.yaml", "flags: '/ads/**/*.flags.json'\n"), ("ads/x/a.flags.json", "")]);
    assert_eq!(named, "flags: [\"**/*.flags.json\"]\n".replace("**/*", "*"));
}

#[test]
fn switches_whose_name_would_change_are_told() {
    let tree = [(".configbus/switches.yaml", "features: '*/features/**'\n"), ("ads/features/cart.yaml", "")];
    let PartOutcome::Differs(differences, 1) = translated(&tree) else { panic!("{:#?}", translated(&tree)) };
    let told = &differences[0];
    assert_eq!((told.path.as_str(), told.what), ("ads/features/cart.yaml", "switch"));
    assert_eq!((told.before.as_str(), told.after.as_str()), ("features ads/features/cart", "features cart"));
}

#[test]
fn files_that_would_become_policy_are_refused() {
    let told = refused(&[("ads/.configbus/owners", "")]);
    assert_eq!(
        told,
        ["ads/.configbus/owners:None: it would become policy of the new namespace; move it elsewhere first"]
    );
}
