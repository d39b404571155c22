//! rdkafka's errors as [`BrokerError`]: what each code means for the call that got it.

use crate::stream::error::{BrokerError, BrokerErrorKind};
use crate::stream::ffi::TransactionError;
use crate::units::PartitionId;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

/// Classifies an error of rdkafka's safe calls.
pub(crate) fn broker_error(error: &KafkaError) -> BrokerError {
    match error {
        KafkaError::Transaction(answer) => transaction_error(&TransactionError {
            code: answer.code(),
            text: answer.string(),
            is_retriable: answer.is_retriable(),
            is_fatal: answer.is_fatal(),
            requires_abort: answer.txn_requires_abort(),
        }),
        KafkaError::Flush(code) => BrokerError {
            kind: BrokerErrorKind::Retriable,
            code: format!("{code:?}"),
            text: error.to_string(),
        },
        KafkaError::MessageConsumptionFatal(code) => plain(*code, error.to_string(), true),
        other => match other.rdkafka_error_code() {
            Some(code) => plain(code, other.to_string(), false),
            None => BrokerError {
                kind: BrokerErrorKind::Unclear,
                code: "Client".to_owned(),
                text: other.to_string(),
            },
        },
    }
}

/// The client gives no queue for a partition, so nothing could ever be read from it.
pub(crate) fn no_queue(topic: &str, partition: PartitionId) -> BrokerError {
    BrokerError {
        kind: BrokerErrorKind::Unclear,
        code: "Queue".to_owned(),
        text: format!("the client has no queue for partition {partition} of '{topic}'"),
    }
}

/// Classifies an answer of a transaction call; librdkafka's own flags decide, except for fencing.
pub(crate) fn transaction_error(answer: &TransactionError) -> BrokerError {
    let kind = match by_code(answer.code) {
        Some(
            kind @ (BrokerErrorKind::FencedInstance
            | BrokerErrorKind::FencedProducer
            | BrokerErrorKind::Refused),
        ) => kind,
        _ if answer.is_fatal => BrokerErrorKind::Unclear,
        _ if answer.requires_abort => BrokerErrorKind::AbortRequired,
        _ if answer.is_retriable => BrokerErrorKind::Retriable,
        _ => BrokerErrorKind::Unclear,
    };
    BrokerError { kind, code: format!("{:?}", answer.code), text: answer.text.clone() }
}

/// Classifies a code without flags.
pub(crate) fn plain(code: Code, text: String, is_fatal: bool) -> BrokerError {
    let kind = match by_code(code) {
        Some(kind) => kind,
        None if is_fatal => BrokerErrorKind::Unclear,
        None => BrokerErrorKind::Retriable,
    };
    BrokerError { kind, code: format!("{code:?}"), text }
}

fn by_code(code: Code) -> Option<BrokerErrorKind> {
    match code {
        Code::FencedInstanceId => Some(BrokerErrorKind::FencedInstance),
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch => {
            Some(BrokerErrorKind::FencedProducer)
        }
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
            Some(BrokerErrorKind::UnknownTopic)
        }
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed
        | Code::SaslAuthenticationFailed
        | Code::MessageSizeTooLarge
        | Code::InvalidArgument => Some(BrokerErrorKind::Refused),
        Code::AutoOffsetReset => Some(BrokerErrorKind::Unclear),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: Code, retriable: bool, fatal: bool, abort: bool) -> BrokerErrorKind {
        transaction_error(&TransactionError {
            code,
            text: String::new(),
            is_retriable: retriable,
            is_fatal: fatal,
            requires_abort: abort,
        })
        .kind
    }

    #[test]
    fn fencing_is_recognised_before_any_flag() {
        assert_eq!(
            answer(Code::FencedInstanceId, false, false, true),
            BrokerErrorKind::FencedInstance
        );
        assert_eq!(answer(Code::Fenced, false, true, false), BrokerErrorKind::FencedProducer);
    }

    #[test]
    fn librdkafkas_flags_decide_the_rest() {
        assert_eq!(
            answer(Code::IllegalGeneration, false, false, true),
            BrokerErrorKind::AbortRequired
        );
        assert_eq!(answer(Code::OperationTimedOut, true, false, false), BrokerErrorKind::Retriable);
        assert_eq!(answer(Code::Fail, false, true, false), BrokerErrorKind::Unclear);
    }
}
