//! Names of everything the gate refuses. Stable: scripts, metrics and SARIF consumers key on them.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::fmt;

macro_rules! rules {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $help:literal;)*) => {
        /// What a finding violates.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $(#[doc = $help] $variant,)*
        }

        impl Rule {
            /// Every rule of this release.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the name, as in `json/duplicate-key`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Returns one sentence for people who meet the rule for the first time.
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => $help,)* }
            }
        }
    };
}

rules! {
    Symlink = "shape/symlink", "Symbolic links are not delivered to hosts.";
    Submodule = "shape/submodule", "Submodules are not delivered to hosts.";
    Mode = "shape/mode", "Entries are plain files, executable files or directories.";
    Name = "shape/name", "Names are UTF-8 in normal form C, without control characters, and none is '.', '..' or '.git'.";
    Twins = "shape/twins", "Names in one directory differ by more than case and Unicode composition.";
    Depth = "shape/depth", "Paths have a bounded number of components.";
    PathLength = "shape/path-length", "Paths and their components have a bounded length.";
    DirectoryWidth = "shape/directory-width", "Directories have a bounded number of entries.";
    FileSize = "shape/file-size", "Files have a bounded size.";
    Unreadable = "shape/unreadable", "Every entry can be read.";
    UnsupportedPolicy = "policy/unsupported", "Policy this release does not know is refused, never ignored.";
    MountsReserved = "mounts/reserved", "What is mounted where is changed by the bus alone.";
    MountsOccupied = "mounts/occupied", "Paths where a namespace is mounted hold its files and no others.";
    PolicySize = "policy/size", "Policy files have a bounded size and number of entries.";
    PolicyInvalid = "policy/invalid", "Policy files say only what they can mean.";
    OwnersPattern = "owners/pattern", "Patterns of owners are those of CODEOWNERS.";
    OwnersName = "owners/name", "Owners and members are named as principals, @teams and, in teams, group:names.";
    UnknownTeam = "owners/unknown-team", "Teams that own files or are part of others are in teams.yaml.";
    TeamCycle = "owners/team-cycle", "No team includes itself.";
    NobodyOwns = "owners/nobody", "Of the owners of a file there is at least one.";
    NotOwner = "owners/denied", "Files that have owners are changed by them, policy by admins or its owners.";
    NotWriter = "owners/role", "Files are changed by principals with the role writer or admin in the namespace.";
    Utf8 = "text/utf-8", "Documents are UTF-8.";
    ByteOrderMark = "text/byte-order-mark", "Documents start without a byte order mark.";
    JsonSyntax = "json/syntax", "JSON files are RFC 8259.";
    JsonDuplicateKey = "json/duplicate-key", "Keys of one JSON object differ.";
    JsonNumber = "json/number", "JSON integers fit 64 bits and floats are finite.";
    JsonDepth = "json/depth", "JSON is nested to a bounded depth.";
    YamlSyntax = "yaml/syntax", "YAML files are YAML 1.2.";
    YamlDuplicateKey = "yaml/duplicate-key", "Keys of one YAML mapping differ.";
    YamlNumber = "yaml/number", "YAML integers fit 64 bits, and other numbers are finite.";
    YamlAmbiguous = "yaml/ambiguous", "Values of YAML are the same to all readers.";
    YamlDepth = "yaml/depth", "YAML is nested to a bounded depth.";
    YamlAliases = "yaml/aliases", "YAML has a bounded number of aliases, anchors and merge keys, and of what aliases bring in.";
    YamlSize = "yaml/size", "YAML has a bounded number of values and documents.";
    TomlSyntax = "toml/syntax", "TOML files are TOML 1.";
    TomlDuplicateKey = "toml/duplicate-key", "Keys of one TOML table differ.";
    TomlNumber = "toml/number", "TOML integers fit 64 bits, and other numbers are finite.";
    TomlDepth = "toml/depth", "TOML is nested to a bounded depth.";
    XmlSyntax = "xml/syntax", "XML files are well-formed.";
    XmlDtd = "xml/dtd", "XML files have no document type declaration.";
    XmlDepth = "xml/depth", "XML is nested to a bounded depth.";
    CsvSyntax = "csv/syntax", "CSV files are RFC 4180 with commas.";
    SchemaMissing = "schema/missing", "Every schema that schemas.yaml names exists.";
    SchemaSyntax = "schema/syntax", "Schemas are JSON.";
    SchemaInvalid = "schema/invalid", "Schemas are valid by the schema of their draft, 4 to 2020-12.";
    SchemaReference = "schema/reference", "References of schemas lead to schemas of the same repository.";
    SchemaSize = "schema/size", "Schemas have a bounded size, number of references, of parts and of patterns.";
    SchemaCompatibility = "schema/compatibility", "A changed schema keeps the compatibility that schemas.yaml promises.";
    SchemaPatternSize = "schema/pattern-size", "Patterns of schemas have a bounded size when they are compiled.";
    SchemaCost = "schema/cost", "Checking a document against its schema, and all of a change, takes a bounded time.";
    SchemaPatternCost = "schema/pattern-cost", "Patterns of schemas that backtrack take a bounded number of steps.";
    SchemaType = "schema/type", "Values have the type their schema asks for.";
    SchemaEnum = "schema/enum", "Values are among those their schema lists.";
    SchemaConst = "schema/const", "Values are the one their schema asks for.";
    SchemaRequired = "schema/required", "Members that a schema requires are there.";
    SchemaAdditional = "schema/additional", "Members that a schema does not provide for are not there.";
    SchemaPattern = "schema/pattern", "Texts match the pattern of their schema.";
    SchemaFormat = "schema/format", "Texts are in the format of their schema, where schemas.yaml asks for formats.";
    SchemaRange = "schema/range", "Numbers are in the range of their schema.";
    SchemaLength = "schema/length", "Texts have the length their schema asks for.";
    SchemaItems = "schema/items", "Lists hold as many and such items as their schema asks for.";
    SchemaMembers = "schema/members", "Objects have as many and such members as their schema asks for.";
    SchemaNoMatch = "schema/no-match", "Values are of a form that their schema allows.";
    SwitchInvalid = "switch/invalid", "Files of switches say only what they can mean.";
    SwitchTest = "switch/test", "The inline tests of a feature hold.";
    CsvFieldCount = "csv/field-count", "Records of one CSV file have the same number of fields.";
    SecretPrivateKey = "secret/private-key", "Private keys stay out: every host gets every file.";
    SecretAws = "secret/aws-key", "Keys of AWS stay out: every host gets every file.";
    SecretAzure = "secret/azure-key", "Keys of Azure stay out: every host gets every file.";
    SecretGithub = "secret/github-token", "Tokens of GitHub stay out: every host gets every file.";
    SecretGitlab = "secret/gitlab-token", "Tokens of GitLab stay out: every host gets every file.";
    SecretGoogle = "secret/google-key", "Keys of Google stay out: every host gets every file.";
    SecretJwt = "secret/json-web-token", "Signed JSON Web Tokens stay out: every host gets every file.";
    SecretNpm = "secret/npm-token", "Tokens of npm stay out: every host gets every file.";
    SecretPypi = "secret/pypi-token", "Tokens of PyPI stay out: every host gets every file.";
    SecretSlack = "secret/slack-token", "Tokens and webhooks of Slack stay out: every host gets every file.";
    SecretStripe = "secret/stripe-key", "Live keys of Stripe stay out: every host gets every file.";
    SecretToken = "secret/service-token", "Access tokens of services stay out: every host gets every file.";
    RuleExpression = "rule/expression", "Rules are CEL expressions over self, old, path, author, groups, teams and now.";
    RuleBroken = "rule/broken", "Files keep the rules of .configbus/rules.yaml.";
    RuleError = "rule/error", "A rule that gives no answer, or neither true nor false, refuses.";
    RuleLimit = "rule/limit", "Rules are evaluated within a bounded time and memory.";
    ValidatorRefused = "validator/refused", "Validators of the installation accept the candidate.";
    ValidatorFailed = "validator/failed", "A validator that cannot give an answer refuses.";
    ValidatorLimit = "validator/limit", "Validators answer within their time, output and files.";
    DocumentValues = "limit/document-values", "Documents have a bounded number of values.";
    NumberLength = "limit/number-length", "Numbers of documents have a bounded length.";
    ChangedFiles = "limit/changed-files", "One change touches a bounded number of files.";
    TreeFiles = "limit/tree-files", "A tree that has to be looked through has a bounded number of files.";
    PushObjects = "limit/push-objects", "One push brings a bounded number of objects.";
    CheckFailed = "gate/check-failed", "A check that cannot finish refuses.";
}

impl Rule {
    /// Returns whether it is about who asks, not about what is proposed.
    pub const fn is_denial(self) -> bool {
        matches!(self, Self::NotOwner | Self::NotWriter)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known = Self::ALL.iter().copied().find(|rule| rule.as_str() == name);
        known.ok_or_else(|| D::Error::custom(format_args!("{name:?} is not a rule of the gate")))
    }
}
