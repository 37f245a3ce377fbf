//! What Envoy and a rate-limit service say to each other (envoy.service.ratelimit.v3): the fields that are used here.

use prost::{Enumeration, Message};

/// `RateLimitRequest`: does this request pass?
#[derive(Clone, PartialEq, Message)]
pub struct RateLimitRequest {
    /// The filter's domain: descriptors of two domains have nothing in common.
    #[prost(string, tag = "1")]
    pub domain: String,
    /// What is counted, each for itself.
    #[prost(message, repeated, tag = "2")]
    pub descriptors: Vec<Descriptor>,
    /// How many requests this one counts as; 0 is 1.
    #[prost(uint32, tag = "3")]
    pub hits_addend: u32,
}

/// `RateLimitDescriptor`: all its entries together name one counter.
#[derive(Clone, PartialEq, Message)]
pub struct Descriptor {
    /// In the order of the filter's actions.
    #[prost(message, repeated, tag = "1")]
    pub entries: Vec<Entry>,
}

/// `RateLimitDescriptor.Entry`.
#[derive(Clone, PartialEq, Message)]
pub struct Entry {
    /// What it is, `remote_address` say.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Its value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// `RateLimitResponse`.
#[derive(Clone, PartialEq, Message)]
pub struct RateLimitResponse {
    /// A [`Code`]: of the request, which one descriptor over its limit is enough to refuse.
    #[prost(enumeration = "Code", tag = "1")]
    pub overall_code: i32,
    /// One per descriptor, in their order.
    #[prost(message, repeated, tag = "2")]
    pub statuses: Vec<Status>,
}

/// `RateLimitResponse.DescriptorStatus`.
#[derive(Clone, PartialEq, Message)]
pub struct Status {
    /// A [`Code`].
    #[prost(enumeration = "Code", tag = "1")]
    pub code: i32,
    /// The limit that applies.
    #[prost(message, optional, tag = "2")]
    pub current_limit: Option<Limit>,
    /// What is left of it.
    #[prost(uint32, tag = "3")]
    pub limit_remaining: u32,
    /// Until it starts anew.
    #[prost(message, optional, tag = "4")]
    pub duration_until_reset: Option<Seconds>,
}

/// `RateLimitResponse.RateLimit`.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Limit {
    /// So many requests…
    #[prost(uint32, tag = "1")]
    pub requests_per_unit: u32,
    /// … in each such time, a [`Unit`].
    #[prost(enumeration = "Unit", tag = "2")]
    pub unit: i32,
}

/// `google.protobuf.Duration`, whole seconds.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Seconds {
    /// How many.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
}

/// `RateLimitResponse.Code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum Code {
    /// Nothing is said.
    Unknown = 0,
    /// It passes.
    Ok = 1,
    /// It does not.
    OverLimit = 2,
}

/// `RateLimitResponse.RateLimit.Unit`, as far as it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum Unit {
    /// None.
    Unknown = 0,
    /// A second.
    Second = 1,
    /// An hour.
    Hour = 3,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_as_envoy_writes_it_is_read() {
        let bytes = b"\x0a\x05bench\x12\x1e\x0a\x1c\x0a\x0eremote_address\x12\x0a10.20.3.40\x18\x02";
        let request = RateLimitRequest::decode(bytes.as_slice()).unwrap();
        let entry = Entry { key: "remote_address".to_owned(), value: "10.20.3.40".to_owned() };
        let descriptors = vec![Descriptor { entries: vec![entry] }];
        assert_eq!(request, RateLimitRequest { domain: "bench".to_owned(), descriptors, hits_addend: 2 });
    }

    #[test]
    fn an_answer_is_as_envoy_reads_it() {
        let status = Status {
            code: Code::OverLimit.into(),
            current_limit: Some(Limit { requests_per_unit: 1, unit: Unit::Hour.into() }),
            limit_remaining: 0,
            duration_until_reset: Some(Seconds { seconds: 7 }),
        };
        let answer = RateLimitResponse { overall_code: Code::OverLimit.into(), statuses: vec![status] };
        assert_eq!(
            answer.encode_to_vec(),
            b"\x08\x02\x12\x0c\x08\x02\x12\x04\x08\x01\x10\x03\x22\x02\x08\x07"
        );
    }
}
