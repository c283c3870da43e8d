//! Layout of the file, shared by writer and reader; `docs/recording.md` explains it. All fields are little endian; offsets and sizes are bytes unless a
//! name says words (of 8 bytes).

/// First bytes of every record file.
pub const MAGIC: [u8; 8] = *b"RMCPREC\n";
/// Version of the layout. A reader refuses other versions.
pub const VERSION: u32 = 3;
/// Size of the file header.
pub const HEADER_BYTES: usize = 4096;
/// Size of a chunk.
pub const CHUNK_BYTES: usize = 65536;

/// Offsets in the file header.
pub mod header {
    /// `[u8; 8]`.
    pub const MAGIC: usize = 0;
    /// `u32`.
    pub const VERSION: usize = 8;
    /// `u32`, [`super::CHUNK_BYTES`].
    pub const CHUNK_BYTES: usize = 12;
    /// `u32`: chunks given out, whether or not their space could be had.
    pub const CHUNKS: usize = 16;
    /// `u32`: number of the next process, from 1. A number is given once, so a reused pid is another process.
    pub const NEXT_PROCESS: usize = 20;
    /// `u32`: number of the next string, from 1.
    pub const NEXT_STRING: usize = 24;
    /// `u32`: errno of the first process that had to stop recording, 0 if none had.
    pub const STOP_ERRNO: usize = 28;
    /// `u64`: records that could not be written.
    pub const LOST: usize = 32;
}

/// First word of a chunk: this value in the low half, the process number in the high half.
pub const CHUNK_MAGIC: u32 = u32::from_le_bytes(*b"RMCk");
/// Size of a chunk's header: magic and process, used, pid, 40 reserved bytes.
pub const CHUNK_HEADER_BYTES: usize = 64;

/// Offsets in a chunk header.
pub mod chunk {
    /// `u32` magic, `u32` process number.
    pub const OWNER: usize = 0;
    /// `u64`: bytes of the chunk that are in use, header included. Stored last.
    pub const USED: usize = 8;
    /// `u64`: process id.
    pub const PID: usize = 16;
}

/// Kinds of record. The first word of a record: kind in bits 0-7, its length in words in bits 16-31, thread id in bits 32-63 (but see
/// [`kind::CALL`]).
pub mod kind {
    /// `[head, id | length << 32, bytes padded to words]`.
    pub const STRING: u8 = 1;
    /// `[head, time, unix time, pid | parent << 32, exe | argv0 << 32, mode | machine << 32, start, forked from]`: a process began to record. `machine`
    /// names the boot and the pid namespace in which the pid means something, `start` is the process's start time as in `/proc/PID/stat`: both
    /// tell a reader whether the process is still running. `forked from`: number of the process that it is a copy of, 0 if it opened the file itself.
    pub const PROCESS: u8 = 2;
    /// `[head, time, soname | real path << 32, build-id | front path << 32]`.
    pub const FRONT: u8 = 3;
    /// `[head, time, id | text << 32]`.
    pub const WARNING: u8 = 4;
    /// `[head, time, size, pointer, arguments…]`: bits 32-63 of the head are not the thread's id but the place of the call's shape, in bytes from the
    /// start of the chunk. The shape stands before the call, and in the same chunk. Up to [`super::ARGUMENTS`] words of arguments follow.
    pub const CALL: u8 = 5;
    /// `[head, flags asked | used << 32, result | ordinal << 32, call | rule << 32, caller | mode << 32, target | bus << 32,
    /// verdict | kind << 8 | warning << 32, memory | argument 0 << 32, argument 1 | argument 2 << 32, argument 3]`: what calls of one thread have in
    /// common, written once for many of them; of the arguments their names.
    pub const SHAPE: u8 = 6;
    /// `[head, time]`: the process came to its normal end. Records may follow: destructors that run later free memory.
    pub const END: u8 = 7;
}

/// Length of the records of fixed size, in words.
pub mod words {
    /// See [`super::kind::PROCESS`].
    pub const PROCESS: usize = 8;
    /// See [`super::kind::FRONT`].
    pub const FRONT: usize = 4;
    /// See [`super::kind::WARNING`].
    pub const WARNING: usize = 3;
    /// See [`super::kind::CALL`]; without arguments.
    pub const CALL: usize = 4;
    /// See [`super::kind::SHAPE`].
    pub const SHAPE: usize = 10;
    /// See [`super::kind::END`].
    pub const END: usize = 2;
}

/// Most arguments of a call.
pub const ARGUMENTS: usize = 4;

/// Longest string in bytes; longer ones are cut.
pub const MAX_STRING: usize = 4096;

/// Two halves of a word.
pub const fn pair(low: u32, high: u32) -> u64 {
    low as u64 | (high as u64) << 32
}

/// First word of a record; `high` is the thread id or, for a call, the place of its shape.
pub const fn head(kind: u8, words: usize, high: u32) -> u64 {
    kind as u64 | (words as u64 & 0xffff) << 16 | (high as u64) << 32
}
