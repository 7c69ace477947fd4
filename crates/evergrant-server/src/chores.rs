//! What is done beside answering: what the audit and the callers' rows are told, escrow, bounds on memory. None of
//! it holds up a request, and none of it ends the server when it fails.

use std::{collections::HashMap, sync::Arc, time::Duration};

use evergrant::{
    caller,
    clock::Timestamp,
    connection::ConnectionName,
    exchange::{self, Fate, RecoverError, Recovered},
    vault::VaultError,
};
use rand::{SeedableRng, rngs::StdRng};
use tokio::time::{MissedTickBehavior, interval};

use crate::state::State;

/// How often the audit is told of hand-outs.
const OFTEN: Duration = Duration::from_secs(1);

/// How often the rest is done, by the vault's clock.
const MINUTE: Duration = Duration::from_secs(60);

/// How often it is said that the vault goes on refusing the same.
const SAID_AGAIN: Duration = Duration::from_secs(300);

/// Does all of it for as long as the server runs.
pub(crate) async fn go_on(state: Arc<State>) {
    let mut looks = interval(OFTEN);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut chores = Chores::default();
    let mut last = None::<Timestamp>;
    loop {
        looks.tick().await;
        let told = state.hand_outs.tell(state.broker.vault()).await;
        let now = state.now();
        chores.said.report("hand-outs", told, now);
        if last.is_none_or(|last| now < last || last.until(now) >= MINUTE) {
            last = Some(now);
            chores.of_a_minute(&state).await;
        }
    }
}

/// Tells the vault what it does not know yet, before the end.
pub(crate) async fn finish(state: &State) {
    let (vault, now) = (state.broker.vault(), state.now());
    let mut said = Said::default();
    said.report("hand-outs", state.hand_outs.tell(vault).await, now);
    said.report("denied requests", state.denials.tell(vault).await, now);
    let uses = Chores::default().note_uses(state).await;
    said.report("last uses", uses, now);
}

#[derive(Default)]
struct Chores {
    /// The last use of each caller, by its row, as the vault has it.
    noted: HashMap<String, Timestamp>,
    said: Said,
}

/// What was said of a vault that cannot be told, and when: it is said again every few minutes only.
#[derive(Default)]
struct Said(HashMap<&'static str, Timestamp>);

impl Chores {
    async fn of_a_minute(&mut self, state: &State) {
        let now = state.now();
        self.said.report("escrow", recover(state).await, now);
        let uses = self.note_uses(state).await;
        self.said.report("last uses", uses, now);
        let denied = state.denials.tell(state.broker.vault()).await;
        self.said.report("denied requests", denied, now);
        state.failures.forget();
    }

    async fn note_uses(&mut self, state: &State) -> Result<(), VaultError> {
        let mut used: HashMap<String, Timestamp> = HashMap::new();
        for (grant, usage) in state.callers().all() {
            if let Some(at) = usage.last_used() {
                let last = used.entry(grant.caller.id.clone()).or_insert(at);
                *last = at.max(*last);
            }
        }
        used.retain(|id, at| self.noted.get(id) != Some(at));
        if !used.is_empty() {
            let rows: Vec<_> = used.iter().map(|(id, at)| (id.clone(), *at)).collect();
            caller::note_used(state.broker.vault(), &rows).await?;
            self.noted.extend(used);
        }
        Ok(())
    }
}

/// Brings home what exchanges have left in escrow.
async fn recover(state: &State) -> Result<(), VaultError> {
    let mut rng = StdRng::from_rng(&mut rand::rng());
    match exchange::recover(state.broker.vault(), &mut rng).await {
        Ok(recovered) => {
            for one in &recovered {
                tell(state, one).await;
            }
            state.metrics.recovered(&recovered);
        }
        Err(RecoverError::Vault(error)) => return Err(error),
        Err(error) => tracing::warn!(%error, "the escrow could not be gone through"),
    }
    Ok(())
}

async fn tell(state: &State, recovered: &Recovered) {
    let id = recovered.waiting.id.to_string();
    match &recovered.fate {
        Fate::Kept(kept) => {
            let connection = kept.name.as_ref().map(ConnectionName::as_str);
            let vault = state.broker.vault().vault();
            let caller = exchange::begun_by(vault, recovered.waiting.id).await;
            match (connection, caller.ok().flatten()) {
                (Some(connection), Some(caller)) => tracing::warn!(
                    id,
                    connection,
                    %caller,
                    "an exchange that had broken off is finished; its caller gets a handle by the same code within ten \
                     minutes, or by `evergrant callers connect {caller} --connection {connection}`"
                ),
                _ => tracing::info!(
                    id,
                    connection,
                    "an exchange that had broken off is finished"
                ),
            }
        }
        Fate::Unknown => {
            tracing::debug!(id, "of an exchange nobody knows what became of its grant")
        }
        Fate::Stays(error) => {
            tracing::warn!(id, %error, "an escrow record cannot be finished, and stays")
        }
        fate => tracing::info!(
            id,
            outcome = word(fate),
            "an exchange that had broken off is settled"
        ),
    }
}

/// Returns what became of a record, in one word.
pub(crate) fn word(fate: &Fate) -> &'static str {
    match fate {
        Fate::Kept(_) => "kept",
        Fate::Settled => "settled",
        Fate::Unsent | Fate::UnsentAfterLost => "unsent",
        Fate::Unknown => "unknown",
        Fate::Refused(_) => "refused",
        _ => "stays",
    }
}

impl Said {
    fn report(&mut self, what: &'static str, outcome: Result<(), VaultError>, now: Timestamp) {
        match outcome {
            Ok(()) => {
                self.0.remove(what);
            }
            Err(error) if self.is_news(what, now) => {
                tracing::warn!(%error, what, "the vault could not be told; trying again");
            }
            Err(_) => {}
        }
    }

    fn is_news(&mut self, what: &'static str, now: Timestamp) -> bool {
        let is_news =
            (self.0.get(what)).is_none_or(|said| now < *said || said.until(now) >= SAID_AGAIN);
        if is_news {
            self.0.insert(what, now);
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_vault_goes_on_refusing_is_said_again_after_minutes() {
        let mut said = Said::default();
        let at = |second: i64| Timestamp::from_millis(second * 1000);
        let news: Vec<i64> = (1..=700)
            .filter(|second| said.is_news("hand-outs", at(*second)))
            .collect();
        assert_eq!(news, [1, 301, 601]);
        assert!(said.is_news("escrow", at(700)), "each for itself");
        said.report("hand-outs", Ok(()), at(701));
        assert!(said.is_news("hand-outs", at(702)), "another bout");
    }
}
