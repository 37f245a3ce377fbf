//! Attributes and filter state.

use super::{Done, Handed, host_functions};
use crate::memory::{Guest, bytes, hand_over, split};
use crate::property;

host_functions! {
    pub(super) FUNCTIONS {
        "proxy_get_property"(path: u32, path_size: u32, to: u32, size_to: u32) = get;
        "proxy_set_property"(path: u32, path_size: u32, value: u32, value_size: u32) = set;
    }
}

fn get(guest: &mut Guest<'_>, path: u32, path_size: u32, to: u32, size_to: u32) -> Handed {
    let (memory, state) = split(guest);
    let value = property::get(state, bytes(memory, path, path_size)?)?;
    hand_over(guest, &value, to, size_to)
}

fn set(guest: &mut Guest<'_>, path: u32, path_size: u32, value: u32, value_size: u32) -> Done {
    let (memory, state) = split(guest);
    let (path, value) = (bytes(memory, path, path_size)?, bytes(memory, value, value_size)?);
    property::set(state, path, value)
}
