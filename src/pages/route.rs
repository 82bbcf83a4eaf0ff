//! Every page, on one screen. What is not here is not there.

use actix_web::http::Method;
use std::collections::BTreeSet;

/// What becomes of a request for a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// For anybody: nothing of anyone is in it but who is signed in.
    Front,
    /// Off to sign in, by the way of this name...
    SignIn,
    /// ... and back.
    Callback,
    /// For whoever is signed in, and may.
    Shows(Shows),
    /// A form of a page of ours.
    Does(Does),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    Providers(Console),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    SignOut,
    Providers(Work),
}

/// The pages of an organisation: of the visitor's own, and of each to the registry's operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Console {
    Own,
    Everyone,
    Overview,
    Organisation,
    Endpoint,
    History,
    Proposal,
    Stages,
    Probes,
    Probe,
    Disclosures,
    DisclosuresTable,
    Relationships,
    Objections,
    Recalls,
    Health,
}

/// What is done from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    KeepOrganisation,
    KeepEndpoint,
    Decide,
    Stage,
    Probe,
    Recall,
}

impl Does {
    /// Whether another page follows once it is done. A recall tells who was shown what was taken back, which no page tells again.
    pub fn leads_on(self) -> bool {
        self != Self::Providers(Work::Recall)
    }
}

impl Shows {
    /// Whether it is kept as a file, and not read as a page.
    pub fn is_table(self) -> bool {
        self == Self::Providers(Console::DisclosuresTable)
    }
}

/// A method and a path below our base, in which `*` stands for any one segment.
#[derive(Clone, Copy, Debug)]
pub struct PageRoute {
    pub method: &'static str,
    pub path: &'static [&'static str],
    pub told: Told,
}

pub const PAGES: &[PageRoute] = &[
    PageRoute { method: "GET", path: &[""], told: Told::Front },
    PageRoute { method: "GET", path: &["sign-in", "*"], told: Told::SignIn },
    PageRoute { method: "GET", path: &["sign-in", "*", "callback"], told: Told::Callback },
    PageRoute { method: "POST", path: &["sign-out"], told: Told::Does(Does::SignOut) },
    shows(&["providers"], Console::Own),
    shows(&["providers", "all"], Console::Everyone),
    shows(&["providers", "*"], Console::Overview),
    shows(&["providers", "*", "organisation"], Console::Organisation),
    does(&["providers", "*", "organisation"], Work::KeepOrganisation),
    shows(&["providers", "*", "endpoint"], Console::Endpoint),
    does(&["providers", "*", "endpoint"], Work::KeepEndpoint),
    shows(&["providers", "*", "history"], Console::History),
    shows(&["providers", "*", "proposal", "*"], Console::Proposal),
    does(&["providers", "*", "proposal", "*"], Work::Decide),
    shows(&["providers", "*", "stages"], Console::Stages),
    does(&["providers", "*", "stages"], Work::Stage),
    shows(&["providers", "*", "probes"], Console::Probes),
    does(&["providers", "*", "probes"], Work::Probe),
    shows(&["providers", "*", "probes", "*"], Console::Probe),
    shows(&["providers", "*", "health"], Console::Health),
    shows(&["providers", "*", "disclosures"], Console::Disclosures),
    shows(&["providers", "*", "disclosures", "table"], Console::DisclosuresTable),
    shows(&["providers", "*", "relationships"], Console::Relationships),
    shows(&["providers", "*", "objections"], Console::Objections),
    shows(&["providers", "*", "recalls"], Console::Recalls),
    does(&["providers", "*", "recalls"], Work::Recall),
];

const fn shows(path: &'static [&'static str], page: Console) -> PageRoute {
    PageRoute { method: "GET", path, told: Told::Shows(Shows::Providers(page)) }
}

const fn does(path: &'static [&'static str], work: Work) -> PageRoute {
    PageRoute { method: "POST", path, told: Told::Does(Does::Providers(work)) }
}

impl PageRoute {
    /// Its path as the audit keeps it until its story says more: none of a caller's words is in it.
    pub fn shape(&self) -> String {
        format!("{} /{}", self.method, self.path.join("/"))
    }
}

/// The page at this path; else the methods that it does have, as an Allow header lists them.
pub fn find(method: &Method, path: &str) -> Result<&'static PageRoute, String> {
    let path: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    let fits = |page: &&PageRoute| {
        page.path.len() == path.len()
            && page
                .path
                .iter()
                .zip(&path)
                .all(|(pattern, segment)| pattern == segment || (*pattern == "*" && !segment.is_empty()))
    };
    let found = PAGES.iter().filter(fits).find(|page| page.method == method.as_str());
    found.ok_or_else(|| {
        let methods: BTreeSet<&str> = PAGES.iter().filter(fits).map(|page| page.method).collect();
        methods.into_iter().collect::<Vec<_>>().join(", ")
    })
}

/// The segment at this place of a path.
pub fn segment(path: &str, at: usize) -> &str {
    path.strip_prefix('/').unwrap_or(path).split('/').nth(at).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_found_by_its_method_and_whole_path() {
        let find = |method: &str, path: &str| find(&method.parse().unwrap(), path).map(|page| page.told);
        assert_eq!(find("GET", "/"), Ok(Told::Front));
        assert_eq!(find("GET", "/sign-in/staff/callback"), Ok(Told::Callback));
        assert_eq!(find("GET", "/sign-out"), Err("POST".to_owned()));
        assert_eq!(find("POST", "/providers"), Err("GET".to_owned()));
        for nowhere in ["/providers/", "//", "/sign-in/", "/Providers", "/sign-in/a/b", ""] {
            let found = find("GET", nowhere);
            assert!(found == Err(String::new()) || nowhere.is_empty(), "{nowhere}: {found:?}");
        }
    }
}
