//! Client addresses: ranges of them, and whose a request is.

use crate::config::{At, FromTree, Shape, Tree};
use crate::config_struct;
use crate::message::Headers;
use crate::policy::Cx;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU64;

config_struct! {
    /// How the address of a client is found.
    pub struct ClientAddress {
        /// How many proxies in front append to `x-forwarded-for`: the client is that many entries from the right. Left out: the address Envoy gives (`source.address`), which follows its own settings and the PROXY protocol.
        trusted_hops: Option<NonZeroU64>,
    }
}

/// A range of addresses in CIDR notation (RFC 4632, RFC 4291 section 2.3), or a single address. IPv4 and the same mapped
/// into IPv6 are one range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    first: u128,
    last: u128,
}

impl FromTree for Cidr {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let Tree::String(text) = tree else { return at.expected("an address range", tree) };
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text.as_str(), None),
        };
        let Ok(address) = address.parse::<IpAddr>() else {
            at.error("not an address range; expected as 192.0.2.0/24, 2001:db8::/32 or 192.0.2.1");
            return None;
        };
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => bits,
            Some(text) if text.bytes().all(|b| b.is_ascii_digit()) => {
                text.parse::<u32>().ok().filter(|length| *length <= bits).unwrap_or(u32::MAX)
            }
            Some(_) => u32::MAX,
        };
        if length > bits {
            at.error(format!("the prefix length must be 0 to {bits}"));
            return None;
        }
        // The last bits, those that differ within the range.
        let rest = u128::MAX.checked_shr(128_u32.saturating_sub(bits.saturating_sub(length))).unwrap_or(0);
        let first = number(address);
        if first & rest != 0 {
            at.error("the address has bits beyond the prefix; write the first address of the range");
            return None;
        }
        Some(Self { first, last: first | rest })
    }

    fn shape() -> Shape {
        Shape::Scalar {
            phrase: "address range",
            schema: r#"{"type": "string", "pattern": "^[0-9A-Fa-f.:]+(/[0-9]+)?$"}"#,
        }
    }
}

/// An address as a number in the IPv6 space, IPv4 as mapped (RFC 4291 section 2.5.5.2): the same client is the same
/// number however it is written.
#[must_use]
pub fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The first bits of an address, as [`number`] counts: so many of IPv4, so many of IPv6.
#[must_use]
pub fn network(client: IpAddr, ipv4_prefix: u32, ipv6_prefix: u32) -> u128 {
    let number = number(client);
    let mapped = Ipv6Addr::from_bits(number).to_ipv4_mapped().is_some();
    let bits = if mapped { ipv4_prefix.saturating_add(96) } else { ipv6_prefix };
    let rest = u128::MAX.checked_shr(bits).unwrap_or(0);
    number & !rest
}

/// Ranges, sorted and merged: a look-up takes the logarithm of their number.
#[derive(Debug, Default)]
pub struct Ranges(Vec<Cidr>);

impl Ranges {
    /// Of these, which may overlap.
    #[must_use]
    pub fn new(mut list: Vec<Cidr>) -> Self {
        list.sort_unstable_by_key(|range| range.first);
        let mut merged: Vec<Cidr> = Vec::with_capacity(list.len());
        for range in list {
            match merged.last_mut() {
                Some(last) if range.first <= last.last => last.last = last.last.max(range.last),
                _ => merged.push(range),
            }
        }
        Self(merged)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them holds this address.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        let address = number(address);
        let after = self.0.partition_point(|range| range.first <= address);
        after.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|range| address <= range.last)
    }
}

/// Whose request this is. Without trusted hops the address Envoy gives; else that many entries from the right of
/// `x-forwarded-for`, never counted from the left, where anybody may write.
#[must_use]
pub fn client(trusted_hops: Option<u64>, forwarded_for: Option<&[u8]>, cx: &dyn Cx) -> Option<IpAddr> {
    let Some(hops) = trusted_hops else {
        let source = cx.property(&["source", "address"])?;
        return parse(&source);
    };
    let entry = forwarded_for?.rsplit(|&b| b == b',').nth(usize::try_from(hops).ok()?.checked_sub(1)?)?;
    parse(entry)
}

/// [`client`], with what the head of the request says of `x-forwarded-for`: all its lines are one list (RFC 9110 section 5.3).
#[must_use]
pub fn of(headers: &Headers, trusted_hops: Option<u64>, cx: &dyn Cx) -> Option<IpAddr> {
    // Without a line there is no entry, which is what an empty one says, too.
    let forwarded = trusted_hops.map(|_| headers.all("x-forwarded-for").collect::<Vec<_>>().join(&b','));
    client(trusted_hops, forwarded.as_deref(), cx)
}

/// An address with or without port: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(bytes).ok()?.trim_matches([' ', '\t']);
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match text.parse::<SocketAddr>() {
        Ok(address) => address.ip(),
        Err(_) => {
            bare.map_or_else(|| text.parse().ok(), |bare| bare.parse::<Ipv6Addr>().ok().map(IpAddr::V6))?
        }
    };
    Some(address)
}

/// The last `count` entries of an `x-forwarded-for`: those the trusted proxies wrote. `None`: it has no more.
#[must_use]
pub fn last_entries(forwarded_for: &[u8], count: u64) -> Option<&[u8]> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let mut commas = forwarded_for.iter().enumerate().rev().filter(|(_, b)| **b == b',');
    let (at, _) = commas.nth(count.saturating_sub(1))?;
    forwarded_for.get(at.saturating_add(1)..).map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn an_address_reads_the_same_in_every_spelling() {
        let v4 = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
        assert_eq!(parse(b"192.0.2.1:4711"), v4);
        assert_eq!(parse(b" 192.0.2.1\t"), v4);
        assert_eq!(parse(b"::ffff:192.0.2.1").map(number), v4.map(number));
        assert_eq!(parse(b"[2001:db8::1]:80"), parse(b"[2001:db8::1]"));
        assert_eq!(parse(b"2001:db8::1"), parse(b"[2001:db8::1]"));
        for wrong in ["", "unknown", "192.0.2", "192.0.2.1,", "[192.0.2.1]", "1", "192.0.2.01:"] {
            assert_eq!(parse(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn the_last_entries_are_counted_from_the_right() {
        assert_eq!(last_entries(b"a, b,c", 1), Some(&b"c"[..]));
        assert_eq!(last_entries(b"a, b,c", 2), Some(&b"b,c"[..]));
        assert_eq!(last_entries(b"a, b,c", 3), None);
        assert_eq!(last_entries(b"", 1), None);
    }
}
