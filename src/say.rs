//! Words for the user on standard error.

/// Writes `RMCP: <sentence>` as one line with one system call. Standard error of Rust's library is not used: its lock could be
/// held by another thread at a fork.
pub fn say(sentence: &str) {
    let line = format!("RMCP: {sentence}\n");
    // SAFETY: the buffer is valid for its length; a failing write is of no consequence.
    unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
}
