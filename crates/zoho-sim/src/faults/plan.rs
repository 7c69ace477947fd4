//! Reading a plan of faults, refusing what would silently do nothing.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Action, Chance, Faults, On, Planned};

/// What `PUT /faults` brings.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Wanted {
    plan: Vec<Map<String, Value>>,
    chance: Option<WantedChance>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum WantedChance {
    Probability(f64),
    Detailed(DetailedChance),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DetailedChance {
    probability: f64,
    #[serde(default)]
    on: Vec<On>,
    #[serde(default, rename = "do")]
    actions: Vec<Value>,
}

impl TryFrom<Wanted> for Faults {
    type Error = String;

    fn try_from(wanted: Wanted) -> Result<Self, String> {
        let plan = wanted
            .plan
            .into_iter()
            .map(planned)
            .collect::<Result<Vec<Planned>, String>>()?;
        Ok(Self::new(plan, wanted.chance.map(chance).transpose()?))
    }
}

fn planned(mut line: Map<String, Value>) -> Result<Planned, String> {
    let on = line
        .remove("on")
        .filter(|on| on != "any")
        .map(read::<On>)
        .transpose()?;
    let times = line.remove("times").map_or(Ok(1), read::<u64>)?;
    Ok(Planned {
        on,
        times,
        action: action(Value::Object(line))?,
    })
}

/// Reads an action; a bare word stands for one without parameters.
fn action(value: Value) -> Result<Action, String> {
    let value = match value {
        Value::String(word) => {
            Value::Object(Map::from_iter([("do".to_owned(), Value::String(word))]))
        }
        other => other,
    };
    match read::<Action>(value)? {
        Action::Delay { seconds } if !(0.0..=3600.0).contains(&seconds) => {
            Err(format!("seconds is 0 to 3600, not {seconds}"))
        }
        Action::Giant { bytes } | Action::Garbage { bytes } if bytes > MOST_BYTES => {
            Err(format!("bytes is at most {MOST_BYTES}, not {bytes}"))
        }
        action => Ok(action),
    }
}

const MOST_BYTES: usize = 256 * 1024 * 1024;

fn chance(wanted: WantedChance) -> Result<Chance, String> {
    let wanted = match wanted {
        WantedChance::Probability(probability) => DetailedChance {
            probability,
            on: Vec::new(),
            actions: Vec::new(),
        },
        WantedChance::Detailed(detailed) => detailed,
    };
    let DetailedChance {
        probability,
        on,
        actions,
    } = wanted;
    if !(0.0..=1.0).contains(&probability) {
        return Err(format!("the probability is 0 to 1, not {probability}"));
    }
    let mut actions = actions
        .into_iter()
        .map(action)
        .collect::<Result<Vec<Action>, String>>()?;
    if actions.is_empty() {
        actions = Action::by_chance();
    }
    Ok(Chance {
        probability,
        on,
        actions,
    })
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use serde_json::json;

    use super::*;

    fn faults(value: Value) -> Result<Faults, String> {
        serde_json::from_value::<Wanted>(value)
            .map_err(|error| error.to_string())?
            .try_into()
    }

    #[test]
    fn an_unknown_word_is_refused_with_the_allowed_ones() {
        let refusal = faults(json!({"plan": [{"do": "explode"}]})).unwrap_err();
        assert!(
            refusal.contains("`explode`") && refusal.contains("`reset-after`"),
            "{refusal}"
        );
        let refusal = faults(json!({"plan": [{"on": "token", "do": "cut"}]})).unwrap_err();
        assert!(
            refusal.contains("`token`") && refusal.contains("`exchange`"),
            "{refusal}"
        );
    }

    #[test]
    fn an_unknown_parameter_is_refused() {
        let refusal = faults(json!({"plan": [{"do": "cut", "bytes": 3}]})).unwrap_err();
        assert!(
            refusal.contains("`bytes`") && refusal.contains("`after_bytes`"),
            "{refusal}"
        );
        assert!(faults(json!({"plan": [{"do": "reset-after", "bytes": 3}]})).is_err());
        assert!(faults(json!({"plan": [{"do": "status", "status": 99}]})).is_err());
        assert!(faults(json!({"chance": 1.5})).is_err());
    }

    #[test]
    fn a_plan_is_played_in_order_and_ends() {
        let plan = json!({"plan": [{"on": "refresh", "do": "cut"}, {"do": "drip", "times": 2}]});
        let mut faults = faults(plan).unwrap();
        let mut rng = StdRng::seed_from_u64(1);
        let mut draw = |on| faults.draw(Some(on), &mut rng).map(|action| action.word());
        assert_eq!(draw(On::Exchange), Some("drip"));
        assert_eq!(draw(On::Refresh), Some("cut"));
        assert_eq!(draw(On::Refresh), Some("drip"));
        assert_eq!(draw(On::Refresh), None);
    }

    #[test]
    fn the_same_seed_brings_the_same_chances() {
        let words = |seed| {
            let mut faults = faults(json!({"chance": 0.5})).unwrap();
            let mut rng = StdRng::seed_from_u64(seed);
            (0..50)
                .map(|_| {
                    faults
                        .draw(Some(On::Api), &mut rng)
                        .map(|action| action.word())
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(words(3), words(3));
        assert_ne!(words(3), words(4));
    }
}
