//! Verbs, headers and paths: what may enter, and what every answer carries
