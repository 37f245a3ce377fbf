//! The serialised form of a header map (`PairsUtil` of proxy-wasm-cpp-host): the number of pairs, the lengths
//! of every name and value, then each name and value followed by a NUL. Integers are 32 bits, little-endian.

/// More bytes than these decode as no pairs at all.
pub const MAX_BYTES: usize = 1024 * 1024;
/// More pairs than these decode as no pairs at all.
pub const MAX_PAIRS: usize = 1024;

/// A list of names and values.
pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Serialises without a limit, as Envoy does.
#[must_use]
pub fn encode<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone) -> Vec<u8> {
    let mut count = 0_u32;
    let mut size = 4_usize;
    for (name, value) in pairs.clone() {
        count = count.saturating_add(1);
        size = size.saturating_add(name.len() + value.len() + 10);
    }
    let mut bytes = Vec::with_capacity(size);
    bytes.extend_from_slice(&count.to_le_bytes());
    for (name, value) in pairs.clone() {
        bytes.extend_from_slice(&length(name).to_le_bytes());
        bytes.extend_from_slice(&length(value).to_le_bytes());
    }
    for (name, value) in pairs {
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend_from_slice(value);
        bytes.push(0);
    }
    bytes
}

/// No part can be longer than the 32-bit memory it came from or goes to.
fn length(part: &[u8]) -> u32 {
    u32::try_from(part.len()).unwrap_or(u32::MAX)
}

/// Reads what a guest handed over. Anything malformed or above the limits is no pairs at all, as in Envoy.
#[must_use]
pub fn decode(bytes: &[u8]) -> Pairs {
    if bytes.len() > MAX_BYTES { Pairs::new() } else { try_decode(bytes).unwrap_or_default() }
}

fn try_decode(bytes: &[u8]) -> Option<Pairs> {
    let (count, mut rest) = integer(bytes)?;
    if count > MAX_PAIRS {
        return None;
    }
    let mut sizes = Vec::with_capacity(count);
    for _ in 0..count {
        let (name, after) = integer(rest)?;
        let (value, after) = integer(after)?;
        sizes.push((name, value));
        rest = after;
    }
    let mut pairs = Vec::with_capacity(count);
    for (name, value) in sizes {
        let (name, after) = text(rest, name)?;
        let (value, after) = text(after, value)?;
        pairs.push((name.to_vec(), value.to_vec()));
        rest = after;
    }
    rest.is_empty().then_some(pairs)
}

fn integer(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

/// A text of this length and the NUL behind it.
fn text(bytes: &[u8], length: usize) -> Option<(&[u8], &[u8])> {
    let (text, rest) = bytes.split_at_checked(length)?;
    Some((text, rest.strip_prefix(b"\0")?))
}

#[cfg(test)]
mod tests {
    use super::{MAX_PAIRS, Pairs, decode, encode};

    fn encoded(pairs: &Pairs) -> Vec<u8> {
        encode(pairs.iter().map(|(name, value)| (name.as_slice(), value.as_slice())))
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        for pairs in [vec![], vec![(b"a".to_vec(), b"".to_vec()), (b"".to_vec(), b"\0\xff".to_vec())]] {
            assert_eq!(decode(&encoded(&pairs)), pairs);
        }
    }

    #[test]
    fn anything_else_is_nothing() {
        let good = encoded(&vec![(b"name".to_vec(), b"value".to_vec())]);
        for end in 0..good.len() {
            assert_eq!(decode(&good[..end]), Pairs::new(), "cut at {end}");
        }
        let longer = [good.clone(), vec![0]].concat();
        let mut no_nul = good.clone();
        *no_nul.last_mut().unwrap() = b'x';
        let mut huge = good;
        huge[4..8].fill(0xff);
        for bytes in [longer, no_nul, huge, vec![0xff; 64]] {
            assert_eq!(decode(&bytes), Pairs::new());
        }
        let many: Pairs = (0..=MAX_PAIRS).map(|_| (vec![], vec![])).collect();
        assert_eq!(decode(&encoded(&many)), Pairs::new());
    }
}
