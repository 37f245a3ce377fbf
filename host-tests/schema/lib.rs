//! Nothing but tests: the JSON Schemas that editors read agree with the loaders.
