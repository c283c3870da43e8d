//! Plain tables: columns aligned with spaces, so that they survive being pasted into an issue; and the words for numbers.

use std::io::Write;

/// How the cells of a column stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// The table's lines, each indented by two spaces, without spaces at the end.
pub fn lines(align: &[Align], rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    rows.iter()
        .map(|row| {
            let mut line = String::new();
            for (column, (cell, align)) in row.iter().zip(align).enumerate() {
                let width = width(column).unwrap_or(0);
                line += "  ";
                line += &match align {
                    Align::Left => format!("{cell:<width$}"),
                    Align::Right => format!("{cell:>width$}"),
                };
            }
            line.truncate(line.trim_end().len());
            line
        })
        .collect()
}

/// Bytes in the largest binary unit that keeps the number short.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = if value.fract() == 0.0 || value >= 100.0 { 0 } else { 1 };
    format!("{value:.digits$} {}", UNITS[unit])
}

/// `1 call`, `2 calls`.
pub fn count(number: u64, word: &str) -> String {
    let end = match (number, word) {
        (1, _) => "",
        (_, word) if word.ends_with("ss") => "es",
        _ => "s",
    };
    format!("{number} {word}{end}")
}

/// Prints to stdout. A reader that has gone away (`| head`) is no error.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_end_with_their_text() {
        let rows = [["a", "1", "x"], ["long", "10", ""]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(lines(&[Align::Left, Align::Right, Align::Left], &rows), ["  a      1  x", "  long  10"]);
    }

    #[test]
    fn sizes_are_short() {
        for (value, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (65536, "64 KiB"),
            (1536, "1.5 KiB"),
            (16 << 30, "16 GiB"),
            (u64::MAX, "16384 PiB"),
        ] {
            assert_eq!(bytes(value), text);
        }
        assert_eq!(
            [count(1, "process"), count(2, "process"), count(0, "call")],
            ["1 process", "2 processes", "0 calls"]
        );
    }
}
