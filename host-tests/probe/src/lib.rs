//! A policy whose configuration scripts what it does: the test subject of the adapter
