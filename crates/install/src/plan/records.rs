//! RECORDs of Python distributions: what `pip uninstall` removes.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rmcp_front::CORE;

use super::Changed;
use super::fronts::Fronted;
use super::maker::Maker;
use crate::error::at;
use crate::wheel::{self, Entry};
use crate::{Attributes, Core, Error, Owner, files};

impl Maker<'_> {
    /// Lists what belongs to the fronts of each distribution in its RECORD, and takes away what does not any more.
    pub fn list_in_records(&mut self, fronts: &[Fronted], name: &str, core: &Core, size: u64) -> Result<(), Error> {
        let mut records = self.records();
        let mut core_digest = [0; 32];
        for (at, byte) in core_digest.iter_mut().enumerate() {
            *byte = core.sha256.get(2 * at..2 * at + 2).and_then(|text| u8::from_str_radix(text, 16).ok()).unwrap_or(0);
        }
        for fronted in fronts {
            let Owner::Wheel { record, path } = &fronted.copy.owner else { continue };
            let entries = records.entry(record.clone()).or_default();
            let saved = fronted.copy.saved();
            let beside = |name: &Path| Path::new(path).with_file_name(name).to_string_lossy().into_owned();
            let saved = beside(Path::new(saved.file_name().unwrap_or_default()));
            entries.push(Entry { path: saved, digest: Some((fronted.digest, fronted.real.size)) });
            let core = Entry { path: beside(&Path::new(name).join(CORE)), digest: Some((core_digest, size)) };
            if !entries.contains(&core) {
                entries.push(core);
            }
        }
        for (record, mut entries) in records {
            // Of several site-packages only the first one has the state.
            let packages = record.parent().and_then(Path::parent);
            if !entries.is_empty() && packages == self.target.state.parent() {
                entries.push(Entry { path: ".rmcp/state.json".to_owned(), digest: None });
            }
            self.edit_record(&record, &entries)?;
        }
        Ok(())
    }

    /// Takes our entries out of all RECORDs.
    pub fn unlist_in_records(&mut self) -> Result<(), Error> {
        let records = self.records();
        records.keys().try_for_each(|record| self.edit_record(record, &[]))
    }

    /// RECORDs that have, had or get entries of ours.
    fn records(&self) -> BTreeMap<PathBuf, Vec<Entry>> {
        let of_copies = self.found.copies.iter().filter_map(|copy| match &copy.owner {
            Owner::Wheel { record, .. } => Some(record),
            Owner::Dpkg { .. } | Owner::Unmanaged => None,
        });
        let of_before = self.before.iter().flat_map(|state| &state.installed).filter_map(|front| front.record.as_ref());
        // The state is only a file: a path in it that leads elsewhere is not followed.
        let of_before = of_before.filter(|path| path.starts_with(&self.target.base) && path.is_file());
        of_copies.chain(of_before).map(|record| (record.clone(), Vec::new())).collect()
    }

    fn edit_record(&mut self, record: &Path, entries: &[Entry]) -> Result<(), Error> {
        let Some(old) = files::read(record)? else { return Ok(()) };
        let new = wheel::with_entries(&old, entries);
        if new == old {
            return Ok(());
        }
        let metadata = record.symlink_metadata().map_err(at(record, "read"))?;
        let mut attributes = Attributes::of(record)?;
        attributes.mtime = Some((metadata.mtime(), metadata.mtime_nsec()));
        let new = self.create(record, &new.into(), attributes);
        self.replace(record, new)?;
        let detail = match entries.is_empty() {
            true => "no longer lists files of RMCP",
            false => "lists the files of RMCP, so that `pip uninstall` removes them too",
        };
        self.change(record, Changed::Updated, None, detail);
        Ok(())
    }
}
