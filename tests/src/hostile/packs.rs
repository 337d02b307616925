//! Packs made by hand: stock Git sends only what its tip needs, and nothing that grows when it is unpacked.

use crate::{git::WorkingCopy, rest::Rest};
use configbus_model::tree_id;
use std::{
    io::Write as _,
    process::{Command, Stdio},
};

/// Numbers of the kinds of objects in a pack.
const COMMIT: u8 = 1;
const TREE: u8 = 2;
const BLOB: u8 = 3;
const OFFSET_DELTA: u8 = 6;

/// One copy instruction of a delta takes at most this much.
const COPY_BYTES_MAX: usize = 0xff_ffff;

/// Size of what is sent as next to nothing; more than Git may take at once.
const ZEROS_BYTES: usize = 200 << 20;

/// What one repetition of deflate's longest match stands for.
const MATCH_BYTES: usize = 258;

/// A push whose pack no Git would make.
#[derive(Debug, Clone)]
pub struct HostilePack {
    /// Names it in messages and tables.
    pub name: &'static str,
    /// The tip it asks `main` to become.
    pub commit: String,
    /// Words of which the refusal has one.
    pub told: Vec<&'static str>,
    /// Objects that it brings beside its tip.
    pub strays: Vec<String>,
    pack: Vec<u8>,
}

impl HostilePack {
    /// Sends it as stock Git would and returns what the server says.
    pub fn push(&self, server: &str) -> String {
        let zero = "0".repeat(40);
        let command = format!("{zero} {} refs/heads/main\0 report-status side-band-64k\n", self.commit);
        let mut body = format!("{:04x}{command}0000", command.len() + 4).into_bytes();
        body.extend_from_slice(&self.pack);
        let headers = [("content-type", "application/x-git-receive-pack-request")];
        unbanded(Rest::new(server).post("/git/main.git/git-receive-pack", &headers, body).body.as_bytes())
    }
}

/// Makes all of them. Each asks for a commit that changes nothing on top of one that the server has.
pub fn all(copy: &WorkingCopy, parent: &str) -> Vec<HostilePack> {
    let commit = copy.commit_tree(parent, &copy.id(&format!("{parent}^{{tree}}")));
    let content = |commit: &str| copy.git(&["cat-file", "commit", commit]).expect_ok().stdout;
    let honest = || Pack::default().with(COMMIT, content(&commit).as_bytes());
    let of = |name: &'static str, pack: Pack, told: &[&'static str]| {
        let (commit, pack) = (commit.clone(), pack.finish());
        HostilePack { name, commit, told: told.to_vec(), strays: Vec::new(), pack }
    };
    let (token, file, folder) = (super::history::token(), copy.blob(b"x"), copy.id(&format!("{parent}^{{tree}}")));
    let link = crate::plumbing::encoded_tree(&[("120000", b"link", &file)]);
    let hidden = vec![copy.blob(token.as_bytes()), copy.object("tree", &link)];
    let hiding = honest().with(BLOB, token.as_bytes()).with(TREE, &link).with(BLOB, b"x");
    let too_large = ["unpack", "shape/", "index-pack"];
    let (deep, root) = (0..10_000).fold((Pack::default(), folder), |(pack, inner), _| {
        let tree = crate::plumbing::encoded_tree(&[("40000", &[b'd'; 250], &inner)]);
        let id = tree_id(&tree).expect("it is no attack on SHA-1").to_string();
        (pack.with(TREE, &tree), id)
    });
    // These commits need trees that no Git would send: the text of the honest one is changed.
    let rooted = |name, root: &str, pack: Pack, told: &[&'static str]| {
        let tip = content(&commit).replacen(&copy.id(&format!("{parent}^{{tree}}")), root, 1);
        HostilePack {
            commit: copy.object("commit", tip.as_bytes()),
            ..of(name, pack.with(COMMIT, tip.as_bytes()), told)
        }
    };
    let rooted_tree = |name, tree: &[u8], told: &[&'static str]| {
        let pack = Pack::default().with(BLOB, b"x").with(TREE, tree);
        rooted(name, &tree_id(tree).expect("it is no attack on SHA-1").to_string(), pack, told)
    };
    let unnamed = crate::plumbing::encoded_tree(&[("100644", b"", &file)]);
    let not_a_folder = crate::plumbing::encoded_tree(&[("40000", b"entry", &file)]);
    let refused_by_git = ["unpack", "index-pack", "missing necessary objects", "unable to migrate"];
    let mut cut = of("a pack that breaks off", honest().zeros(BLOB, 1 << 16), &["unpack", "index-pack"]);
    cut.pack.truncate(cut.pack.len() - 30);
    let mut wrong = of("a pack with another checksum", honest(), &["unpack", "index-pack"]);
    wrong.pack.last_mut().into_iter().for_each(|byte| *byte ^= 1);
    let mut many = of("a pack that announces 4 billion objects", honest(), &["unpack", "index-pack"]);
    many.pack[8..12].fill(0xff);
    vec![
        HostilePack { strays: hidden, ..of("objects that nothing refers to", hiding, &["secret/github-token"]) },
        of("a file of 200 MB in 1 MB", honest().zeros(BLOB, ZEROS_BYTES), &too_large),
        of("a directory of 200 MB in 1 MB", honest().zeros(TREE, ZEROS_BYTES), &too_large),
        of("a commit of 200 MB in 1 MB", honest().zeros(COMMIT, ZEROS_BYTES), &too_large),
        of("a file of 1 GB by a delta of 300 bytes", honest().repeated(BLOB, 64), &too_large),
        of("a directory of 1 GB by a delta of 300 bytes", honest().repeated(TREE, 64), &too_large),
        rooted("a path of 10,000 long names", &root, deep, &["shape/depth", "shape/path-length"]),
        rooted_tree("an entry without a name", &unnamed, &refused_by_git),
        rooted_tree("a directory that breaks off", b"100644 a\0too short", &refused_by_git),
        rooted_tree("a file as a directory", &not_a_folder, &refused_by_git),
        cut,
        wrong,
        many,
    ]
}

/// Joins what the server says: it comes in packets, in the midst of words, each with its length and the number of its band.
fn unbanded(mut answer: &[u8]) -> String {
    let mut said = Vec::new();
    while let Some((length, rest)) = answer.split_at_checked(4) {
        let length = std::str::from_utf8(length).ok().and_then(|hex| usize::from_str_radix(hex, 16).ok());
        let bytes = length.unwrap_or(usize::MAX).saturating_sub(4).min(rest.len());
        said.extend_from_slice(rest[..bytes].get(1..).unwrap_or_default());
        answer = &rest[bytes..];
    }
    String::from_utf8_lossy(&said).into_owned()
}

/// A pack under construction.
#[derive(Debug, Default)]
struct Pack {
    objects: u32,
    body: Vec<u8>,
}

impl Pack {
    /// Adds an object as it is.
    fn with(mut self, kind: u8, content: &[u8]) -> Self {
        self.header(kind, content.len());
        self.body.extend(stored(content));
        self
    }

    /// Adds an object of so many zeros, or a few more.
    fn zeros(mut self, kind: u8, bytes: usize) -> Self {
        let matches = bytes.div_ceil(MATCH_BYTES);
        self.header(kind, 1 + matches * MATCH_BYTES);
        self.body.extend(deflated_zeros(matches));
        self
    }

    /// Adds an object of zeros, and one that holds its content many times over.
    fn repeated(mut self, kind: u8, times: usize) -> Self {
        let (base_at, base_bytes) = (self.body.len(), 1 + (COPY_BYTES_MAX / MATCH_BYTES) * MATCH_BYTES);
        self = self.zeros(kind, base_bytes - 1);
        let mut delta = [varint(base_bytes), varint(base_bytes * times)].concat();
        let size = base_bytes.to_le_bytes();
        delta.extend([0xf0, size[0], size[1], size[2]].repeat(times));
        let back = self.body.len() - base_at;
        self.header(OFFSET_DELTA, delta.len());
        self.body.extend(offset(back));
        self.body.extend(stored(&delta));
        self
    }

    fn header(&mut self, kind: u8, size: usize) {
        self.objects += 1;
        let (mut byte, mut rest) = ((kind << 4) | (size & 0xf) as u8, size >> 4);
        while rest > 0 {
            self.body.push(byte | 0x80);
            (byte, rest) = ((rest & 0x7f) as u8, rest >> 7);
        }
        self.body.push(byte);
    }

    fn finish(self) -> Vec<u8> {
        let pack = [b"PACK\0\0\0\x02".as_slice(), &self.objects.to_be_bytes(), &self.body].concat();
        let sum = sha1(&pack);
        [pack, sum].concat()
    }
}

/// Seven bits a byte, the lowest first.
fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// How far back the base of a delta lies, in Git's own encoding.
fn offset(mut back: usize) -> Vec<u8> {
    let mut bytes = vec![(back & 0x7f) as u8];
    while back >= 0x80 {
        back = (back >> 7) - 1;
        bytes.insert(0, (back & 0x7f) as u8 | 0x80);
    }
    bytes
}

/// Content for zlib that is not compressed.
fn stored(content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x78, 0x01];
    let blocks = content.chunks(0xffff).count().max(1);
    let mut chunks = content.chunks(0xffff);
    for block in 1..=blocks {
        let chunk = chunks.next().unwrap_or_default();
        let length = (chunk.len() as u16).to_le_bytes();
        bytes.push(u8::from(block == blocks));
        bytes.extend([length[0], length[1], !length[0], !length[1]]);
        bytes.extend_from_slice(chunk);
    }
    let (a, b) = content.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    bytes.extend(((b << 16) | a).to_be_bytes());
    bytes
}

/// One zero and so many longest matches with the byte before.
fn deflated_zeros(matches: usize) -> Vec<u8> {
    let (mut bytes, mut held, mut bits) = (vec![0x78, 0x01], 0_u64, 0_u32);
    let mut put = |code: &str| {
        for bit in code.bytes() {
            held |= u64::from(bit - b'0') << bits;
            bits += 1;
            if bits == 8 {
                bytes.push(held as u8);
                (held, bits) = (0, 0);
            }
        }
    };
    // The last block, with the codes that need no table; a literal zero.
    put("110");
    put("00110000");
    (0..matches).for_each(|_| put("1100010100000"));
    put("0000000");
    put("0000000");
    let sum = ((1 + matches * MATCH_BYTES) % 65_521) as u32;
    bytes.extend(((sum << 16) | 1).to_be_bytes());
    bytes
}

fn sha1(content: &[u8]) -> Vec<u8> {
    let mut child = Command::new("sha1sum");
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("sha1sum is installed");
    child.stdin.take().expect("standard input is piped").write_all(content).expect("sha1sum reads");
    let output = child.wait_with_output().expect("sha1sum ends");
    let byte = |at: usize| std::str::from_utf8(&output.stdout[2 * at..2 * at + 2]).expect("hex is text");
    (0..20).map(|at| u8::from_str_radix(byte(at), 16).expect("hex")).collect()
}
