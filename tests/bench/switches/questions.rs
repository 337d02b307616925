//! How many questions an agent answers, over connections that stay open, with the processor time that it takes for them.

use super::FLAGS;
use crate::{stats::Samples, stats::ms, table::Table, usage};
use anyhow::{Context as _, ensure};
use configbus_tests::{
    cluster::Cluster,
    ofrep::{BULK, JSON, question},
    rest::Rest,
};
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

/// Programs that ask at the same time.
const PROGRAMS: usize = 4;

/// Largest part of an answer that is read at once.
const PART_BYTES: usize = 64 * 1024;

pub(super) fn run(cluster: &mut Cluster, seconds: u64) -> anyhow::Result<()> {
    let (url, pid) = (cluster.agent.url().to_owned(), cluster.agent.process().pid());
    let address = url.strip_prefix("http://").context("the agent listens without TLS")?;
    let etag = Rest::new(&url).post(BULK, &[JSON], question("ada")).header("etag").to_owned();
    let all = format!("all {FLAGS} flags");
    let asked = [
        ("one flag", format!("{BULK}/flag_7"), String::new(), 200),
        (all.as_str(), BULK.to_owned(), String::new(), 200),
        ("all, If-None-Match, nothing new", BULK.to_owned(), format!("If-None-Match: {etag}\r\n"), 304),
    ];
    let header = ["", "requests/s", "p50 ms", "p99 ms", "agent's CPU µs each", "requests/s per core"];
    let mut table = Table::new(format!("OFREP, {PROGRAMS} programs at once, {seconds} s each"), header);
    for (name, path, validator, status) in asked {
        let body = question("ada");
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n{validator}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let (started, before) = (Instant::now(), usage::cpu(pid)?);
        let samples = load(address, &request, status, Duration::from_secs(seconds))?;
        let (took, cpu) = (started.elapsed().as_secs_f64(), (usage::cpu(pid)? - before).as_secs_f64());
        let count = samples.len() as f64;
        table.row(
            name,
            [
                format!("{:.0}", count / took),
                ms(samples.p50()),
                ms(samples.p99()),
                format!("{:.1}", cpu / count * 1e6),
                format!("{:.0}", count / cpu.max(f64::EPSILON)),
            ],
        );
    }
    table.print();
    Ok(())
}

fn load(address: &str, request: &str, status: u16, time: Duration) -> anyhow::Result<Samples> {
    let end = Instant::now() + time;
    let program = || -> anyhow::Result<Samples> {
        let (mut connection, mut samples) = (Connection::open(address)?, Samples::default());
        while Instant::now() < end {
            let found = samples.time(|| connection.ask(request.as_bytes()))?;
            ensure!(found == status, "the agent answers {found}");
        }
        Ok(samples)
    };
    thread::scope(|scope| {
        let programs: Vec<_> = (0..PROGRAMS).map(|_| scope.spawn(program)).collect();
        let mut all = Samples::default();
        for program in programs {
            all.extend(&program.join().expect("a program does not panic")?);
        }
        Ok(all)
    })
}

/// As little of a client as there can be: what it costs is not what is measured.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    fn open(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; PART_BYTES] })
    }

    /// Asks, takes the whole answer and returns its status.
    fn ask(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request)?;
        let mut filled = 0;
        let head = loop {
            filled += self.read(filled)?;
            if let Some(end) = self.buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
        };
        let told = std::str::from_utf8(&self.buffer[..head])?;
        let status = told.split(' ').nth(1).context("no status")?.parse()?;
        let length = told.lines().filter_map(|line| line.split_once(':'));
        let length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length")).map(|(_, value)| value);
        let length: usize = { length }.next_back().map_or(Ok(0), |value| value.trim().parse())?;
        // An answer without content may say how long it would be.
        let mut rest = if status == 304 { 0 } else { (head + 4 + length).saturating_sub(filled) };
        while rest > 0 {
            rest = rest.saturating_sub(self.read(0)?);
        }
        Ok(status)
    }

    fn read(&mut self, from: usize) -> anyhow::Result<usize> {
        let count = self.stream.read(&mut self.buffer[from..])?;
        ensure!(count > 0, "the agent closed the connection");
        Ok(count)
    }
}
