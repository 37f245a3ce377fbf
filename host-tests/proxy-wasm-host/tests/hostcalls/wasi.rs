//! WASI.

use proxy_wasm_host::abi::Level;

use crate::guest::{Argument, FAR, Guest, OUT, OUT2, Show, Step, call};
use crate::scenario::Scenario;

/// Every function with places where nothing can be written.
fn everywhere() -> Scenario {
    let zero = 0u64;
    let steps = vec![
        call!("0", "args_get", FAR, FAR),
        call!("21", "args_sizes_get", FAR, OUT2),
        call!("21", "args_sizes_get", OUT, FAR),
        call!(Words, "0 0 0", "args_sizes_get", OUT, OUT2),
        call!("21", "clock_res_get", 0u32, FAR),
        call!("58", "clock_res_get", 2u32, FAR),
        call!(Long, "0 1", "clock_res_get", 1u32, OUT),
        call!("21", "clock_time_get", 0u32, zero, FAR),
        call!("21", "clock_time_get", 1u32, zero, FAR),
        call!("58", "clock_time_get", 2u32, zero, FAR),
        call!("21", "environ_sizes_get", FAR, OUT2),
        call!("21", "environ_sizes_get", OUT, FAR),
        call!(Words, "0 1 11", "environ_sizes_get", OUT, OUT2),
        call!("21", "environ_get", FAR, OUT2),
        call!("21", "environ_get", OUT, FAR),
        call!("0", "environ_get", OUT, 128u32),
        call!("0", "fd_advise", 9u32, zero, zero, 0u32),
        call!("0", "fd_allocate", 1u32, zero, zero),
        call!("8", "fd_allocate", 3u32, zero, zero),
        call!("0", "fd_close", 9u32),
        call!("0", "fd_datasync", 2u32),
        call!("8", "fd_datasync", 0u32),
        call!("8", "fd_fdstat_get", 0u32, FAR),
        call!("0", "fd_fdstat_get", 1u32, FAR),
        call!("52", "fd_fdstat_set_flags", 1u32, 0u32),
        call!("0", "fd_fdstat_set_rights", 1u32, zero, zero),
        call!("8", "fd_fdstat_set_rights", 0u32, zero, zero),
        call!("8", "fd_filestat_get", 1u32, FAR),
        call!("0", "fd_filestat_set_size", 1u32, zero),
        call!("8", "fd_filestat_set_size", 5u32, zero),
        call!("0", "fd_filestat_set_times", 1u32, zero, zero, 0u32),
        call!("8", "fd_filestat_set_times", 5u32, zero, zero, 0u32),
        call!("52", "fd_pread", 1u32, FAR, 1u32, zero, FAR),
        call!("52", "fd_prestat_dir_name", 1u32, FAR, 1u32),
        call!("8", "fd_prestat_get", 1u32, FAR),
        call!("52", "fd_read", 0u32, FAR, 1u32, FAR),
        call!("21", "fd_readdir", 1u32, FAR, 1u32, zero, FAR),
        call!(Word, "20 0", "fd_readdir", 1u32, FAR, 1u32, zero, OUT),
        call!("8", "fd_renumber", 1u32, 3u32),
        call!("8", "fd_renumber", 0u32, 1u32),
        call!("58", "fd_renumber", 1u32, 2u32),
        call!("0", "fd_seek", 1u32, zero, 0u32, FAR),
        call!("0", "fd_sync", 1u32),
        call!("8", "fd_sync", 0u32),
        call!("8", "fd_tell", 0u32, FAR),
        call!("21", "fd_tell", 1u32, FAR),
        call!(Long, "0 0", "fd_tell", 1u32, OUT),
        call!("58", "path_create_directory", 1u32, FAR, 1u32),
        call!("58", "path_filestat_get", 1u32, 0u32, FAR, 1u32, FAR),
        call!("58", "path_filestat_set_times", 1u32, 0u32, FAR, 1u32, zero, zero, 0u32),
        call!("58", "path_link", 1u32, 0u32, FAR, 1u32, 1u32, FAR),
        call!("44", "path_open", 1u32, 0u32, FAR, 1u32, 0u32, zero, zero, 0u32, FAR),
        call!("21", "path_readlink", 1u32, FAR, 1u32, FAR, 1u32, FAR),
        call!(Word, "58 0", "path_readlink", 1u32, FAR, 1u32, FAR, 1u32, OUT),
        call!("58", "path_remove_directory", 1u32, FAR, 1u32),
        call!("58", "path_rename", 1u32, FAR, 1u32, 1u32, FAR, 1u32),
        call!("58", "path_symlink", FAR, 1u32, 1u32, FAR),
        call!("58", "path_unlink_file", 1u32, FAR, 1u32),
        call!("21", "poll_oneoff", FAR, FAR, 1u32, FAR),
        call!(Word, "0 0", "poll_oneoff", FAR, FAR, 1u32, OUT),
        call!("21", "random_get", FAR, 1u32),
        call!("28", "random_get", OUT, 65_537u32),
        call!("28", "random_get", FAR, u32::MAX),
        call!("0", "random_get", FAR, 0u32),
        call!("0", "random_get", 0x20_0000u32, 65_536u32),
        call!("0", "sched_yield"),
        call!("21", "sock_accept", 1u32, 0u32, FAR),
        call!(Long, "58 0", "sock_accept", 1u32, 0u32, OUT),
        call!("21", "sock_recv", 1u32, FAR, 1u32, 0u32, FAR, OUT2),
        call!("21", "sock_recv", 1u32, FAR, 1u32, 0u32, OUT, FAR),
        call!("58", "sock_recv", 1u32, FAR, 1u32, 0u32, OUT, OUT2),
        call!("21", "sock_send", 1u32, FAR, 1u32, 0u32, FAR),
        call!(Word, "58 0", "sock_send", 1u32, FAR, 1u32, 0u32, OUT),
        call!("58", "sock_shutdown", 1u32, 0u32),
        call!("0", "proc_exit", 3u32),
    ];
    Scenario {
        environment: &[("NAME", "value")],
        ..Scenario::new(Guest::new().on("proxy_on_request_headers", steps))
    }
}

/// A write of parts: pointer and size of each, then where the count goes.
fn write(function: &'static str, file: u32, parts: &[u32], expected: &str) -> Step {
    let parts: Vec<u8> = parts.iter().flat_map(|word| word.to_le_bytes()).collect();
    let count = Argument::Number(u32::try_from(parts.len() / 8).unwrap());
    // Pointer and size of the parts are the argument; the size in bytes is replaced by how many there are.
    let offset: Vec<Argument> = if function == "fd_pwrite" { vec![Argument::Long(7)] } else { vec![] };
    let arguments =
        [vec![Argument::Number(file), Argument::At(parts), count], offset, vec![Argument::Number(OUT)]]
            .concat();
    Step { function, arguments, show: Show::Word, expected: expected.to_owned(), times: 1 }
}

/// 0x10000 is where the first text of the guest lies: the name of the first step.
fn writing() -> Scenario {
    let text = 0x1_0000;
    let nothing = 0xeeee_eeee_u32;
    let steps = vec![
        write("fd_write", 1, &[text, 4], "0 4"),
        write("fd_write", 2, &[text, 3, FAR, 0, text + 3, 5], "0 8"),
        write("fd_pwrite", 1, &[text, 2], "0 2"),
        write("fd_write", 0, &[text, 4], &format!("8 {nothing}")),
        write("fd_pwrite", 3, &[text, 4], &format!("8 {nothing}")),
        write("fd_write", 1, &[FAR, 4], &format!("21 {nothing}")),
        write("fd_write", 1, &[text, u32::MAX], &format!("21 {nothing}")),
        write("fd_write", 1, &[], "0 0"),
        call!("21", "fd_write", 1u32, FAR, 1u32, OUT),
        call!("21", "fd_write", 1u32, 0x20_0000u32, u32::MAX, OUT),
        call!("21", "fd_write", 1u32, u32::MAX, 1u32, OUT),
        call!("0", "fd_write", 1u32, u32::MAX, 0u32, OUT),
        call!("21", "fd_write", 1u32, u32::MAX, 0u32, FAR),
    ];
    Scenario::new(Guest::new().on("proxy_on_request_headers", steps))
}

#[test]
fn of_every_function() {
    everywhere().check(&["proxy_on_request_headers"]);
}

#[test]
fn what_is_written_is_logged() {
    let logs = writing().exchange().logs;
    let lines: Vec<_> = logs.iter().map(|line| (line.level, line.text.as_str())).collect();
    assert_eq!(lines[0], (Level::Info, "fd_w"));
    assert_eq!(lines[1], (Level::Info, "fd_write: 0 4"));
    assert_eq!(lines[2], (Level::Error, "fd_write"));
    assert_eq!(lines[3], (Level::Info, "fd_write: 0 8"));
    assert_eq!(lines[4], (Level::Info, "fd"));
    let expected = writing().guest.expected("proxy_on_request_headers");
    let reported: Vec<_> =
        lines.iter().filter(|(_, text)| text.contains(": ")).map(|(_, text)| *text).collect();
    assert_eq!(reported, expected);
}

#[test]
fn the_environment_is_there() {
    let (array, text) = (0x20_1000u32, 0x20_0000u32);
    let steps = vec![
        call!("0", "environ_get", array, text),
        // The text, as far as its NUL, then where the array says it is.
        write("fd_write", 1, &[text, 10], "0 10"),
        write("fd_write", 2, &[array, 4], "0 4"),
    ];
    let mut scenario = everywhere();
    scenario.guest = Guest::new().on("proxy_on_request_headers", steps);
    let logs = scenario.exchange().logs;
    let address = &logs[3];
    assert_eq!((logs[1].level, logs[1].text.as_str()), (Level::Info, "NAME=value"));
    assert_eq!((address.level, address.text.as_bytes()), (Level::Error, &text.to_le_bytes()[..]));
}
