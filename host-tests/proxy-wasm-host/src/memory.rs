//! The guest's memory, every access checked, and the one way to hand bytes over: the guest's allocator.

use wasmtime::Caller;

use crate::abi::Status;
use crate::vm::{Restriction, VmState};

/// The VM that calls a host function.
pub(crate) type Guest<'a> = Caller<'a, VmState>;

/// A range that does not lie in the guest's memory, or memory that the guest did not give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutOfBounds;

impl From<OutOfBounds> for Status {
    fn from(_: OutOfBounds) -> Self {
        Self::InvalidMemoryAccess
    }
}

/// Why a host function did not do what it is for.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The guest is told.
    Status(Status),
    /// The guest trapped in its allocator, and does not go on.
    Trap(wasmtime::Error),
}

impl From<Status> for Stop {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl From<OutOfBounds> for Stop {
    fn from(outside: OutOfBounds) -> Self {
        Self::Status(outside.into())
    }
}

/// The bytes of a range. The end must be below 2³² (`V8::getMemory`).
pub(crate) fn bytes(memory: &[u8], pointer: u32, size: u32) -> Result<&[u8], OutOfBounds> {
    let end = pointer.checked_add(size).ok_or(OutOfBounds)?;
    let range = usize::try_from(pointer).ok().zip(usize::try_from(end).ok()).ok_or(OutOfBounds)?;
    memory.get(range.0..range.1).ok_or(OutOfBounds)
}

/// Writes bytes.
pub(crate) fn write(memory: &mut [u8], pointer: u32, data: &[u8]) -> Result<(), OutOfBounds> {
    let size = u32::try_from(data.len()).map_err(|_| OutOfBounds)?;
    let end = pointer.checked_add(size).ok_or(OutOfBounds)?;
    let range = usize::try_from(pointer).ok().zip(usize::try_from(end).ok()).ok_or(OutOfBounds)?;
    memory.get_mut(range.0..range.1).ok_or(OutOfBounds)?.copy_from_slice(data);
    Ok(())
}

/// Writes a 32-bit integer.
pub(crate) fn write_u32(memory: &mut [u8], pointer: u32, value: u32) -> Result<(), OutOfBounds> {
    write(memory, pointer, &value.to_le_bytes())
}

/// Writes a 64-bit integer.
pub(crate) fn write_u64(memory: &mut [u8], pointer: u32, value: u64) -> Result<(), OutOfBounds> {
    write(memory, pointer, &value.to_le_bytes())
}

/// The memory of the VM that calls, and what the host keeps of that VM. A VM without memory has an empty one.
pub(crate) fn split<'a>(guest: &'a mut Guest<'_>) -> (&'a mut [u8], &'a mut VmState) {
    match guest.data().memory() {
        Some(memory) => memory.data_and_store_mut(guest),
        None => (&mut [], guest.data_mut()),
    }
}

/// Hands bytes over: allocates for them, and writes pointer and size (`WasmBase::copyToPointerSize`). Nothing is
/// allocated for no bytes.
pub(crate) fn hand_over(
    guest: &mut Guest<'_>,
    data: &[u8],
    pointer_to: u32,
    size_to: u32,
) -> Result<(), Stop> {
    let pointer = copy(guest, data)?;
    let (memory, _) = split(guest);
    write_u32(memory, pointer_to, pointer)?;
    write_u32(memory, size_to, size(data)?)?;
    Ok(())
}

/// Copies bytes into memory that the guest allocates; where they are, 0 for none.
pub(crate) fn copy(guest: &mut Guest<'_>, data: &[u8]) -> Result<u32, Stop> {
    if data.is_empty() {
        return Ok(0);
    }
    let pointer = allocate(guest, size(data)?)?;
    write(split(guest).0, pointer, data)?;
    Ok(pointer)
}

fn size(data: &[u8]) -> Result<u32, OutOfBounds> {
    u32::try_from(data.len()).map_err(|_| OutOfBounds)
}

/// Calls the guest's allocator, in the VM's own context and with few host functions (`WasmBase::allocMemory`).
fn allocate(guest: &mut Guest<'_>, size: u32) -> Result<u32, Stop> {
    let malloc = guest.data().malloc().ok_or(OutOfBounds)?;
    let state = guest.data_mut();
    let contexts = (state.current, state.effective);
    (state.current, state.effective) = (0, 0);
    state.restriction = Restriction::Allocation;
    let allocated = malloc.call(&mut *guest, size);
    let state = guest.data_mut();
    state.restriction = Restriction::None;
    (state.current, state.effective) = contexts;
    match allocated {
        Ok(0) => Err(OutOfBounds.into()),
        Ok(pointer) => Ok(pointer),
        Err(trap) => Err(Stop::Trap(trap)),
    }
}

#[cfg(test)]
mod tests {
    use super::{OutOfBounds, bytes, write, write_u32, write_u64};

    #[test]
    fn a_range_ends_within_the_memory() {
        let memory = [1, 2, 3, 4];
        assert_eq!(bytes(&memory, 1, 3), Ok(&[2, 3, 4][..]));
        assert_eq!(bytes(&memory, 4, 0), Ok(&[][..]));
        for (pointer, size) in [(1, 4), (5, 0), (0, 5), (u32::MAX, 1), (u32::MAX, u32::MAX), (4, 1)] {
            assert_eq!(bytes(&memory, pointer, size), Err(OutOfBounds), "{pointer}+{size}");
        }
    }

    #[test]
    fn nothing_is_written_in_part() {
        let mut memory = [0; 8];
        assert_eq!(write(&mut memory, 6, &[1, 2, 3]), Err(OutOfBounds));
        assert_eq!(write_u32(&mut memory, 5, u32::MAX), Err(OutOfBounds));
        assert_eq!(write_u64(&mut memory, 1, u64::MAX), Err(OutOfBounds));
        assert_eq!(memory, [0; 8]);
        assert_eq!(write_u32(&mut memory, 4, 0x0403_0201), Ok(()));
        assert_eq!(memory, [0, 0, 0, 0, 1, 2, 3, 4]);
    }
}
