//! Many hosts, a few stores, one seed: links break, updates are altered or torn, hosts restart, stores lag.
//!
//! Checked all the time: no host's head moves back, what a host shows is exactly a revision that was landed. Checked
//! at the end, after the faults stop: every host shows the newest one.

use super::{Action, Answer, Beat, Event, Subscription, UpdatePart};
use crate::{
    Moment,
    deliverer::{Order, Outcome, Work},
    delivery::{
        Delivery, MemoryDelivery, Shown,
        fixture::{Files, delta, files},
    },
};
use bytes::Bytes;
use configbus_model::{Head, Member, MemberRole, Namespace};
use configbus_proto::v1::ObjectSet;
use prost::Message as _;
use std::{collections::BTreeMap, time::Duration};

const STORES: usize = 3;
const HOSTS: usize = 8;
const STEPS: usize = 2_500;

fn url(store: usize) -> String {
    format!("http://store-{store}")
}

struct World {
    random: fastrand::Rng,
    now: Moment,
    history: Vec<Files>,
    heads: Vec<Head>,
    /// Revision each store holds; 0 for none.
    stores: [u64; STORES],
    hosts: Vec<Host>,
    faulty: bool,
}

struct Host {
    machine: Subscription,
    work: Work<MemoryDelivery>,
    stream: Option<Stream>,
    /// Events that have not arrived yet.
    events: Vec<Event>,
    seen: Option<Head>,
}

/// The store's side of a stream: one update is out at a time.
struct Stream {
    store: usize,
    holding: u64,
    refused: u64,
    outstanding: Option<u64>,
    messages: Vec<Event>,
}

fn host(number: usize, delivery: MemoryDelivery) -> Host {
    let stores: Vec<_> = (0..STORES).map(url).collect();
    let shown = delivery.shown().cloned();
    let seen = shown.as_ref().map(|shown: &Shown| shown.head.clone());
    let machine = Subscription::new(&format!("host-{number}"), &stores, None, shown, false);
    Host { machine, work: Work::new(delivery), stream: None, events: vec![Event::Wake], seen }
}

impl World {
    fn new(seed: u64) -> Self {
        let hosts = (0..HOSTS).map(|number| host(number, MemoryDelivery::default())).collect();
        let random = fastrand::Rng::with_seed(seed);
        Self {
            random,
            now: Moment::default(),
            history: Vec::new(),
            heads: Vec::new(),
            stores: [0; STORES],
            hosts,
            faulty: true,
        }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.u32(..100) < percent
    }

    fn step(&mut self) {
        self.now = self.now.after(Duration::from_millis(self.random.u64(..200)));
        if self.faulty && self.chance(10) {
            self.land();
        }
        let (store, newest) = (self.random.usize(..STORES), self.history.len() as u64);
        if self.chance(30) {
            self.stores[store] = newest;
        }
        let number = self.random.usize(..HOSTS);
        self.feed(number);
        if self.faulty {
            self.disturb(number);
        }
        self.run(number);
    }

    fn land(&mut self) {
        let mut next = self.history.last().cloned().unwrap_or_default();
        for _ in 0..=self.random.usize(..3) {
            let path = format!("d{}/e{}/f{}", self.random.u8(..3), self.random.u8(..3), self.random.u8(..4));
            let content = self.random.u16(..).to_string();
            next.extend(files([(path.as_str(), content.as_str())]));
        }
        if self.chance(20)
            && let Some(path) = next.keys().next().cloned()
        {
            next.remove(&path);
        }
        self.heads.push(delta(None, self.history.len() as u64 + 1, &next).to);
        self.history.push(next);
    }

    /// Lets the store of a host say something.
    fn feed(&mut self, number: usize) {
        let beat = self.beat(number);
        let Some(stream) = &mut self.hosts[number].stream else { return };
        let revision = self.stores[stream.store];
        let due = stream.outstanding.is_none() && revision > stream.holding.max(stream.refused);
        if due {
            stream.outstanding = Some(revision);
            let holding = stream.holding;
            let parts = self.update(holding, revision);
            if let Some(stream) = &mut self.hosts[number].stream {
                stream.messages.extend(parts);
            }
        } else {
            stream.messages.extend(beat);
        }
    }

    fn beat(&self, number: usize) -> Option<Event> {
        let store = self.hosts[number].stream.as_ref()?.store;
        let heads = |revision: u64| -> BTreeMap<_, _> {
            let head = revision.checked_sub(1).map(|place| self.heads[usize::try_from(place).unwrap()].clone());
            head.map(|head| (Namespace::main(), head)).into_iter().collect()
        };
        let member = |(store, revision): (usize, &u64)| Member {
            role: MemberRole::Store,
            id: url(store),
            incarnation: String::new(),
            url: url(store),
            heads: heads(*revision),
            subscribers: 0,
        };
        Some(Event::Beat(Beat {
            heads: heads(self.stores[store]),
            upstream_heads: heads(self.stores.into_iter().max().unwrap_or(0)),
            members: self.stores.iter().enumerate().map(member).collect(),
            upstream_connected: true,
        }))
    }

    fn update(&mut self, from: u64, to: u64) -> Vec<Event> {
        let at = |revision: u64| &self.history[usize::try_from(revision).unwrap() - 1];
        let delta = delta((from > 0).then(|| (from, at(from))), to, at(to));
        let total_bytes = delta.trees.iter().chain(&delta.blobs).map(|object| object.len() as u64).sum();
        let mut sets = vec![
            ObjectSet { trees: delta.trees.clone(), blobs: vec![] },
            ObjectSet { trees: vec![], blobs: delta.blobs.clone() },
        ];
        if self.faulty && self.random.u32(..100) < 10 {
            let all = sets.iter_mut().flat_map(|set| set.trees.iter_mut().chain(&mut set.blobs));
            if let Some(object) = all.into_iter().next() {
                let mut altered = object.to_vec();
                altered.last_mut().into_iter().for_each(|byte| *byte ^= 1);
                *object = altered.into();
            }
        }
        let part = |(part, set): (usize, ObjectSet)| {
            Event::Update(UpdatePart {
                namespace: Namespace::main(),
                to: delta.to.clone(),
                from: delta.from.clone(),
                part: u32::try_from(part).unwrap(),
                last: part == 1,
                total_bytes,
                objects: Bytes::from(zstd::bulk::compress(&set.encode_to_vec(), 1).unwrap()),
            })
        };
        let mut parts: Vec<_> = sets.into_iter().enumerate().map(part).collect();
        if self.faulty && self.random.u32(..100) < 3 {
            parts.remove(0);
        }
        parts
    }

    fn disturb(&mut self, number: usize) {
        if self.chance(3) {
            let host = &mut self.hosts[number];
            if host.stream.take().is_some() {
                host.events.push(Event::Closed("the link broke".into()));
            }
        }
        if self.chance(1) {
            let delivery = std::mem::take(&mut self.hosts[number].work.delivery);
            self.hosts[number] = host(number, delivery);
        }
    }

    /// Lets a host work through what has arrived.
    fn run(&mut self, number: usize) {
        let now = self.now;
        let host = &mut self.hosts[number];
        if let Some(stream) = &mut host.stream {
            host.events.append(&mut stream.messages);
        }
        if host.machine.wake_at().is_some_and(|wake| wake <= now.elapsed) {
            host.events.push(Event::Wake);
        }
        while !host.events.is_empty() {
            let event = host.events.remove(0);
            for action in host.machine.step(now, event) {
                perform(host, action, now, &mut self.random);
            }
        }
        self.check(number);
    }

    fn check(&mut self, number: usize) {
        let host = &mut self.hosts[number];
        let Some(shown) = host.work.delivery.shown() else {
            assert_eq!(host.seen, None);
            return;
        };
        let before = host.seen.as_ref().map(Head::position);
        assert!(Some(shown.head.position()) >= before, "the head of host {number} moved back");
        if Some(shown.head.position()) != before {
            let landed = &self.history[usize::try_from(shown.head.revision.0).unwrap() - 1];
            assert_eq!(host.work.delivery.files(), *landed);
            host.seen = Some(shown.head.clone());
        }
    }
}

fn perform(host: &mut Host, action: Action, now: Moment, random: &mut fastrand::Rng) {
    match action {
        Action::Discover(_) => unreachable!("no server is set"),
        Action::Open { store, holding } => {
            let store = (0..STORES).find(|number| url(*number) == store).unwrap();
            let holding = holding.map_or(0, |head| head.revision.0);
            host.stream = Some(Stream { store, holding, refused: 0, outstanding: None, messages: vec![] });
            if random.u32(..100) < 20 {
                host.stream = None;
                host.events.push(Event::Closed("no answer".into()));
            } else {
                host.events.push(Event::Opened);
            }
        }
        Action::Close => host.stream = None,
        Action::Greet(holding) => {
            if let Some(stream) = &mut host.stream {
                (stream.holding, stream.refused) = (holding.map_or(0, |head| head.revision.0), 0);
                stream.outstanding = None;
            }
        }
        Action::Answer(head, answer) => answered(host.stream.as_mut(), &head, &answer),
        Action::Deliver(part) => deliver(host, Order::Part(Box::new(part)), now),
        Action::Abandon => deliver(host, Order::Abandon, now),
    }
}

fn answered(stream: Option<&mut Stream>, head: &Head, answer: &Answer) {
    let Some(stream) = stream.filter(|_| *answer != Answer::Observed) else { return };
    stream.outstanding.take_if(|outstanding| *outstanding == head.revision.0);
    match answer {
        Answer::Refused(_) => stream.refused = head.revision.0,
        _ => stream.holding = stream.holding.max(head.revision.0),
    }
}

fn deliver(host: &mut Host, order: Order, now: Moment) {
    for outcome in host.work.perform(Some(order), now).outcomes {
        host.events.push(match outcome {
            Outcome::Taken => Event::Taken,
            Outcome::Delivered { to, result } => Event::Delivered { to, result },
            Outcome::Damaged(reason) => Event::Damaged(reason),
        });
    }
}

fn simulate(seed: u64) {
    fastrand::seed(seed);
    let mut world = World::new(seed);
    for _ in 0..STEPS {
        world.step();
    }
    world.faulty = false;
    world.stores = [world.history.len() as u64; STORES];
    for _ in 0..STEPS {
        world.step();
    }
    let newest = world.history.len() as u64;
    for (number, host) in world.hosts.iter().enumerate() {
        let shown = host.work.delivery.shown().map(|shown| shown.head.revision.0);
        assert_eq!(shown, Some(newest), "host {number}: {:#?}", host.machine.status());
    }
}

#[test]
fn when_faults_stop_all_hosts_converge() {
    for seed in 0..3 {
        println!("seed {seed}");
        simulate(seed);
    }
}
