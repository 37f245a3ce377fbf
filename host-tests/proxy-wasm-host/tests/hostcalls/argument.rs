//! What a host call is given.

/// An argument of a host call.
#[derive(Clone)]
pub enum Argument {
    /// A number of 32 bits.
    Number(u32),
    /// A number of 64 bits.
    Long(u64),
    /// Bytes in the guest's memory: pointer and size.
    Bytes(Vec<u8>),
    /// The pointer alone.
    At(Vec<u8>),
}

impl From<u32> for Argument {
    fn from(number: u32) -> Self {
        Self::Number(number)
    }
}

impl From<u64> for Argument {
    fn from(number: u64) -> Self {
        Self::Long(number)
    }
}

impl From<&str> for Argument {
    fn from(text: &str) -> Self {
        Self::Bytes(text.as_bytes().to_vec())
    }
}

impl From<Vec<u8>> for Argument {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}
