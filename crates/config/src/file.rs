//! One configuration file: from its bytes to settings and rules, or to everything that is wrong with it.

use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use rmcp_policy::{Call, Caller, NEVER_LIST};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{Error, alternatives, suggestion};
use crate::key::Scope;
use crate::pattern::{Devices, Glob, file_name};
use crate::rule::{Effect, Rule};
use crate::{Key, Mode, Value};

/// A larger file is refused.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

const CONDITIONS: [&str; 4] = ["executable", "library", "device", "call"];

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// Its path.
    pub path: PathBuf,
    /// What it sets for every program, with the line.
    pub settings: Vec<Effect>,
    /// Its rules, in its order.
    pub rules: Vec<Rule>,
}

/// Reads a regular file of at most [`MAX_FILE_BYTES`] and one byte: [`parse`] tells that it is too large.
///
/// # Errors
/// It cannot be read, or is something else, such as a directory or a pipe.
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    // Before it is opened: opening a pipe would wait for its other end.
    let kind = std::fs::metadata(path)?.file_type();
    if kind.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !kind.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads one configuration file with [`read_file`].
///
/// # Errors
/// As [`parse`], or that it cannot be read.
pub fn check(path: &Path) -> Result<File, Vec<Error>> {
    match read_file(path) {
        Ok(bytes) => parse(path, &bytes),
        Err(error) => Err(vec![unreadable(path, &error)]),
    }
}

pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Error {
    let way_out = match error.kind() {
        _ if is_absent(error) => "make it, or name another file on the command line or in RMCP_CONFIG",
        io::ErrorKind::IsADirectory => "put a file in its place, or take it away",
        io::ErrorKind::PermissionDenied => "make it readable for this user, or take it away",
        _ => "put a readable file in its place, or take it away",
    };
    Error {
        file: Some(path.to_owned()),
        place: None,
        sentence: format!("this configuration file cannot be read ({error}); {way_out}"),
    }
}

/// Reads the contents of a configuration file.
///
/// # Errors
/// Everything that is wrong with it, at least one thing, in the order of the file. Where it is not TOML, that alone.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<File, Vec<Error>> {
    let whole = |sentence: String| vec![Error { file: Some(path.to_owned()), place: None, sentence }];
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(whole(format!(
            "it has more than {} KiB, which no configuration needs; name the right file",
            MAX_FILE_BYTES / 1024
        )));
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.valid_up_to();
            let valid = std::str::from_utf8(&bytes[..at]).unwrap_or_default();
            return Err(vec![Error {
                file: Some(path.to_owned()),
                place: Some(place(valid, at)),
                sentence: format!("byte 0x{:02x} is not UTF-8; save the file as UTF-8", bytes[at]),
            }]);
        }
    };
    let mut reader = Reader { path, text, errors: Vec::new() };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let what = error.message().lines().next().unwrap_or("it is not TOML");
        let way_out = match what.contains("duplicate key") {
            true => "leave one of the two",
            false => "write it as TOML: key = \"value\", [repair] before repairs, [[rule]] before each rule",
        };
        let sentence = format!("{what}; {way_out}");
        reader.error(error.span().unwrap_or(0..0), sentence);
    }
    let mut file = File { path: path.to_owned(), ..File::default() };
    if reader.errors.is_empty() {
        reader.file(table.get_ref(), &mut file);
    }
    match reader.errors.is_empty() {
        true => Ok(file),
        false => {
            reader.errors.sort_by_key(|error| error.place);
            Err(reader.errors)
        }
    }
}

/// Line and column of a byte offset, in characters from 1.
fn place(text: &str, offset: usize) -> (usize, usize) {
    // A span may end behind the text, and never within a character.
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

struct Reader<'t> {
    path: &'t Path,
    text: &'t str,
    errors: Vec<Error>,
}

impl Reader<'_> {
    fn error(&mut self, at: Range<usize>, sentence: String) {
        self.errors.push(Error { file: Some(self.path.to_owned()), place: Some(place(self.text, at.start)), sentence });
    }

    fn line(&self, at: Range<usize>) -> usize {
        place(self.text, at.start).0
    }

    fn file(&mut self, table: &DeTable<'_>, file: &mut File) {
        for (name, value) in table {
            match name.get_ref().as_ref() {
                "repair" => match value.get_ref().as_table() {
                    Some(table) => self.repairs(table, file),
                    None => {
                        self.wrong_type(
                            "repair",
                            value,
                            "a table",
                            "write [repair] on a line of its own, and repairs below it",
                        );
                    }
                },
                "rule" => match value.get_ref().as_array() {
                    Some(rules) => {
                        for rule in rules {
                            self.rule(rule, file);
                        }
                    }
                    None => self.wrong_type(
                        "rule",
                        value,
                        "a list of tables",
                        "write [[rule]], with two brackets, on a line of its own before each rule",
                    ),
                },
                key => match Key::ALL.into_iter().find(|known| known.as_str() == key && !known.is_repair()) {
                    Some(known) => file.settings.extend(self.value(known, name.span(), value)),
                    None => {
                        self.unknown_key(name, "a file", &["policy", "attributes", "record", "log", "repair", "rule"])
                    }
                },
            }
        }
        file.settings.sort_by_key(|effect| effect.key);
    }

    fn repairs(&mut self, table: &DeTable<'_>, file: &mut File) {
        for (name, value) in table {
            match Key::ALL.into_iter().find(|known| known.as_str() == name.get_ref() && known.is_repair()) {
                Some(known) => file.settings.extend(self.value(known, name.span(), value)),
                None => {
                    let names: Vec<_> = Key::ALL.into_iter().filter(|key| key.is_repair()).map(Key::as_str).collect();
                    self.unknown_key(name, "[repair]", &names);
                }
            }
        }
    }

    fn unknown_key(&mut self, name: &Spanned<std::borrow::Cow<'_, str>>, place: &str, known: &[&str]) {
        let key = name.get_ref();
        let way_out = match suggestion(key, known.iter().copied()) {
            Some(near) => format!("did you mean {near}?"),
            None if Key::ALL.iter().any(|k| k.as_str() == key && k.is_repair()) => {
                "it is a repair: write it below a line [repair], or in a rule".to_owned()
            }
            None if CONDITIONS.contains(&key.as_ref()) => {
                "it is a condition: write it below a line [[rule]]".to_owned()
            }
            None if matches!(Key::ALL.into_iter().find(|k| k.as_str() == key), Some(Key::Record | Key::Log)) => {
                "it is set for every program: write it above the first line with brackets".to_owned()
            }
            None => format!("{place} takes {}", alternatives(known)),
        };
        self.error(name.span(), format!("{place} has no key \"{}\"; {way_out}", short(key)));
    }

    fn wrong_type(&mut self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str, way_out: &str) {
        let found = value.get_ref().type_str();
        let article = if found.starts_with(['a', 'i']) { "an" } else { "a" };
        self.error(value.span(), format!("{key} is {article} {found} and should be {wanted}; {way_out}"));
    }

    fn value(&mut self, key: Key, name: Range<usize>, value: &Spanned<DeValue<'_>>) -> Option<Effect> {
        let accepted = key.accepted();
        let example = format!("{} = \"{}\"", key.as_str(), accepted.last().unwrap_or(&"/absolute/path"));
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(key.as_str(), value, "a string", &format!("write for instance {example}"));
            return None;
        };
        if accepted.is_empty() && !Path::new(text).is_absolute() {
            self.error(
                value.span(),
                format!(
                    "{} = \"{}\" is not an absolute path; write it in full from / on (~ and variables are not replaced)",
                    key.as_str(),
                    short(text)
                ),
            );
            return None;
        }
        // The kernel takes no path with a null byte.
        let parsed = key.parse(text).filter(|_| !text.contains('\0'));
        match parsed {
            Some(value) => Some(Effect { key, value, line: self.line(name) }),
            None => {
                let way_out = match suggestion(text, accepted.iter().copied()) {
                    Some(near) => format!("did you mean {near}? It takes {}", alternatives(accepted)),
                    None if accepted.is_empty() => "take the null byte out".to_owned(),
                    None => format!("it takes {}", alternatives(accepted)),
                };
                self.error(value.span(), format!("{} cannot be \"{}\"; {way_out}", key.as_str(), short(text)));
                None
            }
        }
    }

    fn rule(&mut self, value: &Spanned<DeValue<'_>>, file: &mut File) {
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type("a rule", value, "a table", "write [[rule]] on a line of its own, and its keys below it");
            return;
        };
        let before = self.errors.len();
        let mut rule = Rule {
            name: String::new(),
            file: self.path.to_owned(),
            line: self.line(value.span()),
            effects: Vec::new(),
            executable: None,
            library: None,
            device: None,
            call: None,
        };
        let mut places = Vec::new();
        for (name, value) in table {
            match name.get_ref().as_ref() {
                "name" => {
                    rule.line = self.line(name.span());
                    self.rule_name(value, file, &mut rule);
                }
                "executable" => rule.executable = self.list("executable", value, Glob::new),
                "library" => rule.library = self.list("library", value, Glob::new),
                "device" => rule.device = self.list("device", value, Devices::new),
                "call" => rule.call = self.list("call", value, call),
                key => match Key::ALL
                    .into_iter()
                    .find(|known| known.as_str() == key && known.scope() != Scope::Everything)
                {
                    Some(known) => {
                        if let Some(effect) = self.value(known, name.span(), value) {
                            places.push((known, name.span()));
                            rule.effects.push(effect);
                        }
                    }
                    None => {
                        let keys = Key::ALL.into_iter().filter(|key| key.scope() != Scope::Everything).map(Key::as_str);
                        let known: Vec<_> = ["name"].into_iter().chain(CONDITIONS).chain(keys).collect();
                        self.unknown_key(name, "a rule", &known);
                    }
                },
            }
        }
        rule.effects.sort_by_key(|effect| effect.key);
        let has = |names: &[&str]| table.keys().any(|key| names.contains(&key.get_ref().as_ref()));
        if !has(&["name"]) {
            self.error(
                value.span(),
                "the rule has no name; give it one, such as name = \"my-server\": reports show it".to_owned(),
            );
        }
        if !has(&CONDITIONS) {
            self.error(
                value.span(),
                format!(
                    "the rule has no condition; add {}, or set what holds for every program above the first [[rule]]",
                    alternatives(&CONDITIONS)
                ),
            );
        }
        let keys: Vec<_> =
            Key::ALL.into_iter().filter(|key| key.scope() != Scope::Everything).map(Key::as_str).collect();
        if self.errors.len() == before && !has(&keys) {
            self.error(value.span(), format!("the rule sets nothing; add {}", alternatives(&keys)));
        }
        for (key, place) in places {
            if let Some(sentence) = impossible(&rule, key) {
                self.error(place, sentence);
            }
        }
        if self.errors.len() == before {
            file.rules.push(rule);
        }
    }

    fn rule_name(&mut self, value: &Spanned<DeValue<'_>>, file: &File, rule: &mut Rule) {
        let Some(name) = value.get_ref().as_str() else {
            self.wrong_type("name", value, "a string", "write for instance name = \"my-server\"");
            return;
        };
        let is_kebab = !name.is_empty()
            && name.len() <= 64
            && name.split('-').all(|part| {
                !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            });
        if !is_kebab {
            self.error(
                value.span(),
                format!(
                    "\"{}\" is no rule name; use lower-case letters, digits and single hyphens, at most 64, such as my-server",
                    short(name)
                ),
            );
        } else if let Some(first) = file.rules.iter().find(|other| other.name == name) {
            let line = first.line;
            self.error(value.span(), format!("line {line} has a rule \"{name}\" already; give this one another name"));
        }
        name.clone_into(&mut rule.name);
    }

    /// A condition: one text or several.
    fn list<T>(
        &mut self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        const WAY_OUT: &str = "write one string, or a list such as [\"a\", \"b\"]";
        let mut list = Vec::new();
        let items = match value.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            _ => vec![value],
        };
        if items.is_empty() {
            self.error(
                value.span(),
                format!("the list of {key} is empty, so the rule would never hold; name something or take the key out"),
            );
        }
        for item in items {
            match item.get_ref().as_str().map(&read) {
                Some(Ok(item)) => list.push(item),
                Some(Err(sentence)) => self.error(item.span(), format!("{key}: {sentence}")),
                None => self.wrong_type(key, item, "a string or a list of strings", WAY_OUT),
            }
        }
        Some(list)
    }
}

/// A pattern of exported names: it must be able to hold for a call that is decided.
fn call(text: &str) -> Result<Glob, String> {
    let glob = Glob::new(text)?;
    if text.contains('/') || !Call::ALL.iter().any(|call| glob.matches(call.as_str())) {
        let way_out = match suggestion(text, Call::ALL.iter().map(|call| call.as_str())) {
            Some(near) => format!("did you mean {near}?"),
            None => "write the exported name of an allocation function, such as hipHostMalloc, or a pattern such as hipHost*".to_owned(),
        };
        return Err(format!("\"{}\" is no call that RMCP decides; {way_out}", short(text)));
    }
    Ok(glob)
}

/// Why a rule with these conditions cannot set `key`.
fn impossible(rule: &Rule, key: Key) -> Option<String> {
    let name = key.as_str();
    if rule.is_for_calls() && key.scope() == Scope::Executable {
        return Some(format!(
            "{name} holds for a whole process, so a rule for a library, device or call cannot set it; make it a rule with executable only"
        ));
    }
    if let Some(calls) = &rule.call
        && !key.calls().is_empty()
        && !key.calls().iter().any(|name| calls.iter().any(|glob| glob.matches(name)))
    {
        return Some(format!(
            "{name} is about {}, which the rule's call does not name; name it, or take call out",
            alternatives(key.calls())
        ));
    }
    let effect = rule.effects.iter().find(|effect| effect.key == key)?;
    let never =
        rule.library.iter().flatten().find(|glob| Caller::of_library(file_name(glob.as_str())) == Caller::NeverList)?;
    if effect.value.is_off() || effect.value == Value::Policy(Mode::Audit) {
        return None;
    }
    let start = NEVER_LIST.iter().find(|start| file_name(never.as_str()).starts_with(**start))?;
    Some(format!(
        "{name} cannot be \"{}\" for {never}: what {start}* asks for is never changed; set it to {}, or take the rule out",
        effect.value,
        if key == Key::Policy { "off or audit" } else { "off" },
    ))
}

/// A text of the file for a sentence: long ones are cut, control characters escaped.
fn short(text: &str) -> String {
    let mut short: String = text.chars().take(60).flat_map(char::escape_default).collect();
    if text.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}
