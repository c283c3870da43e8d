//! The diagnostic log: `tracing` events to the file that the setting `log` names, and nowhere else. Written by the calling thread, since the core starts none.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing_appender::rolling::{RollingFileAppender, Rotation};

use crate::say::say;
use crate::settings::Settings;

/// Opens the log, if one is asked for, at the first call of this function.
pub fn start() {
    static STARTED: AtomicBool = AtomicBool::new(false);
    if STARTED.swap(true, Ordering::AcqRel) {
        return;
    }
    let Some(path) = &Settings::get().process.log else { return };
    if let Err(reason) = open(path) {
        say(&format!(
            "the log {} cannot be written: {reason}; name a file in a directory that you may write to",
            path.display()
        ));
    }
}

fn open(path: &Path) -> Result<(), String> {
    let name = path.file_name().and_then(|name| name.to_str()).ok_or("it names no file")?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The appender would make the directory; a mistyped path should not.
    if !directory.is_dir() {
        return Err("its directory does not exist".to_owned());
    }
    let appender = RollingFileAppender::builder()
        .rotation(Rotation::NEVER)
        .filename_prefix(name)
        .build(directory)
        .map_err(|e| e.to_string())?;
    let subscriber =
        tracing_subscriber::fmt().with_writer(appender).with_ansi(false).with_max_level(tracing::Level::DEBUG).finish();
    tracing::subscriber::set_global_default(subscriber).map_err(|e| e.to_string())
}
