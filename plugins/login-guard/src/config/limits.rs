//! How much is allowed, and what happens then.

use filter_core::config_struct;
use rate_limit::config::{Count, Rate};
use std::num::NonZeroU64;
use std::time::Duration;

config_struct! {
    /// How many attempts may fail. Each limit is a leaky bucket of `burst` + 1.
    pub struct LimitsConfig {
        /// Of one address, whoever it tries to be.
        address: AddressLimit = {},
        /// As one user, from all addresses from which that user never logged in.
        username: UsernameLimit = {},
        /// As one user from one address.
        pair: PairLimit = {},
    }
}

config_struct! {
    /// The limit of an address.
    pub struct AddressLimit {
        /// How many attempts in which time, for long.
        rate: Rate = "10r/m",
        /// How many more than one may come at once.
        burst: Count = 29,
        /// How many bits of an IPv4 address count, at most 32. Here and in `pair`.
        ipv4_prefix: NonZeroU64 = 32,
        /// How many bits of an IPv6 address count, at most 128. Whoever has a network has 2^64 addresses.
        ipv6_prefix: NonZeroU64 = 64,
    }
}

config_struct! {
    /// The limit of a user.
    pub struct UsernameLimit {
        /// How many attempts in which time, for long.
        rate: Rate = "20r/h",
        /// How many more than one may come at once.
        burst: Count = 9,
    }
}

config_struct! {
    /// The limit of a user at an address.
    pub struct PairLimit {
        /// How many attempts in which time, for long.
        rate: Rate = "1r/m",
        /// How many more than one may come at once.
        burst: Count = 4,
    }
}

config_struct! {
    /// How long nobody may try.
    pub struct LockConfig {
        /// Whether there are locks at all. Without, the limits alone tell how long to wait.
        enabled: bool = true,
        /// The first time. Each time after that twice as long.
        first: Duration = "30s",
        /// Longest lock, at most `"24h"`. So long after the last one it begins with `first` again.
        max: Duration = "15m",
    }
}

config_struct! {
    /// When somebody should look.
    pub struct AlarmConfig {
        /// Failures among the attempts that were answered, in percent: 1 to 100.
        ratio: NonZeroU64 = 50,
        /// Fewer answered attempts than this in a window say nothing.
        attempts: NonZeroU64 = 100,
        /// What is counted together, `"1s"` to `"24h"`; windows begin at multiples of it since 1970.
        window: Duration = "5m",
    }
}
