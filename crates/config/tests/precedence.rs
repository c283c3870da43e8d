//! What holds when files, rules and variables disagree.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use rmcp_config::{
    Applied, Attributes, Configuration, Device, Effective, Environment, Key, Process, SYSTEM_FILE, Switch,
};
use rmcp_policy::Mode;

const USER_FILE: &str = "/home/u/.config/rmcp/config.toml";
const CARD: Device<'_> = Device { target: "gfx1030", pci: "1002:73bf", bus: "0000:03:00.0" };

/// A machine with these files and variables.
#[derive(Default)]
struct Machine {
    files: BTreeMap<PathBuf, &'static str>,
    variables: Vec<(&'static str, &'static str)>,
}

impl Machine {
    fn new(files: &[(&str, &'static str)], variables: &[(&'static str, &'static str)]) -> Self {
        Self { files: files.iter().map(|(path, text)| (path.into(), *text)).collect(), variables: variables.to_vec() }
    }

    fn environment(&self) -> Environment {
        let home = ("HOME", "/home/u");
        Environment::new([home].iter().chain(&self.variables).map(|(name, value)| (name.into(), value.into())))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.files.get(path).map(|text| text.as_bytes().to_vec()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn configuration(&self) -> Configuration {
        Configuration::load(&self.environment(), |path| self.read(path)).expect("a valid configuration")
    }

    fn effective(&self, executable: &str) -> Effective {
        self.configuration().resolve(Some(Path::new(executable)))
    }

    fn process(&self, executable: &str) -> Process {
        self.effective(executable).process
    }
}

fn source(effective: &Effective, key: Key) -> String {
    effective.settings.iter().find(|setting| setting.key == key).expect("every key").source.to_string()
}

fn applied(process: &Process, library: &str, call: &str) -> (Mode, Option<String>) {
    let Applied { policy, rule, .. } = process.call(library, Some(CARD), call);
    (policy, rule.map(str::to_owned))
}

#[test]
fn without_anything_the_built_in_values_hold() {
    let effective = Machine::default().effective("/usr/bin/x");
    assert_eq!(effective.process, Process::default());
    assert!(effective.settings.iter().all(|setting| setting.source.to_string() == "built in"));
}

#[test]
fn later_files_win_and_each_value_says_where_it_is_from() {
    let machine = Machine::new(
        &[
            (SYSTEM_FILE, "policy = \"audit\"\nlog = \"/l\"\n[repair]\nmemory-lock = \"on\"\n"),
            (USER_FILE, "\npolicy = \"strict\"\nattributes = \"asked\"\n"),
            ("/named.toml", "[repair]\n\nmemory-lock = \"off\"\n"),
        ],
        &[("RMCP_CONFIG", "/named.toml"), ("RMCP_ATTRIBUTES", "truth"), ("RMCP_LOG", "")],
    );
    let effective = machine.effective("/usr/bin/x");
    let process = &effective.process;
    assert_eq!(
        (process.policy, process.attributes, process.log.as_deref(), process.repairs.memory_lock),
        (Mode::Strict, Attributes::Truth, Some(Path::new("/l")), Switch::Off)
    );
    assert_eq!(source(&effective, Key::Policy), format!("{USER_FILE}:2"));
    assert_eq!(source(&effective, Key::Attributes), "RMCP_ATTRIBUTES");
    assert_eq!(source(&effective, Key::Log), format!("{SYSTEM_FILE}:2"), "an empty variable is not set");
    assert_eq!(source(&effective, Key::MemoryLock), "/named.toml:3");
    assert_eq!(source(&effective, Key::Record), "built in");
}

#[test]
fn the_users_file_is_in_xdg_config_home_if_that_is_absolute() {
    let files =
        |variables: &[(&'static str, &'static str)]| Machine::new(&[], variables).environment().files()[1].0.clone();
    assert_eq!(files(&[("XDG_CONFIG_HOME", "/xdg")]), Path::new("/xdg/rmcp/config.toml"));
    assert_eq!(files(&[("XDG_CONFIG_HOME", "xdg")]), Path::new(USER_FILE));
}

#[test]
fn in_secure_execution_only_the_systems_file_is_read() {
    assert_eq!(Environment::secure().files(), [(PathBuf::from(SYSTEM_FILE), false)]);
    let machine = Machine::new(&[(SYSTEM_FILE, "policy = \"audit\"")], &[]);
    let process = Process::load(&Environment::secure(), None, |path| machine.read(path)).expect("valid");
    assert_eq!(process.policy, Mode::Audit);
}

const RULES: &str = r#"
[[rule]]
name = "my-server"
executable = ["server", "/opt/*/bin/worker"]
policy = "strict"
attributes = "asked"

[[rule]]
name = "blas-off"
library = "librocblas.so.*"
policy = "off"

[[rule]]
name = "pinned"
executable = "server"
device = "gfx103*"
call = "hipHostRegister"
policy = "audit"

[[rule]]
name = "async"
device = "1002:73bf"
malloc-async = "on"
"#;

#[test]
fn a_rule_holds_for_the_executables_libraries_devices_and_calls_that_it_names() {
    let machine = Machine::new(&[(SYSTEM_FILE, RULES)], &[]);
    let server = machine.process("/usr/bin/server");
    assert_eq!((server.policy, server.attributes), (Mode::Strict, Attributes::Asked));
    assert_eq!(machine.process("/opt/x/bin/worker").policy, Mode::Strict);
    assert_eq!(machine.process("/usr/bin/worker").policy, Mode::Default);
    let other = machine.process("/usr/bin/x");

    assert_eq!(applied(&other, "librocblas.so.4", "hipHostMalloc").0, Mode::Off);
    assert_eq!(applied(&other, "/usr/lib/librocblas.so.4", "hipHostMalloc").0, Mode::Off, "by path as well");
    assert_eq!(applied(&other, "x", "hipHostRegister").0, Mode::Default, "the executable is another one");
    assert_eq!(applied(&server, "server", "hipHostRegister"), (Mode::Audit, Some("async".to_owned())));
    assert_eq!(server.call("server", None, "hipHostRegister").policy, Mode::Strict, "no device is known");
    assert_eq!(server.call("server", None, "hipHostMalloc").rule, Some("my-server"));
    assert_eq!(other.call("x", None, "hipHostMalloc").rule, None);

    let switch = |device| other.call("x", device, "hipMallocAsync").malloc_async;
    assert_eq!(switch(Some(CARD)), Switch::On);
    assert_eq!(switch(Some(Device { pci: "1002:731f", ..CARD })), Switch::Off);
}

#[test]
fn the_last_matching_rule_that_sets_a_value_wins_and_a_later_file_replaces_a_rule_by_its_name() {
    let user = r#"
[[rule]]
name = "blas-audit"
library = "librocblas*"
policy = "audit"
[[rule]]
name = "my-server"
executable = "server"
policy = "off"
"#;
    let machine = Machine::new(&[(SYSTEM_FILE, RULES), (USER_FILE, user)], &[]);
    let worker = machine.process("/opt/x/bin/worker");
    assert_eq!(worker.policy, Mode::Default, "the replaced rule named it");
    assert_eq!(worker.call("librocblas.so.4", None, "hipHostMalloc").policy, Mode::Audit);
    assert_eq!(machine.process("/bin/server").policy, Mode::Off);
    assert_eq!(machine.process("/bin/server").attributes, Attributes::Truth);
    assert_eq!(
        machine.configuration().rules().map(|rule| &rule.name[..]).collect::<Vec<_>>(),
        ["blas-off", "pinned", "async", "blas-audit", "my-server"]
    );
}

#[test]
fn a_variable_is_the_last_word_for_the_process_but_leaves_exceptions_within_it() {
    let machine = |variables| Machine::new(&[(SYSTEM_FILE, RULES)], variables);
    let effective = machine(&[("RMCP_POLICY", "audit")]).effective("/bin/server");
    let server = &effective.process;
    assert_eq!((server.policy, source(&effective, Key::Policy)), (Mode::Audit, "RMCP_POLICY".to_owned()));
    assert_eq!(server.call("x", None, "hipHostMalloc").rule, None);
    assert_eq!(server.call("librocblas.so.4", None, "hipHostMalloc").policy, Mode::Off, "the exception stays");

    let lifted =
        "policy = \"off\"\n[[rule]]\nname = \"a\"\nlibrary = \"liba*\"\npolicy = \"strict\"\nmemory-lock = \"off\"\n";
    let by_file = Machine::new(&[(SYSTEM_FILE, lifted)], &[]).process("/bin/x");
    assert_eq!((by_file.policy, by_file.is_off()), (Mode::Off, false));
    assert_eq!(by_file.call("liba.so", None, "hipHostMalloc").policy, Mode::Strict);
    let by_variable = Machine::new(&[(SYSTEM_FILE, lifted)], &[("RMCP_POLICY", "off")]).process("/bin/x");
    assert!(by_variable.is_off(), "off is off for everything");
    assert_eq!(by_variable.call("liba.so", None, "hipHostMalloc").policy, Mode::Off);
    assert_eq!(by_variable.call("liba.so", None, "hsa_amd_memory_lock").memory_lock, Switch::Off);

    let switch = |variables| {
        let process = machine(variables).process("/bin/x");
        process.call("x", Some(CARD), "hipMallocAsync").malloc_async
    };
    assert_eq!(switch(&[("RMCP_REPAIR_MALLOC_ASYNC", "off")]), Switch::Off);
    assert_eq!(switch(&[("RMCP_REPAIR_MALLOC_ASYNC", "auto")]), Switch::On);
}

#[test]
fn each_setting_has_a_variable() {
    for key in Key::ALL {
        let value = key.accepted().last().copied().unwrap_or("/path");
        let machine = Machine::new(&[], &[(key.variable(), value)]);
        let effective = machine.effective("/bin/x");
        let setting = effective.settings.iter().find(|setting| setting.key == key).expect("every key");
        assert_eq!(setting.value.as_ref().map(ToString::to_string).as_deref(), Some(value));
        assert_eq!(setting.source.to_string(), key.variable());
    }
}

#[test]
fn wrong_values_and_names_of_variables_are_told_apart() {
    let machine = Machine::new(&[], &[("RMCP_POLICY", "fast")]);
    let errors = Configuration::load(&machine.environment(), |path| machine.read(path)).expect_err("an error");
    for word in ["RMCP_POLICY=fast", "off, audit, default or strict"] {
        assert!(errors[0].to_string().contains(word), "{errors:?}");
    }
    let machine = Machine::new(&[], &[("RMCP_POLCY", "off"), ("RMCP_OPEN", "lazy"), ("RMCP_BLESS", "1")]);
    let unknown = machine.configuration().unknown_variables;
    assert_eq!(unknown.len(), 1, "{unknown:?}");
    assert!(unknown[0].to_string().contains("did you mean RMCP_POLICY?"), "{unknown:?}");
    let error = Process::load(&machine.environment(), None, |path| machine.read(path)).expect_err("an error");
    assert_eq!(error, unknown[0]);
}
