//! Addresses as most are.

/// Whether this is an address as most are: `first.last+tag@mail.example.com`. Each byte is looked at once.
#[must_use]
pub fn is_plain_email(string: &str) -> bool {
    /// RFC 5321 section 4.5.3.1.
    const LONGEST: usize = 254;
    let bytes = string.as_bytes();
    bytes.len() <= LONGEST && plain_local_part(bytes).is_some_and(is_plain_domain)
}

/// What follows the `@` after a local part of atoms with dots between them.
fn plain_local_part(bytes: &[u8]) -> Option<&[u8]> {
    /// RFC 5321 section 4.5.3.1.
    const LONGEST: usize = 64;
    let mut after_dot = true;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'A'..=b'Z' | b'_' | b'-' | b'+' => after_dot = false,
            b'.' if !after_dot => after_dot = true,
            b'@' if !after_dot && at <= LONGEST => return bytes.get(at + 1..),
            _ => return None,
        }
    }
    None
}

/// Whether these are labels of letters, digits and hyphens, the last one of two letters at least and no others.
fn is_plain_domain(bytes: &[u8]) -> bool {
    /// RFC 1035 section 2.3.4.
    const LONGEST: usize = 63;
    let (mut length, mut hyphen, mut letters, mut labels) = (0, false, true, 0_usize);
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => hyphen = false,
            b'0'..=b'9' => (hyphen, letters) = (false, false),
            // Two of them may be of a name in another script (RFC 5890 section 2.3.1), which is to be decoded.
            b'-' if length > 0 && !hyphen => (hyphen, letters) = (true, false),
            b'.' if length > 0 && !hyphen => {
                (length, letters) = (0, true);
                labels += 1;
                continue;
            }
            _ => return false,
        }
        length += 1;
        if length > LONGEST {
            return false;
        }
    }
    labels > 0 && letters && length > 1
}
