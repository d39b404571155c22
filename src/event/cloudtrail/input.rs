//! The members of a CloudTrail record that the decoder and the derived fields read.

use super::resources::ResourceEntry;
use crate::event::projection::Projection;
use crate::event::value::Value;
use std::borrow::Cow;

macro_rules! inputs {
    ($($name:ident $path:literal,)*) => {
        /// A member that is read for its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(in crate::event) enum Input { $($name),* }

        /// Every input, in order of its number.
        pub(in crate::event) const INPUTS: &[Input] = &[$(Input::$name),*];

        impl Input {
            /// Its path in the record.
            pub(in crate::event) const fn path(self) -> &'static str {
                match self { $(Input::$name => $path),* }
            }
        }
    };
}

inputs! {
    EventTime "eventTime",
    EventId "eventID",
    EventName "eventName",
    EventSource "eventSource",
    EventType "eventType",
    EventCategory "eventCategory",
    EventVersion "eventVersion",
    SharedEventId "sharedEventID",
    OriginalEventId "addendum.originalEventID",
    ErrorCode "errorCode",
    ErrorMessage "errorMessage",
    SourceIpAddress "sourceIPAddress",
    Type "userIdentity.type",
    PrincipalId "userIdentity.principalId",
    Arn "userIdentity.arn",
    AccountId "userIdentity.accountId",
    UserName "userIdentity.userName",
    InvokedBy "userIdentity.invokedBy",
    OnBehalfOfUser "userIdentity.onBehalfOf.userId",
    IssuerArn "userIdentity.sessionContext.sessionIssuer.arn",
    IssuerUserName "userIdentity.sessionContext.sessionIssuer.userName",
    SourceIdentity "userIdentity.sessionContext.sourceIdentity",
    IdentityCenterUserName "additionalEventData.UserName",
    BytesOut "additionalEventData.bytesTransferredOut",
    BytesIn "additionalEventData.bytesTransferredIn",
    BucketName "requestParameters.bucketName",
    Key "requestParameters.key",
    OutpostsKey "requestParameters.Key",
    CopySource "requestParameters.x-amz-copy-source",
    KmsKey "requestParameters.x-amz-server-side-encryption-aws-kms-key-id",
    BucketPolicy "requestParameters.bucketPolicy",
    Policy "requestParameters.policy",
    CannedAcl "requestParameters.x-amz-acl",
    GranteeUri "requestParameters.AccessControlPolicy.AccessControlList.Grant.Grantee.URI",
    GranteeId "requestParameters.AccessControlPolicy.AccessControlList.Grant.Grantee.ID",
    GranteeEmail "requestParameters.AccessControlPolicy.AccessControlList.Grant.Grantee.EmailAddress",
    GrantRead "requestParameters.x-amz-grant-read",
    GrantWrite "requestParameters.x-amz-grant-write",
    GrantReadAcp "requestParameters.x-amz-grant-read-acp",
    GrantWriteAcp "requestParameters.x-amz-grant-write-acp",
    GrantFullControl "requestParameters.x-amz-grant-full-control",
    Selectors "requestParameters.eventSelectors",
    AdvancedSelectors "requestParameters.advancedEventSelectors",
    ReplicationAccount "requestParameters.ReplicationConfiguration.Rule.Destination.Account",
}

impl Input {
    /// What every record is judged by, whatever the rules want.
    pub(in crate::event) const ALWAYS: &[Input] = &[
        Input::EventTime,
        Input::EventId,
        Input::EventName,
        Input::EventSource,
        Input::EventType,
        Input::EventCategory,
        Input::EventVersion,
        Input::SharedEventId,
        Input::OriginalEventId,
    ];
}

/// One record's inputs, as the walk left them.
#[derive(Clone, Copy)]
pub(in crate::event) struct Raw<'s, 'a> {
    pub(in crate::event) projection: &'s Projection,
    pub(in crate::event) values: &'s [Value<'a>],
    pub(in crate::event) resources: &'s [ResourceEntry<'a>],
}

impl<'s, 'a> Raw<'s, 'a> {
    /// The value of an input; absent when no wanted field needed it.
    #[inline]
    pub(in crate::event) fn value(&self, input: Input) -> &'s Value<'a> {
        self.values.get(usize::from(self.projection.slot_of(input))).unwrap_or(&Value::Absent)
    }

    /// Its text; `None` when it is empty or of another kind. Old records wrap scalars in arrays: a list
    /// gives its first text.
    #[inline]
    pub(in crate::event) fn text(&self, input: Input) -> Option<&'s Cow<'a, str>> {
        let text = match self.value(input) {
            Value::Text(text) => text,
            Value::List(members) => match members.first()? {
                Value::Text(text) => text,
                _ => return None,
            },
            _ => return None,
        };
        (!text.is_empty()).then_some(text)
    }
}
