//! Topics and settings of a cluster, asked and created; answers in plain types.

use super::context::Quiet;
use super::errors::{broker_error, plain};
use super::properties;
use crate::stream::error::BrokerError;
use crate::stream::options::Options;
use crate::stream::preflight::Found;
use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::metadata::MetadataBroker;
use rdkafka::types::RDKafkaRespErr;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::Thread;
use std::time::Duration;

const CALL: Duration = Duration::from_secs(10);

/// A client that owns nothing on the broker.
pub(crate) struct Admin {
    client: AdminClient<Quiet>,
}

/// What a cluster looks like from here.
pub(crate) struct Cluster {
    /// Topics by name, their settings not asked for.
    pub(crate) topics: BTreeMap<String, Found>,
    /// Broker ids.
    pub(crate) brokers: Vec<i32>,
}

impl Admin {
    pub(crate) fn connect(options: &Options) -> Result<Self, BrokerError> {
        let client = AdminClient::from_config_and_context(&properties::client(options), Quiet)
            .map_err(|error| broker_error(&error))?;
        Ok(Self { client })
    }

    /// Partitions and brokers, by one metadata request for all topics.
    pub(crate) fn cluster(&self) -> Result<Cluster, BrokerError> {
        let metadata =
            self.client.inner().fetch_metadata(None, CALL).map_err(|error| broker_error(&error))?;
        let no_error = |error: Option<RDKafkaRespErr>| error.is_none();
        let topics = metadata
            .topics()
            .iter()
            .filter(|topic| no_error(topic.error()))
            .map(|topic| {
                let partitions = i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX);
                let copies = topic.partitions().iter().map(|one| one.replicas().len()).min();
                let replication = i32::try_from(copies.unwrap_or(0)).unwrap_or(i32::MAX);
                let settings = BTreeMap::new();
                (topic.name().to_owned(), Found { partitions, replication, settings })
            })
            .collect();
        Ok(Cluster { topics, brokers: metadata.brokers().iter().map(MetadataBroker::id).collect() })
    }

    /// Adds the settings of existing topics.
    pub(crate) fn describe(&self, topics: &mut BTreeMap<String, Found>) -> Result<(), BrokerError> {
        if topics.is_empty() {
            return Ok(());
        }
        let asked: Vec<_> = topics.keys().map(|name| ResourceSpecifier::Topic(name)).collect();
        let answers = self.settings(&asked)?;
        for (topic, settings) in topics.values_mut().zip(answers) {
            topic.settings = settings;
        }
        Ok(())
    }

    /// Settings of one broker.
    pub(crate) fn broker(&self, id: i32) -> Result<BTreeMap<String, String>, BrokerError> {
        Ok(self.settings(&[ResourceSpecifier::Broker(id)])?.pop().unwrap_or_default())
    }

    fn settings(
        &self,
        asked: &[ResourceSpecifier<'_>],
    ) -> Result<Vec<BTreeMap<String, String>>, BrokerError> {
        let options = AdminOptions::new().request_timeout(Some(CALL));
        let answers = wait_for(self.client.describe_configs(asked, &options))
            .map_err(|error| broker_error(&error))?;
        let mut all = Vec::with_capacity(answers.len());
        for answer in answers {
            let resource = answer.map_err(|code| plain(code, code.to_string(), false))?;
            let entries = resource.entries.into_iter();
            all.push(entries.filter_map(|entry| Some((entry.name, entry.value?))).collect());
        }
        Ok(all)
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for an admin answer. rdkafka completes it on a thread of its own, so that a park is all
/// that is needed and no runtime has to live in this room.
fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park_timeout(CALL),
        }
    }
}
