//! Logging, clocks, timers, contexts, functions beyond the ABI.

use std::rc::Rc;

use super::buffers::plugin_configuration;
use super::{Done, Handed, HostFunction, host_functions, silent_function};
use crate::abi::{Level, Status};
use crate::memory::{Guest, bytes, copy, hand_over, split, write_u32, write_u64};
use crate::vm::{Context, VmState};
use crate::world::Event;

host_functions! {
    pub(super) FUNCTIONS {
        "proxy_log"(level: u32, text: u32, size: u32) = log;
        "proxy_get_status"(code_to: u32, to: u32, size_to: u32) = get_status;
        "proxy_set_tick_period_milliseconds"(period: u32) = set_tick_period;
        "proxy_get_current_time_nanoseconds"(to: u32) = get_current_time;
        "proxy_set_effective_context"(context: u32) = set_effective_context;
        "proxy_done"() = done;
        "proxy_call_foreign_function"(
            name: u32, name_size: u32, arguments: u32, arguments_size: u32, to: u32, size_to: u32
        ) = call_foreign_function;
    }

    /// What only the first version of the ABI has.
    pub(super) V0_1_0 {
        "proxy_get_configuration"(to: u32, size_to: u32) = get_configuration;
    }

    /// What came with 0.2.1.
    pub(super) V0_2_1 {
        "proxy_get_log_level"(to: u32) = get_log_level;
    }

    EMSCRIPTEN {
        "pthread_equal"(one: u32, other: u32) = pthread_equal;
    }
}

/// What compilers call.
pub(super) const COMPILER: [&[HostFunction]; 2] =
    [EMSCRIPTEN, &[silent_function!("emscripten_notify_memory_growth")]];

fn pthread_equal(_: &mut Guest<'_>, one: u32, other: u32) -> u32 {
    u32::from(one == other)
}

/// Logs in the name of the context that runs. Of a line above the host's limit only the begin is looked at.
pub(super) fn log_line(state: &mut VmState, level: Level, text: &[u8]) {
    let prefix = match state.context() {
        Some(Context { plugin: Some(plugin), stream: Some(_), .. }) => plugin.log_prefix(),
        Some(Context { plugin: Some(plugin), .. }) => plugin.root_log_prefix(),
        _ => String::new(),
    };
    let text = text.get(..=state.world.limits.log).unwrap_or(text);
    let text = String::from_utf8_lossy(text).into_owned();
    state.world.log(level, prefix, text);
}

fn log(guest: &mut Guest<'_>, level: u32, text: u32, size: u32) -> Done {
    let level = Level::from_number(level).ok_or(Status::BadArgument)?;
    let (memory, state) = split(guest);
    log_line(state, level, bytes(memory, text, size)?);
    Ok(())
}

/// Every line is kept, whatever its level.
fn get_log_level(guest: &mut Guest<'_>, to: u32) -> Done {
    write_u32(split(guest).0, to, Level::Trace as u32)?;
    Ok(())
}

fn get_status(guest: &mut Guest<'_>, code_to: u32, to: u32, size_to: u32) -> Handed {
    let (memory, state) = split(guest);
    let (code, text) = state.root().map(|root| root.call.status.clone()).unwrap_or_default();
    write_u32(memory, code_to, code)?;
    hand_over(guest, text.as_bytes(), to, size_to)
}

/// The plugin's configuration while it is configured, else the VM's.
fn get_configuration(guest: &mut Guest<'_>, to: u32, size_to: u32) -> Handed {
    let state = guest.data();
    let configuration = plugin_configuration(state).unwrap_or(&state.vm_configuration).to_vec();
    hand_over(guest, &configuration, to, size_to)
}

fn get_current_time(guest: &mut Guest<'_>, to: u32) -> Done {
    let (memory, state) = split(guest);
    write_u64(memory, to, state.world.now)?;
    Ok(())
}

/// The timer belongs to the root context.
fn set_tick_period(guest: &mut Guest<'_>, period: u32) -> Done {
    const NANOSECONDS: u64 = 1_000_000;
    let state = guest.data_mut();
    if !state.world.has_room() {
        return Err(Status::InternalFailure);
    }
    let (vm, root) = (state.at, state.root_id());
    let Some(context) = state.root() else { return Ok(()) };
    context.call.timer += 1;
    context.call.period = u64::from(period) * NANOSECONDS;
    let (armed, period) = (context.call.timer, context.call.period);
    if period > 0 {
        state.world.after(period, Event::Tick { vm, root, armed });
    }
    Ok(())
}

fn set_effective_context(guest: &mut Guest<'_>, context: u32) -> Done {
    let state = guest.data_mut();
    if !state.contexts.contains_key(&context) {
        return Err(Status::BadArgument);
    }
    state.effective = context;
    Ok(())
}

/// Nothing waits for this: root contexts are not shut down here.
fn done(_: &mut Guest<'_>) -> Done {
    Err(Status::NotFound)
}

fn call_foreign_function(
    guest: &mut Guest<'_>,
    name: u32,
    name_size: u32,
    arguments: u32,
    arguments_size: u32,
    to: u32,
    size_to: u32,
) -> Handed {
    let (memory, state) = split(guest);
    let name = bytes(memory, name, name_size)?;
    let arguments = bytes(memory, arguments, arguments_size)?;
    let functions = Rc::clone(&state.world.foreign);
    let function = functions.get(name).ok_or(Status::NotFound)?;
    let (status, answer) = match function(arguments) {
        Ok(answer) => (Ok(()), answer),
        Err(status) => (Err(status), Vec::new()),
    };
    // Who does not want the answer, or its size, says so by a pointer of 0.
    let pointer = if to == 0 { 0 } else { copy(guest, &answer)? };
    let (memory, _) = split(guest);
    if to != 0 {
        write_u32(memory, to, pointer)?;
    }
    if size_to != 0 {
        write_u32(memory, size_to, u32::try_from(answer.len()).unwrap_or(u32::MAX))?;
    }
    Ok(status?)
}
