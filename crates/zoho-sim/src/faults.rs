//! Faults: by plan, one after the other, and by chance from the seed.

mod action;
mod plan;

pub(crate) use action::{Action, Moment};
pub(crate) use plan::Wanted;

use rand::RngExt;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

/// What a request is about, as far as faults are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum On {
    /// `grant_type=authorization_code`.
    Exchange,
    /// Every other grant type.
    Refresh,
    /// The two paths that revoke a token.
    Revoke,
    /// The CRM.
    Api,
}

/// One line of the plan.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    /// `None` means any request.
    pub(crate) on: Option<On>,
    pub(crate) action: Action,
    pub(crate) times: u64,
}

/// Faults that happen by chance.
#[derive(Clone, Debug)]
pub(crate) struct Chance {
    pub(crate) probability: f64,
    /// Empty means any request.
    pub(crate) on: Vec<On>,
    pub(crate) actions: Vec<Action>,
}

/// The faults that are still to come.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    plan: Vec<Planned>,
    chance: Option<Chance>,
}

impl Faults {
    pub(crate) fn new(plan: Vec<Planned>, chance: Option<Chance>) -> Self {
        Self { plan, chance }
    }

    /// Returns the fault for a request, which is then spent: the first of the plan that fits, else one by chance.
    pub(crate) fn draw(&mut self, on: Option<On>, rng: &mut StdRng) -> Option<Action> {
        let on = on?;
        let fits =
            |planned: &Planned| planned.times > 0 && planned.on.is_none_or(|wanted| wanted == on);
        match self.plan.iter().position(fits) {
            Some(place) => Some(self.spend(place)),
            None => self.draw_by_chance(on, rng),
        }
    }

    /// Returns whether a connection is to be closed before anything is read, which spends the fault: that is so when
    /// the plan's next line says `refuse` without an error word. What the connection is for cannot be known yet.
    pub(crate) fn draw_refused_connection(&mut self) -> bool {
        let next = self.plan.iter().position(|planned| planned.times > 0);
        let closes =
            |place: &usize| matches!(self.plan[*place].action, Action::Refuse { error: None, .. });
        next.filter(closes).map(|place| self.spend(place)).is_some()
    }

    /// Returns what is left of the plan.
    pub(crate) fn left(&self) -> Vec<&Planned> {
        self.plan
            .iter()
            .filter(|planned| planned.times > 0)
            .collect()
    }

    pub(crate) fn probability(&self) -> f64 {
        self.chance
            .as_ref()
            .map_or(0.0, |chance| chance.probability)
    }

    fn spend(&mut self, place: usize) -> Action {
        self.plan[place].times -= 1;
        self.plan[place].action.clone()
    }

    fn draw_by_chance(&self, on: On, rng: &mut StdRng) -> Option<Action> {
        let chance = self.chance.as_ref()?;
        let concerned = chance.on.is_empty() || chance.on.contains(&on);
        if !concerned || !rng.random_bool(chance.probability) {
            return None;
        }
        Some(chance.actions[rng.random_range(0..chance.actions.len())].clone())
    }
}
