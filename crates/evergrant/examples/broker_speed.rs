//! How fast a [`Broker`] gives a token from memory, by one thread and by several: `broker_speed HOME NAME...`, where
//! the connections have tokens that live on. `bench/broker` runs it; `bench/README.md` says what the figures mean.

#![expect(clippy::print_stdout, reason = "it prints a table")]
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on should stop"
)]

use std::{
    collections::HashMap,
    hint::black_box,
    path::{Path, PathBuf},
    sync::{Arc, Barrier, RwLock},
    thread,
    time::{Duration, Instant},
};

use evergrant::{
    Broker,
    broker::{Limits, Wanted},
    clock::Clock,
    connection::ConnectionName,
    vault::{Folders, UnlockedVault, master_key::KeySource},
};
use rand::{SeedableRng, rngs::StdRng};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Runtime;
use zoho_oauth::TransportConfig;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let home = PathBuf::from(arguments.next().unwrap());
    let names: Vec<ConnectionName> = arguments.map(|name| name.parse().unwrap()).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let broker = runtime.block_on(open(&home));
    let map = Map::of(&runtime, &broker, &names);

    let same = |_| ask(&runtime, &broker, &names[0]);
    let own = |thread| ask(&runtime, &broker, &names[thread % names.len()]);
    let plain = |_| map.ask(&names[0]);
    let ways: [(&str, Batch<'_>); 3] = [
        ("broker, one connection", &same),
        ("broker, a connection for each thread", &own),
        ("a map behind a lock, one connection", &plain),
    ];
    let mut measured: HashMap<(usize, usize), Measured> = HashMap::new();
    for _ in 0..ROUNDS {
        for threads in THREADS {
            for (way, (_, batch)) in ways.iter().enumerate() {
                let found = measure(threads, *batch);
                measured.entry((way, threads)).or_default().add(found);
            }
        }
    }
    print(&ways.map(|(name, _)| name), &mut measured);
}

const THREADS: [usize; 3] = [1, 2, 4];
const ROUNDS: usize = 10;
const ROUND: Duration = Duration::from_millis(300);

/// Calls between two looks at the clock, which costs a good part of a call.
const CALLS: u32 = 1000;

/// Makes [`CALLS`] calls in the thread of this number.
type Batch<'a> = &'a (dyn Fn(usize) + Sync);

async fn open(home: &Path) -> Broker {
    let folders = Folders {
        config: home.into(),
        data: home.into(),
        runtime: home.into(),
        temporary: home.into(),
    };
    let sources = [KeySource::File(folders.master_key())];
    let (clock, mut rng) = (Clock::system(), StdRng::seed_from_u64(1));
    let vault = UnlockedVault::open_or_make(&folders, &sources, &clock, &mut rng).await;
    let (transport, limits) = (TransportConfig::default(), Limits::default());
    Broker::new(vault.unwrap(), transport, limits, rng)
}

fn ask(runtime: &Runtime, broker: &Broker, name: &ConnectionName) {
    let wanted = Wanted::default();
    runtime.block_on(async {
        for _ in 0..CALLS {
            black_box(broker.token(name, &wanted).await.unwrap());
        }
    });
}

/// What a program has that keeps its tokens itself: the least that a call can cost.
struct Map(RwLock<HashMap<ConnectionName, (Arc<str>, Instant)>>);

impl Map {
    fn of(runtime: &Runtime, broker: &Broker, names: &[ConnectionName]) -> Self {
        let entry = |name: &ConnectionName| {
            let token = runtime.block_on(broker.token(name, &Wanted::default()));
            let secret = token.unwrap().access_token().expose_secret().into();
            (
                name.clone(),
                (secret, Instant::now() + Duration::from_secs(3600)),
            )
        };
        Self(RwLock::new(names.iter().map(entry).collect()))
    }

    fn ask(&self, name: &ConnectionName) {
        for _ in 0..CALLS {
            let map = self.0.read().unwrap();
            let (token, until) = &map[name];
            let alive = *until > Instant::now();
            black_box(alive.then(|| token.clone()));
        }
    }
}

#[derive(Default)]
struct Measured {
    /// Nanoseconds a call, of each batch.
    batches: Vec<f64>,
    /// Millions of calls a second, of each round.
    rates: Vec<f64>,
    /// Nanoseconds of processor time a call, of each thread in each round.
    processor: Vec<f64>,
}

impl Measured {
    fn add(&mut self, other: Self) {
        self.batches.extend(other.batches);
        self.rates.extend(other.rates);
        self.processor.extend(other.processor);
    }
}

/// Lets some threads call for a while, all at once.
fn measure(threads: usize, batch: Batch<'_>) -> Measured {
    let start = Barrier::new(threads);
    let work = |thread| {
        batch(thread);
        start.wait();
        let (begin, used) = (Instant::now(), processor_time());
        let mut batches = Vec::new();
        while begin.elapsed() < ROUND {
            let before = Instant::now();
            batch(thread);
            batches.push(nanos_a_call(before.elapsed()));
        }
        let processor = nanos_a_call(processor_time() - used) / batches.len() as f64;
        let rate = batches.len() as f64 * f64::from(CALLS) / begin.elapsed().as_secs_f64() / 1e6;
        (batches, rate, processor)
    };
    let mut measured = Measured::default();
    thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || work(thread)))
            .collect();
        let mut together = 0.0;
        for one in started {
            let (batches, rate, processor) = one.join().unwrap();
            measured.batches.extend(batches);
            measured.processor.push(processor);
            together += rate;
        }
        measured.rates.push(together);
    });
    measured
}

fn nanos_a_call(batch: Duration) -> f64 {
    batch.as_secs_f64() * 1e9 / f64::from(CALLS)
}

/// Returns how long this thread had a processor.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.try_into().unwrap()
}

fn print(names: &[&str], measured: &mut HashMap<(usize, usize), Measured>) {
    println!(
        "| | threads | ns a call, p50 | p99 | to the map | million calls a second | to one thread | CPU ns a call |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let mut figures = |way, threads| {
        let found = measured.get_mut(&(way, threads)).unwrap();
        [
            percentile(&mut found.batches, 0.5),
            percentile(&mut found.batches, 0.99),
            percentile(&mut found.rates, 0.5),
            percentile(&mut found.processor, 0.5),
        ]
    };
    for (way, name) in names.iter().enumerate() {
        let [.., alone, _] = figures(way, 1);
        for threads in THREADS {
            let [p50, p99, rate, processor] = figures(way, threads);
            let [map, ..] = figures(names.len() - 1, threads);
            let (to_map, to_one) = (p50 / map, rate / alone);
            println!(
                "| {name} | {threads} | {p50:.0} | {p99:.0} | **{to_map:.2}** | {rate:.2} | **{to_one:.2}** \
                 | {processor:.0} |"
            );
        }
    }
}

fn percentile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() as f64 * part) as usize).min(values.len() - 1)]
}
