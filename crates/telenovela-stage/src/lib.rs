//! The stage: a director and character actors over tokio channels.
