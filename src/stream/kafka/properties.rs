//! librdkafka properties of each client: what correctness needs is set last and cannot be overridden.

use crate::stream::options::{Options, Properties};
use rdkafka::ClientConfig;

/// What every client shares.
pub(crate) fn client(options: &Options) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("socket.keepalive.enable", "true");
    apply(&mut config, &options.client);
    config.set("bootstrap.servers", &options.brokers);
    config.set("client.id", format!("tidegate-{}-{}", options.app, options.instance));
    config
}

/// Starting points by measurement; the default back-off of 1 s alone halves the throughput.
pub(crate) fn tune_fetching(config: &mut ClientConfig) {
    config.set("fetch.queue.backoff.ms", "50");
    config.set("fetch.min.bytes", "65536");
    config.set("fetch.wait.max.ms", "10");
    // For each partition. What is fetched beyond the bound is at most one response's share, which
    // inflates by three or four: small shares keep the memory near the bound.
    config.set("queued.max.messages.kbytes", "8192");
    // Each partition has a queue of its own: so many records are a batch and a half, and a longer
    // queue is memory that nobody reads from.
    config.set("queued.min.messages", "3000");
    config.set("max.partition.fetch.bytes", "131072");
}

/// The group consumer.
pub(crate) fn input(options: &Options, worker: usize) -> ClientConfig {
    let mut config = client(options);
    tune_fetching(&mut config);
    apply(&mut config, &options.consumer);
    let session = options.session_timeout.as_millis();
    config.set("group.id", &options.app);
    config.set("group.instance.id", options.group_instance_id(worker));
    config.set("group.protocol", "classic");
    config.set("partition.assignment.strategy", "cooperative-sticky");
    config.set("session.timeout.ms", session.to_string());
    config.set("heartbeat.interval.ms", heartbeat_ms(options).to_string());
    config.set("max.poll.interval.ms", options.max_poll_interval.as_millis().to_string());
    config.set("enable.auto.commit", "false");
    config.set("enable.auto.offset.store", "false");
    // librdkafka asks for stable offsets only when it reads committed.
    config.set("isolation.level", "read_committed");
    config.set("enable.partition.eof", "false");
    // Every partition is moved to its position by a seek. A position that Kafka no longer has must
    // stop the partition loudly, never jump to another one.
    config.set("auto.offset.reset", "error");
    config
}

/// How often the group hears of a member, in milliseconds: often enough that a fenced process
/// knows within a few seconds.
pub(crate) fn heartbeat_ms(options: &Options) -> i64 {
    (options.session_timeout.as_millis() / 5).clamp(100, 3000)
}

/// The transactional producer.
pub(crate) fn output(options: &Options, worker: usize) -> ClientConfig {
    let mut config = client(options);
    // A burst is produced at once and waited for: lingering only adds to its latency.
    config.set("linger.ms", "0");
    config.set("queue.buffering.max.kbytes", "262144");
    config.set("queue.buffering.max.messages", "1000000");
    // A dead letter is as large as the input; the broker's limit decides, not the client's.
    config.set("message.max.bytes", message_bytes(options).to_string());
    apply(&mut config, &options.producer);
    config.set("transactional.id", options.transactional_id(worker));
    config.set("transaction.timeout.ms", options.transaction_timeout.as_millis().to_string());
    // librdkafka refuses a message time-out beyond the transaction's.
    config.set("message.timeout.ms", options.transaction_timeout.as_millis().to_string());
    config.set("enable.idempotence", "true");
    config.set("acks", "all");
    config.set("compression.type", &options.producer_compression);
    config.set("partitioner", "murmur2_random");
    config
}

/// The largest record that is produced: an input record and its dead letter's headers, in bytes.
fn message_bytes(options: &Options) -> usize {
    options.max_record_bytes.saturating_add(1 << 20).clamp(2 << 20, 1_000_000_000)
}

/// The reader of changelog rows: assigns partitions itself, never joins, never commits.
pub(crate) fn rows(options: &Options) -> ClientConfig {
    let mut config = client(options);
    config.set("fetch.queue.backoff.ms", "10");
    config.set("fetch.wait.max.ms", "10");
    config.set("queued.max.messages.kbytes", "16384");
    apply(&mut config, &options.consumer);
    // The client needs a name to assign by hand; it never joins, and the access list of the
    // application's group covers it.
    config.set("group.id", &options.app);
    config.set("enable.auto.commit", "false");
    config.set("enable.auto.offset.store", "false");
    config.set("isolation.level", "read_committed");
    config.set("enable.partition.eof", "true");
    config.set("auto.offset.reset", "error");
    config
}

/// The client that asks for ends: a read-committed one would be told the last stable offset, which
/// is too early while a transaction is open.
pub(crate) fn ends(options: &Options) -> ClientConfig {
    let mut config = client(options);
    config.set("isolation.level", "read_uncommitted");
    config.set("enable.auto.commit", "false");
    config
}

fn apply(config: &mut ClientConfig, properties: &Properties) {
    for (name, value) in &properties.0 {
        config.set(name, value);
    }
}
