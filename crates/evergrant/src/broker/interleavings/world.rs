//! Four processes and what they ask for, one lease, and what must hold after each event.

use std::time::Duration;

use sqlx::{Connection, SqliteConnection};
use zoho_oauth::ErrorWord;

use super::{Answer, Event, PROCESSES};
use crate::{
    broker::{
        Limits,
        lease::{self, Asker, Lease, Look, RENEWAL, TTL, Taken, Terms, Verdict},
        ledger::{self, Ended, Moment, NewToken, RowOutcome, SealedToken},
    },
    clock::{Timestamp, Uptime},
    vault::store::run_migrations,
};

const CREDENTIAL: &[u8] = b"credential";
const LIFE: Duration = Duration::from_secs(3600);
const WANTED: Duration = Duration::from_secs(300);

/// How far a process has come.
#[derive(Debug)]
enum Stage {
    /// It wants a token, and waits for this refresh if any.
    Asks(Option<i64>),
    /// It saw that there is none and that the lease is free, a while ago.
    Reaches(Option<i64>),
    /// It has the lease and has not sent.
    Holds(Lease),
    /// Its request is out.
    Sent(Lease),
    /// It has a token, or was told why not.
    Ended,
}

struct Process {
    asker: Asker,
    stage: Stage,
    stopped: bool,
    dead: bool,
    renewed: Uptime,
}

impl Process {
    fn new(number: u128) -> Self {
        Self {
            asker: Asker::new(Some("boot".into()), number),
            stage: Stage::Asks(None),
            stopped: false,
            dead: false,
            renewed: Uptime::from_millis(0),
        }
    }

    fn runs(&self) -> bool {
        !self.stopped && !self.dead
    }

    fn lease(&self) -> Option<&Lease> {
        match &self.stage {
            Stage::Holds(lease) | Stage::Sent(lease) => Some(lease),
            Stage::Asks(_) | Stage::Reaches(_) | Stage::Ended => None,
        }
    }
}

pub(super) struct World {
    database: SqliteConnection,
    moment: Moment,
    processes: Vec<Process>,
    limits: Limits,
    /// Requests that Zoho saw.
    pub(super) requests: usize,
    /// Requests that may have been made although another was out: one for each process killed, or stopped
    /// past its lease, while it held one.
    pub(super) excused: usize,
}

impl World {
    pub(super) async fn new() -> Self {
        let mut database = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        run_migrations(&mut database).await.unwrap();
        let numbers = 0..u128::try_from(PROCESSES).unwrap();
        Self {
            database,
            moment: Moment {
                wall: Timestamp::from_millis(1_800_000_000_000),
                up: Uptime::from_millis(1_000_000),
            },
            processes: numbers.map(Process::new).collect(),
            limits: Limits {
                refreshes: 1000,
                ..Limits::default()
            },
            requests: 0,
            excused: 0,
        }
    }

    pub(super) async fn happen(&mut self, event: Event) {
        match event {
            Event::Step(process, answer) if self.processes[process].runs() => {
                self.step(process, answer).await;
            }
            Event::Step(..) => {}
            Event::Kill(process) => self.kill(process),
            Event::Stop(process) => {
                let process = &mut self.processes[process];
                process.stopped = !process.stopped;
            }
            Event::Pass(millis) => self.pass(Duration::from_millis(millis)).await,
            Event::SetTime(seconds) => {
                let millis = self.moment.wall.as_millis() + seconds * 1000;
                self.moment.wall = Timestamp::from_millis(millis);
            }
            Event::Expire => {
                let sql = "UPDATE refreshes SET refused_ms = 1 WHERE outcome = 'granted'";
                sqlx::query(sql).execute(&mut self.database).await.unwrap();
                self.ask_again();
            }
        }
    }

    /// Whoever has ended asks again.
    fn ask_again(&mut self) {
        for process in &mut self.processes {
            if matches!(process.stage, Stage::Ended) {
                process.stage = Stage::Asks(None);
            }
        }
    }

    fn kill(&mut self, process: usize) {
        let killed = &mut self.processes[process];
        if killed.lease().is_some() && !killed.dead {
            self.excused += 1;
        }
        killed.dead = true;
    }

    /// Lets time pass; who holds a lease and runs renews it.
    async fn pass(&mut self, mut time: Duration) {
        while !time.is_zero() {
            let part = time.min(RENEWAL);
            time -= part;
            self.moment.wall = self.moment.wall.plus(part);
            self.moment.up = self.moment.up.plus(part);
            for process in self.processes.iter_mut().filter(|process| process.runs()) {
                let (Stage::Holds(lease) | Stage::Sent(lease)) = &mut process.stage else {
                    continue;
                };
                let up = self.moment.up;
                let renewed =
                    lease::renew(&mut self.database, CREDENTIAL, &process.asker, lease, up).await;
                if renewed.unwrap() {
                    process.renewed = up;
                }
            }
        }
    }

    async fn step(&mut self, number: usize, answer: Answer) {
        let stage = std::mem::replace(&mut self.processes[number].stage, Stage::Ended);
        let next = match stage {
            Stage::Asks(awaited) => self.ask(number, awaited).await,
            Stage::Reaches(awaited) => self.take(number, awaited).await,
            Stage::Holds(lease) if lease.is_sure(self.moment.up) => {
                self.requests += 1;
                self.check_that_nobody_else_may_send(number);
                Stage::Sent(lease)
            }
            Stage::Holds(lease) => {
                let ended = not_sent();
                self.settle(number, &lease, ended, Verdict::AsBefore).await;
                Stage::Asks(None)
            }
            Stage::Sent(lease) => {
                self.hear(number, &lease, answer).await;
                Stage::Ended
            }
            Stage::Ended => Stage::Ended,
        };
        self.processes[number].stage = next;
    }

    async fn ask(&mut self, number: usize, awaited: Option<i64>) -> Stage {
        let (asker, moment) = (self.processes[number].asker.clone(), self.moment);
        let boot = asker.boot.as_deref();
        let best = ledger::best(&mut self.database, CREDENTIAL, boot, &moment)
            .await
            .unwrap();
        let result = |token: &SealedToken| awaited.is_some_and(|epoch| token.epoch >= epoch);
        if best.is_some_and(|token| will_do(&token, &moment) || result(&token)) {
            return Stage::Ended;
        }
        let looked = lease::look(&mut self.database, CREDENTIAL, &asker, &moment)
            .await
            .unwrap();
        match looked {
            Look::Held { epoch } => Stage::Asks(Some(epoch)),
            // It is told the failure of whoever closed it.
            Look::Closed(_) => Stage::Ended,
            Look::Free | Look::RanOut => Stage::Reaches(awaited),
        }
    }

    async fn take(&mut self, number: usize, awaited: Option<i64>) -> Stage {
        let (asker, moment) = (self.processes[number].asker.clone(), self.moment);
        let terms = Terms {
            limits: &self.limits,
            allowed: self.limits.refreshes,
            will_do: &|token| will_do(token, &moment),
        };
        let taken = lease::take(&mut self.database, CREDENTIAL, &asker, &terms, &moment).await;
        match taken.unwrap() {
            Taken::Lease(lease) => {
                self.check_that_it_was_free(number);
                self.processes[number].renewed = moment.up;
                Stage::Holds(lease)
            }
            Taken::Fresh | Taken::Held => Stage::Asks(awaited),
            Taken::Closed(_) => Stage::Ended,
            Taken::Full(_) => unreachable!("the limit is far"),
        }
    }

    /// Who else has a lease must be dead, or was stopped for longer than it holds: that excuses one
    /// request more.
    fn check_that_it_was_free(&mut self, taker: usize) {
        for (number, other) in self.processes.iter().enumerate() {
            if number != taker && other.lease().is_some() && !other.dead {
                let lapsed = self.moment.up > other.renewed.plus(TTL);
                assert!(lapsed, "process {number} still has it");
                self.excused += 1;
            }
        }
    }

    /// Whoever sends does it under a lease that holds.
    fn check_that_nobody_else_may_send(&self, sender: usize) {
        for (number, other) in self.processes.iter().enumerate() {
            let holds = self.moment.up <= other.renewed.plus(TTL);
            let may_send = number != sender && other.lease().is_some() && holds;
            assert!(!may_send, "process {number} has the lease");
        }
    }

    async fn hear(&mut self, number: usize, lease: &Lease, answer: Answer) {
        let (ended, verdict) = match answer {
            Answer::Grants => (granted(lease), Verdict::Well),
            Answer::GrantsAndTheReplyIsLost | Answer::Fails => (
                ended(RowOutcome::Unknown),
                Verdict::ClosedFor(Duration::from_secs(5)),
            ),
            Answer::RefusesTheToken => {
                let refused = RowOutcome::Refused(ErrorWord::InvalidCode);
                (ended(refused), Verdict::ClosedFor(Duration::from_secs(60)))
            }
        };
        self.settle(number, lease, ended, verdict).await;
    }

    async fn settle(&mut self, number: usize, lease: &Lease, ended: Ended, verdict: Verdict) {
        let before = self.owner().await;
        let (asker, moment) = (self.processes[number].asker.clone(), self.moment);
        let ours = lease::settle(
            &mut self.database,
            CREDENTIAL,
            &asker,
            lease,
            &ended,
            verdict,
            &moment,
        );
        let ours = ours.await.unwrap();
        let after = self.owner().await;
        if before.as_deref() == Some(asker.owner.as_str()) {
            assert!(ours && after.is_none(), "a lease of one's own is freed");
        } else {
            assert!(
                !ours && before == after,
                "a lease of another's is left alone"
            );
        }
    }

    async fn owner(&mut self) -> Option<String> {
        let query = sqlx::query_scalar("SELECT owner FROM leases");
        let owner: Option<Option<String>> = query.fetch_optional(&mut self.database).await.unwrap();
        owner.flatten()
    }

    /// The token that is given is the one that lives longest by the clock that nobody can set; only while
    /// the time of day makes that one look dead, it is another.
    pub(super) async fn check_the_token(&mut self) {
        let boot = Some("boot");
        let best = ledger::best(&mut self.database, CREDENTIAL, boot, &self.moment)
            .await
            .unwrap();
        let Some(given) = best else { return };
        let sql = "SELECT max(expires_uptime_ms) FROM refreshes
                   WHERE outcome = 'granted' AND refused_ms IS NULL AND expires_ms > $1";
        let query = sqlx::query_scalar(sql).bind(self.moment.wall);
        let longest: Option<Uptime> = query.fetch_one(&mut self.database).await.unwrap();
        assert_eq!(given.expires_up, longest);
        assert!(
            given.left(&self.moment) <= LIFE,
            "no clock makes it live longer than it does"
        );
    }

    /// From here on nobody is killed or stopped and Zoho grants: everybody comes to an end.
    pub(super) async fn calm_down(&mut self) {
        self.ask_again();
        for process in &mut self.processes {
            process.stopped = false;
        }
        for _ in 0..300 {
            for number in 0..PROCESSES {
                if self.processes[number].runs() {
                    self.step(number, Answer::Grants).await;
                }
            }
            self.pass(Duration::from_millis(500)).await;
        }
        for (number, process) in self.processes.iter().enumerate() {
            let left_behind = process.runs() && !matches!(process.stage, Stage::Ended);
            assert!(
                !left_behind,
                "process {number} still waits: {:?}",
                process.stage
            );
        }
    }
}

fn will_do(token: &SealedToken, moment: &Moment) -> bool {
    token.left(moment) >= WANTED
}

fn ended(outcome: RowOutcome) -> Ended {
    Ended {
        outcome,
        token: None,
        skew: None,
    }
}

fn granted(lease: &Lease) -> Ended {
    Ended {
        outcome: RowOutcome::Granted,
        token: Some(NewToken {
            sealed: b"sealed".to_vec(),
            fingerprint: lease.epoch.to_be_bytes().to_vec(),
            expires_at: lease.started.wall.plus(LIFE),
            expires_up: lease.started.up.plus(LIFE),
        }),
        skew: None,
    }
}

fn not_sent() -> Ended {
    ended(RowOutcome::NotSent)
}
