//! Each wrong input has a clear message and its own exit code.
