//! A provider's answer made of its bytes alone, as it is when they have come: what `./bench` measures.

use super::{Answer, Failure, Rewriter, pages, resolution::Found, split::Splitter};
use crate::{
    access::Sensitivities,
    domain::{IdSealer, Numbers},
    fhir::json::Limits,
    registry::{Provider, Want},
};
use std::{collections::HashSet, sync::Arc};

/// All that the bytes are read with.
pub struct Offline {
    pub ids: Arc<IdSealer>,
    pub provider: Arc<Provider>,
    pub numbers: Numbers,
    /// The gateway's FHIR base, ending in a slash.
    pub base: Arc<str>,
    pub sensitivities: Arc<Sensitivities>,
}

impl Offline {
    /// `patients` and `page` are the searchsets that the provider's Patient and what is wanted of it would be answered with.
    pub fn answer(&self, patients: &[u8], page: &[u8], want: &Want) -> Result<Answer, Failure> {
        let Self { ids, provider, numbers, base, sensitivities } = self;
        let mut found = Found::new(numbers, sensitivities);
        pages::read_here(patients, &mut Limits::default(), &mut found)?;
        let rewriter = Rewriter {
            ids: Arc::clone(ids),
            provider: Arc::clone(provider),
            numbers: numbers.clone(),
            resolution: Arc::new(found.into_resolution(provider)?),
            base: Arc::clone(base),
            long_ids: HashSet::new(),
            concealing: None,
        };
        let mut splitter = Splitter::new(want.clone(), rewriter, Arc::clone(sensitivities));
        pages::read_here(page, &mut Limits::default(), &mut splitter)?;
        splitter.inherit(&[], &[])?;
        Ok(splitter.finish()?.0)
    }
}
