use super::{
    form::Fields,
    layout::{Frame, Page},
    server::Pages,
};
use crate::{
    access::{Action, Clearance, Policy},
    audit::{Opened, Released},
    identity::PageSession,
    story::{self, Ending, Gateway, Wrote},
};
use actix_web::web;
use std::sync::Arc;

/// Somebody signed in asks for a page. What they are shown is made here under what was decided, and nowhere else becomes
/// [`Released`]: so each page is a row before it is a byte.
pub struct Visit {
    pub pages: web::Data<Pages>,
    pub session: PageSession,
    /// The path of the address, below our base.
    pub path: String,
    /// What stands behind the question mark of the address.
    pub query: Fields,
}

/// A form was taken, and what it asks for is done.
pub struct Done {
    pub released: Released,
    /// The path of ours that the browser goes on to; without one, what was released is the page.
    pub to: Option<String>,
    /// Cookies to set.
    pub cookies: Vec<String>,
}

/// Why what a form asks for was not done. Its closing row is committed.
pub enum Undone {
    Ending(Ending),
    /// Something that was filled in is not right: the form again, with what was typed and what is wrong with it.
    Again(u16, Box<Page>),
}

impl<E: Into<Ending>> From<E> for Undone {
    fn from(ending: E) -> Self {
        Self::Ending(ending.into())
    }
}

impl Visit {
    /// The segment at this place of the path.
    pub fn segment(&self, at: usize) -> &str {
        super::route::segment(&self.path, at)
    }

    pub fn gateway(&self) -> &Gateway {
        &self.pages.node.gateway
    }

    /// The policy in force, to tell its rules in words; nothing is decided by it here.
    pub async fn policy(&self) -> Option<Arc<Policy>> {
        let g = self.gateway();
        g.policies.of(&*g.facts.global().await.ok()?).await.ok()
    }

    pub fn frame(&self) -> Frame<'_> {
        Frame { base: &self.pages.base, session: Some(&self.session) }
    }

    /// A page of the visitor's own organisation, about no patient.
    pub async fn cleared(
        &self,
        action: Action,
        opened: &mut Opened,
        mut make: impl AsyncFnMut(&Clearance) -> Result<Page, Ending>,
    ) -> Result<Released, Ending> {
        let make = async |clearance: &Clearance| Ok(self.frame().html(&make(clearance).await?));
        story::cleared(self.gateway(), &self.session.requester, action, opened, make).await
    }

    /// The same under the first of these that the visitor may.
    pub async fn cleared_by_any(
        &self,
        actions: &[Action],
        opened: &mut Opened,
        mut make: impl AsyncFnMut(Action, &Clearance) -> Result<Page, Ending>,
    ) -> Result<Released, Ending> {
        let make = async |by: Action, clearance: &Clearance| Ok(self.frame().html(&make(by, clearance).await?));
        story::cleared_by_any(self.gateway(), &self.session.requester, actions, opened, make).await
    }
}

impl Done {
    /// After a story that wrote something: a page that is loaded again writes nothing again.
    pub fn wrote(wrote: Wrote, to: &str) -> Self {
        Self { released: wrote.released, to: Some(to.to_owned()), cookies: Vec::new() }
    }

    /// What was written is told once, here. Only of what may be sent twice.
    pub fn told(wrote: Wrote) -> Self {
        Self { released: wrote.released, to: None, cookies: Vec::new() }
    }
}
