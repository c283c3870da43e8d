//! ABI manifests: what a library of one version exports, as a small checked-in file (names, nodes, kinds, sizes: facts).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::dynamic::Dynamic;
use crate::library::{Export, Library, Node};

/// What a library exports, without the library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// DT_SONAME.
    pub soname: String,
    /// Where the facts were read: package and version.
    pub source: String,
    /// Version nodes in the order of their definitions.
    pub nodes: Vec<Node>,
    /// Exports, sorted by name.
    pub exports: Vec<Export>,
}

impl Manifest {
    /// The manifest of a library that `source` (package and version) has.
    pub fn of(library: &Library, source: &str) -> Self {
        Manifest {
            soname: library.soname.clone(),
            source: source.to_owned(),
            nodes: library.nodes.clone(),
            exports: library.exports.clone(),
        }
    }

    /// A library as the manifest describes it, whose real file will be at `path`. It has no build-id: any is accepted. What it needs is not known.
    pub fn library(&self, path: PathBuf) -> Library {
        Library {
            path,
            soname: self.soname.clone(),
            build_id: String::new(),
            nodes: self.nodes.clone(),
            exports: self.exports.clone(),
            dynamic: Dynamic::default(),
        }
    }

    /// Its text: JSON with one export a line, so that differences are readable.
    pub fn to_text(&self) -> String {
        let line = |value: String| format!("  {value}");
        let list = |lines: Vec<String>| lines.join(",\n");
        format!(
            "{{\n\"soname\": {},\n\"source\": {},\n\"nodes\": [\n{}\n],\n\"exports\": [\n{}\n]\n}}\n",
            json(&self.soname),
            json(&self.source),
            list(self.nodes.iter().map(|node| line(json(node))).collect()),
            list(self.exports.iter().map(|export| line(json(export))).collect()),
        )
    }

    /// Reads a manifest's text.
    pub fn from_text(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// JSON of strings and of structures with string keys, which cannot fail.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
