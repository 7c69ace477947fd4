//! What the proxy counts, as metrics.

use std::{fmt, time::Duration};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, NoLabelSet},
    metrics::{MetricType, counter::Counter, family::Family},
    registry::{Registry, Unit},
};

use super::Labels;
use crate::proxy::{BUCKETS, Measures, Outcome};

/// Puts the proxy's counters beside the others.
pub(super) fn register(all: &mut Registry, measures: &Measures) {
    let requests = Family::<Labels, Counter>::default();
    for outcome in Outcome::ALL {
        let labels = vec![("outcome", outcome.label().to_owned())];
        requests
            .get_or_create(&labels)
            .inc_by(measures.outcome(outcome));
    }
    all.register(
        "proxy_requests",
        "Requests to Zoho's API, by what came of them",
        requests,
    );
    let (broken, repeated) = (Counter::<u64>::default(), Counter::<u64>::default());
    broken.inc_by(measures.broken());
    repeated.inc_by(measures.repeated());
    all.register(
        "proxy_broken",
        "Replies of Zoho's API that broke off after they had begun",
        broken,
    );
    all.register(
        "proxy_repeated",
        "Requests to Zoho's API that were sent once more, with another token",
        repeated,
    );
    // What took longer than the last end is in a bucket without one.
    let ends = BUCKETS
        .iter()
        .map(Duration::as_secs_f64)
        .chain([f64::INFINITY]);
    all.register_collector(Box::new(Times {
        buckets: ends.zip(measures.buckets()).collect(),
        seconds: measures.time().as_secs_f64(),
    }));
}

/// The times until a reply began.
#[derive(Debug)]
struct Times {
    /// The upper end of each bucket in seconds, and how many requests fell into it alone.
    buckets: Vec<(f64, u64)>,
    /// The time of all requests together.
    seconds: f64,
}

impl Collector for Times {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let (help, seconds) = (
            "How long a request took until its reply began",
            Unit::Seconds,
        );
        let mut metric =
            encoder.encode_descriptor("proxy", help, Some(&seconds), MetricType::Histogram)?;
        let count = self.buckets.iter().map(|(_, count)| count).sum();
        metric.encode_histogram::<NoLabelSet>(self.seconds, count, &self.buckets, None)
    }
}
