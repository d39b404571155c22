//! The only unsafe code of the Kafka side: calls of librdkafka that rdkafka does not wrap.
//!
//! Batch consumption from **partition** queues (0.1–0.2 µs a record against about 1 µs through
//! `poll`), being woken by a queue, generation and member id of the group, offsets into a transaction
//! under plain membership data, and cached watermarks. Raw pointers stay inside; callers get borrowed records
//! that end with the call.
#![allow(
    unsafe_code,
    reason = "rdkafka wraps none of these calls; see the SAFETY line at each block"
)]

use super::cluster::{Headers, Membership};
use rdkafka::TopicPartitionList;
use rdkafka::bindings as rd;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::types::RDKafkaErrorCode;
use std::ffi::{CStr, CString, c_char, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The fetch queue of one partition, split from the consumer's queue.
///
/// Owns a reference to the native queue; keeps the consumer alive, because the queue must be
/// destroyed first.
pub(crate) struct PartitionQueue<C: ConsumerContext + 'static> {
    queue: Queue,
    batch: Vec<*mut rd::rd_kafka_message_t>,
    _consumer: Arc<BaseConsumer<C>>,
}

/// Wakes a thread that waits for a client: rung from the client's own threads.
#[derive(Default)]
pub(crate) struct Bell {
    has_rung: Mutex<bool>,
    rings: Condvar,
}

impl Bell {
    /// Waits until it rings, at most so long; a ring since the last wait counts.
    pub(crate) fn wait(&self, at_most: Duration) {
        let has_rung = self.has_rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.rings.wait_timeout_while(has_rung, at_most, |has_rung| !*has_rung);
        let (mut has_rung, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *has_rung = false;
    }

    fn ring(&self) {
        *self.has_rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.rings.notify_one();
    }
}

/// Called by librdkafka, under the queue's lock, when something comes into an empty queue.
unsafe extern "C" fn ring(_client: *mut rd::rd_kafka_t, bell: *mut c_void) {
    // SAFETY: `Queue` passes a bell that it owns a share of, and takes it back before it lets go.
    unsafe { &*bell.cast::<Bell>() }.ring();
}

/// Our own reference to a queue of a client; must end before the client does.
pub(crate) struct Queue {
    queue: NonNull<rd::rd_kafka_queue_t>,
    bell: Option<Arc<Bell>>,
}

// SAFETY: a handle to an object that librdkafka guards by its own lock.
unsafe impl Send for Queue {}

impl Queue {
    /// The queue of a consumer's group events, which rings the bell. The queue must end before the
    /// consumer does.
    pub(crate) fn of_group<C: ConsumerContext>(
        consumer: &BaseConsumer<C>,
        bell: &Arc<Bell>,
    ) -> Option<Self> {
        // SAFETY: a live client; librdkafka returns an own reference or null.
        let queue = unsafe { rd::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) };
        Some(Self { queue: NonNull::new(queue)?, bell: None }.with_bell(bell))
    }

    /// The queue of a producer's delivery reports, which rings the bell. The caller passes a live
    /// producer (`producer.client().native_ptr()`) and drops the queue before that producer.
    pub(crate) fn of_reports(producer: *mut rd::rd_kafka_t, bell: &Arc<Bell>) -> Option<Self> {
        // SAFETY: a live client; librdkafka returns an own reference or null.
        let queue = unsafe { rd::rd_kafka_queue_get_main(producer) };
        Some(Self { queue: NonNull::new(queue)?, bell: None }.with_bell(bell))
    }

    fn with_bell(mut self, bell: &Arc<Bell>) -> Self {
        let opaque = Arc::as_ptr(bell).cast_mut().cast::<c_void>();
        // SAFETY: a live queue; the bell lives as long as `self.bell`, and `Drop` ends the callback
        // under the queue's lock before that is given up.
        unsafe { rd::rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), Some(ring), opaque) };
        self.bell = Some(Arc::clone(bell));
        self
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: our own reference, given up once, while the client is alive; no callback runs
        // after it was taken back.
        unsafe {
            if self.bell.is_some() {
                rd::rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, ptr::null_mut());
            }
            rd::rd_kafka_queue_destroy(self.queue.as_ptr());
        }
    }
}

impl<C: ConsumerContext + 'static> PartitionQueue<C> {
    /// Splits the partition's queue off. Called **before** the partition is assigned, no record
    /// ever passes through the consumer's own queue: librdkafka keeps a forwarding that the
    /// application has set. Records that come into the empty queue ring the bell, if there is one. `None` for a name
    /// that the client cannot take.
    pub(crate) fn split(
        consumer: &Arc<BaseConsumer<C>>,
        topic: &str,
        partition: i32,
        bell: Option<&Arc<Bell>>,
    ) -> Option<Self> {
        let name = CString::new(topic).ok()?;
        // SAFETY: the client is alive (`consumer`), the name is a C string that outlives the call;
        // librdkafka returns an own reference or null.
        let queue = unsafe {
            rd::rd_kafka_queue_get_partition(
                consumer.client().native_ptr(),
                name.as_ptr(),
                partition,
            )
        };
        let queue = NonNull::new(queue)?;
        // SAFETY: the queue was just returned to us; null means "forward to nothing".
        unsafe { rd::rd_kafka_queue_forward(queue.as_ptr(), ptr::null_mut()) };
        let mut queue = Queue { queue, bell: None };
        if let Some(bell) = bell {
            queue = queue.with_bell(bell);
        }
        Some(Self { queue, batch: Vec::new(), _consumer: Arc::clone(consumer) })
    }

    /// Takes up to `max` records, waiting up to `wait` for the first, and hands them over in
    /// order. Returns how many there were. Every record is released, also when `each` panics.
    pub(crate) fn consume(
        &mut self,
        max: usize,
        wait: Duration,
        mut each: impl FnMut(Message<'_>),
    ) -> usize {
        self.batch.resize(max, ptr::null_mut());
        let wait = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: a live **partition** queue (on the consumer's own queue this call would answer
        // rebalances behind our back); the array has room for `max` pointers.
        let count = unsafe {
            rd::rd_kafka_consume_batch_queue(
                self.queue.queue.as_ptr(),
                wait,
                self.batch.as_mut_ptr(),
                self.batch.len(),
            )
        };
        let count = usize::try_from(count).unwrap_or(0).min(self.batch.len());
        let mut records = Records { left: self.batch.get(..count).unwrap_or_default() };
        while let Some((first, rest)) = records.left.split_first() {
            // SAFETY: librdkafka filled the first `count` pointers with live records that we own
            // until they are destroyed, which `Records` does after this iteration at the earliest.
            each(Message { message: unsafe { &**first }, lifetime: PhantomData });
            // SAFETY: as above; destroyed once, then no longer in `left`.
            unsafe { rd::rd_kafka_message_destroy(*first) };
            records.left = rest;
        }
        count
    }
}

/// Records that were not handed over yet; releases them when a callback panics.
struct Records<'a> {
    left: &'a [*mut rd::rd_kafka_message_t],
}

impl Drop for Records<'_> {
    fn drop(&mut self) {
        for message in self.left {
            // SAFETY: each pointer in `left` is a live record that we own.
            unsafe { rd::rd_kafka_message_destroy(*message) };
        }
    }
}

/// One record or error of a partition queue, alive during the callback.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    message: &'a rd::rd_kafka_message_t,
    lifetime: PhantomData<&'a [u8]>,
}

impl<'a> Message<'a> {
    /// The error that this entry stands for, if it is none of the log's records.
    pub(crate) fn error(self) -> Option<(RDKafkaErrorCode, String)> {
        let code = RDKafkaErrorCode::from(self.message.err);
        if code == RDKafkaErrorCode::NoError {
            return None;
        }
        // SAFETY: a live record; the text lives as long as the record and is copied here.
        let text = unsafe { text(rd::rd_kafka_message_errstr(self.message)) };
        Some((code, text))
    }

    /// Its offset; for an end-of-partition entry the next one that would be fetched.
    pub(crate) fn offset(self) -> i64 {
        self.message.offset
    }

    /// Value bytes, `None` for a tombstone.
    pub(crate) fn value(self) -> Option<&'a [u8]> {
        // SAFETY: pointer and length belong to the live record.
        unsafe { bytes(self.message.payload, self.message.len) }
    }

    /// Key bytes.
    pub(crate) fn key(self) -> Option<&'a [u8]> {
        // SAFETY: as for the value.
        unsafe { bytes(self.message.key, self.message.key_len) }
    }

    /// Kafka's timestamp in milliseconds.
    pub(crate) fn timestamp_ms(self) -> Option<i64> {
        let mut kind = rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: a live record; `kind` outlives the call.
        let time = unsafe { rd::rd_kafka_message_timestamp(self.message, &raw mut kind) };
        (kind != rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && time >= 0)
            .then_some(time)
    }
}

impl Headers for Message<'_> {
    fn each(&self, each: &mut dyn FnMut(&str, Option<&[u8]>)) {
        let mut headers = ptr::null_mut();
        // SAFETY: a live record; the headers stay owned by it.
        let found = unsafe { rd::rd_kafka_message_headers(self.message, &raw mut headers) };
        if found != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || headers.is_null() {
            return;
        }
        for index in 0.. {
            let (mut name, mut value, mut size): (*const c_char, *const c_void, usize) =
                (ptr::null(), ptr::null(), 0);
            // SAFETY: `headers` belongs to the live record; an index beyond the end is answered
            // with an error.
            let got = unsafe {
                rd::rd_kafka_header_get_all(
                    headers,
                    index,
                    &raw mut name,
                    &raw mut value,
                    &raw mut size,
                )
            };
            if got != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return;
            }
            // SAFETY: name and value live as long as the record.
            unsafe { each(&text(name), bytes(value, size)) };
        }
    }
}

/// Generation and member id as the client knows them at this moment.
pub(crate) fn membership<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> Membership {
    let nobody = Membership {
        generation: -1,
        member_id: String::new(),
        is_lost: consumer.assignment_lost(),
    };
    // SAFETY: a live client; the returned object is ours and destroyed below.
    let Some(metadata) = NonNull::new(unsafe {
        rd::rd_kafka_consumer_group_metadata(consumer.client().native_ptr())
    }) else {
        return nobody;
    };
    // SAFETY: a live metadata object; the text is copied before it is destroyed, once.
    unsafe {
        let generation = rd::rd_kafka_consumer_group_metadata_generation_id(metadata.as_ptr());
        let member_id = text(rd::rd_kafka_consumer_group_metadata_member_id(metadata.as_ptr()));
        rd::rd_kafka_consumer_group_metadata_destroy(metadata.as_ptr());
        Membership { generation, member_id, ..nobody }
    }
}

/// A codec that a producer uses for the records of one topic instead of its own; must end before
/// the producer does.
pub(crate) struct TopicCodec(NonNull<rd::rd_kafka_topic_t>);

// SAFETY: a handle to an object that librdkafka guards by its own lock.
unsafe impl Send for TopicCodec {}

impl TopicCodec {
    /// Sets the codec before the first record goes to `topic`. `None` when the client refuses, and
    /// then its own codec stays. The caller passes a live producer (`producer.client().native_ptr()`)
    /// and drops what it gets before that producer.
    pub(crate) fn set(producer: *mut rd::rd_kafka_t, topic: &str, codec: &str) -> Option<Self> {
        let (topic, codec) = (CString::new(topic).ok()?, CString::new(codec).ok()?);
        let mut why = [0 as c_char; 256];
        // SAFETY: the strings and the buffer outlive the calls; the settings are a copy of the
        // producer's that we own until `rd_kafka_topic_new` takes them, and destroy otherwise.
        let handle = unsafe {
            let settings = rd::rd_kafka_default_topic_conf_dup(producer);
            let answer = rd::rd_kafka_topic_conf_set(
                settings,
                c"compression.codec".as_ptr(),
                codec.as_ptr(),
                why.as_mut_ptr(),
                why.len(),
            );
            if answer != rd::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK {
                rd::rd_kafka_topic_conf_destroy(settings);
                return None;
            }
            rd::rd_kafka_topic_new(producer, topic.as_ptr(), settings)
        };
        NonNull::new(handle).map(Self)
    }
}

impl Drop for TopicCodec {
    fn drop(&mut self) {
        // SAFETY: our own reference, given up once, while the producer is alive.
        unsafe { rd::rd_kafka_topic_destroy(self.0.as_ptr()) };
    }
}

/// An answer of librdkafka's transaction calls, as it classifies it.
pub(crate) struct TransactionError {
    /// The code.
    pub(crate) code: RDKafkaErrorCode,
    /// The client's words.
    pub(crate) text: String,
    /// The same call may succeed.
    pub(crate) is_retriable: bool,
    /// The producer is finished.
    pub(crate) is_fatal: bool,
    /// The transaction must be aborted.
    pub(crate) requires_abort: bool,
}

/// Adds offsets to the open transaction under exactly this membership.
///
/// # Errors
/// As librdkafka classifies it.
pub(crate) fn send_offsets(
    producer: *mut rd::rd_kafka_t,
    offsets: &TopicPartitionList,
    group: &str,
    membership: &Membership,
    group_instance_id: &str,
    timeout: Duration,
) -> Result<(), TransactionError> {
    let refused = |text: &str| TransactionError {
        code: RDKafkaErrorCode::InvalidArgument,
        text: text.to_owned(),
        is_retriable: false,
        is_fatal: true,
        requires_abort: false,
    };
    let (Ok(group), Ok(member), Ok(instance)) = (
        CString::new(group),
        CString::new(membership.member_id.as_str()),
        CString::new(group_instance_id),
    ) else {
        return Err(refused("a group, member or instance id holds a zero byte"));
    };
    let timeout = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the strings outlive the call, the metadata object is ours and destroyed once; the
    // caller passes a live producer (`producer.client().native_ptr()`), the list is borrowed.
    let error = unsafe {
        let Some(metadata) = NonNull::new(rd::rd_kafka_consumer_group_metadata_new_with_genid(
            group.as_ptr(),
            membership.generation,
            member.as_ptr(),
            instance.as_ptr(),
        )) else {
            return Err(refused("no group id"));
        };
        let error = rd::rd_kafka_send_offsets_to_transaction(
            producer,
            offsets.ptr(),
            metadata.as_ptr(),
            timeout,
        );
        rd::rd_kafka_consumer_group_metadata_destroy(metadata.as_ptr());
        error
    };
    let Some(error) = NonNull::new(error) else { return Ok(()) };
    // SAFETY: a live error object that we own; its text is copied before it is destroyed, once.
    unsafe {
        let error = error.as_ptr();
        let failure = TransactionError {
            code: RDKafkaErrorCode::from(rd::rd_kafka_error_code(error)),
            text: text(rd::rd_kafka_error_string(error)),
            is_retriable: rd::rd_kafka_error_is_retriable(error) != 0,
            is_fatal: rd::rd_kafka_error_is_fatal(error) != 0,
            requires_abort: rd::rd_kafka_error_txn_requires_abort(error) != 0,
        };
        rd::rd_kafka_error_destroy(error);
        Err(failure)
    }
}

/// The end of a partition as the last fetch response named it; no request is made.
pub(crate) fn cached_high_watermark<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &CStr,
    partition: i32,
) -> Option<i64> {
    let (mut low, mut high) = (-1, -1);
    // SAFETY: a live client, a C string and two integers that outlive the call.
    let answer = unsafe {
        rd::rd_kafka_get_watermark_offsets(
            consumer.client().native_ptr(),
            topic.as_ptr(),
            partition,
            &raw mut low,
            &raw mut high,
        )
    };
    (answer == rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}

/// # Safety
/// `start` is null or a C string that lives during the call.
unsafe fn text(start: *const c_char) -> String {
    if start.is_null() {
        return String::new();
    }
    // SAFETY: promised by the caller.
    unsafe { CStr::from_ptr(start) }.to_string_lossy().into_owned()
}

/// # Safety
/// `start` is null or points to `length` bytes that live for `'a`.
unsafe fn bytes<'a>(start: *const c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: promised by the caller.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start.cast::<u8>(), length) })
}
