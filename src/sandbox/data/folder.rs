//! A region as a folder: `region.json` and, for each organisation, `{slug}/{Type}.ndjson`.

use super::{Dataset, InvalidResource, PatientInfo, ProviderData, Resource, is_fhir_type};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

/// Where a region folder is wrong. It names the place and the fault, and never quotes what stands there.
#[derive(Debug, thiserror::Error)]
#[error("{}:{line}: {reason}", file.display())]
pub struct FolderError {
    pub file: PathBuf,
    /// Counted from 1; 0 where the fault is the file itself.
    pub line: usize,
    pub reason: String,
}

impl Dataset {
    /// Reads a region folder, checking all of it. An organisation without a folder holds nothing.
    pub fn load(folder: &Path) -> Result<Self, FolderError> {
        let file = folder.join("region.json");
        let mut dataset: Dataset = serde_json::from_str(&read(&file)?).map_err(|e| {
            let reason =
                if e.is_data() { "not a list of providers and patients, each with all it needs" } else { "not JSON" };
            fault(&file, e.line(), format!("{reason} (column {})", e.column()))
        })?;
        dataset.check_names(&file)?;
        for provider in &mut dataset.providers {
            provider.resources = load_types(&folder.join(&provider.slug))?;
        }
        Ok(dataset)
    }

    /// Writes the region as a folder that [`Dataset::load`] reads back to the same.
    pub fn write_to(&self, folder: &Path) -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("region.json"), serde_json::to_vec_pretty(self)?)?;
        for provider in &self.providers {
            let home = folder.join(&provider.slug);
            fs::create_dir_all(&home)?;
            for (kind, resources) in &provider.resources {
                let lines: String = resources.iter().map(|resource| format!("{}\n", resource.json)).collect();
                fs::write(home.join(format!("{kind}.ndjson")), lines)?;
            }
        }
        Ok(())
    }

    /// Slugs become folder names and URLs, so they are checked before either is made of them.
    fn check_names(&self, file: &Path) -> Result<(), FolderError> {
        let mut slugs = BTreeSet::new();
        for ProviderData { slug, .. } in &self.providers {
            if slug.is_empty() || !slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
                return Err(fault(file, 0, "a slug is not of small letters, digits and '-'"));
            }
            if !slugs.insert(slug.as_str()) {
                return Err(fault(file, 0, "two providers have the same slug"));
            }
        }
        let unknown = |patient: &PatientInfo| patient.held_by.iter().any(|slug| !slugs.contains(slug.as_str()));
        if self.patients.iter().any(unknown) {
            return Err(fault(file, 0, "a patient is held by a slug that is no provider here"));
        }
        Ok(())
    }
}

fn load_types(home: &Path) -> Result<BTreeMap<String, Vec<Resource>>, FolderError> {
    let mut types = BTreeMap::new();
    if !home.exists() {
        return Ok(types);
    }
    for entry in fs::read_dir(home).map_err(|e| fault(home, 0, e))? {
        let file = entry.map_err(|e| fault(home, 0, e))?.path();
        if file.extension().is_none_or(|extension| extension != "ndjson") {
            continue;
        }
        let kind = file.file_stem().and_then(|stem| stem.to_str()).filter(|kind| is_fhir_type(kind));
        let kind = kind.ok_or_else(|| fault(&file, 0, "the file is not named for an R4 resource type"))?;
        types.insert(kind.to_owned(), load_lines(&file, kind)?);
    }
    Ok(types)
}

fn load_lines(file: &Path, kind: &str) -> Result<Vec<Resource>, FolderError> {
    let (mut resources, mut ids) = (Vec::new(), BTreeSet::new());
    for (index, line) in read(file)?.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |reason: InvalidResource| fault(file, index + 1, reason);
        let resource = Resource::parse(kind, line).map_err(wrong)?;
        if !ids.insert(resource.id.clone()) {
            return Err(fault(file, index + 1, "an id is used a second time"));
        }
        resources.push(resource);
    }
    Ok(resources)
}

fn read(file: &Path) -> Result<String, FolderError> {
    fs::read_to_string(file).map_err(|e| fault(file, 0, e))
}

fn fault(file: &Path, line: usize, reason: impl Display) -> FolderError {
    FolderError { file: file.to_owned(), line, reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGION: &str =
        r#"{"providers":[{"slug":"saltmarsh","odsCode":"F99001","name":"Saltmarsh","kind":"gp-practice"}]}"#;

    fn complaint(region: &str, flags: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("region.json"), region).unwrap();
        fs::create_dir(folder.path().join("saltmarsh")).unwrap();
        fs::write(folder.path().join("saltmarsh/Flag.ndjson"), flags).unwrap();
        let error = Dataset::load(folder.path()).err().unwrap().to_string();
        error.strip_prefix(folder.path().to_str().unwrap()).unwrap().to_owned()
    }

    #[test]
    fn a_bad_folder_is_refused_with_the_file_and_the_line_and_without_its_contents() {
        let good = r#"{"resourceType":"Flag","id":"1"}"#;
        assert_eq!(complaint(REGION, &format!("{good}\n{{\n")), "/saltmarsh/Flag.ndjson:2: not JSON");
        let twice = complaint(REGION, &format!("{good}\n\n{good}"));
        assert_eq!(twice, "/saltmarsh/Flag.ndjson:3: an id is used a second time");
        let region = REGION.replace("F99001", "secret ods");
        let refusal = complaint(&region, good);
        assert!(refusal.starts_with("/region.json:1: not a list of providers"), "{refusal}");
        assert!(!refusal.contains("secret"), "{refusal}");
        assert!(complaint(&REGION.replace("saltmarsh", "../x"), good).contains("slug"));
    }

    #[test]
    fn the_built_in_region_written_as_a_folder_is_read_back_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let original = Dataset::builtin();
        original.write_to(folder.path()).unwrap();
        let loaded = Dataset::load(folder.path()).unwrap();
        assert_eq!(loaded.patients.len(), original.patients.len());
        for (read, written) in loaded.providers.iter().zip(&original.providers) {
            let lines = |provider: &ProviderData| -> Vec<String> {
                provider.resources.values().flatten().map(|resource| resource.json.to_string()).collect()
            };
            assert_eq!((&read.slug, lines(read)), (&written.slug, lines(written)));
        }
    }
}
