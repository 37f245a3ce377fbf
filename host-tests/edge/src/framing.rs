//! The frame of a message of gRPC: a byte that says whether it is compressed, four with its length, the message.

use anyhow::{Context as _, Result, ensure};
use bytes::{BufMut as _, Bytes, BytesMut};

/// Bytes before a message.
const PREFIX: usize = 5;

/// A message, not compressed, in its frame.
///
/// # Errors
/// It is longer than 4 GiB.
pub(crate) fn framed(message: &[u8]) -> Result<Bytes> {
    let length = u32::try_from(message.len()).context("a message of more than 4 GiB")?;
    let mut framed = BytesMut::with_capacity(message.len().saturating_add(PREFIX));
    framed.put_u8(0);
    framed.put_u32(length);
    framed.put_slice(message);
    Ok(framed.freeze())
}

/// The only message in there.
///
/// # Errors
/// It is compressed, cut off, or there is more.
pub(crate) fn message(framed: &[u8]) -> Result<&[u8]> {
    let (prefix, message) = framed.split_first_chunk::<PREFIX>().context("no frame")?;
    let [compressed, length @ ..] = prefix;
    ensure!(*compressed == 0, "a compressed message");
    ensure!(usize::try_from(u32::from_be_bytes(*length))? == message.len(), "not one message");
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::{framed, message};

    #[test]
    fn a_message_comes_out_of_its_frame_and_nothing_else_does() {
        assert_eq!(&framed(b"abc").unwrap()[..], b"\0\0\0\0\x03abc");
        assert_eq!(message(b"\0\0\0\0\x03abc").unwrap(), b"abc");
        assert_eq!(message(b"\0\0\0\0\0").unwrap(), b"");
        for bytes in [&b""[..], b"\0\0\0\0", b"\x01\0\0\0\x03abc", b"\0\0\0\0\x02abc", b"\0\0\0\0\x04abc"] {
            assert!(message(bytes).is_err(), "{}", bytes.escape_ascii());
        }
    }
}
