//! WASI, as far as a proxy has it: clocks, randomness, the environment, and two files that are the log.

use super::{Answer, HostFunction, host_functions, silent_function};
use crate::abi::Level;
use crate::hostcalls::system::log_line;
use crate::memory::{Guest, OutOfBounds, bytes, split, write, write_u32, write_u64};

/// An `errno` of WASI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Errno(u32);

const SUCCESS: Errno = Errno(0);
const BAD_FILE: Errno = Errno(8);
const NO_DIRECTORY: Errno = Errno(20);
const FAULT: Errno = Errno(21);
const INVALID: Errno = Errno(28);
const NO_ENTRY: Errno = Errno(44);
const NO_SYSTEM_CALL: Errno = Errno(52);
const NOT_SUPPORTED: Errno = Errno(58);
/// What a guest is told that lacks the capability.
pub(super) const NOT_CAPABLE: u32 = 76;

impl From<OutOfBounds> for Errno {
    fn from(_: OutOfBounds) -> Self {
        FAULT
    }
}

impl Answer for Errno {
    fn number(self) -> wasmtime::Result<u32> {
        Ok(self.0)
    }
}

/// [`SUCCESS`], or why not.
type Called = Result<(), Errno>;

impl Answer for Called {
    fn number(self) -> wasmtime::Result<u32> {
        self.err().unwrap_or(SUCCESS).number()
    }
}

/// Standard output and standard error.
const STDOUT: u32 = 1;
const STDERR: u32 = 2;

host_functions! {
    ANSWERING {
        "args_get"(arguments: u32, buffer: u32) => SUCCESS;
        "args_sizes_get"(count_to: u32, size_to: u32) = args_sizes_get;
        "clock_res_get"(clock: u32, to: u32) = clock_res_get;
        "clock_time_get"(clock: u32, precision: u64, to: u32) = clock_time_get;
        "environ_get"(array: u32, buffer: u32) = environ_get;
        "environ_sizes_get"(count_to: u32, size_to: u32) = environ_sizes_get;
        "fd_advise"(file: u32, offset: u64, length: u64, advice: u32) => SUCCESS;
        "fd_allocate"(file: u32, offset: u64, length: u64) => log_file(file);
        "fd_close"(file: u32) => SUCCESS;
        "fd_datasync"(file: u32) => log_file(file);
        "fd_fdstat_get"(file: u32, to: u32) = fd_fdstat_get;
        "fd_fdstat_set_flags"(file: u32, flags: u32) => NO_SYSTEM_CALL;
        "fd_fdstat_set_rights"(file: u32, base: u64, inheriting: u64) => log_file(file);
        "fd_filestat_get"(file: u32, to: u32) => BAD_FILE;
        "fd_filestat_set_size"(file: u32, size: u64) => log_file(file);
        "fd_filestat_set_times"(file: u32, access: u64, change: u64, flags: u32) => log_file(file);
        "fd_pread"(file: u32, parts: u32, count: u32, offset: u64, to: u32) => NO_SYSTEM_CALL;
        "fd_prestat_dir_name"(file: u32, path: u32, size: u32) => NO_SYSTEM_CALL;
        "fd_prestat_get"(file: u32, to: u32) => BAD_FILE;
        "fd_pwrite"(file: u32, parts: u32, count: u32, offset: u64, written_to: u32) = fd_pwrite;
        "fd_read"(file: u32, parts: u32, count: u32, to: u32) => NO_SYSTEM_CALL;
        "fd_readdir"(file: u32, buffer: u32, size: u32, cookie: u64, to: u32) = fd_readdir;
        "fd_renumber"(file: u32, onto: u32) => log_file(file).and(log_file(onto)).and(Err(NOT_SUPPORTED));
        "fd_seek"(file: u32, offset: u64, whence: u32, to: u32) => SUCCESS;
        "fd_sync"(file: u32) => log_file(file);
        "fd_tell"(file: u32, to: u32) = fd_tell;
        "fd_write"(file: u32, parts: u32, count: u32, written_to: u32) = fd_write;
        "path_create_directory"(file: u32, path: u32, size: u32) => NOT_SUPPORTED;
        "path_filestat_get"(file: u32, flags: u32, path: u32, size: u32, to: u32) => NOT_SUPPORTED;
        "path_filestat_set_times"(
            file: u32, flags: u32, path: u32, size: u32, access: u64, change: u64, what: u32
        ) => NOT_SUPPORTED;
        "path_link"(file: u32, flags: u32, path: u32, size: u32, onto: u32, onto_path: u32) => NOT_SUPPORTED;
        "path_open"(
            file: u32, flags: u32, path: u32, size: u32, how: u32, base: u64, inheriting: u64, status: u32, to: u32
        ) => NO_ENTRY;
        "path_readlink"(file: u32, path: u32, size: u32, buffer: u32, buffer_size: u32, to: u32) = path_readlink;
        "path_remove_directory"(file: u32, path: u32, size: u32) => NOT_SUPPORTED;
        "path_rename"(file: u32, path: u32, size: u32, onto: u32, onto_path: u32, onto_size: u32) => NOT_SUPPORTED;
        "path_symlink"(path: u32, size: u32, file: u32, onto: u32) => NOT_SUPPORTED;
        "path_unlink_file"(file: u32, path: u32, size: u32) => NOT_SUPPORTED;
        "poll_oneoff"(events: u32, to: u32, count: u32, count_to: u32) = poll_oneoff;
        "random_get"(to: u32, size: u32) = random_get;
        "sched_yield"() => SUCCESS;
        "sock_accept"(file: u32, flags: u32, to: u32) = sock_accept;
        "sock_recv"(file: u32, parts: u32, count: u32, flags: u32, to: u32, flags_to: u32) = sock_recv;
        "sock_send"(file: u32, parts: u32, count: u32, flags: u32, to: u32) = sock_send;
        "sock_shutdown"(file: u32, how: u32) => NOT_SUPPORTED;
    }
}

/// Every function.
pub(super) const FUNCTIONS: [&[HostFunction]; 2] = [ANSWERING, &[silent_function!("proc_exit")]];

/// Whether a module may call it while it starts (`WasmBase::startVm`).
pub(super) fn during_start(name: &str) -> bool {
    !matches!(name, "fd_close" | "fd_read" | "fd_seek" | "path_open" | "proc_exit" | "sched_yield")
}

/// Whether a file is the log; there are no others.
fn log_file(file: u32) -> Called {
    if matches!(file, STDOUT | STDERR) { Ok(()) } else { Err(BAD_FILE) }
}

fn args_sizes_get(guest: &mut Guest<'_>, count_to: u32, size_to: u32) -> Called {
    let (memory, _) = split(guest);
    write_u32(memory, count_to, 0)?;
    write_u32(memory, size_to, 0)?;
    Ok(())
}

const REALTIME: u32 = 0;
const MONOTONIC: u32 = 1;
/// For how long the machine has run when the host starts, in ns: the monotonic clock is never at 0.
const UPTIME: u64 = 1_000_000_000_000;

fn clock_res_get(guest: &mut Guest<'_>, clock: u32, to: u32) -> Called {
    if !matches!(clock, REALTIME | MONOTONIC) {
        return Err(NOT_SUPPORTED);
    }
    Ok(write_u64(split(guest).0, to, 1)?)
}

fn clock_time_get(guest: &mut Guest<'_>, clock: u32, _precision: u64, to: u32) -> Called {
    let (memory, state) = split(guest);
    let world = &state.world;
    let time = match clock {
        REALTIME => world.now,
        MONOTONIC => world.now.saturating_sub(world.start).saturating_add(UPTIME),
        _ => return Err(NOT_SUPPORTED),
    };
    Ok(write_u64(memory, to, time)?)
}

/// Name, `=`, value and NUL.
fn environ_get(guest: &mut Guest<'_>, mut array: u32, mut buffer: u32) -> Called {
    let (memory, state) = split(guest);
    for (name, value) in state.environment.iter() {
        let entry = format!("{name}={value}\0");
        write_u32(memory, array, buffer)?;
        write(memory, buffer, entry.as_bytes())?;
        // What was written ends below 2³².
        array = array.saturating_add(4);
        buffer = buffer.saturating_add(u32::try_from(entry.len()).unwrap_or(u32::MAX));
    }
    Ok(())
}

fn environ_sizes_get(guest: &mut Guest<'_>, count_to: u32, size_to: u32) -> Called {
    let (memory, state) = split(guest);
    let size: usize = state.environment.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    write_u32(memory, count_to, number(state.environment.len()))?;
    write_u32(memory, size_to, number(size))?;
    Ok(())
}

/// Zeroes but for the right to write; whether they could be written is not looked at.
fn fd_fdstat_get(guest: &mut Guest<'_>, file: u32, to: u32) -> Called {
    const RIGHT_TO_WRITE: u64 = 64;
    log_file(file)?;
    let mut stat = [0; 24];
    if let Some(rights) = stat.get_mut(8..16) {
        rights.copy_from_slice(&RIGHT_TO_WRITE.to_le_bytes());
    }
    let _ = write(split(guest).0, to, &stat);
    Ok(())
}

fn fd_readdir(guest: &mut Guest<'_>, _file: u32, _buffer: u32, _size: u32, _cookie: u64, to: u32) -> Called {
    write_u32(split(guest).0, to, 0)?;
    Err(NO_DIRECTORY)
}

fn fd_tell(guest: &mut Guest<'_>, file: u32, to: u32) -> Called {
    log_file(file)?;
    Ok(write_u64(split(guest).0, to, 0)?)
}

fn fd_pwrite(
    guest: &mut Guest<'_>,
    file: u32,
    parts: u32,
    count: u32,
    _offset: u64,
    written_to: u32,
) -> Called {
    fd_write(guest, file, parts, count, written_to)
}

/// Standard output is logged as information, standard error as an error (`writevImpl`).
fn fd_write(guest: &mut Guest<'_>, file: u32, parts: u32, count: u32, written_to: u32) -> Called {
    let level = match file {
        STDOUT => Level::Info,
        STDERR => Level::Error,
        _ => return Err(BAD_FILE),
    };
    let (memory, state) = split(guest);
    let (text, written) = gather(memory, parts, count, state.world.limits.log)?;
    if written > 0 {
        log_line(state, level, text.strip_suffix(b"\n").unwrap_or(&text));
    }
    Ok(write_u32(split(guest).0, written_to, written)?)
}

/// The bytes that parts of the memory hold together, and how many there are. More than `limit` are only counted.
fn gather(memory: &[u8], parts: u32, count: u32, limit: usize) -> Result<(Vec<u8>, u32), OutOfBounds> {
    const PART: u32 = 8;
    let (mut text, mut written) = (Vec::new(), 0_u32);
    for part in 0..count {
        let at = part.checked_mul(PART).and_then(|offset| parts.checked_add(offset)).ok_or(OutOfBounds)?;
        let part = bytes(memory, at, PART)?;
        let (pointer, size) = part.split_first_chunk::<4>().ok_or(OutOfBounds)?;
        let size = size.first_chunk::<4>().ok_or(OutOfBounds)?;
        let (pointer, size) = (u32::from_le_bytes(*pointer), u32::from_le_bytes(*size));
        if size == 0 {
            continue;
        }
        let part = bytes(memory, pointer, size)?;
        written = written.wrapping_add(size);
        if text.len() <= limit {
            text.extend_from_slice(part.get(..=limit).unwrap_or(part));
        }
    }
    Ok((text, written))
}

fn path_readlink(
    guest: &mut Guest<'_>,
    _file: u32,
    _path: u32,
    _size: u32,
    _buffer: u32,
    _buffer_size: u32,
    to: u32,
) -> Called {
    write_u32(split(guest).0, to, 0)?;
    Err(NOT_SUPPORTED)
}

/// Nothing ever happens; the Go runtime wants success all the same.
fn poll_oneoff(guest: &mut Guest<'_>, _events: u32, _to: u32, _count: u32, count_to: u32) -> Called {
    Ok(write_u32(split(guest).0, count_to, 0)?)
}

fn random_get(guest: &mut Guest<'_>, to: u32, size: u32) -> Called {
    /// `PROXY_WASM_HOST_WASI_RANDOM_GET_MAX_SIZE_BYTES`
    const MAX_BYTES: u32 = 64 * 1024;
    if size > MAX_BYTES {
        return Err(INVALID);
    }
    let (memory, state) = split(guest);
    let mut random = vec![0; usize::try_from(size).unwrap_or_default()];
    state.world.random.fill(&mut random);
    if size == 0 { Ok(()) } else { Ok(write(memory, to, &random)?) }
}

fn sock_accept(guest: &mut Guest<'_>, _file: u32, _flags: u32, to: u32) -> Called {
    write_u64(split(guest).0, to, 0)?;
    Err(NOT_SUPPORTED)
}

fn sock_recv(
    guest: &mut Guest<'_>,
    _file: u32,
    _parts: u32,
    _count: u32,
    _flags: u32,
    to: u32,
    flags_to: u32,
) -> Called {
    let (memory, _) = split(guest);
    write_u32(memory, to, 0)?;
    write(memory, flags_to, &0_u16.to_le_bytes())?;
    Err(NOT_SUPPORTED)
}

fn sock_send(guest: &mut Guest<'_>, _file: u32, _parts: u32, _count: u32, _flags: u32, to: u32) -> Called {
    write_u32(split(guest).0, to, 0)?;
    Err(NOT_SUPPORTED)
}

#[cfg(test)]
mod tests {
    use super::gather;
    use crate::memory::OutOfBounds;

    /// Parts at 0, text behind them.
    fn memory(parts: &[(u32, u32)], text: &[u8]) -> Vec<u8> {
        let mut memory: Vec<u8> = parts
            .iter()
            .flat_map(|(pointer, size)| [pointer.to_le_bytes(), size.to_le_bytes()].concat())
            .collect();
        memory.extend_from_slice(text);
        memory
    }

    #[test]
    fn parts_are_joined() {
        let memory = memory(&[(24, 2), (u32::MAX, 0), (25, 3)], b"abcd");
        assert_eq!(gather(&memory, 0, 3, 100), Ok((b"abbcd".to_vec(), 5)));
        assert_eq!(gather(&memory, 0, 0, 100), Ok((vec![], 0)));
        assert_eq!(gather(&memory, 0, 4, 100), Err(OutOfBounds), "a fourth part is not there");
        assert_eq!(gather(&memory, u32::MAX, 1, 100), Err(OutOfBounds));
        assert_eq!(gather(&memory, 0, u32::MAX, 100), Err(OutOfBounds));
    }

    #[test]
    fn one_text_many_times_does_not_fill_the_host() {
        let parts = vec![(0, 80_000); 10_000];
        let (text, written) = gather(&memory(&parts, b""), 0, 10_000, 1000).unwrap();
        assert_eq!((text.len(), written), (1001, 800_000_000));
    }
}
