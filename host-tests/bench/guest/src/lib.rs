//! A no-op filter that repeats one host call as often as it is told
