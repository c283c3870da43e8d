//! `rmcp config`: what the configuration comes to and where each value is from, and what is wrong with a file.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rmcp_config::{Configuration, Effective, Environment, Rule};
use rmcp_policy::NEVER_LIST;
use serde_json::{Value, json};
use vgpu::child;

use crate::failure::Failure;
use crate::table::{self, Align, count, print};

#[derive(clap::Subcommand)]
pub enum Command {
    /// Print the values and rules that hold, and where each comes from
    Show(Show),
    /// Check configuration files: exit code 1 and a line for each error, or `ok`
    Check {
        /// Configuration files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

#[derive(clap::Args)]
pub struct Show {
    /// As for this program: its rules hold
    #[arg(long, value_name = "PATH")]
    executable: Option<OsString>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub fn config(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Show(arguments) => show(arguments),
        Command::Check { files } => Ok(check(files)),
    }
}

/// The configuration of this environment.
///
/// # Errors
/// The first error; the others are printed.
pub fn load(environment: &Environment) -> Result<Configuration, Failure> {
    let (configuration, mut errors) = match Configuration::load(environment, rmcp_config::read_file) {
        Ok(mut configuration) => {
            let errors = std::mem::take(&mut configuration.unknown_variables);
            (configuration, errors)
        }
        Err(errors) => (Configuration::default(), errors),
    };
    let Some(last) = errors.pop() else { return Ok(configuration) };
    for error in errors {
        eprintln!("rmcp: {error}");
    }
    Err(Failure::broken(last))
}

fn show(arguments: &Show) -> Result<ExitCode, Failure> {
    let environment = Environment::new(std::env::vars_os());
    let configuration = load(&environment)?;
    let executable = match &arguments.executable {
        None => None,
        Some(name) => {
            let found = child::find(name, std::env::var_os("PATH").as_deref()).map_err(Failure::broken)?;
            // As /proc/PID/exe has it.
            let file = found.canonicalize();
            Some(file.map_err(|error| {
                Failure::broken(format!("{}: {error}; name a program that is there", found.display()))
            })?)
        }
    };
    let effective = configuration.resolve(executable.as_deref());
    print(&match arguments.json {
        true => format!("{:#}\n", as_json(&configuration, &effective, executable.as_deref())),
        false => as_text(&environment, &configuration, &effective, executable.as_deref()),
    });
    Ok(ExitCode::SUCCESS)
}

fn as_text(
    environment: &Environment,
    configuration: &Configuration,
    effective: &Effective,
    executable: Option<&Path>,
) -> String {
    const LEFT: [Align; 4] = [Align::Left; 4];
    let mut out = String::from("Files, later ones win:\n");
    let files = environment.files().into_iter().map(|(path, _)| {
        let state = match configuration.files.iter().find(|file| file.path == path) {
            Some(file) => {
                format!("{}, {}", count(file.settings.len() as u64, "setting"), count(file.rules.len() as u64, "rule"))
            }
            None => "not there".to_owned(),
        };
        vec![path.display().to_string(), state]
    });
    let mut section = |title: String, rows: Vec<Vec<String>>| {
        out += &title;
        for line in table::lines(&LEFT, &rows) {
            out += &line;
            out.push('\n');
        }
    };
    section(String::new(), files.collect());
    let whose = match executable {
        Some(path) => path.display().to_string(),
        None => "programs that no rule names".to_owned(),
    };
    let settings = effective.settings.iter().map(|setting| {
        let value = setting.value.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        vec![setting.key.as_str().to_owned(), value, setting.source.to_string()]
    });
    section(format!("\nSettings of {whose}:\n"), settings.collect());
    let rules: Vec<_> = configuration
        .rules()
        .map(|rule| {
            let conditions = rule.conditions().into_iter().map(|(name, list)| format!("{name} {}", list.join(" or ")));
            let effects = rule.effects.iter().map(|effect| format!("{}={}", effect.key.as_str(), effect.value));
            vec![
                rule.name.clone(),
                format!("{}: {}", conditions.collect::<Vec<_>>().join(", "), effects.collect::<Vec<_>>().join(" ")),
                format!("{}:{}", rule.file.display(), rule.line),
                state(rule, effective, executable).to_owned(),
            ]
        })
        .collect();
    let title = match rules.is_empty() {
        true => "\nRules: none\n",
        false => "\nRules, the last that holds wins:\n",
    };
    section(title.to_owned(), rules);
    let names: Vec<_> = NEVER_LIST.iter().map(|start| format!("{start}*")).collect();
    out + &format!("\nNever changed, whatever rules say (built in): what is asked for by\n  {}\n", names.join(" "))
}

/// Whether a rule holds.
fn state(rule: &Rule, effective: &Effective, executable: Option<&Path>) -> &'static str {
    if !rule.holds_for_executable(executable) {
        "does not hold here"
    } else if !rule.is_for_calls() {
        "holds"
    } else if effective.process.rules.iter().any(|other| other.name == rule.name) {
        "holds for such calls"
    } else {
        "set aside by a variable that says off"
    }
}

fn as_json(configuration: &Configuration, effective: &Effective, executable: Option<&Path>) -> Value {
    let settings = effective.settings.iter().map(|setting| {
        let value = setting.value.as_ref().map(ToString::to_string);
        (setting.key.as_str().to_owned(), json!({ "value": value, "source": setting.source.to_string() }))
    });
    let rules = configuration.rules().map(|rule| {
        let conditions: serde_json::Map<_, _> =
            rule.conditions().into_iter().map(|(name, list)| (name.to_owned(), json!(list))).collect();
        let sets: serde_json::Map<_, _> = rule
            .effects
            .iter()
            .map(|effect| (effect.key.as_str().to_owned(), json!(effect.value.to_string())))
            .collect();
        json!({
            "name": rule.name,
            "file": rule.file.display().to_string(),
            "line": rule.line,
            "conditions": conditions,
            "sets": sets,
            "state": state(rule, effective, executable),
        })
    });
    json!({
        "executable": executable.map(|path| path.display().to_string()),
        "files": configuration.files.iter().map(|file| file.path.display().to_string()).collect::<Vec<_>>(),
        "settings": settings.collect::<serde_json::Map<_, _>>(),
        "rules": rules.collect::<Vec<_>>(),
        "never": NEVER_LIST.iter().map(|start| format!("{start}*")).collect::<Vec<_>>(),
    })
}

fn check(files: &[PathBuf]) -> ExitCode {
    let mut all_right = true;
    for path in files {
        match rmcp_config::check(path) {
            Ok(file) => print(&format!("{}: ok, {}\n", path.display(), count(file.rules.len() as u64, "rule"))),
            Err(errors) => {
                for error in &errors {
                    print(&format!("{error}\n"));
                }
                all_right = false;
            }
        }
    }
    ExitCode::from(u8::from(!all_right))
}
