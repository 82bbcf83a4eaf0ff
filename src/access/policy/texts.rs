use super::{super::question::uid, PolicyFault, PolicyTexts};
use aws_lc_rs::digest;
use cedar_policy::EntityUid;
use data_encoding::HEXLOWER;
use std::{borrow::Cow, error::Error, fs, path::Path, sync::Arc};

/// The steps, in their order. Each has a file of rules and an action in the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::access) enum StepName {
    Reach,
    Relate,
    See,
    Disclose,
}

impl StepName {
    pub const ALL: [Self; 4] = [Self::Reach, Self::Relate, Self::See, Self::Disclose];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reach => "reach",
            Self::Relate => "relate",
            Self::See => "see",
            Self::Disclose => "disclose",
        }
    }

    pub fn file(self) -> String {
        format!("{}.cedar", self.as_str())
    }

    pub fn action(self) -> Result<EntityUid, Box<dyn Error>> {
        uid("Action", self.as_str())
    }

    fn built_in(self) -> &'static str {
        match self {
            Self::Reach => include_str!("../../../policies/reach.cedar"),
            Self::Relate => include_str!("../../../policies/relate.cedar"),
            Self::See => include_str!("../../../policies/see.cedar"),
            Self::Disclose => include_str!("../../../policies/disclose.cedar"),
        }
    }
}

/// The files' texts as they were read.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    pub tables: [(&'static str, Cow<'static, str>); 5],
    pub steps: [(StepName, Cow<'static, str>); 4],
}

impl Texts {
    pub const SCHEMA_FILE: &str = "caregate.cedarschema";
    /// What this program tells the rules: a directory's own schema may only repeat it.
    pub const SCHEMA: &str = include_str!("../../../policies/caregate.cedarschema");
    pub const ROLES_FILE: &str = "roles.json";
    pub const ORGANISATIONS_FILE: &str = "organisations.json";
    pub const RELATIONSHIPS_FILE: &str = "relationships.json";
    pub const OVERRIDES_FILE: &str = "overrides.json";
    pub const SENSITIVITIES_FILE: &str = "sensitivities.json";

    pub fn built_in() -> Self {
        Self {
            tables: [
                (Self::ROLES_FILE, include_str!("../../../policies/roles.json").into()),
                (Self::ORGANISATIONS_FILE, include_str!("../../../policies/organisations.json").into()),
                (Self::RELATIONSHIPS_FILE, include_str!("../../../policies/relationships.json").into()),
                (Self::OVERRIDES_FILE, include_str!("../../../policies/overrides.json").into()),
                (Self::SENSITIVITIES_FILE, include_str!("../../../policies/sensitivities.json").into()),
            ],
            steps: StepName::ALL.map(|step| (step, step.built_in().into())),
        }
    }

    pub fn load(dir: Option<&Path>) -> Result<Self, Vec<PolicyFault>> {
        let Some(dir) = dir else { return Ok(Self::built_in()) };
        let read = |file: &str| fs::read_to_string(dir.join(file)).map_err(|error| format!("cannot be read: {error}"));
        Self::each(read, strangers(dir))
    }

    /// What [`Self::stored_as`] gave to be kept, maybe by another version of this program.
    pub fn stored(texts: &PolicyTexts) -> Result<Self, Vec<PolicyFault>> {
        let mut faults = Vec::new();
        if texts.get(Self::SCHEMA_FILE).map(String::as_str) != Some(Self::SCHEMA) {
            let problem = "another version of this program put it in force, which tells the rules other things";
            faults.push(PolicyFault::new(Self::SCHEMA_FILE, "", problem));
        }
        Self::each(|file| texts.get(file).cloned().ok_or("is missing".to_owned()), faults)
    }

    pub fn stored_as(&self) -> PolicyTexts {
        let tables = self.tables.iter().map(|(file, text)| ((*file).to_owned(), text.to_string()));
        let steps = self.steps.iter().map(|(step, text)| (step.file(), text.to_string()));
        tables.chain(steps).chain([(Self::SCHEMA_FILE.to_owned(), Self::SCHEMA.to_owned())]).collect()
    }

    fn each(
        read: impl Fn(&str) -> Result<String, String>,
        mut faults: Vec<PolicyFault>,
    ) -> Result<Self, Vec<PolicyFault>> {
        let mut texts = Self::built_in();
        let mut read = |file: &str| match read(file) {
            Ok(text) => text.into(),
            Err(problem) => {
                faults.push(PolicyFault::new(file, "", problem));
                Cow::default()
            }
        };
        for (file, text) in &mut texts.tables {
            *text = read(file);
        }
        for (step, text) in &mut texts.steps {
            *text = read(&step.file());
        }
        if faults.is_empty() { Ok(texts) } else { Err(faults) }
    }

    pub fn of(&self, step: StepName) -> &str {
        self.steps.iter().find(|(s, _)| *s == step).map_or("", |(_, text)| text)
    }

    pub fn table(&self, file: &str) -> &str {
        self.tables.iter().find(|(name, _)| *name == file).map_or("", |(_, text)| text)
    }

    /// Of the schema too: the same rules mean something else under another.
    pub fn fingerprint(&self) -> Arc<str> {
        let mut context = digest::Context::new(&digest::SHA256);
        let steps = self.steps.iter().map(|(_, text)| text.as_ref());
        let tables = self.tables.iter().map(|(_, text)| text.as_ref());
        for text in steps.chain(tables).chain([Self::SCHEMA]) {
            // the length first, so that text cannot move from one file to the next unseen
            context.update(&(text.len() as u64).to_be_bytes());
            context.update(text.as_bytes());
        }
        let hex = HEXLOWER.encode(context.finish().as_ref());
        hex.get(..16).unwrap_or_default().into()
    }
}

/// Files that look as if they were in force and are not: a rule in one would silently never apply.
fn strangers(dir: &Path) -> Vec<PolicyFault> {
    let known = |name: &str| StepName::ALL.iter().any(|step| step.file() == name);
    let mut faults = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == Texts::SCHEMA_FILE {
            if fs::read_to_string(entry.path()).ok().as_deref() != Some(Texts::SCHEMA) {
                let problem = "says what this version of the program tells the rules: it cannot be changed here";
                faults.push(PolicyFault::new(&name, "", problem));
            }
        } else if (name.ends_with(".cedar") && !known(&name)) || name.ends_with(".cedarschema") {
            faults.push(PolicyFault::new(&name, "", "is none of the policy's files, so nothing in it would apply"));
        }
    }
    faults
}
