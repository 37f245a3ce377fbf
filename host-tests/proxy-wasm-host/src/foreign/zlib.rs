//! `compress` and `uncompress`: zlib (RFC 1950).

use std::io::Read as _;

use flate2::Compression;
use flate2::read::{ZlibDecoder, ZlibEncoder};

use crate::abi::Status;

/// Bytes that come out, at most. Envoy has no bound.
const MAX_BYTES: usize = 16 << 20;

pub(super) fn compress(bytes: &[u8]) -> Result<Vec<u8>, Status> {
    all(ZlibEncoder::new(bytes, Compression::default()))
}

/// What follows the end of the compressed bytes is not looked at.
pub(super) fn uncompress(bytes: &[u8]) -> Result<Vec<u8>, Status> {
    all(ZlibDecoder::new(bytes))
}

fn all(reader: impl std::io::Read) -> Result<Vec<u8>, Status> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    reader.take(limit + 1).read_to_end(&mut bytes).map_err(|_| Status::SerializationFailure)?;
    if bytes.len() > MAX_BYTES { Err(Status::InternalFailure) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, compress, uncompress};
    use crate::abi::Status;

    #[test]
    fn there_and_back() {
        for bytes in [&b""[..], b"a", &[7; 100_000]] {
            assert_eq!(uncompress(&compress(bytes).unwrap()), Ok(bytes.to_vec()));
        }
    }

    #[test]
    fn no_zlib() {
        let good = compress(b"text").unwrap();
        assert_eq!(uncompress(b"text"), Err(Status::SerializationFailure));
        assert_eq!(uncompress(&good[..good.len() - 1]), Err(Status::SerializationFailure));
        assert_eq!(uncompress(b""), Err(Status::SerializationFailure));
        assert_eq!(uncompress(&[good, vec![1]].concat()), Ok(b"text".to_vec()));
    }

    #[test]
    fn a_bomb_is_refused() {
        let bomb = compress(&vec![0; MAX_BYTES]).unwrap();
        assert_eq!(uncompress(&bomb).map(|bytes| bytes.len()), Ok(MAX_BYTES));
        let mut encoder = flate2::read::ZlibEncoder::new(std::io::repeat(0), flate2::Compression::fast());
        let mut head = vec![0; 100_000];
        std::io::Read::read_exact(&mut encoder, &mut head).unwrap();
        assert_eq!(uncompress(&head), Err(Status::InternalFailure));
    }
}
