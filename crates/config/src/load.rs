//! All files and variables together, and what they come to for an executable.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, alternatives, suggestion};
use crate::file::{File, is_absent, parse, unreadable};
use crate::rule::Rule;
use crate::{Key, Process, Value};

/// The system's file: the only one that counts in secure execution.
pub const SYSTEM_FILE: &str = "/etc/rmcp/config.toml";

/// Names the last file that is read.
const CONFIG: &str = "RMCP_CONFIG";

/// Variables of RMCP that are no settings: one between `rmcp run` and the core, and those of the project's own tests and tools.
const OTHER_VARIABLES: [&str; 8] = [
    CONFIG,
    "RMCP_OPEN",
    "RMCP_ABI_CHECK",
    "RMCP_BENCH_FRONTS",
    "RMCP_BENCH_STAGE",
    "RMCP_BLESS",
    "RMCP_FIXTURES",
    "RMCP_UPDATE_MANIFESTS",
];

/// What the environment of a process says about the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, OsString>,
}

impl Environment {
    /// Of a process with these variables. Empty ones count as not set.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let ours = |name: &str| name.starts_with("RMCP_") || name == "XDG_CONFIG_HOME" || name == "HOME";
        let variables = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, value)| ours(name) && !value.is_empty())
            .collect();
        Self { variables }
    }

    /// Of a process in secure execution (`AT_SECURE`: setuid, setgid, file capabilities), whose variables belong to somebody with fewer rights:
    /// only [`SYSTEM_FILE`] counts.
    pub fn secure() -> Self {
        Self::default()
    }

    fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(name).map(OsString::as_os_str)
    }

    /// The files that are read, in this order, and whether they must be there.
    pub fn files(&self) -> Vec<(PathBuf, bool)> {
        let absolute = |name| self.get(name).map(Path::new).filter(|path| path.is_absolute());
        // A relative XDG_CONFIG_HOME is to be ignored, says the XDG base directory specification.
        let user = absolute("XDG_CONFIG_HOME")
            .map(Path::to_owned)
            .or_else(|| absolute("HOME").map(|home| home.join(".config")))
            .map(|directory| (directory.join("rmcp/config.toml"), false));
        let named = self.get(CONFIG).map(|path| (PathBuf::from(path), true));
        [(PathBuf::from(SYSTEM_FILE), false)].into_iter().chain(user).chain(named).collect()
    }
}

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nobody set it.
    BuiltIn,
    /// A line of a file, of a rule if it has a name.
    File {
        /// The file.
        path: PathBuf,
        /// Its line.
        line: usize,
        /// The rule.
        rule: Option<String>,
    },
    /// A variable.
    Variable(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built in"),
            Self::Variable(name) => f.write_str(name),
            Self::File { path, line, rule } => {
                write!(f, "{}:{line}", path.display())?;
                rule.as_ref().map_or(Ok(()), |rule| write!(f, ", rule {rule}"))
            }
        }
    }
}

/// A setting as it holds for a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Which.
    pub key: Key,
    /// `None`: it has no value (no record, no log, MIOpen's own mode).
    pub value: Option<Value>,
    /// Who said so.
    pub source: Source,
}

/// What holds for an executable, and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    /// For the core and `rmcp run`.
    pub process: Process,
    /// Each of [`Key::ALL`].
    pub settings: Vec<Setting>,
}

/// Everything that was read, before it is applied to an executable.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configuration {
    /// The files that are there, in the order in which they were read.
    pub files: Vec<File>,
    /// What variables set.
    pub variables: Vec<(Key, Value)>,
    /// Variables that begin with `RMCP_` and mean nothing. The core says so and goes on; commands refuse.
    pub unknown_variables: Vec<Error>,
}

impl Configuration {
    /// Reads all files and variables. `read` gives a file's contents.
    ///
    /// # Errors
    /// Everything that is wrong with them, at least one thing.
    pub fn load(environment: &Environment, read: impl Fn(&Path) -> io::Result<Vec<u8>>) -> Result<Self, Vec<Error>> {
        let mut configuration = Self::default();
        let mut errors = Vec::new();
        for (path, required) in environment.files() {
            match read(&path) {
                Ok(bytes) => match parse(&path, &bytes) {
                    Ok(file) => configuration.files.push(file),
                    Err(more) => errors.extend(more),
                },
                Err(error) if !required && is_absent(&error) => {}
                Err(error) => errors.push(unreadable(&path, &error)),
            }
        }
        for (name, value) in environment.variables.iter().filter(|(name, _)| name.starts_with("RMCP_")) {
            match Key::ALL.into_iter().find(|key| key.variable() == name) {
                Some(key) => match variable(key, value) {
                    Ok(value) => configuration.variables.push((key, value)),
                    Err(sentence) => errors.push(Error { file: None, place: None, sentence }),
                },
                None if OTHER_VARIABLES.contains(&name.as_str()) => {}
                None => configuration.unknown_variables.push(unknown_variable(name)),
            }
        }
        if errors.is_empty() { Ok(configuration) } else { Err(errors) }
    }

    /// The rules of all files, in the order in which they are applied. A rule takes the place of one of the same name in an earlier file.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.files.iter().enumerate().flat_map(|(index, file)| {
            let later = &self.files[index + 1..];
            let replaced =
                move |rule: &&Rule| later.iter().flat_map(|file| &file.rules).any(|other| other.name == rule.name);
            file.rules.iter().filter(move |rule| !replaced(rule))
        })
    }

    /// What holds for the program `executable` (absolute, symbolic links resolved; `None`: rules for executables do not hold).
    pub fn resolve(&self, executable: Option<&Path>) -> Effective {
        let mut process = Process::default();
        let mut sources = BTreeMap::new();
        for file in &self.files {
            for setting in &file.settings {
                setting.value.set(setting.key, &mut process);
                let source = Source::File { path: file.path.clone(), line: setting.line, rule: None };
                sources.insert(setting.key, source);
            }
        }
        for rule in self.rules().filter(|rule| rule.holds_for_executable(executable)) {
            if rule.is_for_calls() {
                process.rules.extend(self.with_last_word(rule));
                continue;
            }
            for effect in &rule.effects {
                effect.value.set(effect.key, &mut process);
                if effect.key == Key::Policy {
                    process.rule = Some(rule.name.clone());
                }
                let source = Source::File { path: rule.file.clone(), line: effect.line, rule: Some(rule.name.clone()) };
                sources.insert(effect.key, source);
            }
        }
        for (key, value) in &self.variables {
            value.set(*key, &mut process);
            if *key == Key::Policy {
                process.rule = None;
            }
            sources.insert(*key, Source::Variable(key.variable()));
        }
        let settings = Key::ALL
            .into_iter()
            .map(|key| Setting {
                key,
                value: Value::of(key, &process),
                source: sources.remove(&key).unwrap_or(Source::BuiltIn),
            })
            .collect();
        Effective { process, settings }
    }

    /// The rule without what a variable that says `off` takes from it; `None`: nothing is left.
    fn with_last_word(&self, rule: &Rule) -> Option<Rule> {
        let is_off = |key| self.variables.iter().any(|(other, value)| *other == key && value.is_off());
        let mut rule = rule.clone();
        rule.effects.retain(|effect| !is_off(effect.key));
        (!rule.effects.is_empty()).then_some(rule)
    }
}

fn variable(key: Key, value: &OsStr) -> Result<Value, String> {
    if key.accepted().is_empty() {
        return Ok(Value::Path(value.into()));
    }
    value.to_str().and_then(|text| key.parse(text)).ok_or_else(|| {
        let name = key.variable();
        let what = if key == Key::Policy { "is no policy" } else { "has no meaning" };
        format!("{name}={} {what}; set it to {}", value.to_string_lossy().escape_debug(), alternatives(key.accepted()))
    })
}

fn unknown_variable(name: &str) -> Error {
    let known = || Key::ALL.into_iter().map(Key::variable).chain([CONFIG]);
    let way_out = match suggestion(name, known()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("unset it, or use {}", alternatives(&known().collect::<Vec<_>>())),
    };
    Error { file: None, place: None, sentence: format!("{} is no variable of RMCP; {way_out}", name.escape_debug()) }
}
